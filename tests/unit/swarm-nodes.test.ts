import * as pulumi from "@pulumi/pulumi";
import type { NodeSettings } from "../../config";
import { Swarm } from "../../components/swarm/swarm";
import {
  declareNodes,
  managerFaults,
  nodeNames,
  observeNodes,
  Standings,
  SwarmNodesArgs,
} from "../../components/swarm/swarm-nodes";
import { apiNode, EMPTY_SWARM } from "../support/environment";
import { FakeEngine } from "../support/fake-engine";
import { record } from "../../review/graph/recorder";

const settings = (own: Partial<NodeSettings> = {}): NodeSettings => ({
  labels: {},
  availability: "active",
  ...own,
});
const on = (role: "manager" | "worker"): NodeSettings => settings({ host: "unix:///nowhere.sock", role });
const JOINED = { "swarm-platform.joined": "dev" };
const manager = (name: string, own: Parameters<typeof apiNode>[1] = {}) =>
  apiNode(name, { role: "manager", labels: JOINED, ...own });
const observed = (...nodes: SwarmNodesArgs["observed"]["nodes"]) => ({
  nodeName: "a",
  version: "28.2.2",
  nodes,
});

describe("managers", () => {
  const faults = (
    nodes: Record<string, NodeSettings>,
    ...there: SwarmNodesArgs["observed"]["nodes"]
  ): string[] => managerFaults(nodes, "dev", observed(...there));
  const three = [manager("a"), manager("b"), manager("c")];

  test.each<[string, Record<string, NodeSettings>]>([
    ["as they are", { a: on("manager"), b: on("manager"), c: on("manager") }],
    ["one of three less", { a: on("manager"), b: on("manager"), c: on("worker") }],
    ["one of three taken out", { a: on("manager"), b: on("manager") }],
    ["more", { a: on("manager"), b: on("manager"), c: on("manager"), d: on("manager"), e: on("manager") }],
  ])("%s are fine", (_what, nodes) => expect(faults(nodes, ...three)).toEqual([]));

  test("two of three are too many to lose at once, however they go", () => {
    expect(faults({ a: on("manager"), b: on("worker") }, ...three)).toEqual([
      "nodes: of the 3 managers (a, b, c), 2 would go in one step (b, c), and the rest is no majority of them; allowed: at " +
        "most 1 at a time; do: leave c as it is, run up, then take the next",
    ]);
  });

  test("a dead one does not count as lost", () => {
    const there = [manager("a"), manager("b"), manager("c", { reachability: "unreachable" })];
    expect(faults({ a: on("manager"), b: on("worker") }, ...there)).toEqual([]);
  });

  test("those that others brought in stay", () => {
    const there = [manager("a"), manager("b", { labels: {} }), manager("c", { labels: {} })];
    expect(faults({ a: on("manager") }, ...there)).toEqual([]);
  });

  test("one of two may go", () => {
    expect(faults({ a: on("manager") }, manager("a"), manager("b"))).toEqual([]);
  });

  test("the one that is spoken to stays a manager, and is in the list", () => {
    expect(faults({ a: on("worker") }, manager("a"))[0]).toBe(
      'nodes.a.role = "worker": it is the manager that is spoken to; allowed: manager; do: set it to manager, or speak to ' +
        "another manager (DOCKER_HOST)",
    );
    expect(faults({ b: on("worker") }, manager("a"))[0]).toContain(
      "the engine that is spoken to is a, which is not among them",
    );
    expect(faults({ b: settings() }, manager("a"))).toEqual([]);
  });

  test("a swarm on loopback takes nobody in", () => {
    const local = { ...manager("a"), ManagerStatus: { Reachability: "reachable", Addr: "127.0.0.1:2377" } };
    expect(faults({ a: on("manager"), b: on("worker") }, local)[0]).toContain(
      "the swarm advertises 127.0.0.1:2377, which other machines can't reach; do: make destroy, set nodes.a.advertiseAddress",
    );
  });
});

