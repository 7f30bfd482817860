import type { ApiService } from "../../components/engine/engine";
import { BrokersArgs, placeBrokers } from "../../components/kafka/kafka-brokers";

const service = (name: string, ...constraints: string[]): [string, ApiService] => [
  name,
  {
    ID: name,
    Version: { Index: 1 },
    UpdatedAt: "2026-01-01T00:00:00Z",
    Spec: {
      Name: name,
      Mode: { Replicated: { Replicas: 1 } },
      TaskTemplate: { Placement: { Constraints: constraints } },
    },
  },
];
const place = (args: Partial<BrokersArgs> = {}): ReturnType<typeof placeBrokers> =>
  placeBrokers({
    name: "kafka",
    namespace: "dev",
    brokers: 3,
    nodes: [],
    nodeName: "alone",
    nodeNames: [],
    externalHost: "10.0.0.1",
    externalPort: 9094,
    observedServices: new Map(),
    observedVolumes: [],
    allowReplace: [],
    ...args,
  });
const NODES = [{ node: "c", address: "10.0.0.3" }, { node: "a", address: "10.0.0.1" }, { node: "b" }];

test("on one machine, brokers share it and have a port each", () => {
  expect(place()).toEqual({
    faults: [],
    brokers: [1, 2, 3].map((id) => ({
      id,
      name: `kafka-${id}`,
      volume: `dev_kafka-${id}-data`,
      node: "alone",
      externalHost: "10.0.0.1",
      externalPort: 9093 + id,
      exists: false,
      runs: false,
    })),
  });
});

test("each on its own machine, in the order given, with the machine's address and the same port", () => {
  const { brokers, faults } = place({ nodes: NODES });
  expect(faults).toEqual([]);
  expect(
    brokers.map(({ node, externalHost, externalPort }) => `${node} ${externalHost}:${externalPort}`),
  ).toEqual(["c 10.0.0.3:9094", "a 10.0.0.1:9094", "b 10.0.0.1:9094"]);
});

test("two on one machine of several have ports one after the other", () => {
  const nodes = [{ node: "a" }, { node: "b" }, { node: "a" }];
  expect(place({ nodes }).brokers.map(({ externalPort }) => externalPort)).toEqual([9094, 9094, 9095]);
});

test("a broker that is there stays on its node, whichever manager is asked", () => {
  const observedServices = new Map([service("dev_kafka-1", "node.role==manager", "node.hostname==old")]);
  const { brokers, faults } = place({ observedServices });
  expect(faults).toEqual([]);
  expect(brokers.map(({ node, exists }) => [node, exists])).toEqual([
    ["old", true],
    ["alone", false],
    ["alone", false],
  ]);
});

describe("a broker that would leave its data behind", () => {
  const observedServices = new Map([service("dev_kafka-2", "node.hostname==old")]);

  test("is a fault, with what to do", () => {
    expect(place({ nodes: NODES, observedServices }).faults).toEqual([
      'kafkaNodes[1].node = "a": broker 2 keeps its data on old, and a local volume doesn\'t follow it; allowed: old;' +
        " do: set it back. If old is lost: pulumi config set allowReplace kafka-2 lets the broker start empty on the" +
        " other machine and copy what has replicas elsewhere; what has none is lost",
    ]);
  });

  test("moves with consent", () => {
    const { brokers, faults } = place({ nodes: NODES, observedServices, allowReplace: ["kafka-2"] });
    expect(faults).toEqual([]);
    expect(brokers[1]?.node).toBe("a");
  });
});

test("each broker has a machine, or none has", () => {
  expect(place({ nodes: NODES.slice(1) }).faults).toEqual([
    "kafkaNodes names 2 machines; allowed: 3, one for each of kafkaBrokers, or none;" +
      " do: name the machine of each broker, in the order of the brokers",
  ]);
});

test("a machine that the swarm does not have, or has twice, is a fault", () => {
  const { faults } = place({ nodes: NODES, nodeNames: ["a", "a", "b"] });
  const allowed = "allowed: a name of one of a, a, b (docker node ls)";
  expect(faults).toEqual([
    `kafkaNodes[0].node = "c": the swarm has no such node; ${allowed}; do: pulumi config set --path 'kafkaNodes[0].node' <value>`,
    `kafkaNodes[1].node = "a": several nodes of the swarm have this name; ${allowed}; do: pulumi config set --path 'kafkaNodes[1].node' <value>`,
  ]);
});

describe("fewer brokers than there is data of", () => {
  test.each([
    ["services", { observedServices: new Map(["1", "2", "3"].map((id) => service(`dev_kafka-${id}`))) }, 3],
    ["volumes", { observedVolumes: ["dev_kafka-1-data", "dev_kafka-2-data", "dev_kafka-10-data"] }, 10],
    ["services of an up that was killed", { observedServices: new Map([service("dev_kafka-2")]) }, 2],
  ])("is a fault, known by the %s", (_, observed, most) => {
    const least = most % 2 === 0 ? most + 1 : most;
    expect(place({ brokers: 1, ...observed }).faults).toEqual([
      `kafkaBrokers = 1: data of ${most} brokers is there, and a cluster can't be made smaller in place;` +
        ` allowed: ${least} or more; do: pulumi config set kafkaBrokers ${least}. To start anew without the data: pulumi` +
        ` destroy, then docker volume rm dev_kafka-1-data to dev_kafka-${most}-data on the nodes that have them, then up`,
    ]);
  });

  test("others' names are no brokers", () => {
    const observedVolumes = [
      "dev_kafka-data",
      "dev_kafka-2-backup",
      "prod_kafka-2-data",
      "dev_kafka-ui-2-data",
    ];
    expect(place({ brokers: 1, observedVolumes }).faults).toEqual([]);
  });
});
