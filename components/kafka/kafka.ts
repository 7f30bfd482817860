import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { dataVolume } from "../service/data-volume";
import type { Environment } from "../environment";
import { KafkaAdmin } from "./kafka-admin";
import { Broker, KafkaNode, placeBrokers } from "./kafka-brokers";
import { KafkaCluster } from "./kafka-cluster";
import {
  brokerEnvironment,
  CONTROLLER_PORT,
  EXTERNAL_PORT,
  INTERNAL_PORT,
  LISTENERS,
  MEMORY_MIB,
  OWNED,
} from "./kafka-environment";
import { ObservedTopic, observeTopics } from "./kafka-observer";
import { envFaults, settingsFaults } from "./kafka-settings";
import { KafkaTopic, shrinkFaults, topicFaults } from "./kafka-topics";
import { progressHook } from "../progress-hook";
import { SwarmSecret } from "../service/swarm-secret";
import { SwarmService } from "../service/swarm-service";

export interface KafkaArgs {
  readonly environment: Environment;
  /** Image of the brokers. */
  readonly image: pulumi.Input<string>;
  /** Image of services/kafka-admin, which looks after the cluster from inside. */
  readonly adminImage: pulumi.Input<string>;
  /** 1, 3 or 5. @default 1 */
  readonly brokers?: number;
  /** Machine of broker 1, 2, ... @default all on the manager's own */
  readonly nodes?: readonly KafkaNode[];
  /** Published port of the EXTERNAL listener; a second broker on a machine takes the next port, and so on. */
  readonly externalPort: number;
  /** Name or address that clients outside connect to; a broker sends them back to exactly this. */
  readonly externalHost: string;
  /** Memory limit of one broker in MiB; half of it is the heap. @default 512 */
  readonly memoryMiB?: number;
  /** Broker properties, such as `log.retention.hours`. @default {} */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** @default none */
  readonly topics?: readonly KafkaTopic[];
  /** The topics of the running cluster; undefined when it does not run, or can't be asked. */
  readonly observedTopics?: ReadonlyMap<string, ObservedTopic> | undefined;
  /** Passwords by name of who may use the EXTERNAL listener (SCRAM-SHA-512). @default anybody, without a login */
  readonly users?: Readonly<Record<string, string>>;
  /** Whether destroy deletes the data. @default false */
  readonly purgeData?: boolean;
}

/** How long a preview waits for the topics, in ms. */
const READ_TIMEOUT = 4000;
/** Outside /tmp, where the image's environment default would put the data. */
const DATA = "/var/lib/kafka/data";
/** Set by the image too. */
const IMAGE_USER = "appuser";

/**
 * Kafka in KRaft mode: 1, 3 or 5 brokers that are their own controllers, each a service with a volume on a node of
 * its own, one listener inside the overlay and one outside. Each listener advertises the address at which its own
 * clients reach it.
 */
export class Kafka extends pulumi.ComponentResource {
  /** Bootstrap addresses inside the environment, separated by commas. */
  public readonly internalBootstrap: string;
  /** Bootstrap addresses outside. */
  public readonly externalBootstrap: string;
  public readonly serviceNames: readonly pulumi.Output<string>[];
  /** Volumes that hold the data. */
  public readonly volumeNames: readonly string[];

  constructor(name: string, args: KafkaArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:Kafka", name, {}, opts);

    const { environment } = args;
    const placed = placeBrokers({ brokers: 1, nodes: [], ...environment, ...args, name });
    const { brokers } = placed;
    const env = (broker: Broker): Record<string, string> =>
      brokerEnvironment({
        ...args,
        clusterId: clusterId(environment.namespace),
        data: DATA,
        broker,
        brokers,
      });
    this.refuse(name, [...placed.faults, ...declarationFaults(args, brokers, env)]);

    this.internalBootstrap = brokers.map((broker) => `${broker.name}:${INTERNAL_PORT}`).join(",");
    this.externalBootstrap = brokers
      .map(({ externalHost, externalPort }) => `${externalHost}:${externalPort}`)
      .join(",");
    this.volumeNames = brokers.map(({ volume }) => volume);

    const users = this.users(name, args);
    const image = pulumi.output(args.adminImage);
    const admin = new KafkaAdmin({ environment, name, image, users, bootstrap: this.internalBootstrap });
    const services = this.declareBrokers(args, brokers, env, admin);
    this.serviceNames = services.map(({ serviceName }) => serviceName);
    new KafkaCluster(
      name,
      { ...args, brokers, services, env, admin, users },
      { parent: this, dependsOn: services },
    );
    this.registerOutputs({
      internalBootstrap: this.internalBootstrap,
      externalBootstrap: this.externalBootstrap,
      serviceNames: this.serviceNames,
      volumeNames: this.volumeNames,
    });
  }

  private refuse(name: string, faults: readonly string[]): void {
    if (faults.length === 0) return;
    const lines = faults.map((line) => `  - ${line}`).join("\n");
    throw new pulumi.ResourceError(
      `Kafka ${name} can't be declared; nothing of it was changed:\n${lines}`,
      this,
      true,
    );
  }

  private users(name: string, { environment, users = {} }: KafkaArgs): SwarmSecret | undefined {
    if (Object.keys(users).length === 0) return undefined;
    return new SwarmSecret(
      `${name}-users`,
      { environment, content: pulumi.secret(JSON.stringify(users)) },
      { parent: this },
    );
  }

