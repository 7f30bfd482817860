import type { ApiService } from "../engine/engine";

/*
 * A local volume doesn't follow a task to another node, so whatever keeps data in one is pinned to the node that has
 * it. For ever: on another node it would start empty.
 */

const PIN = "node.hostname==";

/**
 * The placement constraint that keeps tasks on a node.
 *
 * @param node host name, as `docker node ls` shows it.
 */
export function pin(node: string): string {
  return `${PIN}${node}`;
}

/** Host name of the node that a service is pinned to; undefined when it is not, or is not there. */
export function pinnedTo(service: ApiService | undefined): string | undefined {
  const constraints = service?.Spec.TaskTemplate.Placement?.Constraints ?? [];
  return constraints.find((one) => one.startsWith(PIN))?.slice(PIN.length);
}

/**
 * Why no node can be meant by a name, and what is allowed; undefined when one can.
 *
 * @param nodes host names of the swarm's nodes; none when there is no swarm yet.
 */
export function nameFault(node: string, nodes: readonly string[]): string | undefined {
  if (nodes.length === 0 || nodes.filter((name) => name === node).length === 1) return undefined;
  const what = nodes.includes(node)
    ? "several nodes of the swarm have this name"
    : "the swarm has no such node";
  return `${what}; allowed: a name of one of ${nodes.join(", ")} (docker node ls)`;
}

/** A service that keeps data, and the node that it is to be on. */
export interface Move {
  /** Short name of the service. */
  readonly service: string;
  /** What has the data, such as `it` or `broker 2`. */
  readonly keeper: string;
  /** Node that has the data; undefined when none has any yet. */
  readonly from: string | undefined;
  /** Node that is asked for; undefined when none is. */
  readonly to: string | undefined;
  /** What becomes of it there without its data. */
  readonly afterLoss: string;
  /** Short names of the services that may lose their data. */
  readonly allowReplace: readonly string[];
}

/** Why a service may not go to another node, and what to do; undefined when it may, or stays. */
export function moveFault({ service, keeper, from, to, afterLoss, allowReplace }: Move): string | undefined {
  if (from === undefined || to === undefined || from === to || allowReplace.includes(service))
    return undefined;
  return (
    `${keeper} keeps its data on ${from}, and a local volume doesn't follow it;` +
    ` allowed: ${from}; do: set it back. If ${from} is lost: pulumi config set allowReplace` +
    ` ${[...allowReplace, service].join(",")} lets ${afterLoss}`
  );
}
