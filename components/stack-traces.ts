/** The SDK's own frames above a declaration (`Resource.stackTrace`), and the two next ones: a component and who uses it. */
const DECLARATION_FRAMES = 5 + 2;

/**
 * The SDK takes a stack trace of each of its promises (runtime/debuggable.ts), many for every resource, for a report of
 * those that never end that only PULUMI_DEBUG_PROMISE_LEAKS shows, and one of each declaration, of any depth, for the
 * state. ts-node looks up each line of a trace in a source map, which took 40 to 110 MiB and 0.1 to 0.3 s of work in a
 * preview of 50 services. So the first are left empty and the second short; those of errors are not touched.
 */
export function spareStackTraces(): void {
  const format = Error.prepareStackTrace?.bind(Error);
  if (format === undefined || process.env.PULUMI_DEBUG_PROMISE_LEAKS) return;
  Error.prepareStackTrace = (error, frames): unknown => {
    switch (frames[0]?.getFunctionName()) {
      case "debuggablePromise":
        return "";
      case "callsites":
        return format(error, frames.slice(0, DECLARATION_FRAMES));
      default:
        return format(error, frames);
    }
  };
}
