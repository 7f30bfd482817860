import * as fs from "node:fs";

/** A line of the CLI's log of its gRPC calls (PULUMI_DEBUG_GRPC), as far as it is read here. */
interface Call {
  readonly method: string;
  readonly timestamp: string;
  readonly progress: string;
  readonly request?: { readonly urn?: string; readonly name?: string };
  readonly response?: { readonly urn?: string };
}

/**
 * When the update of a service was over for Pulumi, its hooks included, in ms since the epoch.
 *
 * @param name of the resource, or its end.
 */
export function updateEnded(log: string, name: string): number {
  const ended = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Call)
    .find(
      ({ method, progress, response }) =>
        method === "/pulumirpc.ResourceMonitor/RegisterResource" &&
        progress === "response_completed" &&
        /:Service::[^:]*$/.test(response?.urn ?? "") &&
        response?.urn?.endsWith(name),
    );
  if (ended === undefined) throw new Error(`the CLI's log of its gRPC calls has no service ${name}`);
  return Date.parse(ended.timestamp);
}

export function readUpdateEnded(file: string, name: string): number {
  return updateEnded(fs.readFileSync(file, "utf8"), name);
}
