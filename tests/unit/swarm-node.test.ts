import * as pulumi from "@pulumi/pulumi";
import type { ApiNode } from "../../components/engine";
import { SwarmNode, SwarmNodeArgs } from "../../components/swarm-node";
import { Graph, record, Recorded } from "../support/recorder";

const node = (
  labels: Record<string, string>,
  availability: ApiNode["Spec"]["Availability"] = "active",
): ApiNode => ({
  ID: "node1-id",
  Version: { Index: 42 },
  Spec: { Labels: labels, Availability: availability },
  Description: { Hostname: "node1" },
  Status: { State: "ready" },
});
const declare = (args: Partial<SwarmNodeArgs>): SwarmNode =>
  new SwarmNode("node-node1", {
    host: "unix:///run/test.sock",
    node: "node1",
    labels: { disk: "ssd", rack: "3" },
    availability: "active",
    observed: [],
    ...args,
  });
const of = (graph: Graph): Recorded => graph.get("Command", "node-node1");
const command = async (args: Partial<SwarmNodeArgs> = {}): Promise<Recorded> =>
  of(await record(() => declare(args)));
const seen = ({ inputs }: Recorded): unknown => (inputs.environment as Record<string, string>).SEEN;

test("one script sets labels and availability, and takes away what it set", async () => {
  expect((await command()).inputs).toEqual({
    create: "sh components/swarm-node.sh apply",
    update: "sh components/swarm-node.sh apply",
    delete: "sh components/swarm-node.sh forget",
    environment: {
      DOCKER_HOST: "unix:///run/test.sock",
      NODE: "node1",
      LABELS: "disk=ssd\nrack=3",
      AVAILABILITY: "active",
      SEEN: "as wanted",
    },
  });
});

test("a node as wanted, with others' labels, is no difference", async () => {
  const { options } = await command({ observed: [node({ disk: "ssd", rack: "3", others: "1" })] });
  expect(options.ignoreChanges).toEqual(["environment.SEEN"]);
});

test("what was changed by hand is a difference that names it, each time anew", async () => {
  const drifted = await command({ observed: [node({ disk: "hdd" }, "drain")] });
  expect(seen(drifted)).toBe("label disk=hdd, no label rack, availability drain (node version 42)");
  expect(drifted.options.ignoreChanges ?? []).toEqual([]);
});

test("a node that the swarm does not have is named with those that it has", async () => {
  let error: unknown;
  await record(() => {
    try {
      declare({ node: "node2", observed: [node({})] });
    } catch (thrown) {
      error = thrown;
    }
  });
  expect(pulumi.ResourceError.isInstance(error)).toBe(true);
  expect(error).toMatchObject({
    message: "nodes.node2: the swarm has no such node; allowed: node1 (docker node ls)",
  });
});
