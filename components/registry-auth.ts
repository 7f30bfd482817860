import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { execFile } from "node:child_process";
import * as fs from "node:fs";

/** The part of the docker CLI's config.json that says which registries the user is logged in to. */
interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** A login as the Engine API takes it (header X-Registry-Auth). Never to be kept in a state or shown. */
export interface RegistryLogin {
  readonly serveraddress: string;
  readonly username: string;
  readonly password: string;
  /** In place of name and password, which are empty then. */
  readonly identitytoken?: string;
}

/**
 * How the provider reaches the registry of built images. A login comes from the docker CLI's own file
 * (`docker login`), never from the stack: what is in a provider's configuration lands in the state in
 * clear (pulumi/pulumi-docker#643). A registry that the file does not know is used without a login.
 *
 * @param registry `host[:port][/path]`, undefined when images stay on the engine.
 * @param configFile path of the docker CLI's config.json, which need not exist.
 */
export function registryAuth(
  registry: string | undefined,
  configFile: string,
): docker.types.input.ProviderRegistryAuth[] {
  if (registry === undefined) return [];
  const host = registry.split("/")[0] ?? registry;
  // Engines speak plain HTTP to registries on loopback, and so must the provider.
  const address = /^(127\.|localhost(:|$))/.test(host) ? `http://${host}` : host;
  return [isLoggedIn(host, configFile) ? { address, configFile } : { address, authDisabled: true }];
}

/**
 * The user's login to the registry of built images, as the docker CLI would send it with a service: nodes pull with it.
 *
 * @param registry `host[:port][/path]`, undefined when images stay on the engine.
 * @param configFile path of the docker CLI's config.json, which need not exist.
 * @returns undefined without a login.
 * @throws pulumi.RunError when the file or the credential helper that it names can't be used.
 */
export async function registryLogin(
  registry: string | undefined,
  configFile: string,
): Promise<RegistryLogin | undefined> {
  const host = registry?.split("/")[0];
  if (host === undefined || !isLoggedIn(host, configFile)) return undefined;
  const { auths = {}, credHelpers = {}, credsStore } = readJson(configFile);
  const helper = credHelpers[host] ?? credsStore;
  if (helper !== undefined) return askHelper(helper, host);
  const { auth = "", identitytoken } = auths[host] ?? auths[`https://${host}`] ?? {};
  const [username = "", ...password] = Buffer.from(auth, "base64").toString("utf8").split(":");
  return identitytoken === undefined
    ? { serveraddress: host, username, password: password.join(":") }
    : { serveraddress: host, username: "", password: "", identitytoken };
}

/** Speaks the protocol of docker-credential-helpers: the registry on stdin, JSON on stdout. */
async function askHelper(helper: string, host: string): Promise<RegistryLogin> {
  const program = `docker-credential-${helper}`;
  const answer = await new Promise<string>((resolve, reject) => {
    const child = execFile(program, ["get"], { env: process.env }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(helperFault(program, host, error.code === "ENOENT" ? "it is not installed" : "it failed"));
    });
    // One that does not start or read is told by its end.
    child.stdin?.on("error", () => undefined).end(host);
  });
  const { Username, Secret } = helperAnswer(answer);
  if (Username === undefined || Secret === undefined) throw helperFault(program, host, "its answer has none");
  return Username === "<token>"
    ? { serveraddress: host, username: "", password: "", identitytoken: Secret }
    : { serveraddress: host, username: Username, password: Secret };
}

/** The parser's own error would quote the answer, and with it the secret. */
function helperAnswer(answer: string): { readonly Username?: string; readonly Secret?: string } {
  try {
    return JSON.parse(answer) as object;
  } catch {
    return {};
  }
}

/** What a helper says may hold the secret, and is left out. */
function helperFault(program: string, host: string, reason: string): pulumi.RunError {
  return new pulumi.RunError(
    `${program} gives no login to ${host}: ${reason}; mend it (docker login ${host}), or take it out of the docker ` +
      "CLI's config.json",
  );
}

function isLoggedIn(host: string, configFile: string): boolean {
  if (!fs.existsSync(configFile)) return false;
  const { auths = {}, credHelpers = {} } = readJson(configFile);
  return host in auths || `https://${host}` in auths || host in credHelpers;
}

function readJson(file: string): DockerConfig {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as DockerConfig;
  } catch (error) {
    throw new pulumi.RunError(
      `${file} can't be read as JSON: ${(error as Error).message}; mend it, or write it anew with: docker login`,
    );
  }
}
