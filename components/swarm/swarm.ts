import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ObservedEngine } from "../engine/engine";

export interface SwarmArgs {
  /** What the engine said before this run, see observeEngine. */
  readonly observed: ObservedEngine;
  /** Address or interface that a new swarm advertises. @default the engine chooses */
  readonly advertiseAddress?: string;
  /** Subnet pool for overlay networks of a new swarm, CIDR. @default the engine's, 10.0.0.0/8 */
  readonly addressPool?: string;
}

/**
 * The swarm that the environment lives in. A swarm that is there is adopted and never left; one that was
 * made here is left at destroy, unless something foreign lives in it by then.
 */
export class Swarm extends pulumi.ComponentResource {
  /** Id of the swarm. */
  public readonly clusterId: pulumi.Output<string>;
  /** Whether this environment made it, and it was not there before. */
  public readonly madeHere: pulumi.Output<boolean>;

  constructor(name: string, args: SwarmArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:Swarm", name, {}, opts);

    const membership = this.join(name, args);
    this.clusterId = membership.stdout.apply((line) => line.split(" ")[1] ?? "");
    this.madeHere = membership.stdout.apply((line) => line.startsWith("initialised "));
    this.registerOutputs({ clusterId: this.clusterId, madeHere: this.madeHere });
  }

  private join(name: string, args: SwarmArgs): command.local.Command {
    // The script finds the engine by DOCKER_HOST, which is not recorded: another manager may take over.
    // A command has no Read, so an input carries what was seen. While there is a swarm all
    // of them are ignored, since they are those of a new one; when the swarm is gone, its new value makes `preview` show the repair.
    const missing = args.observed.clusterId === undefined;
    return new command.local.Command(
      name,
      {
        create: "sh components/swarm/swarm-init.sh",
        update: "sh components/swarm/swarm-init.sh",
        delete: "sh components/swarm/swarm-leave.sh",
        environment: {
          SWARM_SEEN: missing ? `none at ${new Date().toISOString()}` : "present",
          ...(args.advertiseAddress !== undefined && { ADVERTISE_ADDRESS: args.advertiseAddress }),
          ...(args.addressPool !== undefined && { ADDRESS_POOL: args.addressPool }),
        },
      },
      { parent: this, ignoreChanges: missing ? [] : ["environment"] },
    );
  }
}
