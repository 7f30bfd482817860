import type { ApiNode, ApiService, ApiTask } from "../../components/engine/engine";
import {
  failedTasks,
  judge,
  RolloutSnapshot,
  unfinished,
  unreadyTasks,
} from "../../components/rollout/rollout";

const START = Date.parse("2026-01-01T00:00:00Z");
/** Engine time, in seconds from the start of the rollout. */
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

const replicated = { Replicated: { Replicas: 2 } };
const global = { Global: {} };

function service(
  status: ApiService["UpdateStatus"],
  mode: ApiService["Spec"]["Mode"] = replicated,
  monitorSeconds: number | undefined = 5,
  constraints?: string[],
): ApiService {
  return {
    ID: "service1",
    Version: { Index: 1 },
    UpdatedAt: at(0),
    Spec: {
      Name: "dev_api",
      Mode: mode,
      TaskTemplate: {
        ContainerSpec: { Image: "api:1", StopGracePeriod: 20e9 },
        ...(constraints !== undefined && { Placement: { Constraints: constraints } }),
      },
      ...(monitorSeconds !== undefined && { UpdateConfig: { Monitor: monitorSeconds * 1e9 } }),
    },
    UpdateStatus: status,
  };
}

/** A task of the present spec that has been in its state since second 1, unless said otherwise. */
function task(
  ID: string,
  State: string,
  more: Partial<ApiTask> & { Err?: string; since?: number; created?: number } = {},
): ApiTask {
  const { Err, since = 1, created = 0.5, ...fields } = more;
  return {
    ID,
    CreatedAt: at(created),
    Slot: Number(/\d+/.exec(ID)?.[0] ?? 1),
    NodeID: "node1",
    DesiredState: "running",
    Status: { State, Timestamp: at(since), ...(Err !== undefined && { Err }) },
    ...fields,
  };
}

const node = (ID: string, State = "ready"): ApiNode => ({
  ID,
  Version: { Index: 1 },
  Spec: { Role: "worker", Availability: "active" },
  Description: { Hostname: ID },
  Status: { State },
});

/** A look at the swarm some seconds after the start; tasks whose id starts with "old" have an older spec. */
function snapshot(
  seconds: number,
  of: ApiService,
  tasks: ApiTask[],
  more: Partial<RolloutSnapshot> = {},
): RolloutSnapshot {
  return {
    service: of,
    tasks,
    upToDate: new Set(tasks.map(({ ID }) => ID).filter((id) => !id.startsWith("old"))),
    nodes: [node("node1")],
    startedAt: START,
    watchedSince: START,
    now: START + seconds * 1000,
    ...more,
  };
}

const up = [task("t1", "running"), task("t2", "running")];
const waiting = (ready: number, wanted: number, what: string) => ({
  state: "waiting",
  ready,
  wanted,
  for: what,
});
const failed = (reason: string) => ({ state: "failed", reason });
const again = failed("its tasks fail again and again");
const done = { state: "done" };
const created = service(undefined);
const updating = service({ State: "updating" });
const completed = service({ State: "completed" });
const rolledBack = service({ State: "rollback_completed" });
const unschedulable = (since: number, why = "insufficient resources on 1 node"): ApiTask =>
  task("t2", "pending", { Err: `no suitable node (${why})`, since, NodeID: undefined });
/** A task of slot 1 that failed, made some seconds after the start. */
const dead = (id: string, seconds: number, more: Partial<ApiTask> & { Err?: string } = {}): ApiTask =>
  task(id, "failed", {
    DesiredState: "shutdown",
    Err: "task: non-zero exit (1)",
    Slot: 1,
    created: seconds,
    since: seconds + 1,
    ...more,
  });
const noImage = { Err: "No such image: api:2" };
const starting = task("t1", "starting");
const EXITS = "its program ended by itself";

