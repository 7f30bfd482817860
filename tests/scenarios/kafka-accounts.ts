import * as http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { KAFKA, KAFKA_AND_ACCOUNTS } from "../support/kafka-program";
import type { KafkaLab } from "../support/kafka";
import { Load, LoadSample } from "../support/load";
import { cases, figures, KAFKA_CLUSTER } from "./kafka";

const TOPIC = "account.viewed";
const BROKERS = ["dev_kafka-1", "dev_kafka-2", "dev_kafka-3"];
/** Requests a second, to each of the two services. */
const RATE = 100;
/** Of one of the windows whose p99s are compared, in ms. */
const WINDOW = 5000;
const WINDOWS = 5;
/** What the service keeps while Kafka is away. */
const BUFFER = 20_000;
/** By how many ms Kafka may slow a request down. */
const SLOWER = 5;

/** All brokers are away, or there again and in sync. */
async function scale(lab: KafkaLab, replicas: 0 | 1): Promise<void> {
  lab.engine.docker("service", "scale", "--detach", ...BROKERS.map((name) => `${name}=${replicas}`));
  if (replicas === 1) await lab.inSync();
  while (replicas === 0 && lab.engine.docker("ps", "--quiet", "--filter", "name=dev_kafka-") !== "")
    await sleep(500);
}

/** How many events came to which end, and wait: by name. */
async function events(lab: KafkaLab): Promise<Record<string, number>> {
  const { body } = await get(lab, "/metrics");
  const of = /^account_events_(?:total\{result="(\w+)"\}|(buffered)) (\S+)$/gm;
  return Object.fromEntries(
    [...body.matchAll(of)].map(([, result, gauge, value]) => [result ?? gauge ?? "", Number(value)]),
  );
}

function get(lab: KafkaLab, path: string, agent?: http.Agent): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    http
      .get(`http://${lab.engine.address}:6767${path}`, { agent }, (answer) => {
        let body = "";
        answer.on("data", (piece) => (body += String(piece)));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      })
      .on("error", reject);
  });
}

/** Asks for an account so many times, as fast as the service answers; all must be answered. */
async function burst(lab: KafkaLab, count: number): Promise<void> {
  const agent = new http.Agent({ keepAlive: true });
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) expect((await get(lab, "/accounts/10000", agent)).status).toBe(200);
  };
  await Promise.all(Array.from({ length: 16 }, client));
  agent.destroy();
}

/** Messages in the topic. */
function written(lab: KafkaLab): number {
  const lines = lab.tool("kafka-get-offsets", "--topic", TOPIC).split("\n");
  return lines.reduce((sum, line) => sum + Number(line.split(":")[2]), 0);
}

/**
 * By how many ms the 99th percentile of the service with Kafka is above that of the one without: in the median of the
 * windows between two times, since a busy machine slows both down in some of them.
 */
function slower(samples: readonly LoadSample[], from: number): number {
  const p99 = (port: number, start: number): number => {
    const times = samples
      .filter(({ at, target }) => at >= start && at < start + WINDOW && target.includes(`:${port}/`))
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
    return times[Math.floor(times.length * 0.99)] ?? NaN;
  };
  const starts = Array.from({ length: WINDOWS }, (_, i) => from + i * WINDOW);
  const differences = starts.map((start) => p99(6767, start) - p99(6768, start)).sort((a, b) => a - b);
  return differences[Math.floor(WINDOWS / 2)] ?? NaN;
}

export const accounts = cases(
  "accountservice",
  [
    {
      name: "answers all the same while Kafka is away, and goes on publishing when it is back",
      run: async (lab) => {
        const target = (port: number) => ({
          url: `http://${lab.engine.address}:${port}/accounts/10000`,
          expect: "Person_0",
        });
        const phase = async (): Promise<number> => {
          const from = Date.now();
          await sleep(WINDOW * WINDOWS);
          return from;
        };
        const load = new Load([target(6767), target(6768)], 2 * RATE, 600);
        const start = Date.now();
        let up: number, down: number, back: number;
        let samples: LoadSample[];
        try {
          await sleep(3000);
          up = await phase();
          expect(await events(lab)).toMatchObject({ dropped: 0, failed: 0 });
          await scale(lab, 0);
          down = await phase();
          const waiting = await events(lab);
          expect(waiting.buffered).toBeGreaterThan(RATE);
          expect(waiting).toMatchObject({ dropped: 0, failed: 0 });
          await scale(lab, 1);
          back = await phase();
        } finally {
          samples = await load.stop();
        }
        const took = (Date.now() - start) / 1000;
        expect(samples.length).toBeGreaterThan(0.9 * 2 * RATE * took);
        expect(samples.filter(({ status, error }) => status !== 200 || error !== undefined)).toEqual([]);
        const differences = [up, down, back].map((from) => slower(samples, from));
        const [withIt, without, again] = differences.map((ms) => `${ms.toFixed(1)} ms`);
        figures.push(
          `p99 of accountservice above that of one without Kafka: ${withIt}, while it is away ${without}, afterwards ${again}`,
        );
        for (const difference of differences) expect(difference).toBeLessThan(SLOWER);
        await expectAllDelivered(lab);
      },
    },
    {
      name: "drops what it can't keep, and counts that",
      run: async (lab) => {
        const before = await events(lab);
        await scale(lab, 0);
        await burst(lab, BUFFER + 5000);
        const { dropped = NaN, buffered } = await events(lab);
        // A batch is on its way besides.
        expect(dropped - (before.dropped ?? NaN)).toBeGreaterThan(3900);
        expect(buffered).toBeGreaterThanOrEqual(BUFFER);
        await scale(lab, 1);
        await expectAllDelivered(lab);
        expect(await events(lab)).toMatchObject({ dropped, failed: 0 });
        const log = lab.serviceLog("dev_accounts");
        expect(log).toContain(
          "account events are not delivered: they are kept and sent when Kafka takes them again",
        );
        expect(log).toMatch(/account events are delivered again.*"dropped":\d{4}/);
      },
    },
  ],
  (lab) => {
    lab.workspace.program(KAFKA_AND_ACCOUNTS);
    lab.up({ kafkaTopics: [...KAFKA_CLUSTER.kafkaTopics, { name: TOPIC, partitions: 3 }] });
  },
  (lab) => lab.workspace.program(KAFKA),
);

/** What waited is delivered by itself, each event once, and new ones are too. */
async function expectAllDelivered(lab: KafkaLab): Promise<void> {
  const settled = async (): Promise<Record<string, number>> => {
    for (const deadline = Date.now() + 60_000; ; await sleep(500)) {
      const now = await events(lab);
      if (now.buffered === 0 || Date.now() > deadline) return now;
    }
  };
  const before = await settled();
  expect(before).toMatchObject({ buffered: 0 });
  expect(written(lab)).toBe(before.delivered);
  await burst(lab, 100);
  const after = await settled();
  expect(after.delivered).toBe((before.delivered ?? NaN) + 100);
  expect(written(lab)).toBe(after.delivered);
}
