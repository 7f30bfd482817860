import { ApiNode } from "../../components/engine/engine";
import { joinFault, NodeTarget, settleNode } from "../../components/swarm/node-steps";
import { apiNode } from "../support/environment";
import { ApiFault, FakeEngine } from "../support/fake-engine";

const TOKENS = { Worker: "SWMTKN-worker", Manager: "SWMTKN-manager" };

let closing: FakeEngine[] = [];
afterEach(async () => {
  await Promise.all(closing.map((engine) => engine.close()));
  closing = [];
});

/** A manager that keeps its nodes, and the engine of one machine, node2. */
class Swarm {
  readonly nodes: ApiNode[];
  /** What the machine's engine says of its swarm. */
  machine: object = { LocalNodeState: "inactive", ControlAvailable: false, NodeID: "" };
  readonly manager: FakeEngine;
  readonly node: FakeEngine;
  /** Names of services that have tasks on the drained node. */
  tasks: { ServiceID: string; Status: { State: string } }[] = [];

  constructor(...nodes: ApiNode[]) {
    this.nodes = [apiNode("node1", { role: "manager" }), ...nodes];
    this.manager = new FakeEngine(({ route, query, body }) => {
      const [method, path = ""] = route.split(" ");
      const [, id = "", verb] = /^\/nodes\/([^/]+)(\/update)?$/.exec(path) ?? [];
      const at = this.nodes.findIndex(({ ID }) => ID === id);
      if (route === "GET /nodes") return this.nodes;
      if (route === "GET /swarm") return { JoinTokens: TOKENS };
      if (route === "GET /info") return { Name: "node1", Swarm: { NodeID: "node1-id" } };
      if (route === "GET /swarm/unlockkey") return { UnlockKey: "SWMKEY-1" };
      if (route === "GET /tasks") return this.tasks;
      if (route === "GET /services") {
        return [{ ID: "s1", Spec: { Name: "dev_web", Mode: { Replicated: {} } } }];
      }
      if (at < 0) return undefined;
      const node = this.nodes[at] as ApiNode;
      if (verb === undefined && method === "GET") return node;
      if (method === "DELETE") return this.nodes.splice(at, 1) && {};
      if (query.get("version") !== String(node.Version.Index))
        return new ApiFault(500, "update out of sequence");
      const Spec = JSON.parse(body) as ApiNode["Spec"];
      const status = Spec.Role === "manager" ? { Reachability: "reachable", Addr: "a:2377" } : undefined;
      const { ID, Description, Status } = node;
      this.nodes[at] = {
        ID,
        Description,
        Status,
        Spec,
        Version: { Index: 43 },
        ...(status && { ManagerStatus: status }),
      };
      return {};
    });
    this.node = new FakeEngine(({ route }) => {
      switch (route) {
        case "GET /info":
          return { Name: "node2", ServerVersion: "1", Swarm: this.machine };
        case "POST /swarm/join":
          this.nodes.push(apiNode("node2", { id: "new-id" }));
          this.machine = { LocalNodeState: "active", NodeID: "new-id" };
          return {};
        case "POST /swarm/unlock":
          this.machine = { LocalNodeState: "active", NodeID: "node2-id" };
          return {};
        case "POST /swarm/leave":
          this.machine = { LocalNodeState: "inactive", NodeID: "" };
          return {};
      }
      return undefined;
    });
    closing.push(this.manager, this.node);
  }

  async settle(own: Partial<NodeTarget> = {}): Promise<string[]> {
    const said: string[] = [];
    await settleNode({
      node: "node2",
      namespace: "dev",
      host: await this.node.listen(),
      managerHost: await this.manager.listen(),
      role: "worker",
      labels: {},
      labelsBefore: [],
      availability: "active",
      madeHere: false,
      timeoutSeconds: 0,
      progress: (line) => said.push(line),
      ...own,
    });
    return said;
  }

  spec(id: string): ApiNode["Spec"] | undefined {
    return this.nodes.find(({ ID }) => ID === id)?.Spec;
  }

  asked(): string[] {
    return this.node.requests.map(({ route }) => route).filter((route) => !route.startsWith("GET"));
  }
}

test("a machine joins with the token of its role, in the body alone, and is marked as brought in", async () => {
  const swarm = new Swarm();
  const said = await swarm.settle({ advertiseAddress: "10.0.0.2", labels: { disk: "ssd" } });
  const join = swarm.node.requests.find(({ route }) => route === "POST /swarm/join");
  expect(JSON.parse(join?.body ?? "")).toEqual({
    ListenAddr: "0.0.0.0:2377",
    AdvertiseAddr: "10.0.0.2",
    RemoteAddrs: ["node1:2377"],
    JoinToken: TOKENS.Worker,
    Availability: "active",
  });
  expect(swarm.spec("new-id")?.Labels).toEqual({ "swarm-platform.joined": "dev", disk: "ssd" });
  expect(said.join()).not.toContain("SWMTKN");
});

