import type { ApiNode, ApiService, ApiTask } from "../../components/engine/engine";
import { NetworkProbeArgs, probeNetwork } from "../../components/network/network-probe";
import { ApiAnswer, ApiRequest, FakeEngine, frames } from "../support/fake-engine";

const node = (
  name: string,
  Availability: ApiNode["Spec"]["Availability"] = "active",
  State = "ready",
): ApiNode => ({
  ID: `${name}-id`,
  Version: { Index: 1 },
  Spec: { Role: "worker", Availability },
  Description: { Hostname: name },
  Status: { State },
});
const NODES = [node("n2"), node("n1"), node("n3", "drain"), node("n4", "active", "down")];
const task = (name: string, status: Partial<ApiTask["Status"]> = {}): ApiTask => ({
  ID: `${name}-task`,
  CreatedAt: "2026-01-01T00:00:01Z",
  NodeID: `${name}-id`,
  DesiredState: "running",
  NetworksAttachments: [{ Addresses: [`10.0.9.${name.slice(1)}/24`] }],
  Status: { State: "running", Timestamp: "2026-01-01T00:00:02Z", ...status },
});
const line = (sees: string, reaches = sees, esp = "yes"): Buffer =>
  frames([1, `ipvs=no esp=${esp} sees=${sees} reaches=${reaches} virtual=no\n`]);
const BOTH = "10.0.9.1,10.0.9.2";

let engine: FakeEngine;
let lines: string[];
afterEach(async () => {
  jest.restoreAllMocks();
  await engine.close();
});

/** Probes a fake swarm. Each look at its tasks, and each log of a task, is the next one; the last stays. */
async function probe(
  tasks: ApiTask[][],
  logs: Record<string, Buffer[]>,
  args: Partial<NetworkProbeArgs> = {},
): Promise<string | undefined> {
  const next = <T>(all: T[]): T | undefined => (all.length > 1 ? all.shift() : all[0]);
  let current: ApiTask[] = [];
  const answer = ({ route, query }: ApiRequest): ApiAnswer | undefined => {
    switch (route) {
      case "GET /info":
        return { SystemTime: new Date().toISOString(), Swarm: { LocalNodeState: "active" } };
      case "GET /services":
        return [];
      case "POST /services/create":
        return { ID: "service1" };
      case "GET /services/service1":
        return {
          ID: "service1",
          Version: { Index: 7 },
          UpdatedAt: "2026-01-01T00:00:00Z",
          Spec: { Name: "dev_network-check", Mode: { Global: {} }, TaskTemplate: {} },
        } satisfies ApiService;
      case "GET /tasks":
        if (!query.get("filters")?.includes("_up-to-date")) current = next(tasks) ?? current;
        return current;
      case "GET /nodes":
        return NODES;
      case "DELETE /services/dev_network-check":
        return {};
      default: {
        const [, name = ""] = /^GET \/tasks\/(\w+)-task\/logs$/.exec(route) ?? [];
        return next(logs[name] ?? []);
      }
    }
  };
  engine = new FakeEngine(answer);
  lines = [];
  return probeNetwork({
    host: await engine.listen(),
    ...{ namespace: "dev", network: "net1", image: "nginx:1", virtualIps: false, encrypted: false },
    timeoutSeconds: 60,
    progress: (text) => lines.push(text),
    ...args,
  });
}

const failure = (...args: Parameters<typeof probe>): Promise<string> =>
  probe(...args).then(
    () => "it did not fail",
    ({ message }: Error) => message,
  );
const routes = (): string[] => engine.requests.map(({ route }) => route);

/** Lets the clock run faster: by 5 s with each look. */
function hurry(): void {
  const now = Date.now.bind(Date);
  const looks = (): number =>
    engine.requests.filter(({ route }) => route === "GET /services/service1").length;
  jest.spyOn(Date, "now").mockImplementation(() => now() + looks() * 5000);
}

const RUNNING = [task("n1"), task("n2")];

test("passes once every task that there can be has found and reached the others, and leaves nothing", async () => {
  const starting = [task("n1", { State: "preparing" }), task("n2")];
  const logs = { n1: [Buffer.alloc(0), line("10.0.9.1"), line(BOTH)], n2: [line(BOTH)] };
  expect(await probe([starting, RUNNING], logs)).toBeUndefined();
  expect(lines).toEqual([
    "waiting for a task on n1",
    "waiting for traffic between n1, n2",
    "waiting for traffic between n1, n2",
  ]);
  expect(routes()).toContain("DELETE /services/dev_network-check");
});

test.each([
  [true, "vip"],
  [false, "dnsrr"],
])(
  "is a service on every node in the environment's network; virtual IPs %s: %s",
  async (virtualIps, Mode) => {
    const good = [frames([1, `ipvs=yes esp=yes sees=${BOTH} reaches=${BOTH} virtual=yes\n`])];
    await probe([RUNNING], { n1: good, n2: [...good] }, { virtualIps });
    const created = engine.requests.find(({ route }) => route === "POST /services/create");
    expect(JSON.parse(created?.body ?? "")).toMatchObject({
      Name: "dev_network-check",
      Labels: { "swarm-platform.one-shot": "true" },
      Mode: { Global: {} },
      EndpointSpec: { Mode },
      TaskTemplate: {
        ContainerSpec: { Image: "nginx:1", Env: ["SERVICE=dev_network-check"] },
        Networks: [{ Target: "net1" }],
        RestartPolicy: { Condition: "none" },
      },
    });
  },
);

test("warns of what the next node would not have", async () => {
  const logs = { n1: [line(BOTH)], n2: [line(BOTH, BOTH, "no")] };
  expect(await probe([RUNNING], logs, { encrypted: true })).toContain("n2: the kernel lacks ESP");
});

test.each([
  [
    "traffic",
    { n1: [line(BOTH, "10.0.9.1")], n2: [line(BOTH)] },
    "n1 and n2: they find each other, but no packet of the overlay arrives;" +
      " do: open 4789/udp between them, both ways (VXLAN)",
  ],
  [
    "output",
    { n1: [line(BOTH)], n2: [Buffer.alloc(0)] },
    "n2: what the task printed does not arrive here; do: see docker node ls",
  ],
])("gives up after a while without %s, with a line for each problem", async (_, logs, problem) => {
  const failed = failure([RUNNING], logs);
  hurry();
  expect(await failed).toBe(
    `the network does not carry what the stack asks of it:\n  - ${problem}\n` +
      "  What needs the network was not changed. If you know better: pulumi config set networkCheck false.",
  );
  expect(routes()).toContain("DELETE /services/dev_network-check");
});

test("a task that does not start in time ends it", async () => {
  const starting = [task("n1"), task("n2", { State: "preparing" })];
  const failed = await failure([starting], { n1: [line(BOTH)] }, { timeoutSeconds: 0 });
  expect(failed).toContain("Service dev_network-check did not do its work: none runs on n2 after 0 s.\n");
  expect(failed).not.toContain("on n1");
});

test("a task that can't run ends it, with its reason", async () => {
  const rejected = task("n2", { State: "rejected", Err: "No such image: nginx:1" });
  expect(await failure([[task("n1"), rejected]], { n1: [line(BOTH)] })).toContain(
    "Service dev_network-check did not do its work: a task of it could not run.\n" +
      "  Task dev_network-check on n2: the image can't be had: No such image: nginx:1",
  );
});
