import type { ApiNode, ApiService, ApiTask } from "../../components/engine/engine";
import { OneShotTask, runOneShot } from "../../components/service/one-shot-task";
import { ApiAnswer, ApiFault, ApiRequest, FakeEngine, frames } from "../support/fake-engine";

/** What a look at the swarm shows of the one task; undefined before there is one. */
type Look = Partial<ApiTask["Status"] & Pick<ApiTask, "DesiredState" | "NodeID">> | undefined;

interface More {
  /** What the task's log gives, one after the other; the last one stays. @default nothing */
  readonly logs?: (Buffer | ApiFault)[];
  /** Labels of a service of the same name that is there before. */
  readonly leftover?: object;
  readonly refusesToCreate?: ApiFault;
  readonly refusesToRemove?: ApiFault;
  readonly whenCreated?: () => void;
}

/** A swarm without services but the one-shot's. Each look at it moves on to the next state; the last one stays. */
class FakeSwarm {
  readonly engine: FakeEngine;
  /** Changes, in their order: `create`, `remove`, and `gone` when the task was no longer to be seen. */
  readonly changes: string[] = [];
  private looks = 0;
  private logs = 0;
  private there: "before" | "ours" | undefined;

  constructor(
    private readonly states: Look[],
    private readonly more: More,
  ) {
    this.there = more.leftover && "before";
    this.engine = new FakeEngine((request) => this.answer(request));
  }

  get created(): ApiRequest {
    const found = this.engine.requests.find(({ route }) => route === "POST /services/create");
    if (found === undefined) throw new Error("nothing was created");
    return found;
  }

  private answer({ route, query }: ApiRequest): ApiAnswer | undefined {
    const { logs = [Buffer.alloc(0)], leftover = {}, refusesToCreate, refusesToRemove } = this.more;
    switch (route) {
      case "GET /info":
        return { SystemTime: "2026-01-01T00:01:00.5Z", Swarm: { LocalNodeState: "active" } };
      case "GET /services": {
        const others = [{ Spec: { Name: "dev_hello-2", Labels: {} } }];
        return this.there === "before"
          ? [...others, { Spec: { Name: "dev_hello", Labels: leftover } }]
          : others;
      }
      case "POST /services/create":
        if (refusesToCreate !== undefined) return refusesToCreate;
        expect(this.there).toBeUndefined();
        this.there = "ours";
        this.changes.push("create");
        this.more.whenCreated?.();
        return { ID: "service1" };
      case "GET /services/service1":
        this.looks += 1;
        return {
          ID: "service1",
          Version: { Index: 7 },
          UpdatedAt: "2026-01-01T00:00:00Z",
          Spec: {
            Name: "dev_hello",
            Mode: { Replicated: { Replicas: 1 } },
            TaskTemplate: { Placement: { Constraints: ["node.labels.disk==ssd"] } },
          },
        } satisfies ApiService;
      case "GET /tasks": {
        const { service } = JSON.parse(query.get("filters") ?? "{}") as { service: string[] };
        expect(["service1", "dev_hello"]).toContain(service[0]);
        const state =
          this.there === "before"
            ? { State: "running" }
            : this.states[Math.min(Math.max(this.looks - 1, 0), this.states.length - 1)];
        return state === undefined ? [] : [asTask(state)];
      }
      case "DELETE /services/dev_hello":
        if (refusesToRemove !== undefined) return refusesToRemove;
        if (this.there === undefined) return new ApiFault(404, "service dev_hello not found");
        this.there = undefined;
        this.changes.push("remove");
        return {};
      case "GET /tasks/task1":
        this.changes.push("gone");
        return undefined;
      case "GET /tasks/task1/logs":
        return logs[Math.min(this.logs++, logs.length - 1)];
      case "GET /nodes":
        return [
          {
            ID: "node1",
            Version: { Index: 1 },
            Spec: { Role: "worker", Availability: "active" },
            Description: { Hostname: "worker-1" },
            Status: { State: "ready" },
          },
        ] satisfies ApiNode[];
      default:
        return undefined;
    }
  }
}

const asTask = ({ DesiredState = "running", NodeID = "node1", ...Status }: NonNullable<Look>): ApiTask => ({
  ID: "task1",
  CreatedAt: "2026-01-01T00:00:01Z",
  Slot: 1,
  NodeID,
  DesiredState,
  Status: { State: "running", Timestamp: "2026-01-01T00:00:02Z", ...Status },
});

const failed = (ExitCode: number): Look => ({
  State: "failed",
  Err: `task: non-zero exit (${ExitCode})`,
  ContainerStatus: { ExitCode },
});
const complete: Look = { State: "complete" };

let swarm: FakeSwarm;
let lines: string[];
afterEach(async () => {
  jest.restoreAllMocks();
  await swarm.engine.close();
});

