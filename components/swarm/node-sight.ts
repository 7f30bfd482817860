import { ApiNode, connect, reasonOf, SwarmInfo, within } from "../engine/engine";

/** How long the engine of a node may take to answer, in ms: a login by ssh included. */
const PATIENCE = 30_000;

/** What the engine of one machine says of itself. */
export type NodeSight =
  | { readonly silent: string }
  | {
      readonly silent?: undefined;
      readonly hostname: string;
      readonly version: string;
      readonly swarm: SwarmInfo;
    };

/** Asks the engine of one machine. Never rejects: an engine that says nothing is told by the reason. */
export async function sightNode(host: string): Promise<NodeSight> {
  const docker = connect(host);
  try {
    // The client's types know no options here.
    const options = within(PATIENCE) as never;
    const info = (await (docker.info(options) as unknown)) as {
      readonly Name: string;
      readonly ServerVersion: string;
      readonly Swarm: SwarmInfo;
    };
    return { hostname: info.Name, version: info.ServerVersion, swarm: info.Swarm };
  } catch (error) {
    return { silent: reasonOf(error) };
  }
}

/** Where a node stands towards the swarm of the manager that is spoken to. */
export interface Standing {
  /** Its entry in the swarm. */
  readonly entry?: ApiNode;
  /** Entries of its name that no machine is behind any more. */
  readonly stale: readonly ApiNode[];
  /** Why it must join, in words. */
  readonly missing?: string;
  /** Whether its engine must first leave what it believes to be in. */
  readonly orphaned?: boolean;
  /** Whether its engine waits for the swarm's unlock key. */
  readonly locked?: boolean;
  /** Why it can't be dealt with: sentence and cure. */
  readonly fault?: string;
}

/**
 * @param name host name that the node should have.
 * @param host Engine API of the node; undefined where only the manager is asked.
 * @param sight what its engine said; undefined where only the manager is asked.
 * @param nodes the swarm's nodes; none when there is no swarm yet.
 */
export function standing(
  name: string,
  host: string | undefined,
  sight: NodeSight | undefined,
  nodes: readonly ApiNode[],
): Standing {
  const named = nodes.filter(({ Description }) => Description.Hostname === name);
  if (sight === undefined) return byName(name, named, nodes);
  if (sight.silent !== undefined) {
    const entry = named.find(isReady) ?? named[0];
    const fault = unreachable(`nodes.${name}`, host ?? "", sight.silent);
    return { ...(entry !== undefined && { entry }), stale: [], fault };
  }
  if (sight.hostname !== name) {
    return {
      stale: [],
      fault:
        `nodes.${name}.host = "${host}": that machine calls itself ${sight.hostname}; allowed: the machine's own host name ` +
        `as the key; do: name the entry ${sight.hostname}, or correct its host`,
    };
  }
  return bySight(name, host ?? "", sight.swarm, named, nodes);
}

function byName(name: string, named: readonly ApiNode[], nodes: readonly ApiNode[]): Standing {
  const ready = named.filter(isReady);
  const entry = ready[0] ?? named[0];
  if (ready.length > 1) {
    const ids = ready.map(({ ID }) => ID).join(", ");
    return {
      stale: [],
      fault: `nodes.${name}: several nodes of the swarm have this name (${ids}); do: give each machine a host name of its own`,
    };
  }
  // Without a swarm there is nothing to compare with.
  if (entry !== undefined || nodes.length === 0) return { ...(entry && { entry }), stale: [] };
  const known = nodes.map(({ Description }) => Description.Hostname).join(", ");
  return {
    stale: [],
    fault:
      `nodes.${name}: the swarm has no such node, and without a host it can't be made to join; allowed: ${known} ` +
      `(docker node ls), or a host; do: correct the name, or set nodes.${name}.host`,
  };
}

function bySight(
  name: string,
  host: string,
  swarm: SwarmInfo,
  named: readonly ApiNode[],
  nodes: readonly ApiNode[],
): Standing {
  const entry = nodes.find(({ ID }) => ID === swarm.NodeID);
  const stale = named.filter((one) => one !== entry && !isReady(one));
  switch (swarm.LocalNodeState) {
    case "active":
    case "pending":
      if (entry !== undefined) return { entry, stale };
      break;
    case "inactive":
      return {
        stale: named,
        missing:
          named.length === 0 ? "it is in no swarm" : "it has left the swarm by hand, or was installed anew",
      };
    case "locked":
      return { stale: [], locked: true };
    case "error":
      break;
  }
  const managers = new Set(nodes.filter(({ Spec }) => Spec.Role === "manager").map(({ ID }) => ID));
  const remotes = swarm.RemoteManagers ?? [];
  if (entry !== undefined || remotes.some(({ NodeID }) => managers.has(NodeID))) {
    const said = swarm.Error ? ` (${swarm.Error})` : "";
    const missing =
      swarm.LocalNodeState === "active" ? "it was removed from the swarm" : "its swarm is broken";
    return { stale: named, orphaned: true, missing: missing + said };
  }
  const where = remotes.map(({ Addr }) => Addr).join(", ") || "unknown managers";
  return {
    stale: [],
    fault:
      `nodes.${name}: its engine is in another swarm (that of ${where}), and nothing here takes it out of that; ` +
      `do: docker -H ${host} swarm leave --force, once nobody needs it there`,
  };
}

export function isReady({ Status }: ApiNode): boolean {
  return Status.State === "ready";
}

/**
 * A sentence about an engine that could not be asked, with the cure.
 *
 * @param who what is spoken of, such as `nodes.node2`.
 */
export function unreachable(who: string, host: string, reason: string): string {
  return `${who}: the engine at ${host} can't be reached: ${reason}; do: ${reachCure(host, reason)}`;
}

function reachCure(host: string, reason: string): string {
  const cures: readonly [RegExp, string][] = [
    [
      /permission denied \(/i,
      `let the key in (ssh-copy-id ${host}), or name the right one in ~/.ssh/config (IdentityFile); try: ssh ${host}`,
    ],
    [
      /host key verification failed|remote host identification/i,
      `log in once by hand to see and accept the machine's key: ssh ${host}; if it changed and you know why: ssh-keygen -R`,
    ],
    [
      /docker(\.exe)?: (command )?not found|unknown command|not a docker command/i,
      "install the docker CLI (18.09 or newer) there",
    ],
    [
      /permission denied.*(docker\.sock|daemon socket)/i,
      "let that user open the engine's socket (usermod -aG docker <user>)",
    ],
    [
      /instead of docker's answer/,
      "give that user a shell whose start-up files (such as ~/.bashrc) print nothing without a terminal",
    ],
    [
      /does not answer in time/,
      "see that the engine there answers (docker info), and that a login is quick (time ssh <user>@<host> true): the user's " +
        "start-up files run at each",
    ],
    [/cannot connect to the docker daemon|ENOENT/i, "start the engine there (systemctl start docker)"],
    [
      /could not resolve|ENOTFOUND|name or service not known/i,
      "correct the host's name, or make it known (DNS, /etc/hosts)",
    ],
  ];
  return (
    cures.find(([pattern]) => pattern.test(reason))?.[1] ??
    "see that the machine runs, and that its firewall lets this one in (22/tcp for ssh)"
  );
}
