import { replication } from "./kafka-environment";
import type { ObservedTopic } from "./kafka-observer";
import { allowedValue, KAFKA_VERSION, KafkaValue, TOPIC_PROPERTIES } from "./kafka-property";
import { nearest } from "../nearest";

/** A topic of an environment, one entry of the key kafkaTopics. */
export interface KafkaTopic {
  /** 1 to 249 of `[A-Za-z0-9._-]`. */
  readonly name: string;
  /** 1 to 10000. Can grow, but not shrink. */
  readonly partitions: number;
  /** Brokers that have each partition, 1 to their number. @default that of the cluster */
  readonly replicationFactor?: number;
  /** Properties of the topic itself, such as `retention.ms`. @default none: those of the brokers hold */
  readonly config?: Readonly<Record<string, KafkaValue>>;
  /** Whether it is to be deleted, with its data. @default false */
  readonly remove?: boolean;
}

const FIELDS = ["name", "partitions", "replicationFactor", "config", "remove"];
const MAX_PARTITIONS = 10_000;
const NAME = "1 to 249 of A-Z, a-z, 0-9, ., _ and -, other than . and ..";
const EXAMPLE = '{"name":"orders","partitions":6}';

/**
 * Faults in the topics that a stack declares, all at once.
 *
 * @param topics as parsed from the stack's configuration; a list of {@link KafkaTopic} when there is no fault.
 * @param brokers number of brokers.
 * @param defaultReplication replication of a topic that does not say it. @default that of the cluster
 * @returns one text per fault: key, value, what is allowed, what to do.
 */
export function topicFaults(
  topics: unknown,
  brokers: number,
  defaultReplication = replication(brokers),
): string[] {
  if (!Array.isArray(topics)) {
    return [
      `kafkaTopics = ${JSON.stringify(topics)}; allowed: a list of topics, such as [${EXAMPLE}];` +
        " do: pulumi config set --path 'kafkaTopics[0].name' <value>",
    ];
  }
  return [
    ...topics.flatMap((topic, index) =>
      entryFaults(topic, `kafkaTopics[${index}]`, brokers, defaultReplication),
    ),
    ...nameFaults(topics),
  ];
}

function entryFaults(topic: unknown, key: string, brokers: number, defaultReplication: number): string[] {
  if (!isRecord(topic)) return [fault(key, topic, "", `a topic, such as ${EXAMPLE}`)];
  const { name, partitions, replicationFactor = defaultReplication, config = {}, remove = false } = topic;
  const of = typeof name === "string" ? ` (${name})` : "";
  const faults = Object.keys(topic)
    .filter((field) => !FIELDS.includes(field))
    .map((field) =>
      unknown(
        `${key}.${field}`,
        topic[field],
        of,
        "no field of a topic",
        FIELDS.join(", "),
        nearest(field, FIELDS),
      ),
    );

  if (typeof name !== "string" || !/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/.test(name)) {
    faults.push(fault(`${key}.name`, name, "", NAME));
  } else if (name.startsWith("__")) {
    faults.push(
      fault(`${key}.name`, name, ": internal topics are Kafka's own", "a name that does not start with __"),
    );
  }
  if (!isWhole(partitions, 1, MAX_PARTITIONS)) {
    faults.push(fault(`${key}.partitions`, partitions, of, `a whole number from 1 to ${MAX_PARTITIONS}`));
  }
  if (!isWhole(replicationFactor, 1, brokers)) {
    const allowed = `a whole number from 1 to ${brokers}, the number of brokers`;
    faults.push(fault(`${key}.replicationFactor`, replicationFactor, of, allowed));
  }
  if (typeof remove !== "boolean") faults.push(fault(`${key}.remove`, remove, of, "true or false"));
  if (!isRecord(config)) {
    faults.push(
      fault(`${key}.config`, config, of, 'values by property, such as {"retention.ms":"86400000"}'),
    );
  } else {
    faults.push(...configFaults(config, `${key}.config`, of, replicationFactor));
  }
  return faults;
}

function configFaults(
  config: Record<string, unknown>,
  key: string,
  of: string,
  replication: unknown,
): string[] {
  return Object.entries(config).flatMap(([property, value]) => {
    const at = `${key}["${property}"]`;
    const known = TOPIC_PROPERTIES.get(property);
    if (known === undefined) {
      const near = nearest(property, [...TOPIC_PROPERTIES.keys()]);
      const why = `no topic property of Kafka ${KAFKA_VERSION}`;
      return [
        unknown(at, value, of, why, "those under topic in components/kafka/kafka-properties.json", near),
      ];
    }
    const allowed = allowedValue(known, value);
    if (allowed !== undefined) return [fault(at, value, of, allowed)];
    if (
      property === "min.insync.replicas" &&
      typeof replication === "number" &&
      Number(value) > replication
    ) {
      const why = `${of}: Kafka would take ${replication} for it`;
      return [fault(at, value, why, `a whole number from 1 to ${replication}, the topic's replication`)];
    }
    return [];
  });
}