test.each<[string, RolloutSnapshot, object]>([
  // A new service.
  ["no task yet", snapshot(1, created, []), waiting(0, 2, "new tasks")],
  ["one task starts", snapshot(1, created, [task("t2", "running"), starting]), waiting(1, 2, "1 starting")],
  [
    "tasks in several states",
    snapshot(1, created, [task("t1", "preparing"), task("t2", "starting"), task("t3", "preparing")]),
    waiting(0, 2, "1 starting, 2 preparing"),
  ],
  ["all run, watched for 4.9 of 5 s", snapshot(5.9, created, up), waiting(2, 2, "the tasks to stay up")],
  ["all run, watched for 5 s", snapshot(6, created, up), done],
  [
    "the youngest task counts",
    snapshot(6, created, [task("t1", "running"), task("t2", "running", { since: 4 })]),
    waiting(2, 2, "the tasks to stay up"),
  ],
  [
    "the manager's clock counts, not that of a node which is ahead",
    snapshot(6, created, [task("t1", "running"), task("t2", "running", { since: 99, UpdatedAt: at(1) })]),
    done,
  ],
  [
    "the engine was away until 2 s ago",
    snapshot(60, created, up, { answersSince: START + 58_000 }),
    waiting(2, 2, "the tasks to stay up"),
  ],
  ["the engine has been back for 5 s", snapshot(60, created, up, { answersSince: START + 55_000 }), done],
  [
    "a monitor window of its own",
    snapshot(6, service(undefined, replicated, 30), up),
    waiting(2, 2, "the tasks to stay up"),
  ],
  ["Swarm's own window where none is set", snapshot(6, service(undefined, replicated, undefined), up), done],
  ["no replicas wanted", snapshot(0, service(undefined, { Replicated: { Replicas: 0 } }), []), done],
  [
    "one task too many",
    snapshot(9, created, [...up, task("t3", "running")]),
    waiting(3, 2, "surplus tasks to stop"),
  ],
  [
    "a surplus task that is told to stop",
    snapshot(9, created, [...up, task("t3", "running", { DesiredState: "shutdown" })]),
    done,
  ],
  [
    "a task on a node that is down",
    snapshot(9, created, [task("t1", "running"), task("t2", "running", { NodeID: "node2" })], {
      nodes: [node("node1"), node("node2", "down")],
    }),
    waiting(1, 2, "new tasks"),
  ],
  [
    "a task on a node that is gone",
    snapshot(9, created, [task("t1", "running"), task("t2", "running", { NodeID: "node2" })]),
    waiting(1, 2, "new tasks"),
  ],
  [
    "a task on a node that a new leader has not heard of yet",
    snapshot(9, created, up, { nodes: [node("node1", "unknown")] }),
    done,
  ],

  // No node for a task.
  [
    "unschedulable for 29 s",
    snapshot(30, created, [task("t1", "running"), unschedulable(1)]),
    waiting(1, 2, "1 pending"),
  ],
  [
    "unschedulable for longer than 10 s and the grace period of what may be in its way",
    snapshot(31.1, created, [task("t1", "running"), unschedulable(1)]),
    failed("no suitable node (insufficient resources on 1 node)"),
  ],
  [
    "unschedulable before it was looked at, which may be mended",
    snapshot(40, created, [task("t1", "running"), unschedulable(1)], { watchedSince: START + 30_000 }),
    waiting(1, 2, "1 pending"),
  ],
  [
    "the previous spec's longer grace period counts",
    snapshot(
      31.1,
      {
        ...updating,
        PreviousSpec: {
          ...updating.Spec,
          TaskTemplate: { ContainerSpec: { Image: "api:1", StopGracePeriod: 60e9 } },
        },
      },
      [task("t1", "running"), unschedulable(1)],
    ),
    waiting(1, 2, "1 pending"),
  ],
  [
    "constraints are named",
    snapshot(40, service(undefined, replicated, 5, ["node.labels.disk==ssd", "node.role==worker"]), [
      unschedulable(1, "scheduling constraints not satisfied on 1 node"),
    ]),
    failed(
      "no suitable node (scheduling constraints (node.labels.disk==ssd, node.role==worker) not satisfied on 1 node)",
    ),
  ],

  // Tasks that fail again and again.
  [
    "failures for 29 s",
    snapshot(40, created, [dead("f1", 1), dead("f2", 29), starting]),
    waiting(0, 2, `1 starting; 2 failed, the last: ${EXITS}`),
  ],
  ["failures for 30 s", snapshot(40, created, [dead("f1", 1), dead("f2", 31), starting]), again],
  ["healed after failures for 30 s", snapshot(60, created, [dead("f1", 1), dead("f2", 31), ...up]), done],
  [
    "one failure, however long ago",
    snapshot(170, created, [dead("f1", 1), starting]),
    waiting(0, 2, `1 starting; 1 failed, the last: ${EXITS}`),
  ],
  [
    "failures in different slots",
    snapshot(60, created, [dead("f1", 1), dead("f2", 31, { Slot: 2 }), starting]),
    waiting(0, 2, `1 starting; 2 failed, the last: ${EXITS}`),
  ],
  [
    "what waiting does not heal, for 9 s",
    snapshot(20, created, [dead("f1", 1, noImage), dead("f2", 10, noImage), starting]),
    waiting(0, 2, "1 starting; 2 failed, the last: the image can't be had"),
  ],
  [
    "what waiting does not heal, for 10 s",
    snapshot(20, created, [dead("f1", 1, noImage), dead("f2", 11, noImage), starting]),
    again,
  ],
  [
    "what failed before it was looked at, and may be mended",
    snapshot(40, created, [dead("f1", 1), dead("f2", 31), starting], { watchedSince: START + 30_000 }),
    waiting(0, 2, `1 starting; 2 failed, the last: ${EXITS}`),
  ],
  [
    "rejections",
    snapshot(
      20,
      created,
      [1, 11].map((s) => ({
        ...dead(`r${s}`, s, noImage),
        Status: { ...dead("r", s, noImage).Status, State: "rejected" },
      })),
    ),
    again,
  ],
  [
    "programs that end without an error",
    snapshot(
      40,
      created,
      [1, 31].map((s) => task(`c${s}`, "complete", { DesiredState: "shutdown", Slot: 1, created: s })),
    ),
    again,
  ],
  [
    "failures from before this rollout",
    snapshot(9, created, [dead("f1", -40), dead("f2", -1), ...up.slice(0, 1)]),
    waiting(1, 2, "new tasks"),
  ],
  [
    "failures of the old spec while it is being replaced",
    snapshot(40, updating, [dead("old1", 1), dead("old2", 31), starting]),
    waiting(0, 2, "1 starting"),
  ],
  [
    "failures in an update that goes on all the same",
    snapshot(40, updating, [dead("f1", 1), dead("f2", 31)]),
    again,
  ],

  // An update of a service.
  [
    "only the old spec runs",
    snapshot(9, updating, [task("old1", "running"), task("old2", "running")]),
    waiting(0, 2, "new tasks"),
  ],
  [
    "one of two is new",
    snapshot(9, updating, [task("old1", "running"), task("t2", "running")]),
    waiting(1, 2, "new tasks"),
  ],
  [
    "all are new and Swarm still watches",
    snapshot(60, updating, up),
    waiting(2, 2, "Swarm to watch the new tasks"),
  ],
  ["Swarm says completed", snapshot(6, completed, up), done],
  [
    "Swarm says completed without having watched, as after its restart",
    snapshot(2, completed, up),
    waiting(2, 2, "the tasks to stay up"),
  ],
  [
    "completed, then a task dies",
    snapshot(60, completed, [task("t1", "running")]),
    waiting(1, 2, "new tasks"),
  ],
  [
    "paused",
    snapshot(9, service({ State: "paused", Message: "update paused due to failure of task t1" }), up),
    failed("Swarm paused the update"),
  ],
  [
    "the rollback paused",
    snapshot(9, service({ State: "rollback_paused" }), up),
    failed("Swarm rolled the update back, which failed too and is paused"),
  ],
  [
    "rolling back",
    snapshot(90, service({ State: "rollback_started" }), [dead("old1", 1), dead("old2", 31), ...up]),
    waiting(2, 2, "the rollback to end"),
  ],
  ["rolled back, everything runs", snapshot(60, rolledBack, up), failed("Swarm rolled the update back")],

  // A global service.
  ["global without a task yet", snapshot(9, service(undefined, global), []), waiting(0, 1, "new tasks")],
  [
    "global without a task for more than 10 s",
    snapshot(10.1, service(undefined, global, 5, ["node.labels.zone==south"]), []),
    failed("no suitable node (no active node satisfies its constraints: node.labels.zone==south)"),
  ],
  [
    "global whose nodes were all drained",
    snapshot(10.1, service(undefined, global), [task("t1", "running", { DesiredState: "shutdown" })]),
    failed("no suitable node (no active node satisfies its constraints: none)"),
  ],
  [
    "global on one of two nodes",
    snapshot(
      9,
      service(undefined, global),
      [task("t1", "running"), task("t2", "starting", { NodeID: "node2" })],
      { nodes: [node("node1"), node("node2")] },
    ),
    waiting(1, 2, "1 starting"),
  ],
  [
    "global, updated on one of two nodes",
    snapshot(
      9,
      service({ State: "updating" }, global),
      [task("t1", "running"), task("old2", "running", { NodeID: "node2" })],
      { nodes: [node("node1"), node("node2")] },
    ),
    waiting(1, 2, "new tasks"),
  ],
  [
    "global, waiting for an old task on one of two nodes",
    snapshot(
      9,
      service(undefined, global),
      [task("t1", "running"), task("t2", "ready", { NodeID: "node2", DesiredState: "ready" })],
      { nodes: [node("node1"), node("node2")] },
    ),
    waiting(1, 2, "1 to follow an old task that stops"),
  ],
  [
    "global, waiting for its restart on one of two nodes",
    snapshot(
      9,
      service(undefined, global),
      [
        task("t1", "running"),
        dead("f1", 3, { NodeID: "node2", Slot: undefined }),
        task("t2", "ready", { NodeID: "node2", Slot: undefined, DesiredState: "ready" }),
      ],
      { nodes: [node("node1"), node("node2")] },
    ),
    waiting(1, 2, `1 to be restarted; 1 failed, the last: ${EXITS}`),
  ],
  [
    "global on both nodes",
    snapshot(
      9,
      service(undefined, global),
      [task("t1", "running"), task("t2", "running", { NodeID: "node2" })],
      { nodes: [node("node1"), node("node2")] },
    ),
    done,
  ],
  [
    "failures of a global service on one node",
    snapshot(40, service(undefined, global), [
      ...[1, 31].map((s) => dead(`f${s}`, s, { Slot: undefined })),
      task("t1", "ready", { DesiredState: "ready", Slot: undefined }),
    ]),
    again,
  ],
])("%s", (_what, look, verdict) => {
  expect(judge(look)).toEqual(verdict);
});

