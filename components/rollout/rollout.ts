import type { ApiNode, ApiService, ApiTask } from "../engine/engine";
import { taskError, taskFault } from "./task-fault";

/** The parts of the Engine API's answers that a rollout is judged by; times in ms are the engine's. */
export interface RolloutSnapshot {
  readonly service: ApiService;
  /** All tasks of the service, old ones included. */
  readonly tasks: readonly ApiTask[];
  /** Ids of the tasks that have the service's present spec. */
  readonly upToDate: ReadonlySet<string>;
  readonly nodes: readonly ApiNode[];
  /** When this rollout began, in ms since the epoch. */
  readonly startedAt: number;
  /** When the engine was first looked at, in ms since the epoch: what was wrong before may have been mended since. */
  readonly watchedSince: number;
  /** When the engine was looked at, in ms since the epoch. */
  readonly now: number;
  /**
   * Since when the engine has answered, in ms since the epoch: for a moment after a restart it shows tasks that no
   * longer run. Absent when it never failed to.
   */
  readonly answersSince?: number;
}

/** Where a rollout stands. */
export type Verdict =
  | { readonly state: "done" }
  | { readonly state: "waiting"; readonly ready: number; readonly wanted: number; readonly for: string }
  | { readonly state: "failed"; readonly reason: string };

/** How Swarm's own updater ends when an update fails. */
const FAILED_UPDATES: Readonly<Record<string, string>> = {
  paused: "Swarm paused the update",
  rollback_completed: "Swarm rolled the update back",
  rollback_paused: "Swarm rolled the update back, which failed too and is paused",
};

/** How long failures of one slot that trying again can't heal are tolerated, and tasks without a node, in ms. */
export const PATIENCE = 10_000;
/** How long Swarm may take to make the next task of a job, in ms. */
const NEXT_TASK = 2_000;
/** The same as PATIENCE for failures that something else may heal, such as a peer that comes up, in ms. */
const PATIENCE_WITH_OTHERS = 30_000;

/**
 * Judges one look at the swarm, with the semantics of the docker CLI's own progress: every wanted task
 * of the present spec runs (a task with a health check runs only once it is healthy) on a live node,
 * Swarm's own updater is done, and nothing changed for the monitor window.
 */
export function judge(snapshot: RolloutSnapshot): Verdict {
  const { service, now, answersSince = 0 } = snapshot;
  const update = service.UpdateStatus?.State ?? "none";
  const reason = FAILED_UPDATES[update];
  if (reason !== undefined) return { state: "failed", reason };

  if (isJob(service)) return judgeJob({ ...snapshot, tasks: ofThisRun(snapshot) });
  const current = snapshot.tasks.filter(({ ID }) => snapshot.upToDate.has(ID));
  const live = new Set(snapshot.nodes.filter((node) => node.Status.State !== "down").map(({ ID }) => ID));
  const running = current.filter(
    (task) =>
      task.DesiredState === "running" && task.Status.State === "running" && live.has(task.NodeID ?? ""),
  );
  const wanted = wantedTasks(snapshot);
  const waiting = (what: string): Verdict => ({ state: "waiting", ready: running.length, wanted, for: what });

  if (update === "rollback_started") return waiting("the rollback to end");
  if (running.length < wanted) {
    const hopeless = unplaceable(snapshot, current) ?? failingSlot(snapshot);
    return hopeless === undefined ? waiting(waitedFor(snapshot)) : { state: "failed", reason: hopeless };
  }
  if (running.length > wanted) return waiting("surplus tasks to stop");
  if (update === "updating") return waiting("Swarm to watch the new tasks");

  const stableSince = Math.max(answersSince, ...running.map((task) => changedAt(task)));
  return now - stableSince >= monitorMillis(service) ? { state: "done" } : waiting("the tasks to stay up");
}

/** Whether its tasks are to end. */
export function isJob({ Spec: { Mode } }: ApiService): boolean {
  return Mode.ReplicatedJob !== undefined || Mode.GlobalJob !== undefined;
}

/** Each update runs a job again, and its earlier tasks stay. */
function ofThisRun({ service, tasks }: RolloutSnapshot): ApiTask[] {
  const run = service.JobStatus?.JobIteration.Index ?? 0;
  return tasks.filter(({ JobIteration }) => (JobIteration?.Index ?? 0) === run);
}

