import * as pulumi from "@pulumi/pulumi";
import type { NodeSettings } from "../../config";
import type { ApiNode, ObservedEngine } from "../engine/engine";
import { isReady, NodeSight, sightNode, Standing, standing } from "./node-sight";
import { JOINED_LABEL } from "./node-steps";
import type { Swarm } from "./swarm";
import { SwarmNode } from "./swarm-node";

type Nodes = Readonly<Record<string, NodeSettings>>;

export interface SwarmNodesArgs {
  /** By host name. */
  readonly nodes: Nodes;
  readonly namespace: string;
  /** Engine API of a manager, as in DOCKER_HOST. */
  readonly host: string;
  readonly observed: Pick<ObservedEngine, "nodeName" | "nodes" | "version">;
  readonly rolloutTimeoutSeconds: number;
}

/** What tells which nodes leave. */
interface LeavingArgs extends Pick<SwarmNodesArgs, "nodes" | "namespace"> {
  readonly observed: Pick<ObservedEngine, "nodeName">;
}

/** How all declared nodes stand before this run, by host name. */
export type Standings = ReadonlyMap<string, Standing>;

/**
 * Asks the engines of all declared nodes and compares them with the swarm.
 *
 * @throws pulumi.RunError with all faults at once. In a preview, a machine that can't be reached from here is a
 * warning.
 */
export async function observeNodes(args: SwarmNodesArgs): Promise<Standings> {
  const { nodes, observed } = args;
  const sights = new Map(
    await Promise.all(
      Object.entries(nodes).map(
        async ([name, { host }]) => [name, host === undefined ? undefined : await sightNode(host)] as const,
      ),
    ),
  );
  const standings = new Map(
    Object.entries(nodes).map(([name, { host }]) => [
      name,
      standing(name, host, sights.get(name), observed.nodes),
    ]),
  );
  const { faults, warnings } = judge(args, sights, standings);
  for (const warning of warnings) await pulumi.log.warn(warning);
  if (faults.length > 0) {
    throw new pulumi.RunError(
      `The nodes of the swarm can't be brought into the state that is declared; nothing was changed.\n` +
        faults.map((line) => `  - ${line}`).join("\n"),
    );
  }
  return standings;
}

function judge(
  args: SwarmNodesArgs,
  sights: ReadonlyMap<string, NodeSight | undefined>,
  standings: Standings,
): { readonly faults: string[]; readonly warnings: string[] } {
  const faults = managerFaults(args.nodes, args.namespace, args.observed);
  const warnings: string[] = [];
  for (const [name, { fault, entry }] of standings) {
    if (fault === undefined) continue;
    const silent = sights.get(name)?.silent !== undefined;
    if (silent && entry !== undefined) {
      const state = isReady(entry)
        ? "The swarm itself says that it is ready."
        : `The swarm says that it is ${entry.Status.State}: its tasks run on other nodes where they may. If it is lost for ever, take it out ` +
          "of nodes, and up removes it.";
      warnings.push(`${fault}\n  ${state}`);
    } else if (silent && pulumi.runtime.isDryRun()) warnings.push(`${fault}\n  Until then up refuses.`);
    else faults.push(fault);
  }
  const versions = new Map<string, string[]>([[args.observed.version, [args.observed.nodeName]]]);
  for (const [name, sight] of sights) {
    if (sight === undefined || sight.silent !== undefined || name === args.observed.nodeName) continue;
    versions.set(sight.version, [...(versions.get(sight.version) ?? []), name]);
  }
  if (versions.size > 1) {
    const list = [...versions].map(([version, names]) => `${version} on ${names.join(", ")}`).join("; ");
    warnings.push(
      `The nodes run different engines: ${list}. Swarm allows that while you upgrade them one by one, managers last; bring all to one version.`,
    );
  }
  return { faults, warnings };
}

/**
 * What would cost the swarm its majority of managers, or the manager that is spoken to. Managers come one by one and
 * then go one by one; each must be outvoted by those that stay.
 */
