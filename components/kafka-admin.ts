import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "./environment";
import { Broker, pin } from "./kafka-brokers";
import { runOneShot } from "./one-shot-task";
import type { SwarmSecret } from "./swarm-secret";

export interface KafkaAdminArgs {
  readonly environment: Environment;
  /** Short name of the cluster. */
  readonly name: string;
  /** Image of services/kafka-admin. */
  readonly image: pulumi.Output<string>;
  /** Bootstrap addresses of the INTERNAL listeners. */
  readonly bootstrap: string;
  /** Passwords by name; undefined when EXTERNAL needs no login. */
  readonly users: SwarmSecret | undefined;
}

/** What `kafka-admin apply` makes true of a running cluster; what is absent is left as it is. */
export interface ClusterPlan {
  /** Copies that each topic has at least, internal ones too. */
  readonly replication?: number;
  /** The cluster's default of min.insync.replicas, set when all copies are there. */
  readonly minInSync?: number;
  readonly topics?: readonly object[];
}

/** Called with what is waited for. */
export type Progress = (line: string) => void;

const USERS_FILE = "/run/secrets/kafka-users";
const CURE = "set externalAddress, or the broker's address in kafkaNodes, to one that clients outside reach";

/**
 * Asks and changes a running cluster, by tasks of `kafka-admin` on the swarm: they reach what this machine may not.
 * To be used in hooks before a resource's change, and in the program: during a hook after a change the engine holds
 * that resource's lock, which keeps the results of all others, such as the image of these tasks, from being noted
 * (Pulumi 3.256, CreateStep.Apply in pkg/resource/deploy/step.go).
 *
 * @throws Error of each method with what is wrong and what to do.
 */
export class KafkaAdmin {
  constructor(private readonly args: KafkaAdminArgs) {}

  /** Waits until `count` brokers are in the cluster and every partition has all its replicas in sync. */
  async inSync(count: number, progress: Progress): Promise<void> {
    const args = ["ready", "-listener", "INTERNAL", "-brokers", this.args.bootstrap, "-in-sync"];
    await this.run("ready", [...args, ...this.expect(count)], { progress });
  }

  /** Whether a client outside reaches each broker where it is sent to, asked from the node of one. */
  async reachable(count: number, from: Broker, progress: Progress): Promise<void> {
    const args = [
      "ready",
      "-listener",
      "EXTERNAL",
      "-brokers",
      `127.0.0.1:${from.externalPort}`,
      "-cure",
      CURE,
    ];
    await this.run("reachable", [...args, ...this.expect(count)], {
      progress,
      users: this.args.users,
      onHostOf: from,
    });
  }

  /** Makes the plan true, and the passwords those of the secret. */
  async apply(plan: ClusterPlan, progress: Progress): Promise<void> {
    const args = ["apply", "-brokers", this.args.bootstrap, "-plan", JSON.stringify(plan), ...this.wait()];
    await this.run("apply", args, { progress, users: this.args.users });
  }

  private expect(count: number): string[] {
    return ["-expect", String(count), ...this.wait()];
  }

  private wait(): string[] {
    return ["-wait", `${this.args.environment.rolloutTimeoutSeconds}s`];
  }

  private async run(
    task: string,
    args: readonly string[],
    { progress, users, onHostOf }: { progress: Progress; users?: SwarmSecret | undefined; onHostOf?: Broker },
  ): Promise<void> {
    const { environment, image } = this.args;
    const [imageRef, network, secretId, secretName] = await known(
      pulumi.all([image, environment.network.networkId, users?.secretId, users?.secretName]),
    );
    const secret =
      secretId === undefined || secretName === undefined
        ? undefined
        : { id: secretId, name: secretName, path: USERS_FILE };
    const registryAuth = await environment.registryLogin();
    await runOneShot({
      ...environment,
      ...(registryAuth !== undefined && { registryAuth }),
      name: `${this.args.name}-${task}`,
      image: imageRef,
      args: secret === undefined ? args : [...args, "-users-file", USERS_FILE],
      network: onHostOf === undefined ? network : "host",
      constraints: onHostOf === undefined ? [] : [pin(onHostOf)],
      secrets: secret === undefined ? [] : [secret],
      timeoutSeconds: environment.rolloutTimeoutSeconds + 30,
      progress,
    });
  }
}

/** The value of an output during an update, when it is known. */
function known<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}
