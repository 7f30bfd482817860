import { parse, stringify } from "yaml";

/** A place for one environment beside others on a swarm: ports and a subnet of its own. */
export interface Slot {
  readonly number: number;
  /** The first of {@link PORTS} published ports. */
  readonly firstPort: number;
  /** A /24 in CIDR form. */
  readonly subnet: string;
  readonly gateway: string;
}

/** Where the slots are. */
export interface Pools {
  /** A /16, of which each slot has a /24, such as 10.64.0.0/16. */
  readonly subnets: string;
  /** Port from which on each slot has {@link PORTS}. */
  readonly firstPort: number;
}

/** What others on the swarm have already. */
export interface Taken {
  /** In CIDR form. */
  readonly subnets: readonly string[];
  readonly ports: readonly number[];
}

/** Published ports of one slot. */
export const PORTS = 10;
const SLOTS = 256;
const PREFIX = "swarm-platform:";
/** A swarm's nodes and keys belong to the environment that is there for good. */
const NOT_SHARED = ["nodes", "rotateJoinTokens", "rotateRootCa", "autolock", "namespace", "networkName"];

/**
 * The slots that are free, in the order to try them: the pull request's own number first, so that it usually gets the same
 * one again.
 *
 * @throws Error when the pools are not what they must be.
 */
export function freeSlots(pullRequest: number, pools: Pools, taken: Taken): Slot[] {
  const [, network] = /^(\d{1,3}\.\d{1,3})\.0\.0\/16$/.exec(pools.subnets) ?? [];
  if (network === undefined) {
    throw new Error(`EPHEMERAL_SUBNETS=${pools.subnets}; allowed: a /16 such as 10.64.0.0/16.`);
  }
  const last = 65_535 - SLOTS * PORTS;
  if (!(pools.firstPort >= 1024 && pools.firstPort <= last)) {
    throw new Error(`EPHEMERAL_PORTS=${pools.firstPort}; allowed: a port from 1024 to ${last}.`);
  }
  const ranges = taken.subnets.map(range);
  const all = Array.from({ length: SLOTS }, (_, i): Slot => {
    const number = (pullRequest + i) % SLOTS;
    const subnet = `${network}.${number}.0/24`;
    return { number, firstPort: pools.firstPort + number * PORTS, subnet, gateway: `${network}.${number}.1` };
  });
  return all.filter(({ subnet, firstPort }) => {
    const own = range(subnet);
    return (
      !ranges.some(({ first, last }) => first <= own.last && last >= own.first) &&
      !taken.ports.some((port) => port >= firstPort && port < firstPort + PORTS)
    );
  });
}

function range(cidr: string): { first: number; last: number } {
  const [address = "", bits = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % size);
  return { first, last: first + size - 1 };
}

/**
 * The stack file of an environment that lives in a slot: another stack's settings, with ports and subnet of its own. Its data
 * goes with it.
 *
 * @param base text of the other stack's file.
 * @throws Error when that has secrets, which the new stack can't read.
 */
export function stackFile(base: string, slot: Slot): string {
  const { config = {} } = (parse(base) ?? {}) as { config?: Record<string, unknown> };
  const secrets = Object.keys(config).filter((key) => hasSecret(config[key]));
  if (secrets.length > 0) {
    throw new Error(
      `it has secrets (${secrets.join(", ")}), which another stack can't read; name a stack file without any in EPHEMERAL_BASE.`,
    );
  }
  const kept = Object.entries(config).filter(([key]) => !NOT_SHARED.includes(key.replace(PREFIX, "")));
  const [edgePort, accountPort, edgeTlsPort, registryPort, kafkaPort] = [0, 1, 2, 3, 4].map(
    (n) => slot.firstPort + n, // up to five brokers on one node have the ports from kafkaPort on
  );
  const { subnet: networkSubnet, gateway: networkGateway } = slot;
  const own = { networkSubnet, networkGateway, edgePort, accountPort, edgeTlsPort, registryPort, kafkaPort };
  // Built images are shared with the other environments of the engine: theirs must not be pushed out.
  const settings = { ...own, keptImages: 20, purgeData: true };
  const ours = Object.entries<unknown>(settings).map(([key, value]) => [PREFIX + key, value] as const);
  return stringify({ config: Object.fromEntries([...kept, ...ours]) });
}

function hasSecret(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "secure" in value || Object.values(value).some(hasSecret);
}

/** Ports that `docker ps` shows as published, such as `0.0.0.0:8080-8081->80-81/tcp, [::]:53->53/udp`. */
export function publishedPorts(shown: string): number[] {
  return [...shown.matchAll(/:(\d+)(?:-(\d+))?->/g)].flatMap(([, first = "", last = first]) =>
    Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i),
  );
}