describe("failed tasks", () => {
  const ids = (of: ApiService, tasks: ApiTask[], more: Partial<RolloutSnapshot> = {}): string[] =>
    failedTasks(snapshot(60, of, tasks, more)).map(({ ID }) => ID);

  test("are those of this rollout, newest first", () => {
    const tasks = [
      dead("first", 2),
      task("last", "rejected", { created: 4 }),
      task("middle", "complete", { created: 3 }),
      dead("before", -0.1),
      dead("old", 2),
      task("running", "running"),
      task("shutdown", "shutdown"),
    ];
    expect(ids(created, tasks)).toEqual(["last", "middle", "first"]);
  });

  test("have the new spec, which after a rollback is not the service's any more", () => {
    const tasks = [dead("new", 2), dead("old", 3)];
    expect(ids(updating, tasks)).toEqual(["new"]);
    expect(ids(service({ State: "paused" }), tasks)).toEqual(["new"]);
    expect(ids(rolledBack, tasks)).toEqual(["old"]);
    expect(ids(service({ State: "rollback_paused" }), tasks)).toEqual(["old", "new"]);
  });

  test("are told by time, not by text: the engine leaves out trailing zeros of a second", () => {
    const early = dead("early", 0, { CreatedAt: "2026-01-01T00:00:00.1Z" });
    const late = dead("late", 0, { CreatedAt: "2026-01-01T00:00:01.123456789Z" });
    expect(ids(created, [early], { startedAt: START + 120 })).toEqual([]);
    expect(ids(created, [late], { startedAt: START + 1000 })).toEqual(["late"]);
    const later = dead("later", 0, { CreatedAt: "2026-01-01T00:00:05.25Z" });
    expect(ids(created, [dead("first", 5), later])).toEqual(["later", "first"]);
  });
});

