import { cases, expectComplete, figures, KAFKA_CLUSTER, produce } from "./kafka";
import type { KafkaLab } from "../support/kafka";

const AWAY = /The services were away for (\d+ s)/;

/** Makes a backup and returns its folder. */
function backup(lab: KafkaLab, what: string): string {
  const { output } = lab.workspace.succeed("stack.sh", "backup");
  figures.push(`backup of ${what}: away for ${AWAY.exec(output)?.[1]}`);
  return /The backup is in (\S+);/.exec(output)?.[1] ?? "";
}

function restore(lab: KafkaLab, folder: string, what: string): void {
  const { output } = lab.workspace.succeed("stack.sh", "restore", folder, "1");
  figures.push(`restore of ${what}: away for ${AWAY.exec(output)?.[1]}`);
}

export const backups = cases(
  "a backup of Kafka",
  [
    {
      name: "of one broker brings back a topic that was deleted, with every record",
      run: async (lab) => {
        lab.removeAll();
        lab.up({ ...KAFKA_CLUSTER, kafkaBrokers: 1 });
        await produce(lab, "outside", "orders", "kept", 50_000);
        const folder = backup(lab, "one broker");
        // A healthy broker has its controller's listener open, and soon the others.
        await lab.inSync(1);
        await produce(lab, "outside", "orders", "later");
        lab.tool("kafka-topics", "--delete", "--topic", "orders");

        restore(lab, folder, "one broker");
        await lab.inSync(1);
        await expectComplete(lab, "inside", "orders", "kept", 50_000);
        expect(lab.workspace.preview()).toEqual([]);
        await produce(lab, "outside", "orders", "after");
        await expectComplete(lab, "inside", "orders", "after");
      },
    },
    {
      name: "of three brokers brings the data of a cluster that was lost into a new one",
      run: async (lab) => {
        lab.removeAll();
        lab.up();
        await produce(lab, "outside", "orders", "kept", 50_000);
        const folder = backup(lab, "three brokers");
        lab.removeAll();
        lab.up();

        restore(lab, folder, "three brokers");
        const partitions = await lab.inSync();
        expect(partitions.filter(({ partition }) => partition.startsWith("orders-"))).toHaveLength(3);
        await expectComplete(lab, "inside", "orders", "kept", 50_000);
        expect(lab.workspace.preview()).toEqual([]);
        await produce(lab, "outside", "orders", "after");
        await expectComplete(lab, "inside", "orders", "after");
      },
    },
  ],
  () => undefined,
);
