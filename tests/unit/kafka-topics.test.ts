import type { ObservedTopic } from "../../components/kafka/kafka-observer";
import {
  drift,
  KafkaTopic,
  plannedTopic,
  shrinkFaults,
  topicFaults,
  topicLine,
} from "../../components/kafka/kafka-topics";

const NAME = "1 to 249 of A-Z, a-z, 0-9, ., _ and -, other than . and ..";
const TOPICS = "those under topic in components/kafka/kafka-properties.json";
const set = (path: string): string => `do: pulumi config set --path 'kafkaTopics${path}' <value>`;
const rm = (path: string): string => `do: pulumi config rm --path 'kafkaTopics${path}'`;
const good: KafkaTopic = { name: "orders", partitions: 6 };

test("topics without a fault", () => {
  const topics: KafkaTopic[] = [
    good,
    { name: "a".repeat(249), partitions: 1 },
    { name: "A.b_c-9", partitions: 10_000, replicationFactor: 3, remove: true },
    { name: "_schemas", partitions: 1, config: { "min.insync.replicas": 2, "cleanup.policy": "compact" } },
    { name: "...", partitions: 1, config: {} },
  ];
  expect(topicFaults(topics, 3)).toEqual([]);
  expect(topicFaults([], 1)).toEqual([]);
});

test.each<[string, object, string]>([
  ["an empty name", { name: "" }, `[0].name = ""; allowed: ${NAME}; ${set("[0].name")}`],
  ["no name", { name: undefined }, `[0].name not set; allowed: ${NAME}; ${set("[0].name")}`],
  ["a name that YAML takes for a number", { name: 7 }, `[0].name = 7; allowed: ${NAME}; ${set("[0].name")}`],
  ["the name .", { name: "." }, `[0].name = "."; allowed: ${NAME}; ${set("[0].name")}`],
  ["the name ..", { name: ".." }, `[0].name = ".."; allowed: ${NAME}; ${set("[0].name")}`],
  ["a name with a blank", { name: "a b" }, `[0].name = "a b"; allowed: ${NAME}; ${set("[0].name")}`],
  [
    "a name that is too long",
    { name: "a".repeat(250) },
    `[0].name = "${"a".repeat(250)}"; allowed: ${NAME}; ${set("[0].name")}`,
  ],
  [
    "an internal topic",
    { name: "__consumer_offsets" },
    `[0].name = "__consumer_offsets": internal topics are Kafka's own; allowed: a name that does not start with __; ${set("[0].name")}`,
  ],
  ...[0, 10_001, 1.5, "6"].map((partitions): [string, object, string] => [
    `${JSON.stringify(partitions)} partitions`,
    { partitions },
    `[0].partitions = ${JSON.stringify(partitions)} (orders); allowed: a whole number from 1 to 10000; ${set("[0].partitions")}`,
  ]),
  [
    "no partitions",
    { partitions: undefined },
    `[0].partitions not set (orders); allowed: a whole number from 1 to 10000; ${set("[0].partitions")}`,
  ],
  ...[0, 4].map((replicationFactor): [string, object, string] => [
    `${replicationFactor} replicas`,
    { replicationFactor },
    `[0].replicationFactor = ${replicationFactor} (orders); allowed: a whole number from 1 to 3, the number of brokers; ${set("[0].replicationFactor")}`,
  ]),
  [
    "an unknown field",
    { partition: 3 },
    `[0].partition = 3 (orders): no field of a topic; allowed: name, partitions, replicationFactor, config, remove, perhaps partitions; ${rm("[0].partition")}`,
  ],
  [
    "a removal that is no boolean",
    { remove: "yes" },
    `[0].remove = "yes" (orders); allowed: true or false; ${set("[0].remove")}`,
  ],
  [
    "properties that are a list",
    { config: [] },
    `[0].config = [] (orders); allowed: values by property, such as {"retention.ms":"86400000"}; ${set("[0].config")}`,
  ],
  [
    "an unknown property",
    { config: { "retention.mss": 5 } },
    `[0].config["retention.mss"] = 5 (orders): no topic property of Kafka 4.3.1; allowed: ${TOPICS}, perhaps retention.ms; ${rm('[0].config["retention.mss"]')}`,
  ],
  [
    "a property that resembles none",
    { config: { colour: 5 } },
    `[0].config["colour"] = 5 (orders): no topic property of Kafka 4.3.1; allowed: ${TOPICS}; ${rm('[0].config["colour"]')}`,
  ],
  [
    "a value that Kafka does not take",
    { config: { "retention.ms": "1d" } },
    `[0].config["retention.ms"] = "1d" (orders); allowed: a whole number from -1 to 9223372036854775807; ${set('[0].config["retention.ms"]')}`,
  ],
  [
    "a value that is an object",
    { config: { "retention.ms": {} } },
    `[0].config["retention.ms"] = {} (orders); allowed: text, a number, true or false; ${set('[0].config["retention.ms"]')}`,
  ],
  [
    "more replicas in sync than there are",
    { replicationFactor: 1, config: { "min.insync.replicas": "2" } },
    `[0].config["min.insync.replicas"] = "2" (orders): Kafka would take 1 for it; allowed: a whole number from 1 to 1, the topic's replication; ${set('[0].config["min.insync.replicas"]')}`,
  ],
])("%s", (_, change, expected) => {
  expect(topicFaults([{ ...good, ...change }], 3)).toEqual([`kafkaTopics${expected}`]);
});

