import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import type { Environment } from "./environment";
import { SwarmService } from "./swarm-service";

export interface KafkaArgs {
  readonly environment: Environment;
  readonly image: pulumi.Input<string>;
  /** Published port of the EXTERNAL listener. */
  readonly externalPort: number;
  /** Name or address that clients outside connect to; the broker sends them back to exactly this. */
  readonly externalHost: string;
  /** Memory limit of the broker in MiB; half of it is the heap. @default 768 */
  readonly memoryMiB?: number;
  /** Whether destroy deletes the data. @default false */
  readonly purgeData?: boolean;
}

/** Port of the INTERNAL listener, for services of the platform. */
export const KAFKA_PORT = 19092;
const CONTROLLER_PORT = 9093;
const EXTERNAL_PORT = 9094;
const NODE_ID = 1;
/** Outside /tmp, where the image's environment default would put the data. */
const DATA = "/var/lib/kafka/data";

/**
 * Kafka in KRaft mode: one broker that is its own controller, data on a volume, one listener inside the
 * overlay and one outside. Each listener advertises the address at which its own clients reach it.
 */
export class Kafka extends pulumi.ComponentResource {
  /** Bootstrap address inside the environment. */
  public readonly internalBootstrap: string;
  /** Bootstrap address outside. */
  public readonly externalBootstrap: string;
  public readonly serviceName: pulumi.Output<string>;
  /** Volume that holds the data. */
  public readonly volumeName: pulumi.Output<string>;

  constructor(name: string, args: KafkaArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:Kafka", name, {}, opts);

    this.internalBootstrap = `${name}:${KAFKA_PORT}`;
    this.externalBootstrap = `${args.externalHost}:${args.externalPort}`;
    const volume = this.volume(name, args);
    const service = this.broker(name, args, volume);
    this.serviceName = service.serviceName;
    this.volumeName = volume.name;
    this.registerOutputs({
      internalBootstrap: this.internalBootstrap,
      externalBootstrap: this.externalBootstrap,
      serviceName: this.serviceName,
      volumeName: this.volumeName,
    });
  }

  private volume(name: string, args: KafkaArgs): docker.Volume {
    const { namespace } = args.environment;
    return new docker.Volume(
      name,
      {
        name: `${namespace}_${name}-data`,
        driver: "local",
        labels: [{ label: "com.docker.stack.namespace", value: namespace }],
      },
      { parent: this, retainOnDelete: !(args.purgeData ?? false) },
    );
  }

  private broker(name: string, args: KafkaArgs, volume: docker.Volume): SwarmService {
    const memoryMiB = args.memoryMiB ?? 768;
    return new SwarmService(
      name,
      {
        environment: args.environment,
        image: args.image,
        stateful: true,
        // The broker is its own quorum voter and must find itself before Swarm gives it a name in DNS,
        // which is after its first healthy check (moby/moby#41726).
        hostname: name,
        env: brokerEnvironment(name, args, memoryMiB),
        memoryMiB,
        ports: [{ target: EXTERNAL_PORT, published: args.externalPort, mode: "host" }],
        mounts: [
          { type: "volume", source: volume.name, target: DATA },
          // The image declares these as volumes; unnamed ones would pile up with every task.
          { type: "tmpfs", target: "/etc/kafka/secrets", sizeMiB: 1 },
          { type: "tmpfs", target: "/mnt/shared/config", sizeMiB: 1 },
        ],
        stopGracePeriod: 60,
        // A probe of the port: the CLI tools would start a second JVM of the broker's heap size.
        healthcheck: {
          test: ["CMD", "bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${KAFKA_PORT}`],
          interval: 2,
          startPeriod: 60,
        },
      },
      { parent: this },
    );
  }
}

/** The broker's settings in the official image's form: KAFKA_X_Y becomes x.y. */
function brokerEnvironment(name: string, args: KafkaArgs, memoryMiB: number): Record<string, string> {
  const heap = Math.floor(memoryMiB / 2);
  return {
    CLUSTER_ID: clusterId(args.environment.namespace),
    KAFKA_NODE_ID: String(NODE_ID),
    KAFKA_PROCESS_ROLES: "broker,controller",
    KAFKA_CONTROLLER_QUORUM_VOTERS: `${NODE_ID}@${name}:${CONTROLLER_PORT}`,
    KAFKA_LISTENERS: `INTERNAL://:${KAFKA_PORT},CONTROLLER://:${CONTROLLER_PORT},EXTERNAL://:${EXTERNAL_PORT}`,
    KAFKA_ADVERTISED_LISTENERS: `INTERNAL://${name}:${KAFKA_PORT},EXTERNAL://${args.externalHost}:${args.externalPort}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: "INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,EXTERNAL:PLAINTEXT",
    KAFKA_INTER_BROKER_LISTENER_NAME: "INTERNAL",
    KAFKA_CONTROLLER_LISTENER_NAMES: "CONTROLLER",
    KAFKA_LOG_DIRS: DATA,
    KAFKA_DEFAULT_REPLICATION_FACTOR: "1",
    KAFKA_MIN_INSYNC_REPLICAS: "1",
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1",
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1",
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1",
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: "0",
    KAFKA_HEAP_OPTS: `-Xms${heap}m -Xmx${heap}m`,
  };
}

/** A KRaft cluster id (22 characters of base64url, 16 bytes) that is the environment's own for ever. */
export function clusterId(namespace: string): string {
  return createHash("sha256")
    .update(`swarm-platform/${namespace}/kafka`)
    .digest()
    .subarray(0, 16)
    .toString("base64url");
}
