import { observeTopics } from "../../components/kafka/kafka-observer";
import type { KafkaLab } from "../support/kafka";
import { cases, expectComplete, KAFKA_CLUSTER, produce } from "./kafka";

const CLUSTER = "command:local:Command kafka-cluster";

/** Deploys the stack with these topics besides its own. */
const withTopics = (lab: KafkaLab, ...topics: object[]) =>
  lab.up({ kafkaTopics: [...KAFKA_CLUSTER.kafkaTopics, ...topics] });

/** A topic as the cluster has it. */
const topic = async (lab: KafkaLab, name: string) =>
  (await observeTopics({ bootstrap: lab.bootstrap("outside").split(","), timeoutMs: 10_000 })).get(name);

export const topics = cases("topics", [
  {
    name: "faults are found before anything runs, all at once",
    run: (lab) => {
      const containers = lab.engine.docker("ps", "--quiet");
      lab.configure({
        kafkaTopics: [
          { name: "orders", partitions: 2 },
          { name: "wide", partitions: 1, replicationFactor: 4 },
          { name: "typed", partition: 1, config: { "retention.msec": 1 } },
        ],
        kafkaSettings: { "log.retention.hour": 24, "log.retention.minutes": "soon", "node.id": 7 },
      });
      for (const operation of ["preview", "up"]) {
        const { code, output } = lab.workspace.tool("stack.sh", operation);
        expect(code).not.toBe(0);
        const faults = [
          'kafkaSettings["log.retention.hour"] = 24: not a broker property of Kafka',
          ", perhaps log.retention.hours; do: pulumi config rm --path 'kafkaSettings[\"log.retention.hour\"]'",
          'kafkaSettings["log.retention.minutes"] = "soon"; allowed: a whole number',
          'kafkaSettings["node.id"] = 7: set by the platform; allowed: other properties',
          "kafkaTopics[0].partitions = 2 (orders): it has 3, and Kafka can't take partitions away; allowed: 3 or more",
          "kafkaTopics[1].replicationFactor = 4 (wide); allowed: a whole number from 1 to 3, the number of brokers",
          "kafkaTopics[2].partition = 1 (typed): no field of a topic",
          "kafkaTopics[2].partitions not set (typed); allowed: a whole number from 1 to 10000",
          'kafkaTopics[2].config["retention.msec"] = 1 (typed): no topic property of Kafka',
        ];
        expect({ output, missing: faults.filter((fault) => !output.includes(fault)) }).toEqual({
          output,
          missing: [],
        });
      }
      lab.configure();
      expect(lab.workspace.preview()).toEqual([]);
      expect(lab.engine.docker("ps", "--quiet")).toBe(containers);
    },
  },
  {
    name: "one is made, gets more partitions and other settings, and is removed with consent alone",
    run: async (lab) => {
      withTopics(lab, { name: "growing", partitions: 3, config: { "retention.ms": 3_600_000 } });
      expect(await topic(lab, "growing")).toEqual({
        partitions: 3,
        replicationFactor: 3,
        config: { "retention.ms": "3600000" },
      });
      await produce(lab, "inside", "growing", "before");
      withTopics(lab, { name: "growing", partitions: 6, config: { "segment.bytes": 16_777_216 } });
      expect(await topic(lab, "growing")).toEqual({
        partitions: 6,
        replicationFactor: 3,
        config: { "segment.bytes": "16777216" },
      });
      await produce(lab, "outside", "growing", "after");
      await expectComplete(lab, "inside", "growing", "before");
      await expectComplete(lab, "inside", "growing", "after");

      lab.up();
      expect(await topic(lab, "growing")).toMatchObject({ partitions: 6 });
      withTopics(lab, { name: "growing", partitions: 6, remove: true });
      expect(await topic(lab, "growing")).toBeUndefined();
      expect(lab.workspace.preview()).toEqual([]);
      lab.up();
    },
  },
  {
    name: "what is changed by hand is shown and put right, each time",
    run: async (lab) => {
      for (let time = 0; time < 2; time++) {
        lab.tool("kafka-configs", "--alter", "--topic", "orders", "--add-config", "retention.ms=60000");
        expect(lab.workspace.previewFields()).toEqual([`update ${CLUSTER}: environment.SEEN`]);
        expect(lab.workspace.pulumi("preview", "--diff").output).toContain("orders: retention.ms=60000 (");
        lab.up();
        expect(await topic(lab, "orders")).toMatchObject({ config: { "retention.ms": "86400000" } });
        expect(lab.workspace.preview()).toEqual([]);
      }
    },
  },
  {
    name: "partitions that are added by hand can't be taken away, and the preview says so",
    run: async (lab) => {
      withTopics(lab, { name: "by-hand", partitions: 1 });
      lab.tool("kafka-topics", "--alter", "--topic", "by-hand", "--partitions", "2");
      const { code, output } = lab.workspace.tool("stack.sh", "preview");
      expect(code).not.toBe(0);
      expect(output).toContain(
        "kafkaTopics[1].partitions = 1 (by-hand): it has 2, and Kafka can't take partitions away; allowed: 2 or more",
      );
      withTopics(lab, { name: "by-hand", partitions: 2 });
      expect(await topic(lab, "by-hand")).toMatchObject({ partitions: 2 });
      withTopics(lab, { name: "by-hand", partitions: 2, remove: true });
      lab.up();
    },
  },
]);
