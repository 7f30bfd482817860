import * as pulumi from "@pulumi/pulumi";
import type { ApiContainer, ApiNode, ApiService, ApiTask } from "../../components/engine/engine";
import { RolloutGate, rolloutGate, waitForRollout } from "../../components/rollout/rollout-gate";
import { demultiplex } from "../../components/rollout/rollout-observer";
import { ApiAnswer, ApiFault, ApiRequest, FakeEngine, frames } from "../support/fake-engine";
import { record } from "../../review/graph/recorder";

/** What a look at the swarm shows; a fault is what the engine answers instead. */
type Look = { status?: ApiService["UpdateStatus"]; labels?: object; tasks: Partial<ApiTask>[] } | ApiFault;

interface More {
  /** How an update fails. */
  readonly failureAction?: string;
  readonly log?: Buffer;
  readonly container?: ApiContainer["State"];
  /** State of the engine in its swarm. */
  readonly inSwarm?: string;
  /** How many changes the engine refuses because the service was changed meanwhile. */
  readonly conflicts?: number;
  /** Whether it refuses all changes. */
  readonly refuses?: boolean;
}

/** One service on a fake engine. Each look at the service moves on to the next state; the last one stays. */
class FakeSwarm {
  readonly engine: FakeEngine;
  /** Changes of the service, as `rollback` or the labels it got. */
  readonly changes: unknown[] = [];
  private looks = 0;
  private conflicts: number;

  constructor(
    private readonly states: Look[],
    private readonly more: More,
  ) {
    this.conflicts = more.conflicts ?? 0;
    this.engine = new FakeEngine((request) => this.answer(request));
  }

  private answer({ route, query, body }: ApiRequest): ApiAnswer | undefined {
    if (route === "GET /services/service1") this.looks += 1;
    const state = this.states[Math.min(Math.max(this.looks - 1, 0), this.states.length - 1)] ?? { tasks: [] };
    const { failureAction, log, container, inSwarm = "active" } = this.more;
    if (route === "GET /info") {
      return { SystemTime: "2026-01-01T00:01:00.5Z", Swarm: { LocalNodeState: inSwarm } };
    }
    if (state instanceof ApiFault) return state;
    switch (route) {
      case "GET /services/service1":
        return {
          ID: "service1",
          Version: { Index: 7 },
          UpdatedAt: "2026-01-01T00:00:00Z",
          Spec: {
            Name: "dev_api",
            Labels: { mine: "1", ...state.labels },
            Mode: { Replicated: { Replicas: 1 } },
            TaskTemplate: { ContainerSpec: { Image: "api:1" } },
            UpdateConfig: { FailureAction: failureAction ?? "pause" },
          },
          UpdateStatus: state.status,
        } satisfies ApiService;
      case "POST /services/service1/update": {
        expect(query.get("version")).toBe("7");
        if (this.more.refuses === true) return new ApiFault(500, "rpc error: desc = no leader");
        if (this.conflicts-- > 0) return new ApiFault(500, "rpc error: desc = update out of sequence");
        this.changes.push(query.get("rollback") ?? (JSON.parse(body) as ApiService["Spec"]).Labels);
        return { Warnings: null };
      }
      case "GET /tasks": {
        const filters = JSON.parse(query.get("filters") ?? "{}") as Record<string, string[]>;
        expect(filters.service).toEqual(["service1"]);
        const tasks = state.tasks.map(asTask);
        return filters["_up-to-date"] === undefined ? tasks : tasks.filter(({ ID }) => !ID.startsWith("old"));
      }
      case "GET /nodes":
        return [
          {
            ID: "node1",
            Version: { Index: 1 },
            Spec: { Role: "worker", Availability: "active" },
            Description: { Hostname: "manager-1" },
            Status: { State: "ready" },
          },
        ] satisfies ApiNode[];
      case "GET /tasks/failed2/logs":
        expect(Object.fromEntries(query)).toEqual({ stdout: "true", stderr: "true", tail: "20" });
        return log ?? new ApiFault(404, "no such task");
      case "GET /containers/container1/json":
        return container === undefined ? undefined : { State: container };
      default:
        return undefined;
    }
  }
}

const asTask = (task: Partial<ApiTask>): ApiTask => ({
  ID: "task1",
  CreatedAt: "2026-01-01T00:00:01Z",
  Slot: 1,
  NodeID: "node1",
  DesiredState: "running",
  Status: { State: "running", Timestamp: "2026-01-01T00:00:02Z" },
  ...task,
});