test.each<[string, Partial<ApiService> | undefined, string | undefined]>([
  ["is not there", undefined, undefined],
  ["runs", { ServiceStatus: { RunningTasks: 2, DesiredTasks: 2 } }, undefined],
  ["is to have none", { ServiceStatus: { RunningTasks: 0, DesiredTasks: 0 } }, undefined],
  ["lacks tasks", { ServiceStatus: { RunningTasks: 1, DesiredTasks: 2 } }, "1 of its 2 tasks run"],
  [
    "is being updated",
    { UpdateStatus: { State: "updating" }, ServiceStatus: { RunningTasks: 2, DesiredTasks: 2 } },
    "its last update has not ended",
  ],
  ["was updated", { UpdateStatus: { State: "completed" } }, undefined],
])("a service that %s", (_what, fields, reason) => {
  expect(unfinished(fields && { ...service(undefined), ...fields })).toBe(reason);
});

test("unready tasks are those of the present spec that are to run and do not", () => {
  const tasks = [
    task("t1", "running"),
    starting,
    task("t2", "ready", { DesiredState: "ready" }),
    task("t3", "starting", { DesiredState: "shutdown" }),
    task("old1", "starting"),
  ];
  expect(unreadyTasks(snapshot(1, created, tasks)).map(({ Status }) => Status.State)).toEqual([
    "starting",
    "ready",
  ]);
});

