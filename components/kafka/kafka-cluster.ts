import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import type { KafkaAdmin } from "./kafka-admin";
import type { Broker } from "./kafka-brokers";
import { minInSync, replication } from "./kafka-environment";
import type { ObservedTopic } from "./kafka-observer";
import { drift, KafkaTopic, plannedTopic, topicLine } from "./kafka-topics";
import { Progress, progressHook, reporter } from "../progress-hook";
import { errorWithoutStack } from "../rollout/skipped-dependents";
import type { SwarmSecret } from "../service/swarm-secret";
import type { SwarmService } from "../service/swarm-service";

export interface KafkaClusterArgs {
  /** Image of the brokers. */
  readonly image: pulumi.Input<string>;
  readonly brokers: readonly Broker[];
  /** Of the brokers, in their order. */
  readonly services: readonly SwarmService[];
  /** Environment of a broker. */
  readonly env: (broker: Broker) => Readonly<Record<string, string>>;
  readonly topics?: readonly KafkaTopic[];
  readonly observedTopics?: ReadonlyMap<string, ObservedTopic> | undefined;
  readonly users: SwarmSecret | undefined;
  readonly admin: KafkaAdmin;
}

/**
 * A cluster that is ready, and what is kept in it and not in its brokers' environment: replication of what is there
 * already, the default of min.insync.replicas, topics, users. Ready is: all brokers are in it, all replicas in sync,
 * and every broker can be reached where its listeners send clients; an open port proves none of that.
 */
export class KafkaCluster extends pulumi.ComponentResource {
  constructor(name: string, args: KafkaClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:KafkaCluster", name, {}, opts);

    const copies = replication(args.brokers.length);
    const topics = args.topics ?? [];
    const seen = seenInstead(topics, args.observedTopics, copies);
    const plan = {
      replication: copies,
      minInSync: minInSync(args.brokers.length),
      topics: topics.map(plannedTopic),
    };
    let done = false;
    const settle = progressHook(`${name}-cluster`, async (progress) => {
      done = true;
      await args.admin.inSync(args.brokers.length, progress);
      await args.admin.apply(plan, progress);
      await this.reachable(args, progress);
    });
    // The command carries what is wanted, so that a preview shows a difference; the hook does it first, and when it
    // fails nothing is noted as done. What was seen is ignored while that is what is wanted, as with nodes.
    const cluster = new command.local.Command(
      `${name}-cluster`,
      {
        create: "echo settled",
        update: "echo settled",
        environment: {
          ...this.brokers(args),
          REPLICATION: String(copies),
          MIN_INSYNC_REPLICAS: String(plan.minInSync),
          ...(args.users !== undefined && { USERS: args.users.secretName }),
          ...Object.fromEntries(topics.map((topic) => [`topic ${topic.name}`, topicLine(topic, copies)])),
          SEEN: seen ?? "as wanted",
        },
      },
      {
        parent: this,
        ignoreChanges: seen === undefined ? ["environment.SEEN"] : [],
        hooks: { beforeCreate: [settle], beforeUpdate: [settle] },
      },
    );
    this.checkRepaired(args, cluster, () => done);
    this.registerOutputs({ replication: copies, minInSync: plan.minInSync });
  }

  /** A new service may have lost the data; another image or environment may break what worked. */
  private brokers({
    brokers,
    services,
    image,
    env,
  }: KafkaClusterArgs): Record<string, pulumi.Output<string>> {
    return Object.fromEntries(
      brokers.map((broker, i) => {
        const hash = createHash("sha256")
          .update(JSON.stringify(env(broker)))
          .digest("hex")
          .slice(0, 12);
        return [`broker ${broker.id}`, pulumi.interpolate`${services[i]?.serviceId} ${image} ${hash}`];
      }),
    );
  }

  /** Brokers of which only drift was repaired change nothing of the command, and still must be ready again. */
  private checkRepaired(args: KafkaClusterArgs, cluster: command.local.Command, done: () => boolean): void {
    if (pulumi.runtime.isDryRun()) return;
    const changed = pulumi.all(args.services.map((service) => service.changed));
    pulumi.all([changed, cluster.id]).apply(async ([changes]) => {
      if (done() || !changes.includes(true)) return;
      try {
        const progress = reporter(this);
        await args.admin.inSync(args.brokers.length, progress);
        await this.reachable(args, progress);
      } catch (error) {
        // Handled by nobody, and so the SDK prints it and fails the deployment.
        throw errorWithoutStack(error instanceof Error ? error.message : String(error));
      }
    });
  }

  private async reachable({ admin, brokers }: KafkaClusterArgs, progress: Progress): Promise<void> {
    const [first] = brokers;
    if (first !== undefined) await admin.reachable(brokers.length, first, progress);
  }
}

/** What the cluster has instead of the topics that are wanted; undefined when it has them, or was not read. */
function seenInstead(
  topics: readonly KafkaTopic[],
  observed: ReadonlyMap<string, ObservedTopic> | undefined,
  copies: number,
): string | undefined {
  if (observed === undefined) return undefined;
  const differing = topics.flatMap((topic) => {
    const text = drift(topic, observed.get(topic.name), copies);
    return text === undefined ? [] : [`${topic.name}: ${text}`];
  });
  // With the time, the same drift a second time differs from the first: Kafka has no version of a topic.
  return differing.length === 0 ? undefined : `${differing.join("; ")} (${new Date().toISOString()})`;
}
