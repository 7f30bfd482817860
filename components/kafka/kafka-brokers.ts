import type { ApiService } from "../engine/engine";
import { moveFault, nameFault, pinnedTo } from "../swarm/node-pin";

/** A machine that is to hold a broker. */
export interface KafkaNode {
  /** Host name, as `docker node ls` shows it. */
  readonly node: string;
  /** Name or address at which clients outside reach this machine. @default the environment's external address */
  readonly address?: string;
}

/** One broker and where it is. */
export interface Broker {
  /** KRaft node id, from 1. It is for ever: the data belongs to it. */
  readonly id: number;
  /** Short name of its service, also its host name. */
  readonly name: string;
  /** Full name of its volume. */
  readonly volume: string;
  /** Host name of the machine that has its volume. */
  readonly node: string;
  /** Address and port that the EXTERNAL listener advertises. */
  readonly externalHost: string;
  readonly externalPort: number;
  /** Whether its service was there before this run. */
  readonly exists: boolean;
  /** Whether a task of it ran. */
  readonly runs: boolean;
}

export interface BrokersArgs {
  /** Short name of the cluster. */
  readonly name: string;
  readonly namespace: string;
  /** Number of brokers. */
  readonly brokers: number;
  /** Where broker 1, 2, ... is. Empty: all on {@link nodeName}. */
  readonly nodes: readonly KafkaNode[];
  /** Host name of the manager's own node. */
  readonly nodeName: string;
  /** Host names of the swarm's nodes; none when there is no swarm yet. */
  readonly nodeNames: readonly string[];
  readonly externalHost: string;
  /** Of the first broker on a machine; a second one there takes the next port, and so on. */
  readonly externalPort: number;
  readonly observedServices: ReadonlyMap<string, ApiService>;
  readonly observedVolumes: readonly string[];
  /** Short names of the services that may lose their data. */
  readonly allowReplace: readonly string[];
}

/**
 * The brokers of a cluster. One that is there already stays on its node.
 *
 * @returns all faults too: a cluster that would shrink, a broker that would leave its data behind.
 */
export function placeBrokers(args: BrokersArgs): { readonly brokers: Broker[]; readonly faults: string[] } {
  const faults = shrinkFaults(args);
  if (args.nodes.length > 0 && args.nodes.length !== args.brokers) {
    faults.push(
      `kafkaNodes names ${args.nodes.length} machines; allowed: ${args.brokers}, one for each of kafkaBrokers, or none;` +
        " do: name the machine of each broker, in the order of the brokers",
    );
  }
  for (const [i, { node }] of args.nodes.entries()) {
    const fault = nameFault(node, args.nodeNames);
    if (fault === undefined) continue;
    faults.push(
      `kafkaNodes[${i}].node = "${node}": ${fault}; do: pulumi config set --path 'kafkaNodes[${i}].node' <value>`,
    );
  }
  const onNode = new Map<string, number>();
  const brokers = Array.from({ length: args.brokers }, (_, i) => {
    const id = i + 1;
    const name = `${args.name}-${id}`;
    const observed = args.observedServices.get(`${args.namespace}_${name}`);
    const is = pinnedTo(observed);
    const wanted = args.nodes[i]?.node;
    const moved = moveFault({
      service: name,
      keeper: `broker ${id}`,
      from: is,
      to: wanted,
      afterLoss:
        "the broker start empty on the other machine and copy what has replicas elsewhere; what has none is lost",
      allowReplace: args.allowReplace,
    });
    if (moved !== undefined) faults.push(`kafkaNodes[${i}].node = "${wanted}": ${moved}`);
    const node = wanted ?? is ?? args.nodeName;
    const before = onNode.get(node) ?? 0;
    onNode.set(node, before + 1);
    return {
      id,
      name,
      volume: volumeName(args, id),
      node,
      externalHost: args.nodes[i]?.address ?? args.externalHost,
      externalPort: args.externalPort + before,
      exists: observed !== undefined,
      runs: (observed?.ServiceStatus?.RunningTasks ?? 0) > 0,
    };
  });
  return { brokers, faults };
}

function volumeName({ namespace, name }: BrokersArgs, id: number): string {
  return `${namespace}_${name}-${id}-data`;
}

/** Partitions live on the brokers that would go, and votes too: Kafka doesn't move them by itself. */
function shrinkFaults(args: BrokersArgs): string[] {
  const numbered = new RegExp(`^${args.namespace}_${args.name}-(\\d+)(-data)?$`);
  const ids = [...args.observedServices.keys(), ...args.observedVolumes]
    .map((name) => Number(numbered.exec(name)?.[1] ?? 0))
    .filter((id) => id > args.brokers);
  if (ids.length === 0) return [];
  const most = Math.max(...ids);
  // The number of voters is odd.
  const least = most % 2 === 0 ? most + 1 : most;
  return [
    `kafkaBrokers = ${args.brokers}: data of ${most} brokers is there, and a cluster can't be made smaller in place;` +
      ` allowed: ${least} or more; do: pulumi config set kafkaBrokers ${least}.` +
      " To start anew without the data: pulumi destroy, then docker volume rm" +
      ` ${volumeName(args, 1)} to ${volumeName(args, most)} on the nodes that have them, then up`,
  ];
}