const running: Look = { tasks: [{}] };
const starting: Partial<ApiTask> = { Status: { State: "starting", Timestamp: "2026-01-01T00:00:02Z" } };
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const dead = (ID: string, second: number, Err = "task: non-zero exit (1)"): Partial<ApiTask> => ({
  ID,
  CreatedAt: at(second),
  DesiredState: "shutdown",
  Status: {
    State: "failed",
    Timestamp: at(second),
    Err,
    ContainerStatus: { ContainerID: "container1", ExitCode: 1 },
  },
});
const paused = { State: "paused", Message: "update paused" };

let swarm: FakeSwarm;
let host: string;
let lines: string[];
afterEach(async () => {
  jest.restoreAllMocks();
  await swarm.engine.close();
});

/** Waits for the rollout on a fake swarm; its lines of progress are in `lines`, each once. */
async function wait(states: Look[], more: More = {}, timeoutSeconds = 20): Promise<void> {
  swarm = new FakeSwarm(states, more);
  host = await swarm.engine.listen();
  lines = [];
  const progress = (line: string): void => {
    if (line !== lines.at(-1)) lines.push(line);
  };
  await waitForRollout({ host, service: { id: "service1", name: "dev_api" }, timeoutSeconds, progress });
}

/** What the wait fails with. */
async function failure(...args: Parameters<typeof wait>): Promise<string> {
  return wait(...args).then(
    () => "it did not fail",
    ({ message }: Error) => message.replace(host, "HOST"),
  );
}

/** Lets the clock run faster: each time the engine is silent, by some seconds. */
function hurry(seconds: number): void {
  const start = Date.now();
  const now = Date.now.bind(Date);
  jest.spyOn(Date, "now").mockImplementation(() => {
    const silences = swarm.engine.requests.filter(({ route }) => route === "GET /services/service1").length;
    return now() + (now() >= start ? silences * seconds * 1000 : 0);
  });
}

test("ends when the rollout is true, and says each step", async () => {
  await wait([{ tasks: [] }, { tasks: [starting] }, { tasks: [starting] }, running]);
  expect(lines).toEqual([
    "0/1 tasks ready, waiting for new tasks",
    "0/1 tasks ready, waiting for 1 starting",
  ]);
  expect(swarm.changes).toEqual([]);
});

test("tasks of an older spec don't count", async () => {
  await wait([{ tasks: [{ ID: "old1" }] }, { tasks: [{ ID: "old1" }, {}] }]);
  expect(lines).toEqual(["0/1 tasks ready, waiting for new tasks"]);
});

test("a failure names service, task, node, error, last log lines and the cure", async () => {
  const log = frames([1, "reading configuration\n"], [2, "fatal: PORT is not a number\n"]);
  expect(await failure([{ status: paused, tasks: [dead("failed1", 3), dead("failed2", 5)] }], { log })).toBe(
    [
      "Service dev_api did not roll out: Swarm paused the update.",
      "  Task dev_api.1 on manager-1: its program ended by itself: non-zero exit (1)",
      "  Its last log lines:",
      "    reading configuration",
      "    fatal: PORT is not a number",
      "  What to do: see the log lines; correct the program, its arguments or its environment. Then run up again.",
    ].join("\n"),
  );
});

test("after a rollback the tasks that failed are those of the other spec", async () => {
  const status = { State: "rollback_completed", StartedAt: "2026-01-01T00:00:00Z" };
  const tasks = [
    {},
    dead("failed1", 3, "task: non-zero exit (1)"),
    dead("old2", 4, "task: non-zero exit (2)"),
  ];
  expect((await failure([{ status, tasks }])).split("\n").slice(0, 2)).toEqual([
    "Service dev_api did not roll out: Swarm rolled the update back.",
    "  Task dev_api.1 on manager-1: its program ended by itself: non-zero exit (2)",
  ]);
});

test("memory and health check are asked of the container, where this engine has it", async () => {
  const container = {
    OOMKilled: true,
    Health: {
      Log: [
        { ExitCode: 1, Output: "first" },
        { ExitCode: 2, Output: "can't connect\n" },
        { ExitCode: 0, Output: "fine" },
      ],
    },
  };
  const message = await failure(
    [{ status: paused, tasks: [dead("failed2", 5, "task: non-zero exit (137)")] }],
    {
      container,
    },
  );
  expect(message.split("\n").slice(1, 4)).toEqual([
    "  Task dev_api.1 on manager-1: it ran out of memory: non-zero exit (137), out of memory",
    "  Its last health check ended with exit code 2:",
    "    can't connect",
  ]);
});

