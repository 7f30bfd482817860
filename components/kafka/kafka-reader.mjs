// Thread of kafka-observer.ts: reads all topics from the first broker that answers, and posts them. A thread because
// the client takes half a second of processor time to load, and because ending it closes every socket and timer.
// The package's own low-level calls, because its Admin leaves out internal topics, and fails on a cluster in which
// one partition has no leader.
import {
  ConfigResourceTypes,
  ConfigSources,
  Connection,
  describeConfigsV4,
  metadataV12,
} from "@platformatic/kafka";
import { parentPort, workerData } from "node:worker_threads";

const { bootstrap, user, password, ca, timeoutMs } = workerData;
/** A little less than all of it: then each broker can have its own reason. */
const timeout = timeoutMs * 0.9;
// The time begins when the client is loaded, which says nothing about the cluster.
parentPort.postMessage("loaded");

async function read(address) {
  const connection = new Connection("swarm-platform", {
    connectTimeout: timeout,
    requestTimeout: timeout,
    sasl: user === undefined ? undefined : { mechanism: "SCRAM-SHA-512", username: user, password },
    tls: ca === undefined ? undefined : { ca },
  });
  // A socket that breaks fails what is asked of it, too; an event that nobody hears would end the thread for all brokers.
  connection.on("error", () => undefined);
  const [host, port] = address.split(/:(?=\d+$)/);
  await connection.connect(host, Number(port));
  const topics = await metadata(connection);
  const configs = await overrides(
    connection,
    topics.map(({ name }) => name),
  );
  return new Map(
    topics.map(({ name, partitions }) => [
      name,
      {
        partitions: partitions.length,
        // Partitions differ only while they are moved; the least is what holds for all.
        replicationFactor: Math.min(...partitions.map(({ replicaNodes }) => replicaNodes.length)),
        config: configs.get(name) ?? {},
      },
    ]),
  );
}

/** All topics; a partition without a leader, which the package takes for an error, counts as any other. */
async function metadata(connection) {
  try {
    return (await metadataV12.api.async(connection, null, false, false)).topics;
  } catch (error) {
    if (error.response === undefined) throw error;
    return error.response.topics.filter(({ errorCode }) => errorCode === 0);
  }
}

/** What is set on each topic itself, by its name. */
async function overrides(connection, names) {
  if (names.length === 0) return new Map();
  const resources = names.map((name) => ({ resourceType: ConfigResourceTypes.TOPIC, resourceName: name }));
  const { results } = await describeConfigsV4.api.async(connection, resources, false, false);
  return new Map(
    results.map(({ resourceName, configs }) => [
      resourceName,
      Object.fromEntries(
        configs
          .filter(({ configSource }) => configSource === ConfigSources.DYNAMIC_TOPIC_CONFIG)
          .map(({ name, value }) => [name, value ?? ""]),
      ),
    ]),
  );
}

/** An error and all that caused it, outermost first; as text, because only that can be posted. */
function chain(error) {
  if (!(error instanceof Error)) return [];
  const { code, message, cause, errors = [] } = error;
  return [{ code, message }, ...[cause, ...errors].flatMap(chain)];
}

Promise.any(bootstrap.map(read)).then(
  (topics) => parentPort.postMessage({ topics }),
  ({ errors }) => parentPort.postMessage({ faults: errors.map(chain) }),
);
