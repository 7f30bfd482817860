#!/usr/bin/env node
// How fast the project's producer writes to Kafka, beside Kafka's own kafka-producer-perf-test.sh: as many records of
// the same size to the same topic, through the same listener, both from a container in the engine's own network. As
// fast as possible, and at a fixed rate, where latencies can be compared. In turns; medians, and the ratio of the
// records per second (the target is 0.8 and more). Latency is from the call that sends to the acknowledgement by all
// in-sync replicas. The start of the JVM is in neither figure.
//
// Alike in both: acks=all, idempotence, linger 5 ms, batches of at most 1,000,012 bytes, no compression, 32 MiB of buffer,
// 5 requests under way. Different: ours has keys (the perf-test has none), which are not counted as size.
//
// The topic, which is deleted at the end, takes about a GB a round.
//
//   . tools/env.sh && bench/kafka-throughput.mjs [rounds, default 5]      (STACK, default dev; deploy it first)
import * as os from "node:os";
import { deployed, docker, median, pulumi, table } from "./lib.mjs";

const TARGET = 0.8;
const rounds = Number(process.argv[2] ?? 5);
/** A rate of 0 is as fast as possible; the count is then one at which the JVM is warm for most of the run. */
const CASES = [
  { size: 100, rate: 0, count: 2_000_000 },
  { size: 1000, rate: 0, count: 200_000 },
  { size: 100, rate: 5000, count: 25_000 },
  { size: 1000, rate: 5000, count: 25_000 },
];

const {
  kafkaBootstrap: brokers,
  images,
  services,
} = JSON.parse(pulumi(deployed, "stack", "output", "--json"));
const kafka = services.find((name) => name.endsWith("kafka-1"));
const kafkaImage = docker(
  "service",
  "inspect",
  kafka,
  "--format",
  "{{.Spec.TaskTemplate.ContainerSpec.Image}}",
);
const topic = `bench-${Date.now()}`;

/** As kafka-producer-perf-test.sh of a release sets it. */
const HEAP = "KAFKA_HEAP_OPTS=-Xmx512M";
const onHost = (...args) => docker("run", "--rm", "--network", "host", ...args.map(String));
const kafkaTool = (name, ...args) =>
  onHost("--env", HEAP, "--entrypoint", `/opt/kafka/bin/${name}.sh`, kafkaImage, ...args);
const topics = (...args) =>
  kafkaTool("kafka-topics", "--bootstrap-server", brokers, "--topic", topic, ...args);

/** The numbers that the pattern finds in a program's summary, by name. */
function parsed(summary, pattern) {
  const found = pattern.exec(summary);
  if (found === null) throw new Error(`The summary is not of the known form:\n${summary}`);
  return found.groups;
}

/** Milliseconds of a duration in Go's form, which is below a minute here. */
function milliseconds(duration) {
  const [, value, unit] = /^([\d.]+)(µs|ms|s)$/.exec(duration);
  return Number(value) * { µs: 0.001, ms: 1, s: 1000 }[unit];
}

function ours({ size, rate, count }) {
  const flags = { brokers, topic, count, size, rate, timeout: "5m" };
  const summary = onHost(
    images.producer,
    "produce",
    ...Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
  );
  const { records, mib, p50, p99, max } = parsed(
    summary,
    /(?<records>\d+) records\/s, (?<mib>[\d.]+) MiB\/s; latency p50 (?<p50>\S+), p99 (?<p99>\S+), max (?<max>\S+);/,
  );
  return { records, mib, p50: milliseconds(p50), p99: milliseconds(p99), max: milliseconds(max) };
}

/** Its "MB" are MiB. */
function perfTest({ size, rate, count }) {
  const settings = {
    "bootstrap.servers": brokers,
    acks: "all",
    "enable.idempotence": true,
    "linger.ms": 5,
    "batch.size": 1_000_012,
    "compression.type": "none",
    "buffer.memory": 32 << 20,
    "max.in.flight.requests.per.connection": 5,
  };
  const flags = ["--topic", topic, "--num-records", count, "--record-size", size, "--throughput", rate || -1];
  const summary = kafkaTool(
    "kafka-producer-perf-test",
    ...flags,
    "--producer-props",
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
  );
  return parsed(
    summary.trim().split("\n").at(-1),
    /sent, (?<records>[\d.]+) records\/sec \((?<mib>[\d.]+) MB\/sec\).* (?<max>[\d.]+) ms max latency, (?<p50>[\d.]+) ms 50th.* (?<p99>[\d.]+) ms 99th/,
  );
}

topics("--create", "--partitions", brokers.split(",").length);
try {
  const rows = CASES.flatMap((one) => {
    const results = { producer: [], "kafka-producer-perf-test": [] };
    for (let i = 0; i < rounds; i++) {
      results.producer.push(ours(one));
      results["kafka-producer-perf-test"].push(perfTest(one));
    }
    const medianOf = (name, figure) => median(results[name].map((result) => Number(result[figure])));
    return Object.keys(results).map((name) => {
      const [records, mib, p50, p99, max] = ["records", "mib", "p50", "p99", "max"].map((f) =>
        medianOf(name, f),
      );
      const ratio = records / medianOf("kafka-producer-perf-test", "records");
      return [
        `${one.size} B`,
        one.rate === 0 ? "as fast as possible" : `${one.rate}/s`,
        name,
        records.toFixed(0),
        mib.toFixed(1),
        ...[p50, p99, max].map((ms) => ms.toFixed(1)),
        ratio.toFixed(2),
      ];
    });
  });
  const load = os.loadavg().map((value) => value.toFixed(0));
  console.log(
    `${kafka}, median of ${rounds}, in turns; times in ms; load average ${load.join(", ")} on ${os.cpus().length} cores. ` +
      `Target: a ratio of ${TARGET} and more where it is as fast as possible.`,
  );
  table(["size", "rate", "program", "records/s", "MiB/s", "p50", "p99", "max", "ratio"], rows);
} finally {
  topics("--delete");
}