test("no more than the last 20 log lines are shown", async () => {
  const all = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  const log = frames([1, `${all.join("\n")}\n`]);
  const message = await failure([{ status: paused, tasks: [dead("failed2", 5)] }], { log });
  expect(message.split("\n").filter((line) => line.startsWith("    "))).toEqual(
    all.slice(10).map((line) => `    ${line}`),
  );
});

test("a rollout that takes too long fails with what it waits for, and is noted on the service", async () => {
  expect(await failure([{ tasks: [starting] }], { conflicts: 2 }, 0)).toBe(
    [
      "Service dev_api did not roll out: not ready after 0 s: 0/1 tasks ready, waiting for 1 starting.",
      "  Task dev_api.1 on manager-1: its health check has not succeeded yet: still starting",
      "  What to do: see what the check and the program said; correct them, or allow more time " +
        "(pulumi config set rolloutTimeoutSeconds). Then run up again.",
    ].join("\n"),
  );
  expect(swarm.changes).toEqual([{ mine: "1", "swarm-platform.rollout": "failed" }]);
});

test("a note that can't be made is told, beside the failure", async () => {
  const message = await failure([{ tasks: [starting] }], { refuses: true }, 0);
  expect(message).toMatch(
    /^Service dev_api did not roll out: not ready after 0 s: .*; the swarm could not be made/,
  );
  expect(message).toContain("so the next preview may call it unchanged (");
});

test.each(["paused", "rollback_completed", "rollback_paused"])(
  "an update that is %s needs no note",
  async (State) => {
    expect(await failure([{ status: { State }, tasks: [] }])).toContain("did not roll out");
    expect(swarm.changes).toEqual([]);
  },
);

test.each([
  ["rollback_completed", "it was rolled back"],
  ["rollback_paused", "it is being rolled back, which does not succeed either"],
])("an update in progress that is to roll back is rolled back: %s", async (State, outcome) => {
  const updating = { status: { State: "updating" }, tasks: [starting] };
  const rollingBack = { status: { State: "rollback_started" }, tasks: [] };
  const states = [updating, updating, updating, rollingBack, { status: { State }, tasks: [] }];
  // The limit is reached at the first look, the rollback ends in time.
  const first = failure(states, { failureAction: "rollback" }, 0.3);
  expect((await first).split("\n")[0]).toBe(
    "Service dev_api did not roll out: not ready after 0.3 s: 0/1 tasks ready, waiting for 1 starting; " +
      `${outcome}.`,
  );
  expect(swarm.changes).toEqual(["previous"]);
});

test("an engine that is away for a while is waited for, and what it shows then is watched anew", async () => {
  const away = new ApiFault(500, "rpc error: code = Unknown desc = The swarm does not have a leader");
  hurry(2);
  await wait([away, away, running]);
  expect(lines).toEqual([
    "waiting for the engine to answer",
    "1/1 tasks ready, waiting for the tasks to stay up",
  ]);
});

test("an engine is asked for its clock once for all services, and again after an outage", async () => {
  hurry(2);
  await wait([running, running, new ApiFault(500, "rpc error: desc = no leader"), running]);
  const timesAsked = async (): Promise<number> => {
    const service = { id: "service1", name: "dev_another" };
    await waitForRollout({ host, service, timeoutSeconds: 20, progress: () => undefined });
    return swarm.engine.requests.filter(({ route }) => route === "GET /info").length;
  };
  expect(await timesAsked()).toBe(1);
  expect(await timesAsked()).toBe(2);
});

test("an engine that stays away fails the wait in one sentence", async () => {
  hurry(11);
  expect(await failure([new ApiFault(500, "The swarm does not have a leader")])).toMatch(
    /^The engine at HOST has not answered for 30 s \(.*does not have a leader.*\) while service dev_api was waited for; how it ended is not known\. Start the engine, then run up again\.$/,
  );
});

test("a service that somebody removed fails the wait at once", async () => {
  expect(await failure([{ tasks: [starting] }, new ApiFault(404, "service service1 not found")])).toBe(
    "Service dev_api was removed from the swarm of HOST while it was waited for, and not by this run. " +
      "Run up again to make it anew.",
  );
});

