import type { ApiService } from "../../components/engine/engine";
import type { EnvironmentArgs } from "../../components/environment";
import { clusterId, Kafka, KafkaArgs } from "../../components/kafka/kafka";
import { testEnvironment } from "../support/environment";
import { Graph, record } from "../../review/graph/recorder";

const kafka = (
  args: Partial<KafkaArgs> = {},
  environment: Partial<EnvironmentArgs> = {},
  name = "kafka",
): Promise<Graph> =>
  record(() => {
    const cluster = new Kafka(name, {
      environment: testEnvironment(environment),
      image: "apache/kafka:4.3.1",
      adminImage: "kafka-admin:1",
      externalHost: "10.0.0.1",
      externalPort: 9094,
      ...args,
    });
    return [
      cluster.internalBootstrap,
      cluster.externalBootstrap,
      ...cluster.serviceNames,
      ...cluster.volumeNames,
    ];
  });
interface Container {
  readonly env: Record<string, string>;
  readonly mounts: { readonly type: string; readonly source?: string; readonly target: string }[];
  readonly hostname: string;
  readonly healthcheck: { readonly tests: string[] };
}
const SERVICE = "docker:index/service:Service";
const broker = (graph: Graph, id = 1, name = "kafka"): Container =>
  (graph.get(SERVICE, `${name}-${id}`).inputs.taskSpec as { containerSpec: Container }).containerSpec;
const cluster = (graph: Graph): Record<string, string> =>
  graph.get("command:local:Command", "kafka-cluster").inputs.environment as Record<string, string>;
/** Brokers that are there already. */
const there = (...ids: number[]): Partial<EnvironmentArgs> => ({
  observedServices: new Map(
    ids.map((id): [string, ApiService] => {
      const name = `dev_kafka-${id}`;
      const networks = [{ Target: "network-id", Aliases: [`kafka-${id}`, "kafka"] }];
      const Labels = { "com.docker.stack.namespace": "dev" };
      const task = { Networks: networks, ContainerSpec: { Image: "kafka", Labels } };
      const Spec = { Name: name, Mode: { Replicated: { Replicas: 1 } }, TaskTemplate: task };
      return [name, { ID: name, Version: { Index: 1 }, UpdatedAt: "2026-01-01T00:00:00Z", Spec }];
    }),
  ),
});
const waitsFor = (graph: Graph, id: number): string[] =>
  [...graph.before(graph.get(SERVICE, `kafka-${id}`))].filter((one) => one.startsWith(`${SERVICE} `)).sort();

test("the environment of a broker alone is exactly the contract with the image", async () => {
  expect(broker(await kafka()).env).toEqual({
    CLUSTER_ID: clusterId("dev"),
    KAFKA_ADVERTISED_LISTENERS: "INTERNAL://kafka-1:19092,EXTERNAL://10.0.0.1:9094",
    KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
    KAFKA_CONTROLLER_QUORUM_VOTERS: "1@kafka-1:9093",
    KAFKA_DEFAULT_REPLICATION_FACTOR: "1",
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
    KAFKA_HEAP_OPTS: "-Xms256m -Xmx256m",
    KAFKA_INTER_BROKER_LISTENER_NAME: "INTERNAL",
    KAFKA_LISTENERS: "INTERNAL://:19092,CONTROLLER://:9093,EXTERNAL://:9094",
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:PLAINTEXT",
    KAFKA_LOG_DIRS: "/var/lib/kafka/data",
    KAFKA_NODE_ID: "1",
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
    KAFKA_OPTS: "-Dsun.net.inetaddr.ttl=2 -Dsun.net.inetaddr.negative.ttl=1",
    KAFKA_PROCESS_ROLES: "broker,controller",
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: "1",
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: "1",
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1",
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1",
    TZ: "UTC",
  });
});

