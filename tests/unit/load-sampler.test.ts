import { type AddressInfo, createServer, type Socket } from "node:net";
import { Look, Sampler, Subject } from "../../load/sampler";
import { subjectOf } from "../../load/subject";
import { ApiAnswer, ApiFault, ApiRequest, FakeEngine } from "../support/fake-engine";

const LABEL = "com.docker.stack.namespace";
const QUICK = { patience: 2000, interval: 20 };
const service = (ID: string, Name: string, MemoryBytes?: number) => ({
  ID,
  Spec: { Name, TaskTemplate: { Resources: { Limits: { MemoryBytes } } } },
});
const task = (ServiceID: string, NodeID: string, ContainerID: string, State = "running") => ({
  ...{ ServiceID, NodeID },
  Status: { State, ContainerStatus: { ContainerID } },
});
const node = (ID: string, Hostname: string) => ({ ID, Description: { Hostname } });

/** A second of this engine's time goes by between any two questions for a container. */
class Counters {
  private asked = 0;

  answer(): object {
    const second = this.asked++;
    return {
      read: new Date(second * 1000).toISOString(),
      cpu_stats: { cpu_usage: { total_usage: second * 0.25e9 } },
      memory_stats: { usage: 3000, limit: 1e12, stats: { total_inactive_file: 1000 } },
      networks: {
        eth0: { rx_bytes: second * 10, tx_bytes: 0 },
        eth1: { rx_bytes: second, tx_bytes: second },
      },
    };
  }
}

let open: { close(): unknown }[];
beforeEach(() => (open = []));
afterEach(async () => {
  for (const one of open) await one.close();
});

function engine(answer: (request: ApiRequest) => ApiAnswer | undefined): FakeEngine {
  const made = new FakeEngine(answer);
  open.push(made);
  return made;
}

/** One of a node, with counters for each of these containers. */
function nodeEngine(NodeID: string, Name: string, ...containers: string[]): FakeEngine {
  const counters = new Map(containers.map((id) => [id, new Counters()]));
  return engine(({ route }) => {
    if (route === "GET /info") return { Name, Swarm: { NodeID } };
    const [, id = ""] = /^GET \/containers\/(.+)\/stats$/.exec(route) ?? [];
    return counters.get(id)?.answer();
  });
}