test("an engine that left the swarm, and is in none for half a minute, fails the wait", async () => {
  hurry(11);
  const fault = new ApiFault(503, "This node is not a swarm manager.");
  expect(await failure([fault], { inSwarm: "inactive" })).toMatch(
    /^The engine at HOST left its swarm while service dev_api was waited for: .* Run make up/,
  );
});

test.each(["pending", "inactive"])(
  "an engine that is %s in its swarm for a moment, as while it starts or stops, is waited for",
  async (inSwarm) => {
    hurry(2);
    await wait([new ApiFault(503, "This node is not a swarm manager."), running], { inSwarm });
  },
);

test("failures count that Swarm does not show any more", async () => {
  const looks = [61, 72, 83, 94].map((second) => ({ tasks: [dead(`failed${second}`, second), starting] }));
  expect(await failure(looks)).toMatch(/^Service dev_api did not roll out: its tasks fail again and again\./);
});

test("those of another spec do not", async () => {
  const looks = [
    { tasks: [dead("failed1", 61)] },
    { labels: { new: "1" }, tasks: [dead("failed2", 92), starting] },
    running,
  ];
  await wait(looks);
});

describe("the gate", () => {
  const api = { urn: "urn:pulumi:dev::p::docker:index/service:Service::api", id: "service1" };
  const gateOn = async (...looks: Look[]): Promise<RolloutGate> => {
    swarm = new FakeSwarm(looks, {});
    host = await swarm.engine.listen();
    let gate: RolloutGate | undefined;
    await record(() => {
      gate = rolloutGate(host, 20);
    });
    return gate as RolloutGate;
  };
  const failing: Look = { status: paused, tasks: [dead("failed1", 3)] };
  const call = { ...api, name: "api", type: "docker:index/service:Service" };

  test("waits for a service that was changed, and throws", async () => {
    const { hook } = await gateOn(failing);
    expect(hook.name).toBe("rollout");
    // A preview changes nothing, so there is nothing to wait for.
    expect(hook.opts?.onDryRun ?? false).toBe(false);
    expect(hook.opts?.ignoreErrors ?? false).toBe(false);
    await expect(Promise.resolve(hook.callback(call))).rejects.toThrow(/^Service dev_api did not roll out/);
  });

  test("waits for one that is not changed, and fails without a stack trace", async () => {
    const { watch } = await gateOn(failing);
    const error = await watch({ ...api, name: "dev_api" }).catch((reason: unknown) => reason);
    expect(pulumi.RunError.isInstance(error)).toBe(true);
    const { message, stack } = error as Error;
    expect(message).toMatch(/^Service dev_api did not roll out: Swarm paused the update\./);
    expect(stack).toBeUndefined();
  });

  test("does not wait twice", async () => {
    const { hook, watch } = await gateOn(failing);
    await Promise.resolve(hook.callback(call)).catch(() => undefined);
    const asked = swarm.engine.requests.length;
    await watch({ ...api, name: "dev_api" });
    expect(swarm.engine.requests.length).toBe(asked);
  });
});

describe("demultiplex", () => {
  test("joins the frames of both streams, also where they split a character", () => {
    const euro = Buffer.from("€");
    const header = (length: number): Buffer => Buffer.from([1, 0, 0, 0, 0, 0, 0, length]);
    const split = Buffer.concat([header(1), euro.subarray(0, 1), header(2), euro.subarray(1)]);
    expect(demultiplex(Buffer.concat([frames([1, "out\n"], [2, "err\n"]), split]))).toBe("out\nerr\n€");
  });

  test("takes one stream apart from the others", () => {
    const raw = frames([1, "out\n"], [2, "err\n"], [3, "no node\n"], [1, "more\n"]);
    expect([1, 2, 3].map((stream) => demultiplex(raw, stream))).toEqual([
      "out\nmore\n",
      "err\n",
      "no node\n",
    ]);
  });

  test("takes what there is of a frame that was cut off", () => {
    expect(demultiplex(frames([1, "complete\n"], [1, "cut off\n"]).subarray(0, -4))).toBe("complete\ncut ");
    expect(demultiplex(frames([1, "complete\n"]).subarray(0, 5))).toBe("");
    expect(demultiplex(Buffer.alloc(0))).toBe("");
  });
});