test("replicas in sync are compared with the default replication where the topic does not say it", () => {
  const topics = [{ ...good, config: { "min.insync.replicas": 3 } }];
  expect(topicFaults(topics, 5)).toEqual([]);
  expect(topicFaults(topics, 5, 2)).toHaveLength(1);
});

test("all faults of all topics at once, each with its place", () => {
  const faults = topicFaults([good, "orders", { name: "b c", partitions: 0, color: 1 }], 1);
  expect(faults.map((line) => line.split(/ = | not/)[0])).toEqual([
    "kafkaTopics[1]",
    "kafkaTopics[2].color",
    "kafkaTopics[2].name",
    "kafkaTopics[2].partitions",
  ]);
  expect(faults[0]).toBe(
    `kafkaTopics[1] = "orders"; allowed: a topic, such as {"name":"orders","partitions":6}; ${set("[1]")}`,
  );
});

test.each([{}, "orders", null])("%j is no list of topics", (topics) => {
  expect(topicFaults(topics, 1)).toEqual([
    `kafkaTopics = ${JSON.stringify(topics)}; allowed: a list of topics, such as [{"name":"orders","partitions":6}];` +
      " do: pulumi config set --path 'kafkaTopics[0].name' <value>",
  ]);
});

test("names that Kafka can't have both", () => {
  const named = (name: string): KafkaTopic => ({ name, partitions: 1 });
  expect(topicFaults(["a.b", "c", "a_b", "c"].map(named), 1)).toEqual([
    `kafkaTopics[2].name = "a_b"; allowed: a name that differs from "a.b" in more than . and _; ${set("[2].name")}`,
    `kafkaTopics[3].name = "c": listed twice; allowed: one entry per topic, kafkaTopics[1] is it; ${rm("[3]")}`,
  ]);
});

test.each<[KafkaTopic, string]>([
  [good, "6 partitions, 3 replicas"],
  [{ name: "a", partitions: 1, replicationFactor: 1 }, "1 partition, 1 replica"],
  [
    { ...good, config: { "segment.ms": 1, "cleanup.policy": "compact", preallocate: true } },
    "6 partitions, 3 replicas, cleanup.policy=compact, preallocate=true, segment.ms=1",
  ],
  [{ ...good, remove: true }, "removed"],
])("%j reads %s", (topic, line) => {
  expect(topicLine(topic, 3)).toBe(line);
});

const there: ObservedTopic = { partitions: 6, replicationFactor: 3, config: { "retention.ms": "5" } };
const wanted: KafkaTopic = { ...good, config: { "retention.ms": 5 } };

test.each<[string, Partial<KafkaTopic>, ObservedTopic | undefined, string | undefined]>([
  ["as wanted", {}, there, undefined],
  ["as wanted, with its own replication", { replicationFactor: 3 }, there, undefined],
  ["not there", {}, undefined, "not there"],
  ["of fewer partitions", {}, { ...there, partitions: 3 }, "3 partitions"],
  ["of fewer replicas", {}, { ...there, replicationFactor: 1 }, "1 replica"],
  ["with another value", {}, { ...there, config: { "retention.ms": "1" } }, "retention.ms=1"],
  ["without a value", {}, { ...there, config: {} }, "retention.ms not set"],
  [
    "with a value more",
    {},
    { ...there, config: { "retention.ms": "5", "cleanup.policy": "compact" } },
    "cleanup.policy=compact",
  ],
  [
    "other in all",
    { config: { "segment.ms": 1 } },
    { partitions: 3, replicationFactor: 2, config: { "retention.ms": "1" } },
    "3 partitions, 2 replicas, retention.ms=1, segment.ms not set",
  ],
  ["gone, as wanted", { remove: true }, undefined, undefined],
  ["to be removed", { remove: true }, there, "6 partitions, 3 replicas, retention.ms=5"],
])("a topic that is %s", (_, change, observed, text) => {
  expect(drift({ ...wanted, ...change }, observed, 3)).toBe(text);
});

test("numbers and switches are texts in a plan, as Kafka takes them", () => {
  const config = { "retention.ms": 86_400_000, preallocate: true, "cleanup.policy": "compact" };
  expect(plannedTopic({ ...good, remove: false, config })).toEqual({
    ...good,
    remove: false,
    config: { "retention.ms": "86400000", preallocate: "true", "cleanup.policy": "compact" },
  });
  expect(plannedTopic(good)).toEqual(good);
});

test("partitions can't be taken away", () => {
  const observed = new Map(["a", "b", "c", "d"].map((name) => [name, there]));
  const topics: KafkaTopic[] = [
    { name: "a", partitions: 6 },
    { name: "b", partitions: 5 },
    { name: "c", partitions: 7 },
    { name: "d", partitions: 1, remove: true },
    { name: "e", partitions: 1 },
  ];
  expect(shrinkFaults(topics, observed)).toEqual([
    "kafkaTopics[1].partitions = 5 (b): it has 6, and Kafka can't take partitions away; allowed: 6 or more;" +
      " do: pulumi config set --path 'kafkaTopics[1].partitions' 6, or move to a topic of another name",
  ]);
});