export function managerFaults(
  nodes: Nodes,
  namespace: string,
  observed: SwarmNodesArgs["observed"],
): string[] {
  const { nodeName } = observed;
  const faults: string[] = [];
  const own = nodes[nodeName];
  const declared = Object.entries(nodes).filter(([, { host }]) => host !== undefined);
  if (own?.role === "worker") {
    faults.push(
      `nodes.${nodeName}.role = "worker": it is the manager that is spoken to; allowed: manager; ` +
        `do: set it to manager, or speak to another manager (DOCKER_HOST)`,
    );
  }
  if (declared.length > 0 && own === undefined) {
    faults.push(
      `nodes: the engine that is spoken to is ${nodeName}, which is not among them; allowed: every machine of the swarm; ` +
        `do: add ${nodeName} with role manager, or speak to a manager that is in the list (DOCKER_HOST)`,
    );
  }
  const loopback = observed.nodes.find(({ ManagerStatus }) => /^127\./.test(ManagerStatus?.Addr ?? ""));
  if (declared.length > 1 && loopback !== undefined) {
    faults.push(
      `nodes: the swarm advertises ${loopback.ManagerStatus?.Addr}, which other machines can't reach; do: make destroy, set ` +
        `nodes.${nodeName}.advertiseAddress to the address at which they do, then up`,
    );
  }

  const managers = observed.nodes
    .filter(({ Spec }) => Spec.Role === "manager")
    .sort((a, b) => (a.Description.Hostname < b.Description.Hostname ? -1 : 1));
  const leaves = (node: ApiNode): boolean =>
    leavesSwarm(node, { nodes, namespace, observed }) || nodes[node.Description.Hostname]?.role === "worker";
  const healthy = managers.filter(({ ManagerStatus }) => ManagerStatus?.Reachability === "reachable");
  const leaving = healthy.filter(leaves).map(({ Description }) => Description.Hostname);
  const most = Math.max(1, Math.floor((managers.length - 1) / 2));
  if (leaving.length > most) {
    faults.push(
      `nodes: of the ${managers.length} managers (${managers.map(({ Description }) => Description.Hostname).join(", ")}), ` +
        `${leaving.length} would go in one step (${leaving.join(", ")}), and the rest is no majority of them; allowed: at most ${most} ` +
        `at a time; do: leave ${leaving.slice(most).join(", ")} as it is, run up, then take the next`,
    );
  }
  return faults;
}

/**
 * Declares all nodes. Workers settle side by side; managers one after the other, since each changes the majority, and
 * those that come before those that go.
 */
export function declareNodes(
  { nodes, namespace, host, rolloutTimeoutSeconds }: SwarmNodesArgs,
  standings: Standings,
  swarm: Swarm,
): SwarmNode[] {
  let previous: pulumi.Resource = swarm;
  const rank = (name: string): number => {
    if (nodes[name]?.role === "manager") return 0;
    return standings.get(name)?.entry?.Spec.Role === "manager" ? 1 : 2;
  };
  return Object.keys(nodes)
    .sort((a, b) => rank(a) - rank(b))
    .map((node) => {
      const wanted = nodes[node] as NodeSettings;
      const declared = new SwarmNode(
        `node-${node}`,
        {
          ...wanted,
          node,
          namespace,
          managerHost: host,
          swarm,
          standing: standings.get(node) ?? { stale: [] },
          timeoutSeconds: rolloutTimeoutSeconds,
        },
        { dependsOn: [previous] },
      );
      if (rank(node) < 2) previous = declared;
      return declared;
    });
}

/**
 * Whether a node is removed at the end of this run: it was brought into the swarm from here and is no longer declared.
 * The manager that is spoken to stays.
 */
export function leavesSwarm(
  { Spec, Description }: ApiNode,
  { nodes, namespace, observed }: LeavingArgs,
): boolean {
  const { Hostname } = Description;
  if (nodes[Hostname] !== undefined || Hostname === observed.nodeName) return false;
  return Spec.Labels?.[JOINED_LABEL] === namespace;
}

/**
 * Host names of the nodes that the swarm has after this run: those that are about to join included, those that leave
 * not; none when there is no swarm yet.
 */
export function nodeNames(args: LeavingArgs & Pick<SwarmNodesArgs, "observed">): string[] {
  const { nodes, observed } = args;
  const there = observed.nodes
    .filter((node) => !leavesSwarm(node, args))
    .map(({ Description }) => Description.Hostname);
  const joining = Object.keys(nodes).filter(
    (name) => nodes[name]?.host !== undefined && !there.includes(name),
  );
  return [...there, ...joining];
}
