import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines } from "../support/engine";
import { isBehind, KafkaLab, Place } from "../support/kafka";
import type { Select } from "../support/scenario";
import type { Result } from "../support/workspace";

const MINUTES = 60_000;

/** Three brokers with a topic; what a case changes it puts back. */
export const KAFKA_CLUSTER = {
  kafkaBrokers: 3,
  kafkaTopics: [{ name: "orders", partitions: 3, config: { "retention.ms": 86_400_000 } }],
};

/** Figures to read, not to test: they are printed at the end. */
export const figures: string[] = [];
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Runs classes of cases one after the other on one engine. */
export function kafka(engineName: string, classes: (lab: () => KafkaLab) => void): void {
  describeWithEngines("Kafka", () => {
    let lab: KafkaLab;
    beforeAll(() => {
      lab = new KafkaLab(engineName, KAFKA_CLUSTER);
    }, MINUTES);
    afterAll(() => {
      if (figures.length > 0) console.log(figures.join("\n"));
      lab?.stop();
    }, MINUTES);
    classes(() => lab);
  });
}

export interface Case {
  readonly name: string;
  readonly run: (lab: KafkaLab) => void | Promise<void>;
}

/** A class of cases on one cluster; each leaves it as {@link KAFKA_CLUSTER} says. */
export function cases(
  name: string,
  all: readonly Case[],
  prepare: (lab: KafkaLab) => void = (lab) => lab.up(),
  cleanUp: (lab: KafkaLab) => void = () => undefined,
) {
  return (lab: () => KafkaLab, select: Select): void => {
    const selected = select(all);
    if (selected.length === 0) return;
    describe(name, () => {
      beforeAll(() => prepare(lab()), 15 * MINUTES);
      afterAll(() => cleanUp(lab()));
      test.each(selected)("$name", ({ run }) => run(lab()), 15 * MINUTES);
    });
  };
}

/** Writes messages, and expects that each is acknowledged. */
export async function produce(
  lab: KafkaLab,
  place: Place,
  topic: string,
  prefix: string,
  count = 2000,
): Promise<void> {
  const result = await lab.run(
    place,
    "produce",
    "-topic",
    topic,
    "-prefix",
    prefix,
    "-count",
    String(count),
    "-timeout",
    "2m",
  );
  expectProduced(result, count);
}

export function expectProduced(result: Result, count: number): void {
  expect(result).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`produced ${count} of ${count} messages`) as string,
  });
  expect(result.stdout).toContain("all acknowledged by all in-sync replicas");
}

/** Expects that each message of a run is there once, in order. */
export async function expectComplete(
  lab: KafkaLab,
  place: Place,
  topic: string,
  prefix: string,
  count = 2000,
): Promise<void> {
  const flags = ["-topic", topic, "-prefix", prefix, "-count", String(count), "-timeout", "2m"];
  expect(await lab.run(place, "consume", ...flags)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(
      `consumed ${count} of ${count} messages from topic ${topic} with prefix ${prefix}`,
    ) as string,
  });
}

let runs = 0;

/** Writes on each side of the listeners what the other side reads; returns the prefixes. */
async function bothWays(lab: KafkaLab): Promise<string[]> {
  const prefixes: string[] = [];
  for (const [from, to] of [
    ["inside", "outside"],
    ["outside", "inside"],
  ] as const) {
    const prefix = `from-${from}-${++runs}`;
    await produce(lab, from, "orders", prefix);
    await expectComplete(lab, to, "orders", prefix);
    prefixes.push(prefix);
  }
  return prefixes;
}

export const listeners = cases("inside and outside", [
  {
    name: "what one side of the listeners writes, the other reads",
    run: async (lab) => {
      await bothWays(lab);
    },
  },
  {
    name: "after the restart of each broker",
    run: async (lab) => {
      for (const id of [1, 2, 3]) {
        lab.engine.docker("service", "update", "--force", "--quiet", `dev_kafka-${id}`);
        await lab.inSync();
        await bothWays(lab);
      }
    },
  },
  {
    name: "after destroy and up the data is there",
    run: async (lab) => {
      const before = await bothWays(lab);
      const destroyed = lab.workspace.succeed("stack.sh", "destroy");
      for (const id of [1, 2, 3]) expect(destroyed.output).toContain(`  dev_kafka-${id}-data`);
      expect(lab.engine.docker("ps", "--quiet")).toBe("");
      lab.up();
      for (const prefix of before) {
        await expectComplete(lab, "outside", "orders", prefix);
        await expectComplete(lab, "inside", "orders", prefix);
      }
      await bothWays(lab);
    },
  },
  {
    name: "a rolling update goes broker by broker, and loses nothing",
    run: async (lab) => {
      const [rate, count] = [100, 18_000];
      const flags = ["-topic", "orders", "-prefix", "rolling", "-timeout", "8m"];
      const writing = lab.producer("inside", [
        "produce",
        ...flags,
        "-rate",
        String(rate),
        "-count",
        String(count),
      ]);
      const watch = lab.watch();
      const recorder = lab.downs();
      const since = Date.now();
      lab.configure({ kafkaSettings: { "log.retention.hours": 48 } });
      const operation = lab.workspace.start("stack.sh", "up");
      const { code, output } = await operation.ended;
      const took = Date.now() - since;
      watch.stop();
      expect({ code, output }).toMatchObject({ code: 0 });

      const downs = await recorder.stop();
      expect(downs.map(({ broker }) => broker).sort()).toEqual(["dev_kafka-1", "dev_kafka-2", "dev_kafka-3"]);
      for (const [i, { from }] of downs.entries()) {
        const before = downs[i - 1]?.to ?? since;
        // Never two at once.
        expect(from).toBeGreaterThan(before);
        // Until the next one was stopped all brokers had agreed that all is in sync; on a busy machine answers take seconds.
        const between = watch.samples.filter(({ at, until }) => at > before && until < from);
        expect(between.some((one) => one.views.length === 3 && !isBehind(one))).toBe(true);
      }
      figures.push(
        `rolling update of three brokers: ${seconds(took)}, each away for ${downs.map(({ from, to }) => seconds(to - from)).join(", ")}`,
      );

      expectProduced(await writing.ended(), count);
      await expectComplete(lab, "outside", "orders", "rolling", count);
      expect(lab.workspace.preview()).toEqual([]);
      lab.up();
    },
  },
]);

