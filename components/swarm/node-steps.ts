import { setTimeout as sleep } from "node:timers/promises";
import type { NodeSettings } from "../../config";
import { ApiNode, ApiService, ApiTask, connect, reasonOf, within } from "../engine/engine";
import { isReady, sightNode, Standing, standing } from "./node-sight";
import { unlock } from "./swarm-lock";
import { ENDED } from "../service/temporary-service";

/** What one node is to be, and how it is dealt with. */
export interface NodeTarget extends NodeSettings {
  /** Host name. */
  readonly node: string;
  readonly namespace: string;
  /** Engine API of a manager. */
  readonly managerHost: string;
  /** Whether this environment made the swarm. */
  readonly madeHere: boolean;
  /** Labels that the last run set, of which those that are not wanted any more are taken away. */
  readonly labelsBefore: readonly string[];
  /** How long tasks may take to move away from a drained node, in seconds. */
  readonly timeoutSeconds: number;
  /** Called at each look with what is waited for. */
  readonly progress: (line: string) => void;
}

/** Label of the nodes that an environment brought into the swarm; its value is the namespace. */
export const JOINED_LABEL = "swarm-platform.joined";

/** Time between two looks, in ms. */
const POLL = 300;
/** How long a node may take to be ready, to become a manager or to stop being one, in ms. */
const MEMBERSHIP = 60_000;
/** The engine gives up joining after 20 s by itself. */
const JOIN = 40_000;
/** How long one answer may take, in ms: a manager that has just started, asked by ssh, takes its time. */
const ANSWER = 30_000;

/**
 * Makes one node what it is to be: a member, in its role, with its labels and availability. Each step is left out
 * where it is done already, so all of it can be repeated.
 *
 * @throws Error naming node, reason and cure.
 */
export async function settleNode(target: NodeTarget): Promise<void> {
  const member = await membership(target);
  const { ID } = member ?? (await join(target));
  await setRole(target, ID);
  const ours = member === undefined || (target.madeHere && ID === (await ownId(target)));
  await setSpec(target, ID, ours ? { [JOINED_LABEL]: target.namespace } : {});
  if (target.availability === "drain") await drained(target, ID);
}

/** Id of the node of the manager that is spoken to. */
async function ownId({ managerHost }: NodeTarget): Promise<string | undefined> {
  const sight = await sightNode(managerHost);
  return sight.silent === undefined ? sight.swarm.NodeID : undefined;
}

async function listNodes({ managerHost }: NodeTarget): Promise<ApiNode[]> {
  const nodes: unknown = await connect(managerHost).listNodes(within(ANSWER));
  return nodes as ApiNode[];
}

async function look(target: NodeTarget): Promise<Standing> {
  const sight = target.host === undefined ? undefined : await sightNode(target.host);
  return standing(target.node, target.host, sight, await listNodes(target));
}

/** The node's entry once it is one of the swarm; undefined when it must join, with all in the way of that removed. */
async function membership(target: NodeTarget): Promise<ApiNode | undefined> {
  let found = await look(target);
  if (found.locked && target.host !== undefined) {
    target.progress("unlocking it");
    await unlock(target.managerHost, target.host);
    found = await until(target, "waiting until it is back in the swarm", MEMBERSHIP, async () => {
      const now = await look(target);
      return now.locked || now.fault !== undefined ? undefined : now;
    });
  }
  // A member whose engine this machine can't ask is dealt with by the manager.
  if (found.fault !== undefined && found.entry === undefined) throw new Error(found.fault);
  if (found.entry !== undefined && found.missing === undefined) {
    await forget(target, found.stale);
    return found.entry;
  }
  if (found.orphaned && target.host !== undefined) {
    await connect(target.host).swarmLeave({ force: true });
  }
  await forget(target, found.stale);
  return undefined;
}