test.each([
  [3, "3", "2"],
  [5, "3", "2"],
])("%d brokers: all vote, %s copies, of which %s are waited for", async (brokers, copies, inSync) => {
  const graph = await kafka({ brokers });
  const ids = Array.from({ length: brokers }, (_, i) => i + 1);
  for (const id of ids) {
    expect(broker(graph, id)).toMatchObject({
      hostname: `kafka-${id}`,
      env: {
        KAFKA_NODE_ID: String(id),
        KAFKA_CONTROLLER_QUORUM_VOTERS: ids.map((one) => `${one}@kafka-${one}:9093`).join(","),
        KAFKA_ADVERTISED_LISTENERS: `INTERNAL://kafka-${id}:19092,EXTERNAL://10.0.0.1:${9093 + id}`,
        KAFKA_DEFAULT_REPLICATION_FACTOR: copies,
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: copies,
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: copies,
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: inSync,
      },
    });
    expect(broker(graph, id).env).not.toHaveProperty("KAFKA_MIN_INSYNC_REPLICAS");
  }
  expect(cluster(graph)).toMatchObject({ REPLICATION: copies, MIN_INSYNC_REPLICAS: inSync });
});

test("every listener has a protocol, and every advertised one is listened on", async () => {
  const { env } = broker(await kafka());
  const names = (list: string | undefined): string[] =>
    (list ?? "").split(",").map((one) => one.split(":")[0] ?? "");
  const listeners = names(env.KAFKA_LISTENERS);
  expect(names(env.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP)).toEqual(listeners);
  expect(names(env.KAFKA_ADVERTISED_LISTENERS).filter((name) => !listeners.includes(name))).toEqual([]);
});

test("clients outside are sent back to the address that they came to", async () => {
  const graph = await kafka({ externalHost: "kafka.example.com", externalPort: 19094, brokers: 3 });
  expect(broker(graph, 3).env.KAFKA_ADVERTISED_LISTENERS).toContain("EXTERNAL://kafka.example.com:19096");
  expect(graph.get(SERVICE, "kafka-3").inputs.endpointSpec).toMatchObject({
    ports: [{ targetPort: 9094, publishedPort: 19096, publishMode: "host", protocol: "tcp" }],
  });
  expect(graph.result).toEqual([
    "kafka-1:19092,kafka-2:19092,kafka-3:19092",
    "kafka.example.com:19094,kafka.example.com:19095,kafka.example.com:19096",
    ...["dev_kafka-1", "dev_kafka-2", "dev_kafka-3"],
    ...["dev_kafka-1-data", "dev_kafka-2-data", "dev_kafka-3-data"],
  ]);
});

test("a cluster of another name finds itself by that name", async () => {
  const { env, hostname } = broker(await kafka({}, {}, "events"), 1, "events");
  expect(hostname).toBe("events-1");
  expect(env.KAFKA_CONTROLLER_QUORUM_VOTERS).toBe("1@events-1:9093");
  expect(env.KAFKA_ADVERTISED_LISTENERS).toContain("INTERNAL://events-1:19092");
});

test("half of the memory is the heap", async () => {
  const graph = await kafka({ memoryMiB: 1025 });
  expect(broker(graph).env.KAFKA_HEAP_OPTS).toBe("-Xms512m -Xmx512m");
  expect(graph.get(SERVICE, "kafka-1").inputs.taskSpec).toMatchObject({
    resources: { limits: { memoryBytes: 1025 * 2 ** 20 } },
  });
});

test("the health check asks a port that is open without a quorum, and no second JVM", async () => {
  expect(broker(await kafka()).healthcheck.tests).toEqual([
    "CMD",
    "bash",
    "-c",
    "exec 3<>/dev/tcp/127.0.0.1/9093",
  ]);
});

