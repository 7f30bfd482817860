import { killAtOnce, runUntil } from "../support/moment";
import type { KafkaLab } from "../support/kafka";
import { deployedObjects } from "../support/swarm-objects";
import { Case, cases, expectComplete, KAFKA_CLUSTER, produce } from "./kafka";

const ONE = { ...KAFKA_CLUSTER, kafkaBrokers: 1 };
const GROUP = "readers";

/** A broker alone, with messages, and a group that has read some: so that Kafka has its internal topic. */
async function startWithOne(lab: KafkaLab): Promise<string> {
  lab.removeAll();
  lab.up(ONE);
  await produce(lab, "outside", "orders", "kept");
  await produce(lab, "outside", "made-on-demand", "kept");
  lab.tool(
    "kafka-console-consumer",
    "--topic",
    "orders",
    "--group",
    GROUP,
    "--from-beginning",
    "--max-messages",
    "500",
  );
  return offsets(lab);
}

/** What the group has read: a line of `partition offset` each. */
function offsets(lab: KafkaLab): string {
  return lab
    .tool("kafka-consumer-groups", "--describe", "--group", GROUP)
    .split("\n")
    .flatMap((line) => /^readers\s+orders\s+(\d+)\s+(\d+)/.exec(line)?.slice(1).join(" ") ?? [])
    .sort()
    .join("\n");
}

/** The cluster of three has all that the one had, three times each. */
async function expectGrown(lab: KafkaLab, read: string): Promise<void> {
  const partitions = await lab.inSync();
  expect(partitions.filter(({ replicas, inSync }) => replicas !== 3 || inSync !== 3)).toEqual([]);
  const names = new Set(partitions.map(({ partition }) => partition.replace(/-\d+$/, "")));
  expect([...names].sort()).toEqual(["__consumer_offsets", "made-on-demand", "orders"]);
  const defaults = lab.tool("kafka-configs", "--describe", "--entity-type", "brokers", "--entity-default");
  expect(defaults).toContain("min.insync.replicas=2");
  const effective = lab.tool("kafka-configs", "--describe", "--all", "--topic", "made-on-demand");
  expect(effective).toMatch(/min\.insync\.replicas=2 /);
  for (const topic of ["orders", "made-on-demand"]) {
    await expectComplete(lab, "outside", topic, "kept");
    await produce(lab, "inside", topic, "grown");
    await expectComplete(lab, "outside", topic, "grown");
  }
  expect(read).toMatch(/^\d+ \d+/);
  expect(offsets(lab)).toBe(read);
  expect(lab.workspace.preview()).toEqual([]);
  const objects = deployedObjects(lab.engine);
  expect(objects).toEqual(["network dev_network", ...[1, 2, 3].map((id) => `service dev_kafka-${id} 1/1`)]);
}

export const growth = cases(
  "one broker becomes three",
  [
    {
      name: "with all its data, and they don't become one again",
      run: async (lab) => {
        const read = await startWithOne(lab);
        lab.up();
        await expectGrown(lab, read);

        const before = lab.engine.docker("ps", "--quiet");
        lab.configure(ONE);
        for (const operation of ["preview", "up"]) {
          const { code, output } = lab.workspace.tool("stack.sh", operation);
          expect(code).not.toBe(0);
          expect(output).toContain(
            "kafkaBrokers = 1: data of 3 brokers is there, and a cluster can't be made smaller in place; allowed: 3 or more",
          );
        }
        lab.configure();
        expect(lab.workspace.preview()).toEqual([]);
        expect(lab.engine.docker("ps", "--quiet")).toBe(before);
      },
    },
    ...[
      { name: "though the up is killed in the middle", at: /service create dev_kafka-3/ },
      { name: "though the up is killed while the replicas are made", at: /service create dev_kafka-apply/ },
    ].map(({ name, at }): Case => ({
      name,
      run: async (lab) => {
        const read = await startWithOne(lab);
        lab.configure();
        const operation = await runUntil({ event: at }, "up", lab.workspace, lab.engine);
        killAtOnce("all", lab.workspace);
        expect((await operation.ended).code).not.toBe(0);
        lab.up();
        await expectGrown(lab, read);
      },
    })),
  ],
  () => undefined,
);