/** A job is done when each of its tasks has ended well. */
function judgeJob(snapshot: RolloutSnapshot): Verdict {
  const { tasks: current } = snapshot;
  const { ReplicatedJob } = snapshot.service.Spec.Mode;
  const slots = new Map<string, ApiTask[]>();
  for (const task of current) {
    // The first of a replicated job has none.
    const slot = ReplicatedJob === undefined ? String(task.NodeID) : String(task.Slot ?? 0);
    slots.set(slot, [...(slots.get(slot) ?? []), task]);
  }
  const total = ReplicatedJob === undefined ? slots.size : (ReplicatedJob.TotalCompletions ?? 1);
  const open = [...slots.values()].filter(
    (tasks) => !tasks.some(({ Status }) => Status.State === "complete"),
  );
  const complete = slots.size - open.length;
  if (total > 0 && complete >= total) return { state: "done" };

  // Swarm makes the next task of a slot right after the last one, if its restart policy asks for one.
  const isOver = (task: ApiTask): boolean => hasFailed(task) && snapshot.now - changedAt(task) > NEXT_TASK;
  if (open.some((tasks) => tasks.every(isOver))) {
    return { state: "failed", reason: "its task failed, and is not to be tried again" };
  }
  const hopeless = unplaceable(snapshot, current) ?? failingSlot(snapshot);
  if (hopeless !== undefined) return { state: "failed", reason: hopeless };
  const failed = failedTasks(snapshot);
  const running = open.filter((tasks) => tasks.some(({ Status }) => Status.State === "running")).length;
  const what = running > 0 ? `${running} running to complete` : "its tasks to start";
  const last = failed[0] && `; ${failed.length} failed, the last: ${taskFault(taskError(failed[0])).words}`;
  return { state: "waiting", ready: complete, wanted: total, for: `${what}${last ?? ""}` };
}

/**
 * Why a service that is as it was declared may still not be true: an `up` that was interrupted leaves a rollout that
 * nobody watches, and tasks may have ended since.
 *
 * @param service from a list with status; undefined when it is not there.
 * @returns a phrase; undefined when there is no reason.
 */
export function unfinished(service: ApiService | undefined): string | undefined {
  if (service?.UpdateStatus?.State === "updating") return "its last update has not ended";
  const { RunningTasks = 0, DesiredTasks = 0, CompletedTasks = 0 } = service?.ServiceStatus ?? {};
  if (service !== undefined && isJob(service)) {
    const total = service.Spec.Mode.ReplicatedJob?.TotalCompletions ?? CompletedTasks + DesiredTasks;
    return RunningTasks > 0 && CompletedTasks < total
      ? `${CompletedTasks} of its ${total} tasks are complete`
      : undefined;
  }
  return RunningTasks < DesiredTasks ? `${RunningTasks} of its ${DesiredTasks} tasks run` : undefined;
}

/** Tasks of this rollout that ended although they were to run, the newest first. */
export function failedTasks(snapshot: RolloutSnapshot): ApiTask[] {
  const state = snapshot.service.UpdateStatus?.State ?? "none";
  // After a rollback the present spec is the old one, and it is the others that failed; where the rollback failed
  // too, both did.
  const ofThisRollout = ({ ID }: ApiTask): boolean =>
    state === "rollback_paused" || snapshot.upToDate.has(ID) !== state.startsWith("rollback");
  return snapshot.tasks
    .filter((task) => Date.parse(task.CreatedAt) >= snapshot.startedAt && ofThisRollout(task))
    .filter(hasFailed)
    .sort((a, b) => Date.parse(b.CreatedAt) - Date.parse(a.CreatedAt));
}

/** Whether a task ended by itself, be it without an error; that of a job is to end without one. */
export function hasFailed({ Status, JobIteration }: ApiTask): boolean {
  if (Status.State === "complete") return JobIteration === undefined;
  return ["failed", "rejected"].includes(Status.State);
}

/** Tasks of the present spec that are to run and do not yet. */
export function unreadyTasks({ tasks, upToDate }: RolloutSnapshot): ApiTask[] {
  return tasks.filter((task) => upToDate.has(task.ID) && isWanted(task) && task.Status.State !== "running");
}

