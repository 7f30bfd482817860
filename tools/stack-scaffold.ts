import { isIPv4 } from "node:net";
import { stringify } from "yaml";
import { CONFIG_KEYS, NAMESPACE_RULE, parseConfig, SECRET_KEYS, subnetRange } from "../config";
import { nearest } from "../components/nearest";
import { asRaw, DeclaredKey, effective, leaves, mapSecrets, Settings, encrypted } from "./stack-file";

/** What a new environment is to be. */
export interface Wish {
  readonly name: string;
  /** Environment whose settings it begins with. */
  readonly from: string;
  /** Values by key, as text. `nodes` may be short: `n1=ssh://root@10.0.0.21,n2=...`, the first ones managers. */
  readonly given: Readonly<Record<string, string>>;
}

/** A stack's file, and what is to be told about it. */
export interface Scaffold {
  readonly text: string;
  readonly notes: readonly string[];
}

/** What is wrong with a wish, in a sentence. */
export class WishFault extends Error {}

type Declared = Readonly<Record<string, DeclaredKey>>;
type Stacks = Readonly<Record<string, Settings>>;

/** One environment's alone: two must not share them. */
const OWN = ["namespace", "networkName", "networkSubnet", "networkGateway"];
const PORTS = ["edgePort", "accountPort", "edgeTlsPort", "kafkaPort", "registryPort"];
/** What belongs to a machine or a swarm; copied only to an environment on the same engine. */
const MACHINE = ["host", "advertiseAddress", "externalAddress", "swarmAddressPool"];
/** What belongs to the machines of a swarm of several, or was done once. */
const SWARM = [
  "nodes",
  "kafkaNodes",
  "registryNode",
  "autolock",
  "rotateJoinTokens",
  "rotateRootCa",
  "allowReplace",
];
/** Sizes that several machines allow. */
const SEVERAL = ["kafkaBrokers", "nginxReplicas"];
/** Distance of one environment's ports from the next one's. */
const STEP = 100;

/**
 * The file of a new environment: the settings of another one, with a namespace, ports and a subnet that no other file has,
 * and without machines and secrets of the other one. It has passed the program's own checks.
 *
 * @param stacks settings of all environments that there are.
 * @throws WishFault in a sentence; pulumi.RunError with all faults of the configuration.
 */
export function scaffold(wish: Wish, stacks: Stacks, declared: Declared): Scaffold {
  const { name, from, given } = wish;
  if (!NAMESPACE_RULE.schema.safeParse(name).success || name === "") {
    throw new WishFault(
      `NAME = "${name}"; allowed: ${NAMESPACE_RULE.allowed.replace(/, or empty$/, "")}: it is the prefix of all names on the swarm; ` +
        "do: make new-stack NAME=staging",
    );
  }
  if (name in stacks)
    throw new WishFault(`NAME = "${name}": Pulumi.${name}.yaml is there already, and stays as it is`);
  const base = stacks[from];
  if (base === undefined)
    throw new WishFault(`FROM = "${from}": no such stack; allowed: ${Object.keys(stacks).join(", ")}`);
  for (const key of Object.keys(given)) {
    if ((CONFIG_KEYS as readonly string[]).includes(key)) continue;
    const near = nearest(key, CONFIG_KEYS);
    throw new WishFault(
      `${key} = "${given[key]}": not a key of the configuration${near === undefined ? "" : `, perhaps ${near}`}; allowed: those in Pulumi.yaml`,
    );
  }

  const notes: string[] = [];
  const settings: Record<string, unknown> = copied(wish, base, notes);
  for (const [key, text] of Object.entries(given)) settings[key] = valueOf(key, text);
  const several = Object.keys((settings.nodes as object | undefined) ?? {}).length > 1;
  if (several) spread(settings, notes);
  const taken = Object.values(stacks).map((one) => effective(declared, one));
  Object.assign(settings, freePorts(settings, taken, declared), freeSubnet(settings, taken));
  const raw = asRaw(effective(declared, settings));
  const { namespace } = parseConfig(raw, name, raw.host || undefined);
  const twin = Object.entries(stacks).find(
    ([stack, one]) => ((one.namespace as string) || stack) === namespace,
  );
  if (twin !== undefined)
    throw new WishFault(
      `namespace = "${namespace}": stack ${twin[0]} has it; allowed: one that no other stack has`,
    );
  return { text: render(wish, settings), notes };
}

