import type { ApiNode, ApiService, ApiTask } from "./engine";

/** The parts of the Engine API's answers that a rollout is judged by. */
export interface RolloutSnapshot {
  readonly service: ApiService;
  /** All tasks of the service, old ones included. */
  readonly tasks: readonly ApiTask[];
  /** Ids of the tasks that have the service's present spec. */
  readonly upToDate: ReadonlySet<string>;
  readonly nodes: readonly ApiNode[];
  /** Engine time at which this rollout began. */
  readonly startedAt: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Where a rollout stands. */
export type Verdict =
  | { readonly state: "done" }
  | { readonly state: "waiting"; readonly ready: number; readonly wanted: number; readonly for: string }
  | { readonly state: "failed"; readonly reason: string };

/** Failed tasks in one slot after which a new service is given up. */
const FAILURES_BEFORE_GIVING_UP = 3;
/** Least time a task may stay unschedulable before that counts as final, in ms. */
const PATIENCE_FOR_SCHEDULING = 10_000;

/**
 * Judges one look at the swarm, with the semantics of the docker CLI's own progress: every wanted task
 * of the present spec runs (a task with a health check runs only once it is healthy) on a live node,
 * Swarm's own updater says completed, and nothing changed for the monitor window.
 */
export function judge(snapshot: RolloutSnapshot): Verdict {
  const { service, now } = snapshot;
  const update = service.UpdateStatus;
  switch (update?.State) {
    case "paused":
    case "rollback_paused":
      return { state: "failed", reason: `Swarm paused the update: ${update.Message ?? "no reason given"}` };
    case "rollback_completed":
      return {
        state: "failed",
        reason: `Swarm rolled the update back: ${update.Message ?? "no reason given"}`,
      };
  }

  const current = snapshot.tasks.filter((task) => snapshot.upToDate.has(task.ID));
  const live = new Set(snapshot.nodes.filter((node) => node.Status.State !== "down").map((node) => node.ID));
  const running = current.filter(
    (task) =>
      task.DesiredState === "running" && task.Status.State === "running" && live.has(task.NodeID ?? ""),
  );
  const wanted = wantedTasks(service, current);

  const unschedulable = current.find(
    (task) => task.Status.State === "pending" && /no suitable node/.test(task.Status.Err ?? ""),
  );
  if (unschedulable && now - Date.parse(unschedulable.Status.Timestamp) > schedulingPatience(service)) {
    return { state: "failed", reason: unschedulable.Status.Err ?? "no suitable node" };
  }
  if (update?.State === undefined && repeatedlyFailed(snapshot)) {
    return { state: "failed", reason: "its tasks fail again and again" };
  }

  const waiting = (what: string): Verdict => ({ state: "waiting", ready: running.length, wanted, for: what });
  if (update?.State === "rollback_started") return waiting("the rollback to end");
  if (running.length < wanted) return waiting(waitedFor(current));
  if (running.length > wanted) return waiting("surplus tasks to stop");
  if (update?.State === "updating") return waiting("Swarm to watch the new tasks");
  if (update?.State === "completed") return { state: "done" };

  const stableSince = Math.max(0, ...running.map((task) => Date.parse(task.Status.Timestamp)));
  return now - stableSince >= monitorMillis(service) ? { state: "done" } : waiting("the tasks to stay up");
}

/** Tasks of this rollout that ended badly, newest first. */
export function failedTasks(snapshot: Pick<RolloutSnapshot, "tasks" | "startedAt">): ApiTask[] {
  return snapshot.tasks
    .filter((task) => Date.parse(task.CreatedAt) >= Date.parse(snapshot.startedAt))
    .filter((task) => task.Status.State === "failed" || task.Status.State === "rejected")
    .sort((a, b) => Date.parse(b.Status.Timestamp) - Date.parse(a.Status.Timestamp));
}

/** What a task's error means and what helps, in plain words. */
export function explain(error: string): string {
  const rules: readonly [RegExp, string][] = [
    [
      /No such image|not found: manifest|pull access denied/i,
      "check the image's name and tag, and that this node can pull it",
    ],
    [
      /unhealthy|health/i,
      "see the log lines: the health check failed; correct the service or its health check",
    ],
    [/port.*already|host-mode port/i, "free the published port on the node, or publish another one"],
    [/no suitable node.*(memory|resources)/i, "lower the limits or reservations, or add a node"],
    [/no suitable node/i, "check the placement constraints and that nodes are active (docker node ls)"],
    [/exit \(137\)|out of memory|OOM/i, "raise the memory limit if the task ran out of memory"],
    [
      /non-zero exit/i,
      "see the log lines: the program ended by itself; correct its arguments or environment",
    ],
    [/invalid mount|mount|no such file or directory/i, "check that the mount's source exists on the node"],
  ];
  return rules.find(([pattern]) => pattern.test(error))?.[1] ?? "see docker service ps --no-trunc";
}

function wantedTasks(service: ApiService, current: readonly ApiTask[]): number {
  const replicas = service.Spec.Mode.Replicated?.Replicas;
  if (replicas !== undefined) return replicas;
  // A global service has one task for each eligible node, and Swarm has created them all at once.
  return Math.max(
    1,
    new Set(current.filter((task) => task.DesiredState === "running").map((task) => task.NodeID)).size,
  );
}

function waitedFor(current: readonly ApiTask[]): string {
  const states = current.filter((task) => task.DesiredState === "running").map((task) => task.Status.State);
  const notYet = [...new Set(states.filter((state) => state !== "running"))];
  return notYet.length > 0 ? `tasks that are ${notYet.join(", ")}` : "new tasks";
}

function repeatedlyFailed(snapshot: RolloutSnapshot): boolean {
  const perSlot = new Map<string, number>();
  for (const task of failedTasks(snapshot)) {
    const slot = String(task.Slot ?? task.NodeID);
    perSlot.set(slot, (perSlot.get(slot) ?? 0) + 1);
  }
  return Math.max(0, ...perSlot.values()) >= FAILURES_BEFORE_GIVING_UP;
}

/** Nanoseconds in the API; Swarm's default is 5 s. */
function monitorMillis(service: ApiService): number {
  return (service.Spec.UpdateConfig?.Monitor ?? 5e9) / 1e6;
}

/** A port or a node may be free only after an old task has used up its grace period. */
function schedulingPatience(service: ApiService): number {
  return PATIENCE_FOR_SCHEDULING + (service.Spec.TaskTemplate.ContainerSpec?.StopGracePeriod ?? 0) / 1e6;
}