/** A replicated service's task by its number, a global one's by its node. */
export function slotOf(task: ApiTask): string {
  return String(task.Slot ?? task.NodeID);
}

/** A task is not wanted any more once it is told to stop; one that waits for its restart is to be ready. */
function isWanted({ DesiredState }: ApiTask): boolean {
  return DesiredState === "running" || DesiredState === "ready";
}

function wantedTasks({ service, tasks }: RolloutSnapshot): number {
  const replicas = service.Spec.Mode.Replicated?.Replicas;
  if (replicas !== undefined) return replicas;
  // Swarm makes the tasks of a global service for all eligible nodes at once, and none of them at first.
  return Math.max(1, new Set(tasks.filter(isWanted).map(({ NodeID }) => NodeID)).size);
}

/** Such as `1 preparing, 2 starting`: short, because a terminal cuts a row off. */
function waitedFor(snapshot: RolloutSnapshot): string {
  const failed = failedTasks(snapshot);
  const failedSlots = new Set(failed.map(slotOf));
  const counts = new Map<string, number>();
  for (const task of unreadyTasks(snapshot)) {
    const { State } = task.Status;
    const turn = failedSlots.has(slotOf(task)) ? "to be restarted" : "to follow an old task that stops";
    const what = State === "ready" ? turn : State;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const what =
    [...counts]
      .map(([state, count]) => `${count} ${state}`)
      .sort()
      .join(", ") || "new tasks";
  const [last] = failed;
  return last === undefined
    ? what
    : `${what}; ${failed.length} failed, the last: ${taskFault(taskError(last)).words}`;
}

/** Why Swarm has found no node for a task, once that is not about to change. */
export function unplaceable(
  { service, tasks, watchedSince, now }: RolloutSnapshot,
  current: readonly ApiTask[],
): string | undefined {
  const constraints = (service.Spec.TaskTemplate.Placement?.Constraints ?? []).join(", ") || "none";
  if (service.Spec.Mode.Global !== undefined && !tasks.some(isWanted) && now - watchedSince > PATIENCE) {
    return `no suitable node (no active node satisfies its constraints: ${constraints})`;
  }
  const pending = current.find(
    (task) =>
      task.Status.State === "pending" &&
      /no suitable node/.test(task.Status.Err ?? "") &&
      now - Math.max(changedAt(task), watchedSince) > PATIENCE + gracePeriod(service),
  );
  return pending?.Status.Err?.replace(
    "constraints not satisfied",
    `constraints (${constraints}) not satisfied`,
  );
}

/** Says so when the tasks of one slot fail one after the other for longer than may heal by itself. */
function failingSlot(snapshot: RolloutSnapshot): string | undefined {
  const newest = new Map<string, ApiTask>();
  for (const task of failedTasks(snapshot)) {
    const successor = newest.get(slotOf(task));
    if (successor === undefined) {
      newest.set(slotOf(task), task);
      continue;
    }
    const patience = taskFault(taskError(successor)).final ? PATIENCE : PATIENCE_WITH_OTHERS;
    const since = Math.max(Date.parse(task.CreatedAt), snapshot.watchedSince);
    const lasted = Date.parse(successor.CreatedAt) - since;
    if (lasted >= patience) return "its tasks fail again and again";
  }
  return undefined;
}

/** When a task came into its present state, by the manager's clock: that of its node may differ. */
export function changedAt(task: ApiTask): number {
  return Date.parse(task.UpdatedAt ?? task.Status.Timestamp);
}

/** Nanoseconds in the API; Swarm's default is 5 s. */
function monitorMillis(service: ApiService): number {
  return (service.Spec.UpdateConfig?.Monitor ?? 5e9) / 1e6;
}

/** How long an old task may hold a port or a node's memory after it was told to stop, in ms. */
function gracePeriod({ Spec, PreviousSpec }: ApiService): number {
  const of = (spec: ApiService["Spec"] | undefined): number =>
    spec?.TaskTemplate.ContainerSpec?.StopGracePeriod ?? 0;
  return Math.max(of(Spec), of(PreviousSpec)) / 1e6;
}