/** What a new environment takes over. */
function copied({ name, from, given }: Wish, base: Settings, notes: string[]): Record<string, unknown> {
  const elsewhere = given.host !== undefined || given.nodes !== undefined;
  const managers = Object.values((base.nodes ?? {}) as Record<string, { host?: string; role?: string }>)
    .filter(({ host, role }) => host !== undefined && role === "manager")
    .map(({ host }) => host);
  if (!elsewhere && managers.length > 0) {
    throw new WishFault(
      `nothing says where ${name} is to run, and ${from} has machines of its own; allowed: host=ssh://user@machine for one engine, ` +
        "nodes=n1=ssh://user@machine1,n2=ssh://user@machine2 for several; " +
        `to share the swarm of ${from}: host=${managers[0]}`,
    );
  }
  const left = new Set([...OWN, ...PORTS, ...SWARM, ...(elsewhere ? MACHINE : [])]);
  if (given.host !== undefined && base.nodes !== undefined) SEVERAL.forEach((key) => left.add(key));
  const kept = Object.entries(base).filter(([key]) => !left.has(key));
  const secrets: string[] = [];
  const settings: Record<string, unknown> = {};
  for (const [key, value] of kept) {
    secrets.push(
      ...leaves(key, value)
        .filter(([, leaf]) => SECRET_KEYS.has(key) || encrypted(leaf) !== undefined)
        .map(([path]) => path),
    );
    if (SECRET_KEYS.has(key)) continue;
    settings[key] = mapSecrets(value, () => undefined);
  }
  const registry = settings.registry as Record<string, unknown> | string | undefined;
  // A login without its password, or with one in clear, is none to take over.
  if (typeof registry === "object" && "auth" in registry) {
    const { auth, ...rest } = registry;
    settings.registry = rest;
    if (!secrets.includes("registry.auth.password")) secrets.push("registry.auth.password");
    const { username } = auth as { username?: string };
    notes.push(
      `The registry's login was not copied: pulumi config set --path registry.auth.username ${username ?? "NAME"} --stack ${name}`,
    );
  }
  if (settings.edgeTls === "provided") {
    settings.edgeTls = "generated";
    notes.push(`edgeTls is generated: the certificate of ${from} is for ${from}`);
  }
  notes.push(
    ...secrets
      .filter((path) => !path.startsWith("edgeTls"))
      .map((path) => `A secret was not copied: pulumi config set --secret --path '${path}' --stack ${name}`),
  );
  return settings;
}

