import * as pulumi from "@pulumi/pulumi";
import type { ApiNode } from "../../components/engine/engine";
import { SwarmNode, SwarmNodeArgs } from "../../components/swarm/swarm-node";
import { apiNode } from "../support/environment";
import { record, Recorded } from "../../review/graph/recorder";

const standing = (entry: ApiNode, stale: ApiNode[] = []): SwarmNodeArgs["standing"] => ({ entry, stale });
const command = async (args: Partial<SwarmNodeArgs> = {}): Promise<Recorded> => {
  const graph = await record(
    () =>
      new SwarmNode("node-node1", {
        node: "node1",
        namespace: "dev",
        managerHost: "unix:///run/test.sock",
        swarm: { madeHere: pulumi.output(true) },
        labels: { rack: "3", disk: "ssd" },
        availability: "active",
        standing: { stale: [] },
        timeoutSeconds: 60,
        ...args,
      }),
  );
  return graph.get("Command", "node-node1");
};
const environment = ({ inputs }: Recorded): Record<string, string> =>
  inputs.environment as Record<string, string>;

test("one script takes the node out again, and knows all that it needs for it", async () => {
  const own = { host: "ssh://root@10.0.0.2", role: "worker", advertiseAddress: "10.0.0.2" } as const;
  expect((await command(own)).inputs).toEqual({
    create: "echo settled",
    update: "echo settled",
    delete: "sh components/swarm/swarm-node.sh",
    environment: {
      NODE: "node1",
      NODE_HOST: "ssh://root@10.0.0.2",
      NAMESPACE: "dev",
      ROLE: "worker",
      ADVERTISE_ADDRESS: "10.0.0.2",
      LABELS: "disk=ssd\nrack=3",
      AVAILABILITY: "active",
      PATIENCE: "60",
      SEEN: "as wanted",
    },
  });
});

test("a node as wanted, with others' labels, is no difference", async () => {
  const labels = { disk: "ssd", rack: "3", others: "1" };
  const { options } = await command({ role: "worker", standing: standing(apiNode("node1", { labels })) });
  expect(options.ignoreChanges).toEqual(["environment.SEEN"]);
});

test("a node that has no host keeps the role that it has", async () => {
  const seen = apiNode("node1", { labels: { disk: "ssd", rack: "3" }, role: "manager" });
  expect((await command({ standing: standing(seen) })).options.ignoreChanges).toEqual(["environment.SEEN"]);
});

test.each<[string, Partial<SwarmNodeArgs>, string]>([
  [
    "labels and availability",
    { standing: standing(apiNode("node1", { labels: { disk: "hdd" }, availability: "drain" })) },
    "no label rack, label disk=hdd, availability drain (node version 42)",
  ],
  [
    "its role",
    { labels: {}, role: "manager", standing: standing(apiNode("node1")) },
    "role worker (node version 42)",
  ],
  [
    "an entry that it left behind",
    { labels: {}, standing: standing(apiNode("node1"), [apiNode("node1", { id: "old" })]) },
    "left behind: old (node version 42)",
  ],
])("%s that differ are named, each time anew", async (_what, args, seen) => {
  const drifted = await command(args);
  expect(environment(drifted).SEEN).toBe(seen);
  expect(drifted.options.ignoreChanges ?? []).toEqual([]);
});

test.each<[SwarmNodeArgs["standing"], string]>([
  [{ stale: [], missing: "it is in no swarm" }, "it is in no swarm"],
  [{ stale: [], locked: true }, "its engine waits for the unlock key"],
])("a machine that is no member is a difference: %j", async (at, says) => {
  const missing = await command({ standing: at });
  expect(environment(missing).SEEN).toMatch(new RegExp(`^${says} \\(\\d{4}-.*Z\\)$`));
  expect(missing.options.ignoreChanges ?? []).toEqual([]);
});
