#!/usr/bin/env node
// Asks the brokers of a cluster again and again what they know of it, and prints a line of JSON each time:
//
//   kafka-watch.mjs 10.0.0.1:9094,10.0.0.1:9095
//
// The lines are those of KafkaSample in kafka.ts.
import { Connection, metadataV12 } from "@platformatic/kafka";
import { setTimeout as sleep } from "node:timers/promises";

const PERIOD = 250; // ms
const PATIENCE = 2000; // ms for one broker

async function ask(address) {
  const connection = new Connection("tests", { connectTimeout: PATIENCE, requestTimeout: PATIENCE });
  connection.on("error", () => undefined);
  const [host, port] = address.split(":");
  try {
    await connection.connect(host, Number(port));
    const { topics } = await metadataV12.api
      .async(connection, null, false, false)
      // A partition without a leader is an error of the package's, with all of the answer.
      .catch(({ response }) => response);
    return topics.flatMap(({ name, partitions }) =>
      partitions.map((one) => ({
        partition: `${name}-${one.partitionIndex}`,
        leader: one.leaderId,
        replicas: one.replicaNodes.length,
        inSync: one.isrNodes.length,
      })),
    );
  } catch {
    return undefined;
  } finally {
    await connection.close().catch(() => undefined);
  }
}

for (;;) {
  const at = Date.now();
  const views = await Promise.all(process.argv[2].split(",").map(ask));
  console.log(JSON.stringify({ at, until: Date.now(), views: views.filter((view) => view !== undefined) }));
  await sleep(PERIOD);
}
