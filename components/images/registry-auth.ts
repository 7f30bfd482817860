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

/** A login as the Engine API takes it (header X-Registry-Auth). Never to be kept in a state in clear, or shown. */
export interface RegistryLogin {
  readonly serveraddress: string;
  readonly username: string;
  readonly password: string;
  /** In place of name and password, which are empty then. */
  readonly identitytoken?: string;
}

/**
 * The login that the provider sends with services, so that nodes can pull. As a whole it is a secret: so it is encrypted
 * in the state, which a login in part is not (pulumi/pulumi-docker#643).
 */
export function registryAuth(
  login: RegistryLogin | undefined,
): pulumi.Input<docker.types.input.ProviderRegistryAuth[]> {
  if (login === undefined) return [];
  const { serveraddress: address, username, password } = login;
  return pulumi.secret([{ address, username, password }]);
}

/**
 * The user's login to a registry by the docker CLI's own file (`docker login`).
 *
 * @param address `host[:port]`.
 * @param configFile path of the docker CLI's config.json, which need not exist.
 * @returns undefined without a login.
 * @throws pulumi.RunError when the file or the credential helper that it names can't be used.
 */
export async function registryLogin(address: string, configFile: string): Promise<RegistryLogin | undefined> {
  if (!isLoggedIn(address, configFile)) return undefined;
  const { auths = {}, credHelpers = {}, credsStore } = readJson(configFile);
  const helper = credHelpers[address] ?? credsStore;
  if (helper !== undefined) return askHelper(helper, address);
  const { auth = "", identitytoken } = auths[address] ?? auths[`https://${address}`] ?? {};
  const [username = "", ...password] = Buffer.from(auth, "base64").toString("utf8").split(":");
  return identitytoken === undefined
    ? { serveraddress: address, username, password: password.join(":") }
    : { serveraddress: address, username: "", password: "", identitytoken };
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