/** Runs a one-shot task on a fake swarm; its lines of progress are in `lines`. */
async function run(looks: Look[], more: More = {}, task: Partial<OneShotTask> = {}): Promise<string> {
  swarm = new FakeSwarm(looks, more);
  const host = await swarm.engine.listen();
  lines = [];
  return runOneShot({
    ...{ host, namespace: "dev", name: "hello", image: "tool:1", args: ["say", "hi"], network: "net1" },
    timeoutSeconds: 20,
    progress: (line) => lines.push(line),
    ...task,
  });
}

/** What the run fails with. */
async function failure(...args: Parameters<typeof run>): Promise<string> {
  return run(...args).then(
    () => "it did not fail",
    ({ message }: Error) => message,
  );
}

/** Lets the clock run faster: by some seconds at each look. */
function hurry(seconds: number): void {
  const now = Date.now.bind(Date);
  const looks = (): number =>
    swarm.engine.requests.filter(({ route }) => route === "GET /services/service1").length;
  jest.spyOn(Date, "now").mockImplementation(() => now() + looks() * seconds * 1000);
}

test("returns what was printed to stdout, and removes the service", async () => {
  const logs = [frames([1, "half\n"]), frames([1, "half\n"], [2, "noise\n"], [1, "all\n"])];
  const looks = [undefined, { State: "preparing" }, { State: "running" }, complete];
  expect(await run(looks, { logs })).toBe("half\nall\n");
  expect(lines).toEqual(["waiting for a node", "waiting for its image and network", "half"]);
  expect(swarm.changes).toEqual(["create", "remove"]);
});

test("the service is declared as what it is", async () => {
  await run(
    [complete],
    {},
    {
      constraints: ["node.role==manager"],
      secrets: [{ id: "secret1", name: "dev_password", path: "/run/secrets/password" }],
      env: { LEVEL: "debug" },
    },
  );
  expect(JSON.parse(swarm.created.body)).toEqual({
    Name: "dev_hello",
    Labels: { "com.docker.stack.namespace": "dev", "swarm-platform.one-shot": "true" },
    TaskTemplate: {
      ContainerSpec: {
        Image: "tool:1",
        Args: ["say", "hi"],
        Env: ["LEVEL=debug"],
        Labels: { "com.docker.stack.namespace": "dev", "swarm-platform.one-shot": "true" },
        StopGracePeriod: 1_000_000_000,
        Secrets: [
          {
            SecretID: "secret1",
            SecretName: "dev_password",
            File: { Name: "/run/secrets/password", UID: "0", GID: "0", Mode: 0o444 },
          },
        ],
      },
      Resources: { Limits: { MemoryBytes: 67_108_864 } },
      RestartPolicy: { Condition: "none" },
      Placement: { Constraints: ["node.role==manager"] },
      Networks: [{ Target: "net1" }],
      LogDriver: { Name: "json-file" },
    },
    Mode: { Replicated: { Replicas: 1 } },
    EndpointSpec: { Mode: "dnsrr" },
  });
  expect(swarm.created.headers).not.toHaveProperty("x-registry-auth");
});

test("a login goes along for the nodes, in a header alone", async () => {
  const registryAuth = { serveraddress: "registry.example.com", username: "me", password: "pässwörd?>" };
  await run([complete], {}, { registryAuth });
  const header = swarm.created.headers["x-registry-auth"] as string;
  expect(header).toMatch(/^[A-Za-z0-9_=-]+$/);
  expect(JSON.parse(Buffer.from(header, "base64url").toString())).toEqual(registryAuth);
  expect(swarm.created.body).not.toContain("pässwörd");
});

test("an exit code fails it, with the lines that it wrote to stderr", async () => {
  const logs = [frames([1, "result\n"], [2, "dial tcp: no route\n"], [2, "gave up\n"])];
  expect(await failure([failed(1)], { logs })).toBe(
    [
      "Service dev_hello did not do its work: exit code 1.",
      "  Task dev_hello.1 on worker-1: its program ended by itself: non-zero exit (1)",
      "  Its last log lines:",
      "    dial tcp: no route",
      "    gave up",
      "  What to do: see the log lines; correct the program, its arguments or its environment. Then run up again.",
    ].join("\n"),
  );
  expect(swarm.changes).toEqual(["create", "remove"]);
});

test("one that wrote nothing there is told by what it wrote to stdout", async () => {
  expect(await failure([failed(3)], { logs: [frames([1, "no broker\n"])] })).toContain("\n    no broker\n");
});

test("an image that can't be pulled fails it at once", async () => {
  expect(await failure([{ State: "rejected", Err: "No such image: tool:1" }])).toBe(
    [
      "Service dev_hello did not do its work: it could not be started.",
      "  Task dev_hello.1 on worker-1: the image can't be had: No such image: tool:1",
      "  What to do: check the image's name and tag, and that this node can pull it. Then run up again.",
    ].join("\n"),
  );
  expect(swarm.changes).toEqual(["create", "remove"]);
});

