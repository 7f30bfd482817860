import * as pulumi from "@pulumi/pulumi";

/**
 * What helps against a build, pull or push that failed; undefined when its own words must do.
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
 * The hook that says what helps when a pull or push fails. Never asks for another try.
 *
 * @param name unique name of the hook.
 * @param image what was pulled or pushed, for the message.
 */
export function explainImageFault(name: string, image: string): pulumi.ErrorHook {
  return new pulumi.ErrorHook(name, async ({ errors }) => {
    const cure = imageCure(...errors);
    if (cure !== undefined) await pulumi.log.error(`Image ${image}: ${cure}; then run it again.`);
    return false;
  });
}
