import { asksOfNetwork, NetworkCheck } from "../../components/network/network-check";
import { record } from "../../review/graph/recorder";

test.each([
  ["host", false, 1, false],
  ["host", false, 2, true],
  ["host", true, 1, true],
  ["mesh", false, 1, true],
] as const)("routing %s, encrypted %s, %d nodes: asks something: %s", (routing, encrypted, nodes, asks) => {
  expect(asksOfNetwork(routing, encrypted, nodes)).toBe(asks);
});

test("is done by a hook before its command, which carries what it was done for", async () => {
  const graph = await record(
    () =>
      new NetworkCheck("network-check", {
        ...{ host: "unix:///run/test.sock", namespace: "dev", networkId: "network-id", image: "nginx:1" },
        ...{ routing: "mesh", encrypted: true, nodes: ["n1 id1", "n2 id2"], rolloutTimeoutSeconds: 180 },
      }),
  );
  expect(graph.get("Command", "network-check")).toMatchObject({
    parent: "swarm-platform:index:NetworkCheck network-check",
    inputs: {
      create: "echo checked",
      update: "echo checked",
      environment: { NODES: "n1 id1\nn2 id2", NETWORK: "network-id", ROUTING: "mesh", ENCRYPTED: "true" },
    },
    options: { hooks: { beforeCreate: ["network-check"], beforeUpdate: ["network-check"] } },
  });
});
