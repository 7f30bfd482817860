import { clusterId, Kafka, KafkaArgs } from "../../components/kafka";
import { testEnvironment } from "../support/environment";
import { Graph, record } from "../support/recorder";

const kafka = (args: Partial<KafkaArgs> = {}, name = "kafka"): Promise<Graph> =>
  record(() => {
    const broker = new Kafka(name, {
      environment: testEnvironment(),
      image: "apache/kafka:4.1.0",
      externalHost: "10.0.0.1",
      externalPort: 9094,
      ...args,
    });
    return [broker.internalBootstrap, broker.externalBootstrap, broker.serviceName, broker.volumeName];
  });
interface Container {
  readonly env: Record<string, string>;
  readonly mounts: { readonly type: string; readonly source?: string; readonly target: string }[];
  readonly hostname: string;
  readonly healthcheck: { readonly tests: string[] };
}
const container = (graph: Graph): Container =>
  (graph.all("docker:index/service:Service")[0]?.inputs.taskSpec as { containerSpec: Container })
    .containerSpec;

test("the broker's environment is exactly the contract with the image", async () => {
  expect(container(await kafka()).env).toEqual({
    CLUSTER_ID: clusterId("dev"),
    KAFKA_ADVERTISED_LISTENERS: "INTERNAL://kafka:19092,EXTERNAL://10.0.0.1:9094",
    KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
    KAFKA_CONTROLLER_QUORUM_VOTERS: "1@kafka:9093",
    KAFKA_DEFAULT_REPLICATION_FACTOR: "1",
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
    KAFKA_HEAP_OPTS: "-Xms384m -Xmx384m",
    KAFKA_INTER_BROKER_LISTENER_NAME: "INTERNAL",
    KAFKA_LISTENERS: "INTERNAL://:19092,CONTROLLER://:9093,EXTERNAL://:9094",
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:PLAINTEXT",
    KAFKA_LOG_DIRS: "/var/lib/kafka/data",
    KAFKA_MIN_INSYNC_REPLICAS: "1",
    KAFKA_NODE_ID: "1",
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
    KAFKA_PROCESS_ROLES: "broker,controller",
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1",
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1",
    TZ: "UTC",
  });
});

test("every listener has a protocol, and every advertised one is listened on", async () => {
  const { env } = container(await kafka());
  const names = (list: string | undefined): string[] =>
    (list ?? "").split(",").map((one) => one.split(":")[0] ?? "");
  const listeners = names(env.KAFKA_LISTENERS);
  expect(names(env.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP)).toEqual(listeners);
  expect(names(env.KAFKA_ADVERTISED_LISTENERS).filter((name) => !listeners.includes(name))).toEqual([]);
});

test("clients outside are sent back to the address that they came to", async () => {
  const graph = await kafka({ externalHost: "kafka.example.com", externalPort: 19094 });
  expect(container(graph).env.KAFKA_ADVERTISED_LISTENERS).toContain("EXTERNAL://kafka.example.com:19094");
  expect(graph.get("docker:index/service:Service", "kafka").inputs.endpointSpec).toMatchObject({
    ports: [{ targetPort: 9094, publishedPort: 19094, publishMode: "host", protocol: "tcp" }],
  });
  expect(graph.result).toEqual(["kafka:19092", "kafka.example.com:19094", "dev_kafka", "dev_kafka-data"]);
});

test("a broker of another name finds itself by that name", async () => {
  const { env, hostname } = container(await kafka({}, "events"));
  expect(hostname).toBe("events");
  expect(env.KAFKA_CONTROLLER_QUORUM_VOTERS).toBe("1@events:9093");
  expect(env.KAFKA_ADVERTISED_LISTENERS).toContain("INTERNAL://events:19092");
});

test("half of the memory is the heap", async () => {
  const graph = await kafka({ memoryMiB: 1025 });
  expect(container(graph).env.KAFKA_HEAP_OPTS).toBe("-Xms512m -Xmx512m");
  expect(graph.get("docker:index/service:Service", "kafka").inputs.taskSpec).toMatchObject({
    resources: { limits: { memoryBytes: 1025 * 2 ** 20 } },
  });
});

test("the health check asks the port, not a second JVM and not a peer", async () => {
  expect(container(await kafka()).healthcheck.tests).toEqual([
    "CMD",
    "bash",
    "-c",
    "exec 3<>/dev/tcp/127.0.0.1/19092",
  ]);
});

test("never two brokers on the same data", async () => {
  expect((await kafka()).get("docker:index/service:Service", "kafka").inputs).toMatchObject({
    mode: { replicated: { replicas: 1 } },
    updateConfig: { order: "stop-first", parallelism: 1 },
    rollbackConfig: { order: "stop-first" },
    taskSpec: { containerSpec: { stopGracePeriod: "1m" } },
  });
});

describe("the data", () => {
  test("is on a volume of its own, where the broker writes", async () => {
    const graph = await kafka();
    expect(graph.get("Volume", "kafka").inputs).toEqual({
      name: "dev_kafka-data",
      driver: "local",
      labels: [{ label: "com.docker.stack.namespace", value: "dev" }],
    });
    const { mounts, env } = container(graph);
    expect(mounts.filter(({ type }) => type === "volume")).toEqual([
      { type: "volume", source: "dev_kafka-data", target: env.KAFKA_LOG_DIRS, readOnly: false },
    ]);
  });

  test.each([
    [undefined, true],
    [false, true],
    [true, false],
  ])("with purgeData %s stays at destroy: %s", async (purgeData, stays) => {
    const graph = await kafka(purgeData === undefined ? {} : { purgeData });
    expect(graph.get("Volume", "kafka").options).toEqual({ retainOnDelete: stays });
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
    internalBootstrap: "kafka:19092",
    externalBootstrap: "10.0.0.1:9094",
    serviceName: "dev_kafka",
    volumeName: "dev_kafka-data",
  });
});
