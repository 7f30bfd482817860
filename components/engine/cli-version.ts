import * as pulumi from "@pulumi/pulumi";

/** The first CLI in which a hook that fails after an update fails the update (pulumi/pulumi#22935). */
const OLDEST_CLI = "3.238.0";

/**
 * Refuses a CLI with which a failed rollout would pass for a success. One that is too old to be asked is too old.
 *
 * @throws pulumi.RunError
 */
export async function requireCli(): Promise<void> {
  try {
    await pulumi.requirePulumiVersion(`>=${OLDEST_CLI}`);
  } catch (error) {
    // Without the name and the number of the gRPC status before it.
    const reason = String(error instanceof Error ? error.message : error).replace(/^\d+ [A-Z_]+: /, "");
    throw new pulumi.RunError(
      `This program needs version ${OLDEST_CLI} or newer of the Pulumi CLI: with an older one, up would succeed ` +
        `although a rollout failed. ${reason}\n` +
        "  Nothing was changed. Take a newer one: make bootstrap, then . tools/env.sh; or upgrade your own\n" +
        "  (https://www.pulumi.com/docs/install).",
    );
  }
}
