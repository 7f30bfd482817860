import * as pulumi from "@pulumi/pulumi";

/**
 * What helps against a build or pull that failed; undefined when its own words must do.
 *
 * @param said what the builder, the engine or the registry said, in several pieces or one.
 */
export function imageCure(...said: readonly string[]): string | undefined {
  const cures: readonly [RegExp, string][] = [
    [
      /no space left on device|disk quota exceeded/i,
      "free space on the engine's disk (docker system df shows what takes it, docker system prune frees it)",
    ],
    [
      /cannot connect to the docker daemon|error during connect|docker\.sock/i,
      "the engine went away while it worked: start it",
    ],
    [
      /dial tcp|no such host|connection refused|i\/o timeout|network is unreachable|TLS handshake timeout/i,
      "the registry can't be reached from the engine: check the network, the proxy and the registry's address",
    ],
    [
      /unauthorized|no basic auth|denied/i,
      "log in to the registry with an account that may do this (docker login), and check the image's name",
    ],
    [/manifest unknown|not found/i, "check the image's name and tag"],
  ];
  const text = said.join("\n");
  return cures.find(([pattern]) => pattern.test(text))?.[1];
}

/**
 * What helps against a registry of built images that does not do what it is asked; undefined when its own words must do.
 *
 * @param address `host[:port]`.
 * @param username of the login that was used; undefined without one.
 * @param said what the engine said of it.
 */
export function registryCure(
  address: string,
  username: string | undefined,
  said: string,
): string | undefined {
  const setLogin =
    `docker login ${address}, or pulumi config set --path registry.auth.username and, with --secret, ` +
    "registry.auth.password";
  const cures: readonly [RegExp, string][] = [
    [/no space left on device|disk quota exceeded/i, "free space on the registry's own disk"],
    [
      /x509|certificate/i,
      `the engine does not trust its certificate: put the authority's certificate at /etc/docker/certs.d/${address}/ca.crt ` +
        "on every node; engines need no restart for it",
    ],
    [/server gave HTTP response to HTTPS client/i, insecureCure(address)],
    [
      /unauthorized|no basic auth|denied|forbidden|authentication required/i,
      username === undefined
        ? `it wants a login: ${setLogin}`
        : `the login of ${username} is wrong, has expired, or may not do this: ${setLogin}`,
    ],
    [
      /dial tcp|no such host|connection refused|timeout|deadline|aborted|unreachable|EOF|50[234]/i,
      "see that it runs and that the engine reaches it (network, proxy, the registry's address)",
    ],
  ];
  return cures.find(([pattern]) => pattern.test(said))?.[1];
}

/** How engines come to use a registry without TLS. */
export function insecureCure(address: string): string {
  return (
    `give it a certificate, or let every node use it without: "insecure-registries": ["${address}"] in ` +
    "/etc/docker/daemon.json, then restart Docker there"
  );
}

/**
 * The hook that says what helps when a pull fails. Never asks for another try.
 *
 * @param name unique name of the hook.
 * @param image what was pulled, for the message.
 */
export function explainImageFault(name: string, image: string): pulumi.ErrorHook {
  return new pulumi.ErrorHook(name, async ({ errors }) => {
    const cure = imageCure(...errors);
    if (cure !== undefined) await pulumi.log.error(`Image ${image}: ${cure}; then run it again.`);
    return false;
  });
}