describe("a job", () => {
  const job = {
    ...service(undefined, { ReplicatedJob: { TotalCompletions: 2 } }),
    JobStatus: { JobIteration: { Index: 1 } },
  };
  const run = (ID: string, State: string, more: Partial<ApiTask> & { since?: number } = {}): ApiTask =>
    task(ID, State, { DesiredState: "complete", JobIteration: { Index: 1 }, ...more });
  const ended = run("t1", "complete");

  test("is done when all of its tasks have ended well", () => {
    expect(judge(snapshot(2, job, [ended, run("t2", "complete")]))).toEqual(done);
  });

  test("waits for the others", () => {
    const tasks = [ended, run("t2", "running")];
    expect(judge(snapshot(2, job, tasks))).toEqual(waiting(1, 2, "1 running to complete"));
  });

  test("does not take an earlier run for this one", () => {
    const earlier = ["t1", "t2"].map((id) => run(id, "complete", { JobIteration: {} }));
    expect(judge(snapshot(2, job, earlier))).toEqual(waiting(0, 2, "its tasks to start"));
  });

  test("fails when a task has failed and no other follows", () => {
    const tasks = [ended, run("t2", "failed")];
    expect(judge(snapshot(2, job, tasks))).toMatchObject({ state: "waiting" });
    expect(judge(snapshot(4, job, tasks))).toEqual(failed("its task failed, and is not to be tried again"));
  });

  test("waits while a failed task is tried again", () => {
    const tasks = [ended, run("t2", "failed"), run("again2", "running")];
    expect(judge(snapshot(6, job, tasks))).toMatchObject({ state: "waiting", ready: 1 });
  });

  test("that has ended is finished although nothing of it runs", () => {
    const status = { RunningTasks: 0, DesiredTasks: 0, CompletedTasks: 2 };
    expect(unfinished({ ...job, ServiceStatus: status })).toBeUndefined();
    expect(unfinished({ ...job, ServiceStatus: { ...status, RunningTasks: 1, CompletedTasks: 1 } })).toBe(
      "1 of its 2 tasks are complete",
    );
  });
});