test("what a machine left behind is removed before it joins anew, a manager's entry demoted first", async () => {
  const swarm = new Swarm(
    apiNode("node2", { id: "old-id", role: "manager", state: "down", reachability: "unreachable" }),
  );
  await swarm.settle({ role: "manager" });
  expect(swarm.spec("old-id")).toBeUndefined();
  expect(swarm.spec("new-id")?.Role).toBe("manager");
  const changes = swarm.manager.requests
    .map(({ route }) => route)
    .filter((route) => route.includes("old-id"));
  expect(changes).toEqual(["GET /nodes/old-id", "POST /nodes/old-id/update", "DELETE /nodes/old-id"]);
});

test("a machine that was removed behind its back leaves first", async () => {
  const swarm = new Swarm();
  swarm.machine = {
    LocalNodeState: "active",
    NodeID: "removed",
    RemoteManagers: [{ NodeID: "node1-id", Addr: "node1:2377" }],
  };
  await swarm.settle();
  expect(swarm.asked()).toEqual(["POST /swarm/leave", "POST /swarm/join"]);
});

test("a locked machine gets the key", async () => {
  const swarm = new Swarm(apiNode("node2"));
  swarm.machine = { LocalNodeState: "locked", NodeID: "" };
  await swarm.settle();
  expect(swarm.asked()).toEqual(["POST /swarm/unlock"]);
  const [unlock] = swarm.node.requests.filter(({ route }) => route === "POST /swarm/unlock");
  expect(JSON.parse(unlock?.body ?? "")).toEqual({ UnlockKey: "SWMKEY-1" });
});

test("labels that were set and are wanted no more go, others' stay; a member is not marked", async () => {
  const swarm = new Swarm(apiNode("node2", { labels: { disk: "hdd", rack: "1", others: "1" } }));
  swarm.machine = { LocalNodeState: "active", NodeID: "node2-id" };
  await swarm.settle({ labels: { disk: "ssd" }, labelsBefore: ["disk", "rack"], availability: "pause" });
  expect(swarm.spec("node2-id")).toEqual({
    Role: "worker",
    Availability: "pause",
    Labels: { disk: "ssd", others: "1" },
  });
  expect(swarm.asked()).toEqual([]);
});

test("the manager that is spoken to is marked where its swarm was made here", async () => {
  const swarm = new Swarm();
  const own = { node: "node1", host: undefined as never, role: undefined as never };
  await swarm.settle({ ...own, madeHere: true });
  expect(swarm.spec("node1-id")?.Labels).toEqual({ "swarm-platform.joined": "dev" });
});

test("nothing is written where nothing differs", async () => {
  const swarm = new Swarm(apiNode("node2"));
  swarm.machine = { LocalNodeState: "active", NodeID: "node2-id" };
  await swarm.settle();
  expect(swarm.manager.requests.filter(({ route }) => !route.startsWith("GET"))).toEqual([]);
});

test("a service that does not move from a drained node is named", async () => {
  const swarm = new Swarm(apiNode("node2"));
  swarm.machine = { LocalNodeState: "active", NodeID: "node2-id" };
  swarm.tasks = [{ ServiceID: "s1", Status: { State: "running" } }];
  await expect(swarm.settle({ availability: "drain" })).rejects.toThrow(
    "Node node2 is set to drain, and after 0 s these services don't run whole elsewhere: dev_web; do: see why " +
      "(docker service ps dev_web)",
  );
});

test.each([
  ["Timeout was reached before node joined.", "let this node reach port 2377/tcp of the managers (a:2377)"],
  [
    "could not connect to prospective new cluster member using its advertised address: rpc error",
    "let the managers (a:2377) reach port 2377/tcp of this node",
  ],
  [
    "could not choose an IP address to advertise since this system has multiple addresses on interface eth0",
    "set nodes.node2.advertiseAddress",
  ],
  ["x509: certificate has expired or is not yet valid", "set the clocks of both machines"],
  ["something else", "see the engine's log on that node"],
])("%s has its cure", (reason, cure) => {
  expect(joinFault("node2", ["a:2377"], reason)).toContain(
    `Node node2 could not join the swarm: ${reason}; do: ${cure}`,
  );
});