/** Removes entries that no machine is behind. One of a manager counts for the majority until it is demoted. */
async function forget(target: NodeTarget, stale: readonly ApiNode[]): Promise<void> {
  for (const { ID, Spec } of stale) {
    target.progress(`removing the entry ${ID} that it left behind`);
    if (Spec.Role === "manager") await update(target, ID, (spec) => ({ ...spec, Role: "worker" }));
    await until(target, `waiting until its entry ${ID} can be removed`, MEMBERSHIP, async () => {
      try {
        await connect(target.managerHost).getNode(ID).remove({ force: true });
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode === 404) return true;
        // Swarm takes a moment to turn a manager into a worker.
        if (/is a cluster manager/.test(reasonOf(error))) return undefined;
        throw error;
      }
      return true;
    });
  }
}

async function join(target: NodeTarget): Promise<ApiNode> {
  const { host, node, role = "worker" } = target;
  const managers = (await listNodes(target)).flatMap(({ ManagerStatus }) =>
    ManagerStatus?.Reachability === "reachable" ? [ManagerStatus.Addr] : [],
  );
  // By the API: the docker CLI takes the token as an argument, which every process of the machine sees.
  const swarm = (await connect(target.managerHost).swarmInspect()) as {
    readonly JoinTokens: { readonly Worker: string; readonly Manager: string };
  };
  const engine = connect(host ?? "");
  target.progress(`joining the swarm as a ${role}`);
  try {
    await engine.swarmJoin({
      ListenAddr: "0.0.0.0:2377",
      AdvertiseAddr: target.advertiseAddress ?? "",
      RemoteAddrs: managers,
      JoinToken: role === "manager" ? swarm.JoinTokens.Manager : swarm.JoinTokens.Worker,
      Availability: target.availability,
      abortSignal: AbortSignal.timeout(JOIN),
    });
  } catch (error) {
    // It would go on trying in the background, and the next up would find it half in.
    await engine.swarmLeave({ force: true }).catch(() => undefined);
    throw new Error(joinFault(node, managers, reasonOf(error)), { cause: error });
  }
  return until(target, "waiting until the swarm knows it as ready", MEMBERSHIP, async () => {
    const { entry } = await look(target);
    return entry !== undefined && isReady(entry) ? entry : undefined;
  });
}

/** Why a node could not join, with the cure. */
export function joinFault(node: string, managers: readonly string[], reason: string): string {
  const at = managers.join(", ");
  const cures: readonly [RegExp, string][] = [
    [
      /prospective new cluster member/i,
      `let the managers (${at}) reach port 2377/tcp of this node at its advertised address, which must be right: nodes.${node}.advertiseAddress`,
    ],
    [
      /advertise|multiple addresses/i,
      `set nodes.${node}.advertiseAddress to the address at which the other nodes reach it`,
    ],
    [
      /timeout|deadline|connect|unreachable|refused|no route|aborted/i,
      `let this node reach port 2377/tcp of the managers (${at}): a firewall in between, or an address that it can't reach`,
    ],
    [
      /certificate|fingerprint|x509/i,
      "set the clocks of both machines (NTP): a certificate is not valid yet, or not any more",
    ],
    [
      /version|unsupported|unknown field/i,
      "bring the engines nearer to each other: at most one major version apart is what is tested",
    ],
  ];
  const cure =
    cures.find(([pattern]) => pattern.test(reason))?.[1] ??
    "see the engine's log on that node (journalctl -u docker)";
  return `Node ${node} could not join the swarm: ${reason}; do: ${cure}. Then run up again.`;
}

async function setRole(target: NodeTarget, ID: string): Promise<void> {
  const { role } = target;
  if (role === undefined) return;
  const is = await inspect(target, ID);
  if (is.Spec.Role !== role) await update(target, ID, (spec) => ({ ...spec, Role: role }));
  const what =
    role === "manager" ? "waiting until it is a manager" : "waiting until it is no manager any more";
  await until(target, what, MEMBERSHIP, async () => {
    const { ManagerStatus } = await inspect(target, ID);
    return role === "manager"
      ? ManagerStatus?.Reachability === "reachable" || undefined
      : ManagerStatus === undefined || undefined;
  });
}

