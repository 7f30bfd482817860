import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../environment";
import type { Broker } from "./kafka-brokers";
import { pin } from "../swarm/node-pin";
import { OneShotFailed, runOneShot } from "../service/one-shot-task";
import { known, Progress } from "../progress-hook";
import type { SwarmSecret } from "../service/swarm-secret";

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

interface Run {
  /** What the service is called after the cluster. */
  readonly task: string;
  readonly args: readonly string[];
  /** What a failure means. */
  readonly failed: string;
  readonly progress: Progress;
  /** The secret for `-users-file`. @default none */
  readonly users?: SwarmSecret | undefined;
  /** Runs in the network of this broker's node. @default in the overlay */
  readonly onHostOf?: Broker;
}

/** What each line of the tasks begins with. */
const TIME = /^\d{4}-\d\d-\d\dT\S+ /;
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
  inSync(count: number, progress: Progress): Promise<void> {
    return this.run({
      task: "ready",
      args: [
        "ready",
        "-listener",
        "INTERNAL",
        "-brokers",
        this.args.bootstrap,
        "-in-sync",
        "-expect",
        `${count}`,
      ],
      failed: "The cluster is not ready",
      progress,
    });
  }

  /** Whether a client outside reaches each of `count` brokers where it is sent to, asked from the node of one. */
  reachable(count: number, from: Broker, progress: Progress): Promise<void> {
    const entry = `127.0.0.1:${from.externalPort}`;
    return this.run({
      task: "reachable",
      args: ["ready", "-listener", "EXTERNAL", "-brokers", entry, "-cure", CURE, "-expect", `${count}`],
      failed: `Clients outside can't use the cluster, as seen from ${from.node}`,
      progress,
      users: this.args.users,
      onHostOf: from,
    });
  }

  /** Makes the plan true, and the passwords those of the secret. */
  apply(plan: ClusterPlan, progress: Progress): Promise<void> {
    return this.run({
      task: "apply",
      args: ["apply", "-brokers", this.args.bootstrap, "-plan", JSON.stringify(plan)],
      failed: "The cluster could not be brought to what is declared",
      progress,
      users: this.args.users,
    });
  }

  private async run({ task, args, failed, progress, users, onHostOf }: Run): Promise<void> {
    const { environment, image, name } = this.args;
    const limit = environment.rolloutTimeoutSeconds;
    const [imageRef, network, id, secretName] = await known(
      pulumi.all([image, environment.network.networkId, users?.secretId, users?.secretName]),
    );
    const secrets =
      id !== undefined && secretName !== undefined ? [{ id, name: secretName, path: USERS_FILE }] : [];
    const registryAuth = environment.registryLogin;
    const done = runOneShot({
      ...environment,
      ...(registryAuth !== undefined && { registryAuth }),
      name: `${name}-${task}`,
      image: imageRef,
      args: [...args, "-wait", `${limit}s`, ...secrets.flatMap(({ path }) => ["-users-file", path])],
      network: onHostOf === undefined ? network : "host",
      constraints: onHostOf === undefined ? [] : [pin(onHostOf.node)],
      secrets,
      // The program gives up by itself, and then says why.
      timeoutSeconds: limit + 30,
      progress: (line) => progress(line.replace(TIME, "")),
    });
    await done.catch((error: unknown) => {
      throw error instanceof OneShotFailed ? new Error(`${failed}:\n${faults(error)}`) : error;
    });
  }
}

/** What kafka-admin says at its end, without what it waited for. */
function faults({ stderr, message }: OneShotFailed): string {
  const lines = stderr.split("\n").map((line) => line.replace(TIME, ""));
  const last = lines.filter((line) => line !== "" && !line.startsWith("waiting: "));
  return last.length === 0 ? message : last.map((line) => `  ${line}`).join("\n");
}