test("never two brokers on the same data, and never a broker away from its data", async () => {
  const graph = await kafka({ nodes: [{ node: "node7" }] });
  expect(graph.get(SERVICE, "kafka-1").inputs).toMatchObject({
    mode: { replicated: { replicas: 1 } },
    updateConfig: { order: "stop-first", parallelism: 1 },
    rollbackConfig: { order: "stop-first" },
    taskSpec: {
      containerSpec: { stopGracePeriod: "30s" },
      placement: { constraints: ["node.hostname==node7"] },
    },
  });
});

describe("the order of brokers", () => {
  const chain = (graph: Graph): string[][] => [1, 2, 3].map((id) => waitsFor(graph, id));

  test("new ones start together: it takes a majority to get ready", async () => {
    expect(chain(await kafka({ brokers: 3 }))).toEqual([[], [], []]);
  });

  test("those that are there are changed one after the other", async () => {
    expect(chain(await kafka({ brokers: 3 }, there(1, 2, 3)))).toEqual([
      [],
      [`${SERVICE} kafka-1`],
      [`${SERVICE} kafka-1`, `${SERVICE} kafka-2`],
    ]);
  });

  test("new ones come one by one after those that know the cluster's metadata", async () => {
    expect(chain(await kafka({ brokers: 3 }, there(2)))).toEqual([
      [`${SERVICE} kafka-2`],
      [],
      [`${SERVICE} kafka-1`, `${SERVICE} kafka-2`],
    ]);
  });

  test("what the cluster itself keeps comes last", async () => {
    const { dependsOn } = (await kafka({ brokers: 3 })).get("command:local:Command", "kafka-cluster");
    expect(dependsOn).toEqual(expect.arrayContaining([1, 2, 3].map((id) => `${SERVICE} kafka-${id}`)));
  });
});

describe("a broker's turn comes when those before are in sync", () => {
  const waits = async (brokers: number, ...ids: number[]): Promise<string[]> => {
    const graph = await kafka({ brokers }, there(...ids));
    const names = graph.all(SERVICE).filter(({ options }) => options.hooks?.beforeUpdate?.length === 1);
    return names.map(({ name }) => name);
  };

  test("one after the other, but for the first", async () => {
    expect(await waits(3, 1, 2, 3)).toEqual(["kafka-2", "kafka-3"]);
  });

  test("not while there are too few to elect a controller", async () => {
    expect(await waits(3, 1)).toEqual(["kafka-3"]);
    expect(await waits(5, 1)).toEqual(["kafka-4", "kafka-5"]);
  });

  test("not in a new cluster", async () => {
    expect(await waits(3)).toEqual([]);
  });
});

describe("topics", () => {
  const orders = { name: "orders", partitions: 6, config: { "retention.ms": "1000" } };

  test("are data that a preview shows", async () => {
    expect(cluster(await kafka({ brokers: 3, topics: [orders] }))["topic orders"]).toBe(
      "6 partitions, 3 replicas, retention.ms=1000",
    );
  });

  test("as they should be are no difference; as they should not be are", async () => {
    const observed = (partitions: number): Partial<KafkaArgs> => ({
      topics: [orders],
      observedTopics: new Map([
        ["orders", { partitions, replicationFactor: 1, config: { "retention.ms": "1000" } }],
      ]),
    });
    const same = (await kafka(observed(6), there(1))).get("command:local:Command", "kafka-cluster");
    expect(same.options.ignoreChanges).toEqual(["environment.SEEN"]);
    const fewer = (await kafka(observed(3), there(1))).get("command:local:Command", "kafka-cluster");
    expect(fewer.options.ignoreChanges).toBeUndefined();
    expect((fewer.inputs.environment as Record<string, string>).SEEN).toContain("3 partitions");
  });

  test("are applied before anything is noted as applied", async () => {
    const { hooks } = (await kafka()).get("command:local:Command", "kafka-cluster").options as {
      hooks?: unknown;
    };
    expect(hooks).toMatchObject({ beforeCreate: ["kafka-cluster"], beforeUpdate: ["kafka-cluster"] });
  });
});