async function setSpec(
  target: NodeTarget,
  id: string,
  joined: Readonly<Record<string, string>>,
): Promise<void> {
  const { labels, labelsBefore, availability } = target;
  await update(target, id, (spec) => {
    const kept = Object.entries(spec.Labels ?? {}).filter(([key]) => !labelsBefore.includes(key));
    return {
      ...spec,
      Labels: { ...Object.fromEntries(kept), ...joined, ...labels },
      Availability: availability,
    };
  });
}

/** Waits until no task runs on the node any more, and those that did run elsewhere. */
async function drained(target: NodeTarget, id: string): Promise<void> {
  const docker = connect(target.managerHost);
  const started = Date.now();
  const left = async (): Promise<string[]> => {
    const tasks = (await docker.listTasks({
      filters: { node: [id] },
      ...within(ANSWER),
    })) as unknown as (ApiTask & {
      readonly ServiceID: string;
    })[];
    const services = (await docker.listServices({
      status: true,
      ...within(ANSWER),
    } as object)) as unknown as ApiService[];
    const stays = tasks
      .filter(({ Status }) => !ENDED.includes(Status.State))
      .map(({ ServiceID }) => ServiceID);
    const lacking = services
      .filter(({ ID, Spec, ServiceStatus }) => {
        const moved = tasks.some((task) => task.ServiceID === ID) && Spec.Mode.Replicated !== undefined;
        return moved && (ServiceStatus?.RunningTasks ?? 0) < (ServiceStatus?.DesiredTasks ?? 0);
      })
      .map(({ ID }) => ID);
    const names = new Map(services.map(({ ID, Spec }) => [ID, Spec.Name]));
    return [...new Set([...stays, ...lacking])].map((one) => names.get(one) ?? one).sort();
  };
  for (;;) {
    const names = await left();
    if (names.length === 0) return;
    target.progress(
      `waiting until ${names.join(", ")} ${names.length === 1 ? "has" : "have"} moved to other nodes`,
    );
    if (Date.now() - started > target.timeoutSeconds * 1000) {
      throw new Error(
        `Node ${target.node} is set to drain, and after ${target.timeoutSeconds} s these services don't run whole elsewhere: ` +
          `${names.join(", ")}; do: see why (docker service ps ${names[0]}): a service that is pinned to this node, or for which no ` +
          "other node has room, can't move. Give it another node, or set availability back to active.",
      );
    }
    await sleep(POLL);
  }
}

async function inspect({ managerHost }: NodeTarget, id: string): Promise<ApiNode> {
  return (await connect(managerHost).getNode(id).inspect(within(ANSWER))) as ApiNode;
}

/** Changes a node's spec; once more where somebody else did in between. */
async function update(
  target: NodeTarget,
  id: string,
  change: (spec: ApiNode["Spec"]) => ApiNode["Spec"],
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { Spec, Version } = await inspect(target, id);
    const wanted = change(Spec);
    if (JSON.stringify(wanted) === JSON.stringify(Spec)) return;
    try {
      await connect(target.managerHost)
        .getNode(id)
        .update({ _query: { version: Version.Index }, _body: wanted });
      return;
    } catch (error) {
      if (tries < 5 && /out of sequence/.test(reasonOf(error))) continue;
      throw new Error(
        `Node ${target.node} could not be changed: ${reasonOf(error)}. See docker node ls, then run up again.`,
        {
          cause: error,
        },
      );
    }
  }
}

/** Asks again and again until there is an answer. */
async function until<T>(
  target: NodeTarget,
  what: string,
  patience: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  for (const started = Date.now(); ; await sleep(POLL)) {
    let problem = "";
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      // A change of managers may leave the swarm without a leader for a second.
      problem = `: ${reasonOf(error)}`;
    }
    target.progress(what);
    if (Date.now() - started > patience) {
      throw new Error(
        `Node ${target.node}: ${what} took longer than ${patience / 1000} s${problem}. See docker node ls and the engine's log on ` +
          "that node, then run up again.",
      );
    }
  }
}
