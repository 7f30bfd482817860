import * as pulumi from "@pulumi/pulumi";
import { RolloutProgress } from "./rollout/rollout-progress";
import { skippedFor } from "./rollout/skipped-dependents";

/** Takes a line that says what is waited for, as often as one likes. */
export type Progress = (line: string) => void;

/**
 * A hook that shows what it waits for in the row of its resource.
 *
 * @param name unique name of the hook.
 */
export function progressHook(
  name: string,
  wait: (progress: Progress, args: pulumi.ResourceHookArgs) => Promise<void>,
): pulumi.ResourceHook {
  return new pulumi.ResourceHook(name, (args) =>
    wait(reporter(new pulumi.DependencyResource(args.urn)), args),
  );
}

/** Shows progress in the row of a resource, or in that of the stack. */
export function reporter(resource?: pulumi.Resource): Progress {
  const progress = new RolloutProgress((line) => void pulumi.log.info(line, resource, undefined, true));
  return (line) => progress.show(line);
}

/**
 * The value of an input during an update, when it is known; a hook gets no values of its own.
 *
 * @throws Error when what it comes from has failed; apply would call nobody, and the hook would wait for ever.
 */
export async function known<T>(input: pulumi.Input<T>): Promise<pulumi.Unwrap<T>> {
  const output = pulumi.output(input) as unknown as { promise(): Promise<pulumi.Unwrap<T>> };
  return output.promise().catch((error: unknown) => {
    throw skippedFor(error) ?? error;
  });
}
