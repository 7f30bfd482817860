import type { ApiNode, ApiService, ApiTask } from "../../components/engine";
import { explain, failedTasks, judge, RolloutSnapshot } from "../../components/rollout";

const START = Date.parse("2026-01-01T00:00:00Z");
/** Engine time, in seconds from the start of the rollout. */
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

const replicated = { Replicated: { Replicas: 2 } };
const global = { Global: {} };

function service(
  status: ApiService["UpdateStatus"],
  mode: ApiService["Spec"]["Mode"] = replicated,
  monitorSeconds: number | undefined = 5,
): ApiService {
  return {
    ID: "service1",
    Version: { Index: 1 },
    UpdatedAt: at(0),
    Spec: {
      Name: "dev_api",
      Mode: mode,
      TaskTemplate: { ContainerSpec: { Image: "api:1", StopGracePeriod: 20e9 } },
      ...(monitorSeconds !== undefined && { UpdateConfig: { Monitor: monitorSeconds * 1e9 } }),
    },
    UpdateStatus: status,
  };
}

/** A task of the present spec that has been in its state since second 1, unless said otherwise. */
function task(
  ID: string,
  State: string,
  more: Partial<ApiTask> & { Err?: string; since?: number } = {},
): ApiTask {
  const { Err, since = 1, ...fields } = more;
  return {
    ID,
    CreatedAt: at(0.5),
    Slot: Number(/\d+/.exec(ID)?.[0] ?? 1),
    NodeID: "node1",
    DesiredState: "running",
    Status: { State, Timestamp: at(since), ...(Err !== undefined && { Err }) },
    ...fields,
  };
}

const node = (ID: string, State = "ready"): ApiNode => ({
  ID,
  Description: { Hostname: ID },
  Status: { State },
});

