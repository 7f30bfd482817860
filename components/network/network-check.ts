import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Routing } from "../../config";
import { probeNetwork } from "./network-probe";
import { known, progressHook } from "../progress-hook";

export interface NetworkCheckArgs {
  /** Engine API of a manager, as in DOCKER_HOST. */
  readonly host: string;
  readonly namespace: string;
  /** Id of the overlay network. */
  readonly networkId: pulumi.Input<string>;
  readonly routing: Routing;
  /** Whether the overlay network is encrypted. */
  readonly encrypted: boolean;
  /** Nodes of the swarm by name and id, sorted; when they are other ones it is checked again. */
  readonly nodes: pulumi.Input<readonly string[]>;
  /** Image of the edge, which every node can pull. */
  readonly image: string;
  /** How long one rollout may take. */
  readonly rolloutTimeoutSeconds: number;
}

/** Whether there is anything to check: one node with DNS round robin and no encryption asks nothing of its kernel. */
export function asksOfNetwork(routing: Routing, encrypted: boolean, nodes: number): boolean {
  return routing === "mesh" || encrypted || nodes > 1;
}

/**
 * That the kernels and the network between the nodes carry what the stack asks, before anything uses them: an overlay on a
 * kernel without IPVS or ESP, or between nodes with closed ports, comes up without a word and carries no traffic.
 */
export class NetworkCheck extends pulumi.ComponentResource {
  constructor(name: string, args: NetworkCheckArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:NetworkCheck", name, {}, opts);

    const { host, namespace, image, encrypted } = args;
    const probe = progressHook(name, async (progress) => {
      const warning = await probeNetwork({
        ...{ host, namespace, image, encrypted, progress },
        network: await known(args.networkId),
        virtualIps: args.routing === "mesh",
        timeoutSeconds: args.rolloutTimeoutSeconds,
      });
      if (warning !== undefined) await pulumi.log.warn(warning, this);
    });
    // The command carries what was checked, so that it is checked again when that changes; the hook does it, and when it
    // fails nothing is noted as checked.
    new command.local.Command(
      name,
      {
        create: "echo checked",
        update: "echo checked",
        environment: {
          NODES: pulumi.output(args.nodes).apply((nodes) => nodes.join("\n")),
          NETWORK: args.networkId,
          ROUTING: args.routing,
          ENCRYPTED: String(encrypted),
        },
      },
      { parent: this, hooks: { beforeCreate: [probe], beforeUpdate: [probe] } },
    );
    this.registerOutputs({ nodes: args.nodes });
  }
}
