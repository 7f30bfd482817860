import * as pulumi from "@pulumi/pulumi";

/** Why the dependents of a resource are held back, by its URN; one error each, which the SDK then prints once. */
const failed = new Map<pulumi.URN, pulumi.RunError>();

/** To be called by a hook that fails after its resource was made or updated. */
export function noteFailedHook(urn: pulumi.URN): void {
  failed.set(urn, errorWithoutStack(skipped(urn.split("::").at(-1) ?? urn)));
}

/** An error that the SDK prints as its message alone, also once the program has declared everything. */
export function errorWithoutStack(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  delete error.stack;
  return error;
}

/**
 * Keeps back what depends on a resource until it is finished, and when a hook after it has failed. To the engine its
 * registration is a success,
 * and with continue-on-error it would go on with the dependents. They wait for the URN, so it is there that they get
 * the error. (An Output made by `apply` would reject for nobody too, and so be reported where nothing depends on it.)
 */
export function holdBackDependents(resource: pulumi.CustomResource, finished: Promise<void>): void {
  const urn = resource.urn as unknown as { promise: () => Promise<pulumi.URN> };
  const known = urn.promise.bind(urn);
  urn.promise = async () => {
    const value = await known();
    await finished;
    const error = failed.get(value);
    if (error !== undefined) throw error;
    return value;
  };
}

/**
 * Says in one sentence which resources are left alone because one that they need has failed. Without it the
 * SDK reports each of them as an unhandled exception, with a stack trace that hides the real fault.
 */
export function explainSkippedDependents(): void {
  process.prependListener("unhandledRejection", (error) => {
    const skippedError = skippedFor(error);
    if (skippedError === undefined) return;
    // The mark of a pulumi.RunError: the SDK's own handler, which runs next, then prints the message alone. Its other
    // one, for what fails once the program has declared everything, knows no mark and prints the stack.
    const { message } = skippedError;
    Object.assign(error as Error, { __pulumiRunError: true, message, stack: message });
  });
}

/** The sentence for what fails because a resource that it needs has failed; undefined for any other error. */
export function skippedFor(error: unknown): pulumi.RunError | undefined {
  const [, name] = /resource (\S+) \[\S+\] failed to register/.exec(String(error)) ?? [];
  return name === undefined || !(error instanceof Error) ? undefined : errorWithoutStack(skipped(name));
}

function skipped(name: string): string {
  return `What needs ${name} was left as it is, because ${name} failed.`;
}