test("all faults come at once, before anything is declared", async () => {
  await expect(
    kafka(
      {
        brokers: 1,
        settings: { "log.retention.hour": 24, "node.id": 7 },
        topics: [{ name: "orders", partitions: 0, replicationFactor: 3 }],
      },
      there(3),
    ),
  ).rejects.toThrow(
    /Kafka kafka can't be declared; nothing of it was changed:\n(.*\n)*.*data of 3 brokers(.*\n)*.*log.retention.hour(.*\n)*.*node.id(.*\n)*.*partitions(.*\n)*.*replicationFactor/,
  );
});

describe("users", () => {
  test("none: nobody logs in", async () => {
    const graph = await kafka();
    expect(graph.all("docker:index/secret:Secret")).toEqual([]);
  });

  test("make clients outside log in, by a secret that only the cluster's tasks see", async () => {
    const graph = await kafka({ users: { alice: "correct horse" } });
    expect(broker(graph).env).toMatchObject({
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:SASL_PLAINTEXT",
      KAFKA_LISTENER_NAME_EXTERNAL_SASL_ENABLED_MECHANISMS: "SCRAM-SHA-512",
      KAFKA_LISTENER_NAME_EXTERNAL_SCRAM___SHA___512_SASL_JAAS_CONFIG:
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    });
    expect(graph.all("docker:index/secret:Secret").map(({ name }) => name)).toEqual(["kafka-users"]);
    expect(JSON.stringify(broker(graph))).not.toContain("correct horse");
    expect(cluster(graph).USERS).toMatch(/^dev_kafka-users-/);
  });
});

describe("the data", () => {
  test("is on a volume of its own, where the broker writes", async () => {
    const graph = await kafka();
    expect(graph.get("Volume", "kafka-1").inputs).toEqual({
      name: "dev_kafka-1-data",
      driver: "local",
      labels: [{ label: "com.docker.stack.namespace", value: "dev" }],
    });
    const { mounts, env } = broker(graph);
    expect(mounts.filter(({ type }) => type === "volume")).toEqual([
      { type: "volume", source: "dev_kafka-1-data", target: env.KAFKA_LOG_DIRS, readOnly: false },
    ]);
  });

  test("of a broker on another node is on a volume there, which Swarm makes", async () => {
    const graph = await kafka({ nodes: [{ node: "node7" }] });
    expect(graph.all("docker:index/volume:Volume")).toEqual([]);
    expect(broker(graph).mounts).toContainEqual(
      expect.objectContaining({ type: "volume", source: "dev_kafka-1-data" }),
    );
  });

  test.each([
    [undefined, true],
    [false, true],
    [true, false],
  ])("with purgeData %s stays at destroy: %s", async (purgeData, stays) => {
    const graph = await kafka(purgeData === undefined ? {} : { purgeData });
    expect(graph.get("Volume", "kafka-1").options).toEqual({ retainOnDelete: stays });
  });
});

describe("the cluster id", () => {
  test("is 16 bytes in 22 characters of base64url", () => {
    for (const namespace of ["dev", "prod", "a", "n".repeat(28)]) {
      expect(clusterId(namespace)).toMatch(/^[A-Za-z0-9_-]{22}$/);
      expect(Buffer.from(clusterId(namespace), "base64url")).toHaveLength(16);
    }
  });

  test("is an environment's own and never changes: a broker refuses data of another cluster", () => {
    expect(clusterId("dev")).toBe("2wJma9ToR_Wkt35CT_kVFA");
    expect(clusterId("prod")).not.toBe(clusterId("dev"));
  });
});

test("registers what others need", async () => {
  expect((await kafka()).get("Kafka", "kafka").outputs).toEqual({
    internalBootstrap: "kafka-1:19092",
    externalBootstrap: "10.0.0.1:9094",
    serviceNames: ["dev_kafka-1"],
    volumeNames: ["dev_kafka-1-data"],
  });
});
