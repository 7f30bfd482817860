import { setTimeout as sleep } from "node:timers/promises";
import { ApiNode, ApiTask, connect, within } from "../engine/engine";
import { reporter } from "../progress-hook";

/** How long Swarm may take to hear of its nodes, in ms; it calls one down that is silent for longer. */
const PATIENCE = 60_000;
const POLL = 1_000;

/**
 * Waits until Swarm knows how each node is. Where a manager was lost, or the leader has changed, it counts tasks as
 * running that may be lost: until it has heard of all nodes, and for a moment after it has called one down. Never rejects; that an
 * engine can't be reached is told by those who need it.
 */
export async function nodesHeardOf(host: string): Promise<void> {
  const progress = reporter();
  for (const started = Date.now(); Date.now() - started < PATIENCE; await sleep(POLL)) {
    const waitedFor = await notHeardOf(host).catch(() => []);
    if (waitedFor.length === 0) return;
    const names = waitedFor.map(({ Description }) => Description.Hostname).join(", ");
    progress(`waiting until the swarm, which has lost or changed a manager, has heard of ${names}`);
  }
}

async function notHeardOf(host: string): Promise<ApiNode[]> {
  const docker = connect(host);
  const nodes = (await docker.listNodes(within())) as unknown as ApiNode[];
  const down = nodes.filter(({ Status }) => Status.State === "down");
  const left = down.length === 0 ? new Set() : await nodesWithTasks(host, down);
  return nodes.filter((node) => isOpen(node) || left.has(node.ID));
}

/** A new leader calls its nodes unknown at first, and ready in the instant before that. */
function isOpen({ Status, ManagerStatus }: ApiNode): boolean {
  return (
    Status.State === "unknown" || (Status.State === "ready" && ManagerStatus?.Reachability === "unreachable")
  );
}

/** Ids of the nodes that have tasks which are to run and, as far as Swarm says, do. */
async function nodesWithTasks(host: string, nodes: readonly ApiNode[]): Promise<Set<string | undefined>> {
  const filters = { node: nodes.map(({ ID }) => ID), "desired-state": ["running"] };
  const tasks = (await connect(host).listTasks({ ...within(), filters })) as unknown as ApiTask[];
  return new Set(tasks.filter(({ Status }) => Status.State === "running").map(({ NodeID }) => NodeID));
}