/** Takes connections and never says a word. */
async function silentEngine(): Promise<{ host: string; sockets: Set<unknown> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({
    close: () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    },
  });
  return { host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

/** The manager n1, with one container, of a swarm that has these tasks. */
async function subject(
  tasks: readonly object[],
  more: { nodes?: Subject["nodes"]; services?: readonly { Spec: { Name: string } }[] } = {},
): Promise<{ manager: FakeEngine; subject: Subject }> {
  const own = new Counters();
  const services = more.services ?? [
    service("s2", "dev_web", 64),
    service("s1", "dev_db"),
    service("s3", "shop_api"),
  ];
  const manager = engine(({ route, query }) => {
    const filters = JSON.parse(query.get("filters") ?? "{}") as { label?: string[] };
    const namespace = filters.label?.[0]?.replace(`${LABEL}=`, "") ?? "";
    if (route === "GET /services")
      return services.filter(({ Spec }) => Spec.Name.startsWith(`${namespace}_`));
    if (route === "GET /tasks") return [...tasks];
    if (route === "GET /nodes")
      return [node("id1", "n1"), node("id2", "n2"), node("id3", "n3"), node("id4", "n4")];
    if (route === "GET /info") return { Name: "n1", Swarm: { NodeID: "id1" } };
    if (route === "GET /containers/c1/stats") return own.answer();
    return undefined;
  });
  const host = await manager.listen();
  return { manager, subject: { host, namespaces: ["dev", "shop"], nodes: more.nodes ?? {} } };
}

/** @param count of looks, or a signal that ends them. */
async function looks(of: Subject, count: number | AbortSignal, times = QUICK): Promise<Look[]> {
  const end = new AbortController();
  const signal = typeof count === "number" ? end.signal : count;
  const seen: Look[] = [];
  for await (const look of new Sampler(of, times).looks(signal)) {
    seen.push(look);
    if (seen.length === count) break;
  }
  return seen;
}
const used = (look: Look | undefined) =>
  look?.usage.map(({ service: name, tasks, cpu }) => [name, tasks, cpu]);

test("services of all namespaces, their tasks from the engines of their nodes", async () => {
  const second = await nodeEngine("id2", "n2", "c2", "c3").listenTcp();
  const tasks = [task("s2", "id1", "c1"), task("s2", "id2", "c2"), task("s3", "id2", "c3")];
  const { manager, subject: of } = await subject([...tasks, task("s1", "id2", "c9", "starting")], {
    nodes: { n2: { host: second } },
  });
  const [look] = await looks(of, 1);
  expect(look?.unseen).toEqual([]);
  expect(used(look)).toEqual([
    ["dev_db", 0, 0],
    ["dev_web", 2, 50],
    ["shop_api", 1, 25],
    ["all", 3, 75],
  ]);
  expect(look?.usage[1]).toMatchObject({ memory: 4000, limit: 128, received: 22, sent: 2 });
  const asked = manager.requests.find(({ route }) => route === "GET /tasks");
  expect(JSON.parse(asked?.query.get("filters") ?? "")).toEqual({
    service: ["s1", "s2", "s3"],
    "desired-state": ["running"],
  });
  const stats = manager.requests.find(({ route }) => route === "GET /containers/c1/stats");
  expect(Object.fromEntries(stats?.query ?? [])).toEqual({ stream: "false", "one-shot": "true" });
});

test("a node that can't be asked is named, with the reason and what to do, and the others are shown", async () => {
  const { host: silent, sockets } = await silentEngine();
  const stranger = await nodeEngine("id9", "n9").listenTcp();
  const tasks = ["1", "2", "3", "4"].map((n) => task("s2", `id${n}`, `c${n}`));
  const { subject: of } = await subject([...tasks, task("s3", "id2", "c5")], {
    nodes: { n3: { host: silent }, n4: { host: stranger } },
  });
  const seen = await looks(of, 3);
  // Only the first reading waits for the silent one.
  expect(sockets.size).toBe(1);
  for (const { unseen } of seen)
    expect(unseen).toEqual([
      "node n2, with 2 tasks, is left out: its engine is not known here; do: pulumi config set --path 'nodes.n2.host' <unix:// | tcp:// | ssh://>",
      `node n3, with 1 task, is left out: its engine at ${silent} can't be asked: it does not answer in time; do: see that it runs and that this machine reaches it (docker --host ${silent} info)`,
      `node n4, with 1 task, is left out: nodes.n4.host = ${stranger} is the engine of n9; do: set it to that of n4`,
    ]);
  expect(used(seen[2])?.[1]).toEqual(["dev_web", 1, 25]);
});

test("a container that ends meanwhile is no fault of its node", async () => {
  const second = await nodeEngine("id2", "n2", "c2").listenTcp();
  const tasks = [task("s2", "id2", "c2"), task("s2", "id2", "gone")];
  const { subject: of } = await subject(tasks, { nodes: { n2: { host: second } } });
  const [look] = await looks(of, 1);
  expect([look?.unseen, used(look)?.[1]]).toEqual([[], ["dev_web", 1, 25]]);
});

test("without services nobody is asked for tasks, which would be all of the swarm", async () => {
  const { manager, subject: of } = await subject([task("other", "id1", "c1")], { services: [] });
  expect(await looks(of, 1)).toEqual([{ usage: [], unseen: [] }]);
  expect(manager.requests.map(({ route }) => route)).not.toContain("GET /tasks");
});

test("the end is one more look, unless there has just been one", async () => {
  const { subject: of } = await subject([task("s2", "id1", "c1")]);
  const times = (interval: number) => ({ patience: 1000, interval });
  expect(await looks(of, AbortSignal.timeout(100), times(60_000))).toHaveLength(1);
  expect(await looks(of, AbortSignal.timeout(1100), times(1000))).toHaveLength(1);
});

test("a manager that is none is told in plain words; one that goes away later is a line", async () => {
  const worker = engine(() => new ApiFault(503, "This node is not a swarm manager."));
  const host = await worker.listen();
  const of = { host, namespaces: ["dev"], nodes: {} };
  await expect(looks(of, 1)).rejects.toThrow(
    `the swarm can't be asked through the engine at ${host}: This node is not a swarm manager.; do: see that it runs and is a manager (docker --host ${host} node ls), or set DOCKER_HOST to one that is`,
  );

  let answers = 3;
  const leaving = engine(({ route }) => {
    if (route !== "GET /services") return [];
    return answers-- > 0 ? [] : new ApiFault(503, "The swarm does not have a leader.");
  });
  const later = await looks({ ...of, host: await leaving.listen() }, 3);
  expect(later.map(({ unseen }) => unseen.length)).toEqual([0, 0, 1]);
  expect(later[2]?.unseen[0]).toContain("The swarm does not have a leader.");
});

test("a stack's file names the engines of nodes; one without a file has none", () => {
  expect(subjectOf("prod").nodes.node5?.host).toBe("ssh://root@10.0.0.15");
  expect(subjectOf("prod").namespaces).toEqual(["prod"]);
  expect(subjectOf("nowhere")).toMatchObject({ namespaces: ["nowhere"], nodes: {} });
});
