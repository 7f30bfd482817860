import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { NodeSettings } from "../config";
import type { ApiNode } from "./engine";

export interface SwarmNodeArgs extends NodeSettings {
  /** Engine API of a manager, as in DOCKER_HOST. */
  readonly host: string;
  /** Host name of the node. */
  readonly node: string;
  /** The swarm's nodes before this run; none when there is no swarm yet. */
  readonly observed: readonly ApiNode[];
}

/** Labels and availability of one node of the swarm. Labels that were not set here are left alone. */
export class SwarmNode extends pulumi.ComponentResource {
  constructor(name: string, args: SwarmNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:SwarmNode", name, {}, opts);

    const known = args.observed.map(({ Description }) => Description.Hostname);
    if (known.length > 0 && !known.includes(args.node)) {
      throw new pulumi.ResourceError(
        `nodes.${args.node}: the swarm has no such node; allowed: ${known.join(", ")} (docker node ls)`,
        this,
        true,
      );
    }
    this.settings(name, args);
    this.registerOutputs();
  }

  private settings(name: string, args: SwarmNodeArgs): command.local.Command {
    const labels = lines(args.labels);
    const seen = drift(args);
    // A command has no Read, so an input carries what was seen. While that is what is wanted it is ignored and
    // nothing differs.
    return new command.local.Command(
      name,
      {
        create: "sh components/swarm-node.sh apply",
        update: "sh components/swarm-node.sh apply",
        delete: "sh components/swarm-node.sh forget",
        environment: {
          DOCKER_HOST: args.host,
          NODE: args.node,
          LABELS: labels,
          AVAILABILITY: args.availability,
          SEEN: seen ?? "as wanted",
        },
      },
      { parent: this, ignoreChanges: seen === undefined ? ["environment.SEEN"] : [] },
    );
  }
}

/** What the node has instead of what is wanted; undefined when it is as wanted, or not seen yet. */
function drift({ node, labels, availability, observed }: SwarmNodeArgs): string | undefined {
  const is = observed.find(({ Description }) => Description.Hostname === node);
  if (is === undefined) return undefined;
  const has = (key: string): string => {
    const value = is.Spec.Labels?.[key];
    return value === undefined ? `no label ${key}` : `label ${key}=${value}`;
  };
  const differing = Object.entries(labels)
    .filter(([key, value]) => is.Spec.Labels?.[key] !== value)
    .map(([key]) => has(key));
  if (is.Spec.Availability !== availability) differing.push(`availability ${is.Spec.Availability}`);
  // With the version, the same drift a second time differs from the first.
  return differing.length === 0 ? undefined : `${differing.join(", ")} (node version ${is.Version.Index})`;
}

/** `KEY=VALUE`, one a line. */
function lines(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join("\n");
}
