import type { SwarmInfo } from "../../components/engine/engine";
import { sightNode, standing, unreachable } from "../../components/swarm/node-sight";
import { apiNode } from "../support/environment";
import { ApiFault, FakeEngine } from "../support/fake-engine";

const HOST = "ssh://root@10.0.0.2";
const MANAGER = apiNode("node1", { role: "manager" });
const NODE = apiNode("node2");
const GONE = apiNode("node2", { id: "old-id", state: "down" });
const sight = (swarm: Partial<SwarmInfo>, hostname = "node2") => ({
  hostname,
  version: "28.2.2",
  swarm: { LocalNodeState: "active", ControlAvailable: false, NodeID: NODE.ID, ...swarm } as const,
});
const managers = (id: string) => [{ NodeID: id, Addr: "10.9.9.9:2377" }];

describe("a machine whose engine is asked", () => {
  test.each([
    ["is a member", sight({}), [MANAGER, NODE], { entry: NODE, stale: [] }],
    ["has an older entry", sight({}), [MANAGER, GONE, NODE], { entry: NODE, stale: [GONE] }],
    [
      "has never joined",
      sight({ LocalNodeState: "inactive", NodeID: "" }),
      [MANAGER],
      { stale: [], missing: "it is in no swarm" },
    ],
    [
      "has left, or was installed anew",
      sight({ LocalNodeState: "inactive", NodeID: "" }),
      [MANAGER, NODE],
      { stale: [NODE], missing: "it has left the swarm by hand, or was installed anew" },
    ],
    [
      "was removed by a manager and does not know",
      sight({ NodeID: "removed", RemoteManagers: managers(MANAGER.ID) }),
      [MANAGER, GONE],
      { stale: [GONE], orphaned: true, missing: "it was removed from the swarm" },
    ],
    [
      "has a broken swarm that was ours",
      sight({ LocalNodeState: "error", Error: "certificate expired" }),
      [MANAGER, NODE],
      { stale: [NODE], orphaned: true, missing: "its swarm is broken (certificate expired)" },
    ],
    [
      "is locked",
      sight({ LocalNodeState: "locked", NodeID: "" }),
      [MANAGER, NODE],
      { stale: [], locked: true },
    ],
    [
      "is in another swarm",
      sight({ NodeID: "theirs", RemoteManagers: managers("their-manager") }),
      [MANAGER],
      {
        stale: [],
        fault:
          "nodes.node2: its engine is in another swarm (that of 10.9.9.9:2377), and nothing here takes it out of that; " +
          `do: docker -H ${HOST} swarm leave --force, once nobody needs it there`,
      },
    ],
    [
      "has another name",
      sight({}, "worker-2"),
      [MANAGER],
      {
        stale: [],
        fault:
          `nodes.node2.host = "${HOST}": that machine calls itself worker-2; allowed: the machine's own host name as the key; ` +
          "do: name the entry worker-2, or correct its host",
      },
    ],
  ])("%s", (_what, seen, nodes, expected) => {
    expect(standing("node2", HOST, seen, nodes)).toEqual(expected);
  });

  test("that does not answer keeps the entry that it has", () => {
    const { entry, fault } = standing("node2", HOST, { silent: "Connection refused" }, [MANAGER, GONE, NODE]);
    expect(entry).toBe(NODE);
    expect(fault).toContain(
      "nodes.node2: the engine at ssh://root@10.0.0.2 can't be reached: Connection refused; do: ",
    );
  });
});

describe("a node of which only the manager is asked", () => {
  const at = (...nodes: Parameters<typeof standing>[3]) => standing("node2", undefined, undefined, nodes);

  test("is the one that is ready", () => expect(at(MANAGER, GONE, NODE)).toEqual({ entry: NODE, stale: [] }));
  test("need not be there before there is a swarm", () => expect(at()).toEqual({ stale: [] }));
  test("must be there otherwise", () => {
    expect(at(MANAGER).fault).toBe(
      "nodes.node2: the swarm has no such node, and without a host it can't be made to join; allowed: node1 (docker node " +
        "ls), or a host; do: correct the name, or set nodes.node2.host",
    );
  });
  test("must not share its name", () => {
    expect(at(NODE, { ...NODE, ID: "other" }).fault).toContain(
      "several nodes of the swarm have this name (node2-id, other)",
    );
  });
});

test.each([
  ["root@h: Permission denied (publickey).", "let the key in (ssh-copy-id ssh://root@10.0.0.2)"],
  ["Host key verification failed.", "log in once by hand"],
  ["sh: 1: docker: not found", "install the docker CLI"],
  [
    "permission denied while trying to connect to the Docker daemon socket at unix:///x/docker.sock",
    "let that user open the engine's socket",
  ],
  [
    "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
    "start the engine there",
  ],
  ["it does not answer in time", "see that the engine there answers"],
  ["ssh: Could not resolve hostname h: Name or service not known", "correct the host's name"],
  ["ssh: connect to host h port 22: Connection timed out", "see that the machine runs"],
])("%s has its cure", (reason, cure) => {
  expect(unreachable("nodes.node2", HOST, reason)).toContain(`${reason}; do: ${cure}`);
});

describe("sightNode", () => {
  const asking = async (answer: object): Promise<unknown> => {
    const engine = new FakeEngine(({ route }) => (route === "GET /info" ? answer : undefined));
    const host = await engine.listen();
    return sightNode(host).finally(() => engine.close());
  };
  const swarm = { LocalNodeState: "inactive", ControlAvailable: false };

  test("tells name, version and swarm", async () => {
    expect(await asking({ Name: "node2", ServerVersion: "28.2.2", Swarm: swarm })).toEqual({
      hostname: "node2",
      version: "28.2.2",
      swarm,
    });
  });
  test("never rejects", async () => {
    expect(await asking(new ApiFault(500, "starting up"))).toEqual({ silent: "starting up" });
    expect(await sightNode("unix:///nowhere/docker.sock")).toEqual({
      silent: expect.stringContaining("ENOENT") as string,
    });
  });
});
