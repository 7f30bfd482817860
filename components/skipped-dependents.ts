/**
 * Says in one sentence which resources are left alone because one that they need has failed. Without it the
 * SDK reports each of them as an unhandled exception, with a stack trace that hides the real fault.
 */
export function explainSkippedDependents(): void {
  process.prependListener("unhandledRejection", (error) => {
    const [, failed] = /resource (\S+) \[\S+\] failed to register/.exec(String(error)) ?? [];
    if (failed === undefined || !(error instanceof Error)) return;
    // The mark of a pulumi.RunError: the SDK's own handler, which runs next, then prints the message alone.
    Object.assign(error, {
      __pulumiRunError: true,
      message: `What needs ${failed} was left as it is, because ${failed} failed.`,
    });
  });
}
