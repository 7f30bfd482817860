import {
  allowedValue,
  BROKER_PROPERTIES,
  KAFKA_VERSION,
  KafkaProperty,
  TOPIC_PROPERTIES,
} from "../../components/kafka/kafka-property";
import { declaredConfig } from "../support/project";

test("the properties are those of the image that is used", () => {
  expect(declaredConfig().kafkaImage?.default).toBe(`apache/kafka:${KAFKA_VERSION}`);
});

test("they are sorted, so that another release is a diff of what it changed", () => {
  for (const properties of [BROKER_PROPERTIES, TOPIC_PROPERTIES]) {
    expect([...properties.keys()]).toEqual([...properties.keys()].sort());
  }
});

test("those of the authorizer are among them, those that Kafka keeps for itself are not", () => {
  expect(BROKER_PROPERTIES.has("super.users")).toBe(true);
  expect(BROKER_PROPERTIES.has("unstable.api.versions.enable")).toBe(false);
  expect(TOPIC_PROPERTIES.has("internal.segment.bytes")).toBe(false);
});

const topic = (name: string): KafkaProperty => {
  const property = TOPIC_PROPERTIES.get(name);
  if (property === undefined) throw new Error(name);
  return property;
};
const LONG = "a whole number from -1 to 9223372036854775807";

test.each([
  ["retention.ms", ["86400000", 86400000, -1, "+5", " 7 ", "9223372036854775807"]],
  ["cleanup.policy", ["delete", "compact,delete", "compact, delete"]],
  ["compression.type", ["zstd"]],
  ["preallocate", [true, "false", "TRUE"]],
  ["min.cleanable.dirty.ratio", [0.5, "0", "1e-3"]],
  ["follower.replication.throttled.replicas", ["0:1,1:1", "*"]],
])("%s takes %j", (name, values) => {
  expect(values.map((value) => allowedValue(topic(name), value))).toEqual(values.map(() => undefined));
});

test.each([
  ["retention.ms", "1d", LONG],
  ["retention.ms", "", LONG],
  ["retention.ms", 1.5, LONG],
  ["retention.ms", -2, LONG],
  // What JSON makes of the largest number that Kafka takes.
  ["retention.ms", 9223372036854775807, LONG],
  ["retention.ms", 1e21, LONG],
  ["segment.bytes", 1048575, "a whole number from 1048576 to 2147483647"],
  ["segment.bytes", "2147483648", "a whole number from 1048576 to 2147483647"],
  ["compression.gzip.level", "x", "a whole number from -2147483648 to 2147483647"],
  ["compression.lz4.level", 18, "a whole number from 1 to 17"],
  ["cleanup.policy", "compact,remove", "one or more of compact, delete, separated by commas"],
  ["compression.type", "GZIP", "gzip, lz4, producer, snappy, uncompressed, zstd"],
  ["preallocate", 1, "true or false"],
  ["min.cleanable.dirty.ratio", 1.1, "a number from 0 to 1"],
  ["min.cleanable.dirty.ratio", "", "a number from 0 to 1"],
  ["retention.ms", null, "text, a number, true or false"],
  ["retention.ms", [1], "text, a number, true or false"],
])("%s does not take %j", (name, value, allowed) => {
  expect(allowedValue(topic(name), value)).toBe(allowed);
});

test("a number without limits", () => {
  expect(allowedValue({ type: "double" }, "many")).toBe("a number");
  expect(allowedValue({ type: "double", min: 0 }, -1)).toBe("a number from 0");
});
