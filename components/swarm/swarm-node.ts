import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { NodeSettings } from "../../config";
import type { Standing } from "./node-sight";
import { settleNode } from "./node-steps";
import { known, progressHook } from "../progress-hook";
import type { Swarm } from "./swarm";

export interface SwarmNodeArgs extends NodeSettings {
  /** Host name of the node. */
  readonly node: string;
  readonly namespace: string;
  /** Engine API of a manager, as in DOCKER_HOST. */
  readonly managerHost: string;
  readonly swarm: Pick<Swarm, "madeHere">;
  /** How the node stands before this run, see standing(). */
  readonly standing: Standing;
  /** How long its tasks may take to move, in seconds. */
  readonly timeoutSeconds: number;
}

/**
 * One node of the swarm: its membership, role, labels and availability. Labels that were not set here are left
 * alone. A node that this environment brought into the swarm leaves it when it is no longer declared.
 */
export class SwarmNode extends pulumi.ComponentResource {
  /** Host name, once the node is as declared. */
  public readonly settled: pulumi.Output<string>;

  constructor(name: string, args: SwarmNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:SwarmNode", name, {}, opts);
    const settings = this.settings(name, args);
    this.settled = settings.id.apply(() => args.node);
    this.registerOutputs({ settled: this.settled });
  }

  private settings(name: string, args: SwarmNodeArgs): command.local.Command {
    const seen = difference(args);
    const settle = progressHook(name, async (progress, { oldInputs }) => {
      const madeHere = await known(args.swarm.madeHere);
      await settleNode({ ...args, madeHere, labelsBefore: labelKeys(oldInputs), progress });
    });
    // A command has no Read, so an input carries what was seen. While that is what is wanted it is ignored and
    // nothing differs.
    return new command.local.Command(
      name,
      {
        create: "echo settled",
        update: "echo settled",
        delete: "sh components/swarm/swarm-node.sh",
        environment: {
          NODE: args.node,
          NODE_HOST: args.host ?? "",
          NAMESPACE: args.namespace,
          ...(args.role !== undefined && { ROLE: args.role }),
          ...(args.advertiseAddress !== undefined && { ADVERTISE_ADDRESS: args.advertiseAddress }),
          LABELS: lines(args.labels),
          AVAILABILITY: args.availability,
          PATIENCE: String(args.timeoutSeconds),
          SEEN: seen ?? "as wanted",
        },
      },
      {
        parent: this,
        ignoreChanges: seen === undefined ? ["environment.SEEN"] : [],
        hooks: { beforeCreate: [settle], beforeUpdate: [settle] },
      },
    );
  }
}

/** What the node is instead of what is wanted; undefined when it is as wanted, or not seen yet. */
function difference({ role, labels, availability, standing }: SwarmNodeArgs): string | undefined {
  const { entry, stale, missing, locked } = standing;
  // With the time, the same state a second time differs from the first.
  const now = new Date().toISOString();
  if (locked) return `its engine waits for the unlock key (${now})`;
  if (missing !== undefined) return `${missing} (${now})`;
  if (entry === undefined) return undefined;
  const { Spec } = entry;
  const differing = Object.entries(labels)
    .filter(([key, value]) => Spec.Labels?.[key] !== value)
    .map(([key]) =>
      Spec.Labels?.[key] === undefined ? `no label ${key}` : `label ${key}=${Spec.Labels[key]}`,
    );
  if (role !== undefined && Spec.Role !== role) differing.push(`role ${Spec.Role}`);
  if (Spec.Availability !== availability) differing.push(`availability ${Spec.Availability}`);
  if (stale.length > 0) differing.push(`left behind: ${stale.map(({ ID }) => ID).join(", ")}`);
  return differing.length === 0 ? undefined : `${differing.join(", ")} (node version ${entry.Version.Index})`;
}

/** `KEY=VALUE`, one a line. */
function lines(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join("\n");
}

/** Keys of the labels in the inputs of the last run. */
function labelKeys(inputs: unknown): string[] {
  const { environment } = (inputs ?? {}) as { readonly environment?: { readonly LABELS?: string } };
  const text = environment?.LABELS ?? "";
  return text === "" ? [] : text.split("\n").map((line) => line.replace(/=.*/, ""));
}
