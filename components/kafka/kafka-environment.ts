import type { Broker } from "./kafka-brokers";
import { envKey } from "./kafka-settings";

/** Port of the INTERNAL listener, for services of the platform. */
export const INTERNAL_PORT = 19092;
/** Port of the EXTERNAL listener inside the container. */
export const EXTERNAL_PORT = 9094;
export const CONTROLLER_PORT = 9093;
/** Memory limit of a broker that does not say it, in MiB. */
export const MEMORY_MIB = 512;
/**
 * A task that is made anew has another address: Java would keep the old one for 30 s, and for 10 s that there is none.
 */
const DNS_CACHE = "-Dsun.net.inetaddr.ttl=2 -Dsun.net.inetaddr.negative.ttl=1";
/** More replicas cost more than they save, whatever the number of brokers. */
const MAX_REPLICATION = 3;

/** Copies of each partition that a cluster of this size keeps by default. */
export function replication(brokers: number): number {
  return Math.min(brokers, MAX_REPLICATION);
}

/** Copies that a write with acks=all waits for: one broker may be away. */
export function minInSync(brokers: number): number {
  return Math.max(1, replication(brokers) - 1);
}

/** Broker properties that the component sets, with the key of the stack that decides them where there is one. */
export const OWNED: ReadonlyMap<string, string | undefined> = new Map([
  ["node.id", undefined],
  ["broker.id", undefined],
  ["process.roles", undefined],
  ["listeners", "kafkaPort"],
  ["advertised.listeners", "externalAddress"],
  ["listener.security.protocol.map", "kafkaUsers"],
  ["inter.broker.listener.name", undefined],
  ["controller.listener.names", undefined],
  ["controller.quorum.voters", "kafkaBrokers"],
  ["controller.quorum.bootstrap.servers", "kafkaBrokers"],
  ["log.dir", undefined],
  ["log.dirs", undefined],
  ["metadata.log.dir", undefined],
  ["default.replication.factor", "kafkaBrokers"],
  ["min.insync.replicas", "kafkaBrokers"],
  ["offsets.topic.replication.factor", "kafkaBrokers"],
  ["transaction.state.log.replication.factor", "kafkaBrokers"],
  ["transaction.state.log.min.isr", "kafkaBrokers"],
  ["share.coordinator.state.topic.replication.factor", "kafkaBrokers"],
  ["share.coordinator.state.topic.min.isr", "kafkaBrokers"],
  ["sasl.enabled.mechanisms", "kafkaUsers"],
  ["sasl.jaas.config", "kafkaUsers"],
]);
export const LISTENERS: readonly string[] = ["INTERNAL", "CONTROLLER", "EXTERNAL"];

export interface BrokerEnvironmentArgs {
  readonly clusterId: string;
  readonly broker: Broker;
  /** All brokers, this one too. */
  readonly brokers: readonly Broker[];
  /** Folder of the volume. */
  readonly data: string;
  readonly memoryMiB?: number;
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly users?: Readonly<Record<string, string>>;
}

/**
 * One broker's settings in the official image's form. `min.insync.replicas` is not among them: it must not rise before
 * the replicas are there, so it is set in the running cluster, see {@link KafkaCluster}.
 */
export function brokerEnvironment(args: BrokerEnvironmentArgs): Record<string, string> {
  const { broker, brokers } = args;
  const heap = Math.floor((args.memoryMiB ?? MEMORY_MIB) / 2);
  const copies = replication(brokers.length);
  const login = Object.keys(args.users ?? {}).length > 0;
  const properties: Record<string, string | number | boolean> = {
    ...args.settings,
    "node.id": broker.id,
    "process.roles": "broker,controller",
    "controller.quorum.voters": brokers.map(({ id, name }) => `${id}@${name}:${CONTROLLER_PORT}`).join(","),
    listeners: `INTERNAL://:${INTERNAL_PORT},CONTROLLER://:${CONTROLLER_PORT},EXTERNAL://:${EXTERNAL_PORT}`,
    "advertised.listeners":
      `INTERNAL://${broker.name}:${INTERNAL_PORT},` +
      `EXTERNAL://${broker.externalHost}:${broker.externalPort}`,
    "listener.security.protocol.map":
      `INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,` + `EXTERNAL:${login ? "SASL_PLAINTEXT" : "PLAINTEXT"}`,
    "inter.broker.listener.name": "INTERNAL",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": args.data,
    "default.replication.factor": copies,
    "offsets.topic.replication.factor": copies,
    "transaction.state.log.replication.factor": copies,
    "transaction.state.log.min.isr": minInSync(brokers.length),
    "share.coordinator.state.topic.replication.factor": copies,
    "share.coordinator.state.topic.min.isr": minInSync(brokers.length),
    "group.initial.rebalance.delay.ms": args.settings?.["group.initial.rebalance.delay.ms"] ?? 0,
    ...(login && {
      "listener.name.external.sasl.enabled.mechanisms": "SCRAM-SHA-512",
      "listener.name.external.scram-sha-512.sasl.jaas.config":
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    }),
  };
  return {
    CLUSTER_ID: args.clusterId,
    KAFKA_HEAP_OPTS: `-Xms${heap}m -Xmx${heap}m`,
    KAFKA_OPTS: DNS_CACHE,
    ...Object.fromEntries(Object.entries(properties).map(([key, value]) => [envKey(key), String(value)])),
  };
}