interface Outage {
  readonly name: string;
  /** What happens to the leader of a partition that is written to, and to another broker. */
  readonly begin: (lab: KafkaLab, leader: number, other: number) => void;
  /** Ends it by hand, 20 s later. @default it ends by itself */
  readonly end?: (lab: KafkaLab, leader: number) => void;
  /** What the producer names. */
  readonly says: RegExp;
}

const OUTAGES: readonly Outage[] = [
  {
    name: "one broker is killed",
    begin: (lab, leader) => lab.signal("KILL", leader),
    says: /retries: .*(connect|not leader|time-out)/,
  },
  {
    name: "two brokers are killed",
    begin: (lab, leader, other) => lab.signal("KILL", leader, other),
    says: /retries: .*(connect|not leader|time-out|in-sync replicas)/,
  },
  {
    name: "one broker stands still, and goes on later",
    begin: (lab, leader) => lab.signal("STOP", leader),
    end: (lab, leader) => lab.signal("CONT", leader),
    says: /retries: .*(connect|not leader|time-out)/,
  },
];

export const outages = cases(
  "an outage loses and doubles nothing",
  OUTAGES.map(({ name, begin, end, says }) => ({
    name,
    run: async (lab) => {
      const [rate, count] = [100, 5000];
      const prefix = `outage-${++runs}`;
      const flags = ["-topic", "orders", "-prefix", prefix, "-timeout", "5m"];
      const leader = (await lab.inSync()).find(({ partition }) => partition === "orders-0")?.leader ?? NaN;
      const writing = lab.producer("inside", [
        "produce",
        ...flags,
        "-rate",
        String(rate),
        "-count",
        String(count),
      ]);
      while (!writing.output().includes("acknowledged")) await sleep(500);
      const watch = lab.watch();
      try {
        const start = Date.now();
        begin(lab, leader, (leader % 3) + 1);
        await watch.until(({ views }) =>
          views.some((view) =>
            view.some(({ partition, leader: now }) => partition === "orders-0" && now > 0 && now !== leader),
          ),
        );
        const moved = Date.now();
        if (end !== undefined) {
          await sleep(20_000);
          end(lab, leader);
        }
        await watch.until((sample) => sample.views.length === 3 && !isBehind(sample));
        figures.push(
          `${name}: leader moved after ${seconds(moved - start)}, all in sync after ${seconds(Date.now() - start)}`,
        );
      } finally {
        watch.stop();
      }
      const written = await writing.ended();
      expectProduced(written, count);
      expect(written.stdout).toMatch(says);
      expect(written.output).toMatch(/retrying, \d+ times so far: \w/);
      await expectComplete(lab, "outside", "orders", prefix, count);
    },
  })),
);

export const size = cases("what it costs", [
  {
    name: "three brokers take less than 1.5 GiB, and a restarted one is healthy within a minute",
    run: async (lab) => {
      const used = lab.engine
        .docker(
          "stats",
          "--no-stream",
          "--format",
          "{{.MemUsage}}",
          ...[1, 2, 3].map((id) => lab.container(id)),
        )
        .split("\n")
        .map((line) => Number(/^([\d.]+)MiB/.exec(line)?.[1]));
      const all = used.reduce((sum, one) => sum + one, 0);
      figures.push(`memory of three brokers: ${used.join(" + ")} = ${all.toFixed(0)} MiB`);
      expect(all).toBeLessThan(1.5 * 1024);

      const recorder = lab.downs();
      lab.engine.docker("service", "update", "--force", "--quiet", "dev_kafka-3");
      await lab.inSync();
      const [down = { from: NaN, started: NaN, to: NaN }] = await recorder.stop();
      const { from, started, to } = down;
      figures.push(
        `restart of a broker: started anew after ${seconds(started - from)}, healthy ${seconds(to - started)} later`,
      );
      // 31 s at a load of 17, where much else ran.
      expect(to - started).toBeLessThan(60_000);
    },
  },
]);