  /**
   * The brokers' services. A new cluster starts all at once, since it takes a majority to elect a controller. Else one
   * broker after the other is changed, each when those before are in sync: first those that don't run, then those that
   * do, then new ones. New ones have an empty log of the cluster's metadata, and only beside those that have it can none
   * of them become the leader that all others follow.
   */
  private declareBrokers(
    args: KafkaArgs,
    brokers: readonly Broker[],
    env: (broker: Broker) => Record<string, string>,
    admin: KafkaAdmin,
  ): SwarmService[] {
    const there = brokers.filter(({ exists }) => exists).length;
    const services = new Map<Broker, SwarmService>();
    for (const [i, broker] of [...brokers].sort((a, b) => turn(a) - turn(b)).entries()) {
      const first = i === 0 || there === 0;
      const before = first ? [] : [...services.values()].slice(-1);
      // Too few to elect a controller can't be in sync.
      const count = Math.max(there, i);
      const waits = !first && count > brokers.length / 2;
      const hook = waits
        ? progressHook(`${broker.name}-turn`, (progress) => admin.inSync(count, progress))
        : undefined;
      services.set(broker, this.broker(args, broker, env(broker), hook, before));
    }
    return brokers.flatMap((broker) => services.get(broker) ?? []);
  }

  private broker(
    args: KafkaArgs,
    broker: Broker,
    env: Record<string, string>,
    hook: pulumi.ResourceHook | undefined,
    before: SwarmService[],
  ): SwarmService {
    const volume = dataVolume(broker.name, { ...args, ...broker }, this);
    return new SwarmService(
      broker.name,
      {
        environment: args.environment,
        image: args.image,
        stateful: true,
        aliases: ["kafka"],
        // The broker is a quorum voter and must find itself before Swarm gives it a name in DNS, which is after its
        // first healthy check (moby/moby#41726).
        hostname: broker.name,
        env,
        user: IMAGE_USER,
        capDrop: ["ALL"],
        memoryMiB: args.memoryMiB ?? MEMORY_MIB,
        node: broker.node,
        ports: [{ target: EXTERNAL_PORT, published: broker.externalPort, mode: "host" }],
        mounts: [
          { type: "volume", source: volume, target: DATA },
          // The image declares these as volumes; unnamed ones would pile up with every task.
          { type: "tmpfs", target: "/etc/kafka/secrets", sizeMiB: 1 },
          { type: "tmpfs", target: "/mnt/shared/config", sizeMiB: 1 },
        ],
        // Clean takes seconds; without a quorum, as for the last ones of a destroyed cluster, it would take for ever.
        stopGracePeriod: 30,
        // The CONTROLLER listener is open before there is a quorum, the others are not: brokers that wait for one
        // another to become healthy would wait for ever. The CLI tools would start a second JVM.
        healthcheck: {
          test: ["CMD", "bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${CONTROLLER_PORT}`],
          interval: 2,
          startPeriod: 60,
        },
        ...(hook !== undefined && { before: hook }),
      },
      { parent: this, dependsOn: before },
    );
  }
}

/** What comes first when brokers are changed one after the other. */
function turn(broker: Broker): number {
  if (!broker.exists) return 2;
  return broker.runs ? 1 : 0;
}

/** Everything that is wrong with what the user declared, all at once. */
function declarationFaults(
  args: KafkaArgs,
  brokers: readonly Broker[],
  env: (broker: Broker) => Record<string, string>,
): string[] {
  const topics = args.topics ?? [];
  return [
    ...settingsFaults(args.settings ?? {}, OWNED, LISTENERS),
    ...brokers.slice(0, 1).flatMap((broker) => envFaults(env(broker))),
    ...topicFaults(topics, brokers.length),
    ...(args.observedTopics === undefined ? [] : shrinkFaults(topics, args.observedTopics)),
  ];
}

/**
 * The topics of a running cluster, as this machine reads them from outside; undefined when none runs. One that can't
 * be read is a warning: a machine that deploys need not reach Kafka.
 */
export async function observedTopics(
  name: string,
  args: Pick<KafkaArgs, "environment" | "brokers" | "nodes" | "externalHost" | "externalPort" | "users">,
): Promise<ReadonlyMap<string, ObservedTopic> | undefined> {
  const { environment, users = {} } = args;
  const { brokers } = placeBrokers({ brokers: 1, nodes: [], ...environment, ...args, name });
  const running = brokers.filter(({ runs }) => runs);
  if (running.length === 0) return undefined;
  const [login] = Object.entries(users);
  try {
    return await observeTopics({
      bootstrap: running.map(({ externalHost, externalPort }) => `${externalHost}:${externalPort}`),
      ...(login !== undefined && { user: login[0], password: login[1] }),
      timeoutMs: READ_TIMEOUT,
    });
  } catch (error) {
    void pulumi.log.warn(`${(error as Error).message} Drift in topics does not show.`);
    return undefined;
  }
}

/** A KRaft cluster id (22 characters of base64url, 16 bytes) that is the environment's own for ever. */
export function clusterId(namespace: string): string {
  return createHash("sha256")
    .update(`swarm-platform/${namespace}/kafka`)
    .digest()
    .subarray(0, 16)
    .toString("base64url");
}