/** A look at the swarm some seconds after the start; tasks whose id starts with "old" have an older spec. */
function snapshot(
  seconds: number,
  of: ApiService,
  tasks: ApiTask[],
  nodes = [node("node1")],
): RolloutSnapshot {
  return {
    service: of,
    tasks,
    upToDate: new Set(tasks.map(({ ID }) => ID).filter((id) => !id.startsWith("old"))),
    nodes,
    startedAt: at(0),
    now: START + seconds * 1000,
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
const created = service(undefined);
const updating = service({ State: "updating" });
const completed = service({ State: "completed" });
const unschedulable = (since: number): ApiTask =>
  task("t2", "pending", {
    Err: "no suitable node (insufficient memory on 1 node)",
    since,
    NodeID: undefined,
  });
const dead = (id: string, slot: number, more: Partial<ApiTask> = {}): ApiTask =>
  task(id, "failed", { DesiredState: "shutdown", Err: "task: non-zero exit (1)", Slot: slot, ...more });

test.each<[string, RolloutSnapshot, object]>([
  // A new service.
  ["no task yet", snapshot(1, created, []), waiting(0, 2, "new tasks")],
  [
    "one task starts",
    snapshot(1, created, [task("t1", "running"), task("t2", "starting")]),
    waiting(1, 2, "tasks that are starting"),
  ],
  [
    "tasks in several states",
    snapshot(1, created, [task("t1", "preparing"), task("t2", "starting"), task("t3", "preparing")]),
    waiting(0, 2, "tasks that are preparing, starting"),
  ],
  ["all run, watched for 4.9 of 5 s", snapshot(5.9, created, up), waiting(2, 2, "the tasks to stay up")],
  ["all run, watched for 5 s", snapshot(6, created, up), { state: "done" }],
  [
    "the youngest task counts",
    snapshot(6, created, [task("t1", "running"), task("t2", "running", { since: 4 })]),
    waiting(2, 2, "the tasks to stay up"),
  ],
  [
    "a monitor window of its own",
    snapshot(6, service(undefined, replicated, 30), up),
    waiting(2, 2, "the tasks to stay up"),
  ],
  [
    "Swarm's own window where none is set",
    snapshot(6, service(undefined, replicated, undefined), up),
    { state: "done" },
  ],
  [
    "no replicas wanted",
    snapshot(0, service(undefined, { Replicated: { Replicas: 0 } }), []),
    { state: "done" },
  ],
  [
    "one task too many",
    snapshot(9, created, [...up, task("t3", "running")]),
    waiting(3, 2, "surplus tasks to stop"),
  ],
  [
    "a surplus task that is told to stop",
    snapshot(9, created, [...up, task("t3", "running", { DesiredState: "shutdown" })]),
    { state: "done" },
  ],
  [
    "a task that runs on a node that is down",
    snapshot(
      9,
      created,
      [task("t1", "running"), task("t2", "running", { NodeID: "node2" })],
      [node("node1"), node("node2", "down")],
    ),
    waiting(1, 2, "new tasks"),
  ],
  [
    "a task that runs on a node that is gone",
    snapshot(9, created, [task("t1", "running"), task("t2", "running", { NodeID: "node2" })]),
    waiting(1, 2, "new tasks"),
  ],
  [
    "unschedulable for 29 s",
    snapshot(30, created, [up[0] as ApiTask, unschedulable(1)]),
    waiting(1, 2, "tasks that are pending"),
  ],
  [
    "unschedulable for longer than 10 s and the grace period",
    snapshot(31.1, created, [up[0] as ApiTask, unschedulable(1)]),
    failed("no suitable node (insufficient memory on 1 node)"),
  ],
  [
    "two failures in one slot, and one in another",
    snapshot(9, created, [dead("f1", 1), dead("f2", 1), dead("f3", 2), task("t1", "starting")]),
    waiting(0, 2, "tasks that are starting"),
  ],
  [
    "three failures in one slot",
    snapshot(9, created, [dead("f1", 1), dead("f2", 1), dead("f3", 1), task("t1", "starting")]),
    failed("its tasks fail again and again"),
  ],
  [
    "three rejections in one slot",
    snapshot(
      9,
      created,
      [1, 2, 3].map((n) => task(`r${n}`, "rejected", { Slot: 1, DesiredState: "shutdown" })),
    ),
    failed("its tasks fail again and again"),
  ],
  [
    "failures from before this rollout",
    snapshot(9, created, [...[1, 2, 3].map((n) => dead(`f${n}`, 1, { CreatedAt: at(-1) })), ...up]),
    { state: "done" },
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
  ["Swarm says completed", snapshot(1, completed, up), { state: "done" }],
  [
    "completed, then a task dies",
    snapshot(60, completed, [task("t1", "running")]),
    waiting(1, 2, "new tasks"),
  ],
  [
    "failures during an update are Swarm's to judge",
    snapshot(9, updating, [dead("f1", 1), dead("f2", 1), dead("f3", 1), task("t1", "starting")]),
    waiting(0, 2, "tasks that are starting"),
  ],
  [
    "paused",
    snapshot(9, service({ State: "paused", Message: "update paused due to failure of task t1" }), up),
    failed("Swarm paused the update: update paused due to failure of task t1"),
  ],
  [
    "the rollback paused",
    snapshot(9, service({ State: "rollback_paused" }), up),
    failed("Swarm paused the update: no reason given"),
  ],
  [
    "rolling back",
    snapshot(9, service({ State: "rollback_started" }), up),
    waiting(2, 2, "the rollback to end"),
  ],
  [
    "rolled back, everything runs",
    snapshot(60, service({ State: "rollback_completed", Message: "rollback completed" }), up),
    failed("Swarm rolled the update back: rollback completed"),
  ],

  // A global service.
  ["global without a task yet", snapshot(9, service(undefined, global), []), waiting(0, 1, "new tasks")],
  [
    "global on one of two nodes",
    snapshot(
      9,
      service(undefined, global),
      [task("t1", "running"), task("t2", "starting", { NodeID: "node2" })],
      [node("node1"), node("node2")],
    ),
    waiting(1, 2, "tasks that are starting"),
  ],
  [
    "global on both nodes",
    snapshot(
      9,
      service(undefined, global),
      [task("t1", "running"), task("t2", "running", { NodeID: "node2" })],
      [node("node1"), node("node2")],
    ),
    { state: "done" },
  ],
  [
    "three failures of a global service on one node",
    snapshot(
      9,
      service(undefined, global),
      [1, 2, 3].map((n) => dead(`f${n}`, 1, { Slot: undefined })),
    ),
    failed("its tasks fail again and again"),
  ],
])("%s", (_what, look, verdict) => {
  expect(judge(look)).toEqual(verdict);
});

describe("failed tasks", () => {
  const ids = (startedAt: string, ...tasks: ApiTask[]): string[] =>
    failedTasks({ startedAt, tasks }).map(({ ID }) => ID);

  test("are those of this rollout, newest first", () => {
    const tasks = [
      dead("first", 1, { Status: { State: "failed", Timestamp: at(2) } }),
      dead("last", 1, { Status: { State: "rejected", Timestamp: at(4) } }),
      dead("middle", 1, { Status: { State: "failed", Timestamp: at(3) } }),
      dead("before", 1, { CreatedAt: at(-0.1) }),
      task("running", "running"),
      task("shutdown", "shutdown"),
    ];
    expect(ids(at(0), ...tasks)).toEqual(["last", "middle", "first"]);
  });

  test("are told by time, not by text: the engine leaves out trailing zeros of a second", () => {
    const early = { CreatedAt: "2026-01-01T00:00:00.1Z" };
    const late = { CreatedAt: "2026-01-01T00:00:01.123456789Z" };
    expect(ids("2026-01-01T00:00:00.12Z", dead("early", 1, early))).toEqual([]);
    expect(ids("2026-01-01T00:00:01Z", dead("late", 1, late))).toEqual(["late"]);
    const ended = (Timestamp: string) => ({ Status: { State: "failed", Timestamp } });
    expect(
      ids(
        at(0),
        dead("first", 1, ended("2026-01-01T00:00:05Z")),
        dead("last", 1, ended("2026-01-01T00:00:05.25Z")),
      ),
    ).toEqual(["last", "first"]);
  });
});

test.each([
  ["No such image: api:2", /name and tag/],
  ["task: non-zero exit (1): dockerexec: unhealthy container", /health check failed/],
  ["task: non-zero exit (137)", /memory limit/],
  ["host-mode port already in use on 1 node", /free the published port/],
  ["no suitable node (host-mode port already in use on 1 node)", /free the published port/],
  ["no suitable node (insufficient memory on 3 nodes)", /lower the limits/],
  ["no suitable node (scheduling constraints not satisfied on 1 node)", /placement constraints/],
  ["task: non-zero exit (2)", /ended by itself/],
  ['invalid mount config for type "bind": bind source path does not exist: /x', /mount's source/],
  ["something else", /docker service ps --no-trunc/],
])("%s has a cure", (error, cure) => {
  expect(explain(error)).toMatch(cure);
});
