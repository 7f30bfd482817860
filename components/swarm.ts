import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { connect, ObservedEngine } from "./engine";

export interface SwarmArgs {
  /** Engine API of the manager, as in DOCKER_HOST. */
  readonly host: string;
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
  /** Secret: lets a node join as a worker. */
  public readonly workerToken: pulumi.Output<string>;
  /** Secret: lets a node join as a manager. */
  public readonly managerToken: pulumi.Output<string>;

  constructor(name: string, args: SwarmArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:Swarm", name, {}, opts);

    const membership = this.join(name, args);
    this.clusterId = membership.stdout.apply((line) => line.split(" ")[1] ?? "");
    const tokens = pulumi.secret(
      this.clusterId.apply(async (id) => {
        // A preview of a swarm that has vanished has nothing to ask yet.
        if (args.observed.clusterId === undefined && pulumi.runtime.isDryRun())
          return { Worker: "", Manager: "" };
        if (id === "") return { Worker: "", Manager: "" };
        const swarm = (await connect(args.host).swarmInspect()) as {
          JoinTokens: { Worker: string; Manager: string };
        };
        return swarm.JoinTokens;
      }),
    );
    this.workerToken = tokens.Worker;
    this.managerToken = tokens.Manager;

    this.registerOutputs({
      clusterId: this.clusterId,
      workerToken: this.workerToken,
      managerToken: this.managerToken,
    });
  }

  private join(name: string, args: SwarmArgs): command.local.Command {
    // A command has no Read, so an input carries what was seen. While there is a swarm it is ignored and
    // nothing differs; when the swarm is gone, its new value makes `preview` show the repair.
    const missing = args.observed.clusterId === undefined;
    return new command.local.Command(
      name,
      {
        create: "sh components/swarm-init.sh",
        update: "sh components/swarm-init.sh",
        delete: "sh components/swarm-leave.sh",
        environment: {
          DOCKER_HOST: args.host,
          SWARM_SEEN: missing ? `none at ${new Date().toISOString()}` : "present",
          ...(args.advertiseAddress !== undefined && { ADVERTISE_ADDRESS: args.advertiseAddress }),
          ...(args.addressPool !== undefined && { ADDRESS_POOL: args.addressPool }),
        },
      },
      { parent: this, ignoreChanges: missing ? [] : ["environment.SWARM_SEEN"] },
    );
  }
}
