import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as fs from "node:fs";

/** The part of the docker CLI's config.json that says which registries the user is logged in to. */
interface DockerConfig {
  readonly auths?: Readonly<Record<string, unknown>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
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
