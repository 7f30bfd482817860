import type { ApiTask } from "../engine/engine";
import { changedAt, failedTasks, PATIENCE, RolloutSnapshot, slotOf, unreadyTasks } from "./rollout";
import { taskError, taskFault } from "./task-fault";

/** What is known of a task beyond its state. */
export interface TaskEvidence {
  /** Undefined when its container can't be asked: it runs on another node, or is gone. */
  readonly outOfMemory?: boolean;
  /** The last health check that failed. */
  readonly healthCheck?: { readonly exitCode: number; readonly output: string };
  /** The last lines of its output. */
  readonly log: readonly string[];
}

/** Different faults that one report shows. */
const FAULTS = 3;
/** A program may write a whole document in one line. */
const LINE_LENGTH = 300;
/** Lines of a health check's output. */
const CHECK_LINES = 5;

/**
 * The tasks by which a failed rollout is explained: those that failed and those that do not get ready, the newest
 * of each different fault.
 */
export function telltales(snapshot: RolloutSnapshot): ApiTask[] {
  const failed = failedTasks(snapshot);
  const failedSlots = new Set(failed.map(slotOf));
  const unready = unreadyTasks(snapshot);
  const unplaced = unready.filter(({ Status }) => Status.Err);
  // What follows a failed task only waits for its turn, and beside a failure what has just begun is not stuck.
  const stuck = unready.filter(
    (task) =>
      !failedSlots.has(slotOf(task)) && (failed.length === 0 || snapshot.now - changedAt(task) > PATIENCE),
  );
  const byFault = new Map<string, ApiTask>();
  for (const task of [...unplaced, ...failed, ...stuck]) {
    const error = taskError(task);
    if (!byFault.has(error)) byFault.set(error, task);
  }
  return [...byFault.values()].slice(0, FAULTS);
}

/**
 * The text of a failed rollout: service, then task, node, reason, last log lines and cure of each fault.
 *
 * @param what the service did not do.
 */
export function report(
  snapshot: RolloutSnapshot,
  reason: string,
  evidence: ReadonlyMap<ApiTask, TaskEvidence>,
  what = "did not roll out",
): string {
  const { Name } = snapshot.service.Spec;
  const nodes = new Map(snapshot.nodes.map(({ ID, Description }) => [ID, Description.Hostname]));
  const lines = [`Service ${Name} ${what}: ${reason}.`];
  for (const [task, { outOfMemory, healthCheck, log }] of evidence) {
    const node = nodes.get(task.NodeID ?? "");
    const error = taskError(task) + (outOfMemory ? ", out of memory" : "");
    const { words, cure } = taskFault(error);
    // A global service has one task a node, which then says which one it is.
    const name = task.Slot === undefined ? Name : `${Name}.${task.Slot}`;
    lines.push(`  Task ${name} on ${node ?? "no node"}: ${words}: ${error}`);
    if (healthCheck !== undefined) {
      lines.push(`  Its last health check ended with exit code ${healthCheck.exitCode}:`);
      lines.push(...quoted(healthCheck.output.split("\n").filter(Boolean).slice(-CHECK_LINES)));
    }
    if (log.length > 0) lines.push("  Its last log lines:", ...quoted(log));
    lines.push(`  What to do: ${cure}. Then run up again.`);
  }
  if (evidence.size === 0) lines.push(`  What to do: ${taskFault(reason).cure}. Then run up again.`);
  return lines.join("\n");
}

function quoted(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH)}...` : line}`);
}