test("a task that gets no node fails it after a while, with the constraints", async () => {
  const Err = "no suitable node (scheduling constraints not satisfied on 2 nodes)";
  const running = failure([{ State: "pending", Err, NodeID: "" }]);
  hurry(4);
  expect((await running).split("\n").slice(0, 2)).toEqual([
    "Service dev_hello did not do its work: no suitable node (scheduling constraints (node.labels.disk==ssd) not satisfied on 2 nodes).",
    `  Task dev_hello.1 on no node: no node satisfies its placement constraints: ${Err}`,
  ]);
  expect(lines.length).toBeGreaterThan(1);
  expect(swarm.changes).toEqual(["create", "remove", "gone"]);
});

test.each([
  ["was told to stop", { State: "running", DesiredState: "shutdown" }],
  ["has stopped", { State: "shutdown", DesiredState: "shutdown" }],
])("a task that Swarm gave up fails it: it %s", async (_what, look) => {
  expect(await failure([look])).toBe(
    [
      "Service dev_hello did not do its work: it was stopped before its end.",
      "  Task dev_hello.1 on worker-1: Swarm stopped it: told to stop",
      "  What to do: see whether its node went down or was drained (docker node ls); bring it back, or let another one run it. Then run up again.",
    ].join("\n"),
  );
});

test("one that does not end in time fails it, and is gone when that is told", async () => {
  const logs = [frames([1, "asking broker 3\n"])];
  expect(await failure([{}], { logs }, { timeoutSeconds: 0 })).toBe(
    [
      "Service dev_hello did not do its work: it has not ended after 0 s, waiting for its end.",
      "  Task dev_hello.1 on worker-1: it has not ended yet: still running",
      "  Its last log lines:",
      "    asking broker 3",
      "  What to do: see what it printed last, or allow more time (pulumi config set rolloutTimeoutSeconds). Then run up again.",
    ].join("\n"),
  );
  expect(swarm.changes).toEqual(["create", "remove", "gone"]);
});

test("what the engine refuses to make is told in its words", async () => {
  const refusesToCreate = new ApiFault(400, "rpc error: code = InvalidArgument desc = secret not found: s1");
  expect(await failure([], { refusesToCreate })).toMatch(
    /^Service dev_hello \(tool:1\) could not be made: secret not found: s1\.\n {2}What to do: /,
  );
});

test("a leftover is removed first, once nothing of it runs any more", async () => {
  const leftover = { "swarm-platform.one-shot": "true" };
  await run([complete], { leftover });
  expect(swarm.changes).toEqual(["remove", "gone", "create", "remove"]);
});

test("a service of somebody else is left alone", async () => {
  expect(await failure([complete], { leftover: { mine: "1" } })).toMatch(
    /^Service dev_hello is there already, .*docker service rm dev_hello/,
  );
  expect(swarm.changes).toEqual([]);
});

test("an output that a node does not give at first is asked for again", async () => {
  const logs = [frames([3, "Error grabbing logs: node worker-1 is not available"]), frames([1, "all\n"])];
  expect(await run([complete], { logs })).toBe("all\n");
});

test("one that it never gives fails it", async () => {
  const running = failure([complete], { logs: [new ApiFault(500, "no logs here")] });
  const now = Date.now.bind(Date);
  const asked = (): number => swarm.engine.requests.filter(({ route }) => route.endsWith("/logs")).length;
  jest.spyOn(Date, "now").mockImplementation(() => now() + asked() * 6000);
  expect(await running).toMatch(/^What a task printed can't be read from its node: no logs here\. /);
  expect(swarm.changes).toEqual(["create", "remove"]);
});

test("what it came to counts, also where the service can't be removed", async () => {
  const refusesToRemove = new ApiFault(500, "The swarm does not have a leader");
  expect(await run([complete], { refusesToRemove, logs: [frames([1, "done\n"])] })).toBe("done\n");
  expect(lines.at(-1)).toBe(
    "service dev_hello could not be removed, the next up does it: The swarm does not have a leader",
  );
});

test("a signal ends the program once the service is removed", async () => {
  let removed: string[] = [];
  const kill = jest.spyOn(process, "kill").mockImplementation(() => {
    removed = [...swarm.changes];
    return true;
  });
  const before = process.listenerCount("SIGINT");
  await run([{}, {}, complete], {
    // A terminal and Pulumi both send one.
    whenCreated: () => {
      process.emit("SIGINT", "SIGINT");
      process.emit("SIGINT", "SIGINT");
    },
  });
  expect(kill.mock.calls).toEqual([[process.pid, "SIGINT"]]);
  expect(removed).toEqual(["create", "remove"]);
  expect(process.listenerCount("SIGINT")).toBe(before);
});

test("an engine that does not answer is told in a sentence", async () => {
  expect(await failure([], {}, { host: "unix:///nowhere/docker.sock" })).toBe(
    "The engine at unix:///nowhere/docker.sock can't run dev_hello: connect ENOENT /nowhere/docker.sock. " +
      "Mend it (docker node ls), then run up again.",
  );
});