/** Names that are listed twice, or that Kafka refuses to have both: its metrics write "." and "_" alike. */
function nameFaults(topics: readonly unknown[]): string[] {
  const first = new Map<string, { name: string; index: number }>();
  return topics.flatMap((topic, index) => {
    if (!isRecord(topic) || typeof topic.name !== "string") return [];
    const { name } = topic;
    const metric = name.replaceAll(".", "_");
    const other = first.get(metric);
    if (other === undefined) {
      first.set(metric, { name, index });
      return [];
    }
    const key = `kafkaTopics[${index}]`;
    if (other.name === name) {
      return [
        `${key}.name = "${name}": listed twice; allowed: one entry per topic, kafkaTopics[${other.index}] is it;` +
          ` do: pulumi config rm --path '${key}'`,
      ];
    }
    return [fault(`${key}.name`, name, "", `a name that differs from "${other.name}" in more than . and _`)];
  });
}

/** One topic for the plan of kafka-admin, which takes values as Kafka does: as texts. */
export function plannedTopic(topic: KafkaTopic): KafkaTopic {
  return topic.config === undefined ? topic : { ...topic, config: configTexts(topic) };
}

/** One topic for a preview, its properties sorted: `6 partitions, 3 replicas, retention.ms=86400000`. */
export function topicLine(topic: KafkaTopic, defaultReplication: number): string {
  if (topic.remove ?? false) return "removed";
  return observedLine(asObserved(topic, defaultReplication));
}

/**
 * What the cluster has in place of what is wanted, such as `3 partitions, retention.ms=1`; undefined where it has what
 * is wanted.
 */
export function drift(
  wanted: KafkaTopic,
  observed: ObservedTopic | undefined,
  defaultReplication: number,
): string | undefined {
  if (wanted.remove ?? false) return observed && observedLine(observed);
  if (observed === undefined) return "not there";
  const want = asObserved(wanted, defaultReplication);
  const names = new Set([...Object.keys(want.config), ...Object.keys(observed.config)]);
  const differing = [...names].filter((name) => want.config[name] !== observed.config[name]).sort();
  const parts = [
    ...(observed.partitions === want.partitions ? [] : [partitionsOf(observed)]),
    ...(observed.replicationFactor === want.replicationFactor ? [] : [replicasOf(observed)]),
    ...differing.map(
      (name) => `${name}${observed.config[name] === undefined ? " not set" : `=${observed.config[name]}`}`,
    ),
  ];
  return parts.length === 0 ? undefined : parts.join(", ");
}

/** Topics that are to have fewer partitions than they have, which Kafka can't do: one text per fault. */
export function shrinkFaults(
  wanted: readonly KafkaTopic[],
  observed: ReadonlyMap<string, ObservedTopic>,
): string[] {
  return wanted.flatMap(({ name, partitions, remove = false }, index) => {
    const there = observed.get(name)?.partitions ?? 0;
    if (remove || partitions >= there) return [];
    const key = `kafkaTopics[${index}].partitions`;
    return [
      `${key} = ${partitions} (${name}): it has ${there}, and Kafka can't take partitions away; allowed: ${there} or more;` +
        ` do: pulumi config set --path '${key}' ${there}, or move to a topic of another name`,
    ];
  });
}

/** What a cluster has that has the topic as it is wanted. */
function asObserved(topic: KafkaTopic, defaultReplication: number): ObservedTopic {
  return {
    partitions: topic.partitions,
    replicationFactor: topic.replicationFactor ?? defaultReplication,
    config: configTexts(topic),
  };
}

function configTexts({ config = {} }: KafkaTopic): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, String(value)]));
}

function observedLine(topic: ObservedTopic): string {
  const config = Object.entries(topic.config).map(([name, value]) => `${name}=${value}`);
  return [partitionsOf(topic), replicasOf(topic), ...config.sort()].join(", ");
}

function partitionsOf({ partitions }: ObservedTopic): string {
  return `${partitions} partition${partitions === 1 ? "" : "s"}`;
}

function replicasOf({ replicationFactor }: ObservedTopic): string {
  return `${replicationFactor} replica${replicationFactor === 1 ? "" : "s"}`;
}

function fault(key: string, value: unknown, remark: string, allowed: string): string {
  const is = value === undefined ? "not set" : `= ${JSON.stringify(value)}`;
  return `${key} ${is}${remark}; allowed: ${allowed}; do: pulumi config set --path '${key}' <value>`;
}

function unknown(
  key: string,
  value: unknown,
  of: string,
  why: string,
  allowed: string,
  near: string | undefined,
): string {
  const meant = near === undefined ? "" : `, perhaps ${near}`;
  return `${key} = ${JSON.stringify(value)}${of}: ${why}; allowed: ${allowed}${meant}; do: pulumi config rm --path '${key}'`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}
