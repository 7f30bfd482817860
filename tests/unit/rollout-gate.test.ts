import * as pulumi from "@pulumi/pulumi";
import { ApiNode, ApiService, ApiTask, connect } from "../../components/engine";
import { demultiplex, rolloutGate, waitForRollout } from "../../components/rollout-gate";
import { ApiAnswer, ApiFault, ApiRequest, FakeEngine } from "../support/fake-engine";
import { record } from "../support/recorder";

/** One service on a fake engine. Each look at the service moves on to the next state; the last one stays. */
class FakeSwarm {
  readonly engine: FakeEngine;
  /** Labels of the service after the gate marked it; undefined when it did not. */
  marked: unknown;
  private looks = 0;

  constructor(
    private readonly states: { status?: ApiService["UpdateStatus"]; tasks: Partial<ApiTask>[] }[],
    private readonly log?: Buffer,
  ) {
    this.engine = new FakeEngine((request) => this.answer(request));
  }

  private answer({ route, query, body }: ApiRequest): ApiAnswer | undefined {
    if (route === "GET /services/service1") this.looks += 1;
    // The first look only tells when the rollout began; from the second on it is judged.
    const state = this.states[Math.min(Math.max(this.looks - 2, 0), this.states.length - 1)];
    switch (route) {
      case "GET /services/service1":
        return {
          ID: "service1",
          Version: { Index: 7 },
          UpdatedAt: "2026-01-01T00:00:00Z",
          Spec: {
            Name: "dev_api",
            Labels: { mine: "1" },
            Mode: { Replicated: { Replicas: 1 } },
            TaskTemplate: { ContainerSpec: { Image: "api:1" } },
          },
          UpdateStatus: state?.status,
        } satisfies ApiService;
      case "POST /services/service1/update": {
        expect(query.get("version")).toBe("7");
        this.marked = (JSON.parse(body) as ApiService["Spec"]).Labels;
        return { Warnings: null };
      }
      case "GET /tasks": {
        const filters = JSON.parse(query.get("filters") ?? "{}") as Record<string, string[]>;
        expect(filters.service).toEqual(["service1"]);
        const tasks = (state?.tasks ?? []).map(asTask);
        return filters["_up-to-date"] === undefined ? tasks : tasks.filter(({ ID }) => !ID.startsWith("old"));
      }
      case "GET /nodes":
        return [
          { ID: "node1", Description: { Hostname: "manager-1" }, Status: { State: "ready" } },
        ] satisfies ApiNode[];
      case "GET /tasks/failed2/logs":
        expect(Object.fromEntries(query)).toEqual({ stdout: "true", stderr: "true", tail: "20" });
        return this.log ?? new ApiFault(404, "no such task");
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

const starting: Partial<ApiTask> = { Status: { State: "starting", Timestamp: "2026-01-01T00:00:02Z" } };
const dead = (ID: string, second: number, Err = "task: non-zero exit (1)"): Partial<ApiTask> => ({
  ID,
  DesiredState: "shutdown",
  Status: { State: "failed", Timestamp: `2026-01-01T00:00:0${second}Z`, Err },
});

/** Output as the engine frames it: stream, three zeros, length, text. */
function frames(...pieces: [stream: 1 | 2, text: string][]): Buffer {
  return Buffer.concat(
    pieces.flatMap(([stream, text]) => {
      const header = Buffer.alloc(8);
      header.writeUInt8(stream, 0);
      header.writeUInt32BE(Buffer.byteLength(text), 4);
      return [header, Buffer.from(text)];
    }),
  );
}

let swarm: FakeSwarm | undefined;
afterEach(async () => {
  await swarm?.engine.close();
  swarm = undefined;
});

/** Waits for the rollout on a fake swarm; returns the lines of progress. */
async function wait(
  states: ConstructorParameters<typeof FakeSwarm>[0],
  seconds = 20,
  log?: Buffer,
): Promise<string[]> {
  const lines: string[] = [];
  swarm = new FakeSwarm(states, log);
  await waitForRollout(connect(await swarm.engine.listen()), "service1", seconds, (line) => lines.push(line));
  return lines;
}

test("ends when the rollout is true, and says each step once", async () => {
  const lines = await wait([{ tasks: [] }, { tasks: [starting] }, { tasks: [starting] }, { tasks: [{}] }]);
  expect(lines).toEqual([
    "0/1 tasks ready, waiting for new tasks",
    "0/1 tasks ready, waiting for tasks that are starting",
  ]);
});

test("tasks of an older spec don't count", async () => {
  const lines = await wait([{ tasks: [{ ID: "old1" }] }, { tasks: [{ ID: "old1" }, {}] }]);
  expect(lines).toEqual(["0/1 tasks ready, waiting for new tasks"]);
});

test("a failure names service, task, node, error, last log lines and the cure", async () => {
  const rolledBack = {
    State: "rollback_completed",
    Message: "rollback completed",
    StartedAt: "2026-01-01T00:00:00Z",
  };
  const log = frames([1, "reading configuration\n"], [2, "fatal: PORT is not a number\n"]);
  await expect(
    wait([{ status: rolledBack, tasks: [{ ID: "old1" }, dead("failed1", 3), dead("failed2", 5)] }], 20, log),
  ).rejects.toThrow(
    new Error(
      [
        "Service dev_api did not roll out: Swarm rolled the update back: rollback completed.",
        "  Task dev_api.1 on manager-1: task: non-zero exit (1)",
        "  Its last log lines:",
        "    reading configuration",
        "    fatal: PORT is not a number",
        "  What to do: see the log lines: the program ended by itself; correct its arguments or environment.",
      ].join("\n"),
    ),
  );
});

test("a failure whose node has no log any more is told without", async () => {
  await expect(
    wait([
      {
        status: { State: "paused", Message: "update paused" },
        tasks: [dead("failed2", 5, "No such image: api:2")],
      },
    ]),
  ).rejects.toThrow(
    new Error(
      [
        "Service dev_api did not roll out: Swarm paused the update: update paused.",
        "  Task dev_api.1 on manager-1: No such image: api:2",
        "  What to do: check the image's name and tag, and that this node can pull it.",
      ].join("\n"),
    ),
  );
});

test("a global service's task is named by its node, one without a node says so", async () => {
  const paused = { State: "paused", Message: "update paused" };
  const message = (task: Partial<ApiTask>) =>
    wait([{ status: paused, tasks: [{ ...dead("failed2", 5), ...task }] }]).then(
      () => "",
      (error: Error) => error.message.split("\n")[1],
    );
  expect(await message({ Slot: undefined })).toBe(
    "  Task dev_api.node1 on manager-1: task: non-zero exit (1)",
  );
  await swarm?.engine.close();
  expect(await message({ NodeID: undefined })).toBe("  Task dev_api.1 on no node: task: non-zero exit (1)");
});

test("no more than the last 20 log lines are shown", async () => {
  const all = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  const error = await wait(
    [{ status: { State: "paused" }, tasks: [dead("failed2", 5)] }],
    20,
    frames([1, `${all.join("\n")}\n`]),
  ).then(
    () => "",
    ({ message }: Error) => message,
  );
  expect(error.split("\n").filter((line) => line.startsWith("    "))).toEqual(
    all.slice(10).map((line) => `    ${line}`),
  );
});

test("a rollout that takes too long fails with what it waits for", async () => {
  await expect(wait([{ tasks: [starting] }], 0)).rejects.toThrow(
    new Error(
      [
        "Service dev_api did not roll out: still not ready after 0 s: 0/1 tasks ready, waiting for tasks that are starting.",
        "  What to do: see docker service ps --no-trunc.",
      ].join("\n"),
    ),
  );
});

test("a failure that nothing else shows is noted on the service, beside its own labels", async () => {
  await expect(wait([{ tasks: [starting] }], 0)).rejects.toThrow("still not ready");
  expect(swarm?.marked).toEqual({ mine: "1", "swarm-platform.rollout": "failed" });
});

test.each(["paused", "rollback_completed"])("after an update that is %s there is no note", async (State) => {
  await expect(wait([{ status: { State }, tasks: [] }])).rejects.toThrow("did not roll out");
  expect(swarm?.marked).toBeUndefined();
});

test("an engine that refuses fails the wait with its own words", async () => {
  const engine = new FakeEngine(() => new ApiFault(503, "This node is not a swarm manager."));
  const docker = connect(await engine.listen());
  await expect(waitForRollout(docker, "service1", 1, () => undefined)).rejects.toThrow(
    /This node is not a swarm manager/,
  );
  await engine.close();
});

test("the hook waits for the service that it is called for", async () => {
  swarm = new FakeSwarm([
    { status: { State: "paused", Message: "update paused" }, tasks: [dead("failed1", 3)] },
  ]);
  const host = await swarm.engine.listen();
  let gate: pulumi.ResourceHook | undefined;
  await record(() => {
    gate = rolloutGate(host, 20);
  });
  expect(gate?.name).toBe("rollout");
  // A preview changes nothing, so there is nothing to wait for.
  expect(gate?.opts?.onDryRun ?? false).toBe(false);
  expect(gate?.opts?.ignoreErrors ?? false).toBe(false);
  const call = { urn: "urn", id: "service1", name: "api", type: "docker:index/service:Service" };
  await expect(Promise.resolve(gate?.callback(call))).rejects.toThrow(/^Service dev_api did not roll out/);
});

describe("demultiplex", () => {
  test("joins the frames of both streams, also where they split a character", () => {
    const euro = Buffer.from("€");
    const header = (length: number): Buffer => Buffer.from([1, 0, 0, 0, 0, 0, 0, length]);
    const split = Buffer.concat([header(1), euro.subarray(0, 1), header(2), euro.subarray(1)]);
    expect(demultiplex(Buffer.concat([frames([1, "out\n"], [2, "err\n"]), split]))).toBe("out\nerr\n€");
  });

  test("takes what there is of a frame that was cut off", () => {
    expect(demultiplex(frames([1, "complete\n"], [1, "cut off\n"]).subarray(0, -4))).toBe("complete\ncut ");
    expect(demultiplex(frames([1, "complete\n"]).subarray(0, 5))).toBe("");
    expect(demultiplex(Buffer.alloc(0))).toBe("");
  });
});