describe("before anything runs", () => {
  const fake = (name: string, version: string) =>
    new FakeEngine(({ route }) =>
      route === "GET /info"
        ? {
            Name: name,
            ServerVersion: version,
            Swarm: { LocalNodeState: "active", ControlAvailable: false, NodeID: `${name}-id` },
          }
        : undefined,
    );
  /** What observeNodes gives or throws, and what it warns of. */
  async function look(
    nodes: Record<string, NodeSettings>,
    there: SwarmNodesArgs["observed"]["nodes"],
    preview = false,
  ): Promise<{ error?: string; warnings: string[] }> {
    const warnings: string[] = [];
    const warn = jest.spyOn(pulumi.log, "warn").mockImplementation((line) => {
      warnings.push(line);
      return Promise.resolve();
    });
    jest.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(preview);
    const args = {
      nodes,
      namespace: "dev",
      host: "",
      observed: observed(...there),
      rolloutTimeoutSeconds: 60,
    };
    try {
      await observeNodes(args);
      return { warnings };
    } catch (error) {
      expect(pulumi.RunError.isInstance(error)).toBe(true);
      return { error: (error as Error).message, warnings };
    } finally {
      warn.mockRestore();
      jest.restoreAllMocks();
    }
  }

  test("all faults are told at once", async () => {
    const { error } = await look({ a: on("worker"), b: on("worker"), x: settings() }, [
      manager("a"),
      apiNode("c"),
    ]);
    expect(error?.split("\n").map((line) => line.slice(0, 40))).toEqual(
      [
        "The nodes of the swarm can't be brought i",
        '  - nodes.a.role = "worker": it is the m',
        "  - nodes.b: the engine at unix:///nowher",
        "  - nodes.x: the swarm has no such node, ",
      ].map((line) => line.slice(0, 40)),
    );
  });

  test("a member that can't be reached is a warning that tells what the swarm says", async () => {
    const nodes = { a: settings(), b: on("worker") };
    const down = await look(nodes, [manager("a"), apiNode("b", { state: "down" })]);
    expect(down.error).toBeUndefined();
    expect(down.warnings[0]).toContain(
      "The swarm says that it is down: its tasks run on other nodes where they may.",
    );
    const up = await look(nodes, [manager("a"), apiNode("b")]);
    expect(up.warnings[0]).toContain("The swarm itself says that it is ready.");
  });

  test("a preview may come from where a machine can't be reached", async () => {
    const { error, warnings } = await look({ a: settings(), b: on("worker") }, [manager("a")], true);
    expect(error).toBeUndefined();
    expect(warnings[0]).toMatch(/^nodes\.b: the engine at .*\n {2}Until then up refuses\.$/);
  });

  test("engines of several versions are named", async () => {
    const engine = fake("b", "20.10.24");
    try {
      const host = await engine.listen();
      const nodes = { a: settings(), b: settings({ host, role: "worker" }) };
      expect((await look(nodes, [manager("a"), apiNode("b")])).warnings).toEqual([
        "The nodes run different engines: 28.2.2 on a; 20.10.24 on b. Swarm allows that while you upgrade them one by one, " +
          "managers last; bring all to one version.",
      ]);
    } finally {
      await engine.close();
    }
  });
});

test("managers settle one after the other, those that come before those that go, and workers after them side by side", async () => {
  const nodes = {
    w1: on("worker"),
    goes: on("worker"),
    m2: on("manager"),
    w2: on("worker"),
    m1: on("manager"),
  };
  const standings: Standings = new Map([["goes", { entry: manager("goes"), stale: [] }]]);
  const graph = await record(() => {
    const swarm = new Swarm("swarm", { observed: { ...EMPTY_SWARM, clusterId: undefined } });
    declareNodes(
      { nodes, namespace: "dev", host: "", observed: observed(), rolloutTimeoutSeconds: 60 },
      standings,
      swarm,
    );
  });
  const after = (name: string): string[] =>
    [...graph.before(graph.get("Command", `node-${name}`))]
      .map((id) => /Command.*node-(\w+)/.exec(id)?.[1] ?? "")
      .filter(Boolean)
      .sort();
  expect(["m2", "m1", "goes", "w1", "w2"].map(after)).toEqual([
    [],
    ["m2"],
    ["m1", "m2"],
    ["goes", "m1", "m2"],
    ["goes", "m1", "m2"],
  ]);
});

test.each([
  ["those that are there and those that join", ["a"], JOINED, ["a", "b"]],
  ["not those that leave", ["a", "x"], JOINED, ["a", "b"]],
  ["those that others brought in", ["a", "x"], {}, ["a", "x", "b"]],
])("names are %s", (_what, there, labels, names) => {
  const nodes = { b: on("worker"), c: settings() };
  // The manager that is spoken to, a, stays though it is not declared.
  const seen = observed(...there.map((name) => manager(name, { labels })));
  expect(nodeNames({ nodes, namespace: "dev", observed: seen })).toEqual(names);
});
