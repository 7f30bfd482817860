/**
 * Work of the SDK that nobody has a use for: about a tenth of a preview of 50 services. A program imports this file
 * before all others.
 */
import { createRequire, Module } from "node:module";
import * as log from "@pulumi/pulumi/log";

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

/**
 * The SDK sends three to five debug messages for each resource to the CLI, one after the other, one of them with all that
 * the resource has (runtime/resource.ts), whether anybody wants them or not. They tell which calls were made, and
 * PULUMI_DEBUG_GRPC=<file> records those whole; only with that they are sent, and shown by `pulumi up --debug`.
 */
function spareDebugMessages(): void {
  if (!process.env.PULUMI_DEBUG_GRPC) Object.assign(log, { debug: () => Promise.resolve() });
}

/** npm's package manager, 0.2 s to load, is for functions in the cloud alone (runtime/closure/codePaths.ts): loaded when it is asked for. */
function sparePackageManager(): void {
  const requireOfSdk = createRequire(require.resolve("@pulumi/pulumi/package.json"));
  const file = requireOfSdk.resolve("@npmcli/arborist");
  if (require.cache[file] !== undefined) return;
  const later = new Module(file);
  later.exports = {
    // Without it TypeScript's import helper would look at every property at once.
    __esModule: true,
    get Arborist(): unknown {
      if (require.cache[file] === later) delete require.cache[file];
      return (requireOfSdk(file) as { Arborist: unknown }).Arborist;
    },
  };
  require.cache[file] = later;
}

spareStackTraces();
spareDebugMessages();
sparePackageManager();