/** A value as it is written into the file. */
function valueOf(key: string, text: string): unknown {
  if (key === "nodes" && !text.startsWith("{")) return nodesOf(text);
  if (/^[[{]/.test(text)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new WishFault(`${key} = "${text}": begins as JSON and is none`);
    }
  }
  return /^\d+$/.test(text) ? Number(text) : text;
}

interface Node {
  readonly host: string;
  readonly role: "manager" | "worker";
  readonly advertiseAddress?: string;
}

/** Managers are an odd number, three at most: they vote. */
function nodesOf(text: string): Record<string, Node> {
  const entries = text
    .split(",")
    .map((entry) => /^([^=]+)=(.+)$/.exec(entry)?.slice(1) as [string, string] | undefined);
  if (!entries.every((entry) => entry !== undefined)) {
    throw new WishFault(
      `nodes = "${text}"; allowed: host names with their engines, such as n1=ssh://root@10.0.0.21,n2=ssh://root@10.0.0.22`,
    );
  }
  const managers = entries.length >= 3 ? 3 : 1;
  return Object.fromEntries(
    entries.map(([node, host], i) => {
      const address = /@([^:/]+)/.exec(host)?.[1] ?? "";
      const role = i < managers ? "manager" : "worker";
      return [node, { host, role, ...(isIPv4(address) && { advertiseAddress: address }) }];
    }),
  );
}

/** Fits the settings to several machines. */
function spread(settings: Record<string, unknown>, notes: string[]): void {
  const nodes = Object.entries(settings.nodes as Record<string, Partial<Node>>);
  const address = nodes[0]?.[1].advertiseAddress;
  if (address !== undefined) settings.externalAddress ??= address;
  if (!settings.registry) {
    settings.registry = "builtin";
    notes.push("registry is builtin: every node must get the built images from one");
  }
  const brokers = Number(settings.kafkaBrokers ?? 1);
  if (brokers > nodes.length) {
    delete settings.kafkaBrokers;
    notes.push(
      `kafkaBrokers is left at its default: ${brokers} brokers need as many machines, and there are ${nodes.length}`,
    );
  } else if (brokers > 1) {
    settings.kafkaNodes ??= nodes.slice(0, brokers).map(([node, one]) => ({
      node,
      ...(one.advertiseAddress !== undefined && { address: one.advertiseAddress }),
    }));
  }
}

function portsOf(settings: Settings): number[] {
  return PORTS.flatMap((key) => {
    const first = Number(settings[key]);
    // Brokers on one machine have the next ones.
    const count = key === "kafkaPort" ? Number(settings.kafkaBrokers ?? 1) : 1;
    return Array.from({ length: count }, (_, i) => first + i);
  });
}

/** The usual ports, all moved by the same distance, which is the least at which they clash with nobody's. */
function freePorts(settings: Settings, taken: readonly Settings[], declared: Declared): Settings {
  const used = new Set(taken.flatMap(portsOf));
  for (let distance = STEP; distance < 20_000; distance += STEP) {
    const moved = Object.fromEntries(
      PORTS.map((key) => [key, settings[key] ?? Number(declared[key]?.default) + distance]),
    );
    const free = PORTS.filter((key) => settings[key] === undefined);
    const wanted = portsOf({ kafkaBrokers: settings.kafkaBrokers, ...moved });
    const clash = portsOf({
      kafkaBrokers: settings.kafkaBrokers,
      ...Object.fromEntries(free.map((key) => [key, moved[key]])),
    });
    if (new Set(wanted).size === wanted.length && !clash.some((port) => used.has(port))) return moved;
  }
  throw new WishFault(
    "no ports are free that clash with no other stack's; give them: edgePort=..., accountPort=..., kafkaPort=...",
  );
}

function freeSubnet(settings: Settings, taken: readonly Settings[]): Settings {
  if (settings.networkSubnet !== undefined) {
    const first = (settings.networkSubnet as string).replace(/\d+\/\d+$/, "1");
    return { networkGateway: settings.networkGateway ?? first };
  }
  const ranges = taken.flatMap((one) => subnetRange(String(one.networkSubnet)) ?? []);
  for (let third = 10; third < 255; third++) {
    const networkSubnet = `10.0.${third}.0/24`;
    const range = subnetRange(networkSubnet);
    if (range !== undefined && ranges.every(({ first, last }) => last < range.first || first > range.last))
      return { networkSubnet, networkGateway: `10.0.${third}.1` };
  }
  throw new WishFault("no subnet 10.0.10.0/24 to 10.0.254.0/24 is free; give one: networkSubnet=10.1.0.0/24");
}

const COMMENTS: Readonly<Record<string, string>> = {
  host: "Where it runs.",
  nodes: "Where it runs, by host name; managers are an odd number.",
  routing: "mesh needs IPVS in the kernel, host needs nothing.",
  networkEncrypted: "true needs ESP in the kernel.",
  networkSubnet:
    "No other stack's file has this subnet or these ports. On machines of its own the usual ones will do.",
  registry: "Where built images are pushed to.",
  kafkaNodes: "Machine of each broker, and where clients outside reach it.",
};
/** The order of the file; what is not named follows. */
const ORDER = [
  "host",
  "nodes",
  "advertiseAddress",
  "externalAddress",
  "routing",
  "networkEncrypted",
  "namespace",
  "networkSubnet",
  "networkGateway",
  ...PORTS,
];

function render({ name, from }: Wish, settings: Settings): string {
  const place = (key: string): number => (ORDER.includes(key) ? ORDER.indexOf(key) : ORDER.length);
  const keys = Object.keys(settings).sort((a, b) => place(a) - place(b));
  const lines = keys.flatMap((key) => {
    const comment = COMMENTS[key];
    return [
      ...(comment === undefined ? [] : [`  # ${comment}`]),
      `  swarm-platform:${key}:${shown(settings[key])}`,
    ];
  });
  return `# ${name}, made from ${from}. Everything else is the default of Pulumi.yaml.\nconfig:\n${lines.join("\n")}\n`;
}

/** A value behind its key: an object has a line for each of its entries. */
function shown(value: unknown): string {
  const flow = (one: unknown): string => stringify(one, { collectionStyle: "flow", lineWidth: 0 }).trim();
  if (typeof value !== "object" || value === null) return ` ${flow(value)}`;
  if (Array.isArray(value)) return value.map((one) => `\n    - ${flow(one)}`).join("");
  return Object.entries(value)
    .map(([key, one]) => `\n    ${key}: ${flow(one)}`)
    .join("");
}
