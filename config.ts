import * as pulumi from "@pulumi/pulumi";
import { isIPv4 } from "node:net";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { StackSettings } from "./components/compose/compose-stacks";
import { pairFaults } from "./components/edge/certificate";
import type { KafkaNode } from "./components/kafka/kafka-brokers";
import type { KafkaTopic } from "./components/kafka/kafka-topics";
import { nearest } from "./components/nearest";

/** Pulumi project whose configuration this is; its name prefixes every key. */
const PROJECT = "swarm-platform";
/** Shown in place of a value that must not be seen. */
const SECRET = "[secret]";
const YEAR_SECONDS = 31_536_000;
const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** How traffic reaches a service: virtual IPs and the ingress mesh, or DNS round robin and node ports. */
export type Routing = "mesh" | "host";

const CIDR = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/;

/** First and last address of an IPv4 subnet in CIDR form as numbers, undefined when it is not one. */
export function subnetRange(cidr: string): { first: number; last: number; size: number } | undefined {
  const [, address, bits] = CIDR.exec(cidr) ?? [];
  if (address === undefined || !isIPv4(address) || Number(bits) > 32) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = toNumber(address);
  return first % size === 0 ? { first, last: first + size - 1, size } : undefined;
}

function toNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** A check of one key's text, with the sentence that names what is allowed. */
type Check = {
  readonly schema: z.ZodType;
  readonly allowed: string;
  /** Whether the value must not be shown. @default false */
  readonly secret?: boolean | ((value: string) => boolean);
};

const text = (allowed: string, test: (value: string) => boolean): Check => ({
  schema: z.string().refine(test),
  allowed,
});
const optional = (check: Check): Check => ({
  schema: z.union([z.literal(""), check.schema]),
  allowed: `${check.allowed}, or empty`,
});
const integer = (min: number, max: number): Check => ({
  schema: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max)),
  allowed: `a whole number from ${min} to ${max}`,
});
const boolean: Check = {
  schema: z.enum(["true", "false"]).transform((value) => value === "true"),
  allowed: "true or false",
};
const choice = (...values: [string, ...string[]]): Check => ({
  schema: z.enum(values),
  allowed: values.join(" or "),
});

const HOSTNAME =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
const IMAGE = /^[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[a-f0-9]{64})?$/;

const ENGINE = /^(unix:\/\/\/\S+|tcp:\/\/\S+:\d+|ssh:\/\/\S+)$/;

function isAddress(value: string): boolean {
  return /^[\d.]+$/.test(value) ? isIPv4(value) : /^[a-z][a-z0-9._-]{0,14}$/i.test(value);
}

const address = text("an IPv4 address, or the name of a network interface", isAddress);
/** Something is done again whenever its text is another one. */
const occasion = text("at most 64 letters, digits and signs, such as a date, or empty", (value) =>
  /^[\x20-\x7e]{0,64}$/.test(value),
);
const port = integer(1, 65535);
const replicas: Check = {
  schema: z.union([z.literal("unmanaged"), integer(0, 100).schema]),
  allowed: "a whole number from 0 to 100, or unmanaged",
};
const memory = integer(6, 1_048_576);
const image = text("an image with a tag other than latest, such as nginx:1.26.3", (value) => {
  return IMAGE.test(value) && !/:latest(@|$)/.test(value);
});

/** Names and values as Swarm takes them; Pulumi's CLI makes numbers of what looks like one. */
const NODES = z.record(
  z.string().regex(HOSTNAME),
  z
    .strictObject({
      host: z.string().regex(ENGINE).optional(),
      role: z.enum(["manager", "worker"]).optional(),
      advertiseAddress: z.string().refine(isAddress).optional(),
      labels: z
        .record(
          z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$/),
          z.coerce.string().regex(/^[^\n]*$/),
        )
        .default({}),
      availability: z.enum(["active", "pause", "drain"]).default("active"),
    })
    // A machine that is made to join has a role.
    .transform((node) => (node.host !== undefined ? { ...node, role: node.role ?? "worker" } : node)),
);

const STACKS = z
  .array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$/),
      files: z.array(z.string().min(1)).min(1),
      // Pulumi's CLI makes numbers of what looks like one.
      env: z.record(z.string(), z.coerce.string()).default({}),
      envFiles: z.array(z.string().min(1)).default([]),
      profiles: z.array(z.string().min(1)).default([]),
      resolveImages: z.coerce.string().default(""),
    }),
  )
  .refine((stacks) => new Set(stacks.map(({ name }) => name)).size === stacks.length);

const KAFKA_NODES = z.array(
  z.strictObject({ node: z.string().regex(HOSTNAME), address: z.string().regex(HOSTNAME).optional() }),
);

const REGISTRY = z.union([
  z.null(),
  z.literal("builtin"),
  z.strictObject({
    address: z.string().regex(/^[a-z0-9.-]+(:\d{1,5})?$/),
    namespace: z
      .string()
      .regex(/^[a-z0-9._-]+(\/[a-z0-9._-]+)*$/)
      .optional(),
    // Pulumi's CLI makes numbers of what looks like one.
    auth: z
      .strictObject({ username: z.coerce.string().min(1), password: z.coerce.string().min(1) })
      .optional(),
    insecure: z.boolean().default(false),
  }),
]);

/** The short form, `host[:port][/path]`, as the long one. */
function registryValue(value: string): unknown {
  if (value === "") return null;
  if (value === "builtin") return value;
  if (value.startsWith("{")) return parseJson(value);
  const [address, ...path] = value.split("/");
  return { address, ...(path.length > 0 && { namespace: path.join("/") }) };
}

function registrySettings(
  registry: RegistrySettings | "builtin" | null,
  image: string,
  port: number,
  node: string,
): Pick<PlatformConfig, "registry" | "builtinRegistry"> {
  if (registry !== "builtin") return { registry: registry ?? undefined, builtinRegistry: undefined };
  return {
    // Engines take any certificate from 127.0.0.0/8.
    registry: { address: `127.0.0.1:${port}`, insecure: false },
    builtinRegistry: { image, port, node: node || undefined },
  };
}

function isSecret({ secret = false }: Check, value: string): boolean {
  return typeof secret === "boolean" ? secret : secret(value);
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** Every key that Pulumi.yaml declares, with its check. */
const CHECKS = {
  host: optional(text("unix:///path, tcp://host:port or ssh://user@host", (value) => ENGINE.test(value))),
  namespace: optional(
    text("1 to 28 characters of a-z, 0-9 and -, starting with a letter", (value) =>
      /^[a-z][a-z0-9-]{0,27}$/.test(value),
    ),
  ),
  networkName: optional(
    text("1 to 60 characters of A-Z, a-z, 0-9, _, . and -", (value) =>
      /^[A-Za-z0-9][\w.-]{0,59}$/.test(value),
    ),
  ),
  networkSubnet: text("an IPv4 subnet of at least 8 addresses, such as 10.0.9.0/24", (value) => {
    return (subnetRange(value)?.size ?? 0) >= 8;
  }),
  networkGateway: text("an IPv4 address, such as 10.0.9.1", (value) => isIPv4(value)),
  networkEncrypted: boolean,
  networkAttachable: boolean,
  networkCheck: boolean,
  routing: choice("mesh", "host"),
  advertiseAddress: optional(address),
  swarmAddressPool: optional(
    text("an IPv4 subnet, such as 10.20.0.0/16", (value) => subnetRange(value) !== undefined),
  ),
  externalAddress: optional(
    text("a host name or an IPv4 address, without a port", (value) =>
      /^[\d.]+$/.test(value) ? isIPv4(value) : HOSTNAME.test(value),
    ),
  ),
  timezone: text("an IANA time zone, such as Asia/Shanghai or UTC", (value) => {
    try {
      new Intl.DateTimeFormat("en", { timeZone: value });
      return /^[A-Za-z]/.test(value);
    } catch {
      return false;
    }
  }),
  registry: {
    schema: z.string().transform(registryValue).pipe(REGISTRY),
    allowed:
      "host[:port][/path] in lower case, without a scheme, such as registry.example.com/team; " +
      "or address (host[:port]), namespace (path), auth (username and password) and insecure (true or false); " +
      "or builtin; or empty",
    secret: (value) => value.startsWith("{"),
  },
  registryImage: image,
  registryPort: port,
  registryNode: optional(text("the host name of a node (docker node ls)", (value) => HOSTNAME.test(value))),
  goImage: image,
  nginxImage: image,
  kafkaImage: image,
  keptImages: integer(1, 20),
  edgePort: port,
  accountPort: port,
  edgeTls: choice("off", "generated", "provided"),
  edgeTlsPort: port,
  // Checked together, see certificateFaults.
  edgeTlsCertificate: { ...text("PEM", () => true), secret: true },
  edgeTlsKey: { ...text("PEM", () => true), secret: true },
  edgeHstsSeconds: optional(integer(0, 100_000_000)),
  kafkaPort: port,
  nginxReplicas: {
    schema: z.union([z.literal("global"), replicas.schema]),
    allowed: "a whole number from 0 to 100, global or unmanaged",
  },
  accountserviceReplicas: replicas,
  quotesserviceReplicas: replicas,
  nginxMemoryMiB: memory,
  accountserviceMemoryMiB: memory,
  quotesserviceMemoryMiB: memory,
  kafkaMemoryMiB: integer(384, 1_048_576),
  kafkaBrokers: {
    schema: z.enum(["1", "3", "5"]).transform(Number),
    allowed:
      "1, 3 or 5: controllers vote, and an even number tolerates no more losses than the odd one below it",
  },
  kafkaNodes: {
    schema: z.string().transform(parseJson).pipe(KAFKA_NODES),
    allowed:
      'a list of machines by host name, with the address that clients outside use, such as [{"node":"node1","address":"10.0.0.11"}]',
  },
  kafkaTopics: {
    schema: z
      .string()
      .transform(parseJson)
      .pipe(z.array(z.record(z.string(), z.unknown()))),
    allowed:
      'a list of topics, such as [{"name":"orders","partitions":6,"config":{"retention.ms":"86400000"}}]',
  },
  kafkaSettings: {
    schema: z
      .string()
      .transform(parseJson)
      .pipe(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
    allowed: 'broker properties and their values, such as {"log.retention.hours":"24"}',
  },
  kafkaUsers: {
    schema: z
      .string()
      .transform(parseJson)
      .pipe(z.record(z.string().regex(/^[\w.@-]{1,64}$/), z.string().min(8))),
    allowed: "names with passwords of at least 8 characters, as secrets",
    secret: true,
  },
  nodes: {
    schema: z.string().transform(parseJson).pipe(NODES),
    allowed:
      "by host name: host (unix://, tcp:// or ssh://), role (manager or worker), advertiseAddress, labels, availability (active, pause or " +
      'drain), such as {"node1":{"host":"ssh://root@10.0.0.11","role":"manager","labels":{"disk":"ssd"}}}',
  },
  platform: boolean,
  stacks: {
    schema: z.string().transform(parseJson).pipe(STACKS),
    allowed:
      "a list of stacks, each with a name of its own (letters, digits, _ and -), files (at least one), env (texts by name), envFiles, profiles " +
      'and resolveImages, such as [{"name":"site","files":["docker-stack.yml"],"env":{"TAG":"1.2"}}]',
    secret: true,
  },
  rotateJoinTokens: occasion,
  rotateRootCa: occasion,
  autolock: boolean,
  rolloutTimeoutSeconds: integer(10, 3600),
  allowReplace: {
    schema: z
      .string()
      .regex(/^([a-z0-9-]+(,[a-z0-9-]+)*)?$/)
      .transform((value) => value.split(",").filter(Boolean)),
    allowed: "names of services, separated by commas, or empty",
  },
  purgeData: boolean,
} satisfies Record<string, Check>;

type Key = keyof typeof CHECKS;

/** Names of all configuration keys, as Pulumi.yaml declares them. */
export const CONFIG_KEYS = Object.keys(CHECKS) as Key[];

/** Those of them whose values are never shown. */
export const SECRET_KEYS: ReadonlySet<string> = new Set(
  CONFIG_KEYS.filter((key) => (CHECKS[key] as Check).secret === true),
);

/** What a namespace may be, and so the name of a stack that sets none. */
export const NAMESPACE_RULE = CHECKS.namespace;

/** Memory limit in MiB and number of tasks of one service. */
export interface ServiceSize {
  readonly replicas: number | "unmanaged";
  readonly memoryMiB: number;
}

/** One environment, checked and with everything derived that the stack left empty. */
export interface PlatformConfig {
  /** Pulumi stack that this environment is. */
  readonly stack: string;
  /** Engine API of a swarm manager: unix://, tcp:// or ssh://. */
  readonly host: string;
  readonly namespace: string;
  readonly network: {
    readonly networkName: string;
    readonly subnet: string;
    readonly gateway: string;
    readonly encrypted: boolean;
    readonly attachable: boolean;
  };
  /** Whether nodes and network are checked for what the stack asks, before anything uses them. */
  readonly networkCheck: boolean;
  readonly routing: Routing;
  /** Address or interface; undefined leaves the choice to the engine. */
  readonly advertiseAddress: string | undefined;
  readonly addressPool: string | undefined;
  readonly externalAddress: string;
  readonly timezone: string;
  /** Where built images are pushed to; undefined keeps them on the engine. */
  readonly registry: RegistrySettings | undefined;
  /** Set when that registry is a service of this environment. */
  readonly builtinRegistry: BuiltinRegistrySettings | undefined;
  /** The docker CLI's config.json, which knows the logins; it need not exist. */
  readonly dockerConfigFile: string;
  readonly images: { readonly go: string; readonly nginx: string; readonly kafka: string };
  readonly keptImages: number;
  readonly nginx: {
    readonly replicas: ServiceSize["replicas"] | "global";
    readonly memoryMiB: number;
    readonly edgePort: number;
    readonly accountPort: number;
    readonly tls: EdgeTls | undefined;
  };
  readonly accountservice: ServiceSize;
  readonly quotesservice: ServiceSize;
  readonly kafka: {
    readonly externalHost: string;
    readonly externalPort: number;
    readonly memoryMiB: number;
    readonly brokers: number;
    readonly nodes: readonly KafkaNode[];
    readonly topics: readonly KafkaTopic[];
    readonly settings: Readonly<Record<string, string | number | boolean>>;
    readonly users: Readonly<Record<string, string>>;
    readonly purgeData: boolean;
  };
  /** Whether the platform's own services are part of it. */
  readonly platform: boolean;
  /** Stacks of stack files. */
  readonly stacks: readonly StackSettings[];
  /** The swarm's nodes, by host name. */
  readonly nodes: Readonly<Record<string, NodeSettings>>;
  readonly swarmKeys: {
    readonly rotateJoinTokens: string | undefined;
    readonly rotateRootCa: string | undefined;
    readonly autolock: boolean;
  };
  readonly rolloutTimeoutSeconds: number;
  /** Short names of the stateful services that may be replaced. */
  readonly allowReplace: readonly string[];
}

/** Https at the edge. */
export interface EdgeTls {
  /** Published port; edgePort then only redirects to it. */
  readonly port: number;
  /** For how long browsers use nothing but https; 0 says nothing to them. */
  readonly hstsSeconds: number;
  /** PEM; undefined where the environment's own authority makes them. */
  readonly provided: { readonly certificate: string; readonly key: string } | undefined;
}

/** A registry of built images. */
export interface RegistrySettings {
  /** `host[:port]` */
  readonly address: string;
  /** Path below which the images are; undefined for none. */
  readonly namespace?: string | undefined;
  /** Undefined for that of the docker CLI's config.json, if there is one. */
  readonly auth?: { readonly username: string; readonly password: string } | undefined;
  /** Whether it has no TLS, or a certificate that nobody checks. */
  readonly insecure: boolean;
}

/** A registry of built images as a service of the environment. */
export interface BuiltinRegistrySettings {
  readonly image: string;
  /** Port of every node, at which its engine reaches the registry. */
  readonly port: number;
  /** Host name of the node that has the images; undefined for the one that has them, or the manager's own. */
  readonly node: string | undefined;
}

/** What this environment sets on a node; other labels are left alone. */
export interface NodeSettings {
  /** Engine API of the machine, which is made to join; undefined where it joins by other means. */
  readonly host?: string;
  /** @default worker with a host; else it is left alone */
  readonly role?: "manager" | "worker";
  /** Address or interface that it advertises to the other nodes. @default the engine chooses */
  readonly advertiseAddress?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly availability: "active" | "pause" | "drain";
}

/**
 * Checks one environment's raw configuration. Reads nothing else but DOCKER_CONFIG, the docker CLI's folder.
 *
 * @param raw key (without the project's prefix) to text, as Pulumi hands it over.
 * @param stack name of the Pulumi stack.
 * @param dockerHost value of DOCKER_HOST, where the image builder works; undefined when not set.
 * @param secretVariables names of the variables of an entry of `stacks` that must not be seen. @default none
 * @throws pulumi.RunError naming every fault at once: key, value, what is allowed, what to do.
 */
export function parseConfig(
  raw: Readonly<Record<string, string>>,
  stack: string,
  dockerHost: string | undefined,
  secretVariables: (stackName: string) => readonly string[] = () => [],
): PlatformConfig {
  const faults: string[] = [];
  const values = new Map<string, unknown>();

  for (const key of Object.keys(raw).filter((name) => !Object.hasOwn(CHECKS, name))) {
    const near = nearest(key, CONFIG_KEYS);
    const meant = near === undefined ? "" : `, perhaps ${near}`;
    faults.push(
      `${key} = "${raw[key]}": not a key of this project; allowed: the keys in Pulumi.yaml${meant};` +
        ` do: pulumi config rm ${key}`,
    );
  }
  for (const [key, check] of Object.entries<Check>(CHECKS)) {
    const value = raw[key] ?? "";
    const parsed = check.schema.safeParse(value);
    if (parsed.success) values.set(key, parsed.data);
    else faults.push(fault(key, isSecret(check, value) ? SECRET : value, check.allowed));
  }

  const get = <T>(key: Key): T => values.get(key) as T;
  const or = (key: Key, fallback: string): string => get<string>(key) || fallback;
  const config = (): PlatformConfig => {
    const namespace = or("namespace", stack);
    const advertised = get<string>("advertiseAddress");
    const externalAddress = or("externalAddress", isIPv4(advertised) ? advertised : "127.0.0.1");
    return {
      stack,
      host: or("host", dockerHost ?? DEFAULT_HOST),
      namespace,
      network: {
        networkName: or("networkName", `${namespace}_network`),
        subnet: get("networkSubnet"),
        gateway: get("networkGateway"),
        encrypted: get("networkEncrypted"),
        attachable: get("networkAttachable"),
      },
      networkCheck: get("networkCheck"),
      routing: get("routing"),
      advertiseAddress: get<string>("advertiseAddress") || undefined,
      addressPool: get<string>("swarmAddressPool") || undefined,
      externalAddress,
      timezone: get("timezone"),
      ...registrySettings(get("registry"), get("registryImage"), get("registryPort"), get("registryNode")),
      dockerConfigFile: path.join(
        process.env.DOCKER_CONFIG || path.join(os.homedir(), ".docker"),
        "config.json",
      ),
      images: { go: get("goImage"), nginx: get("nginxImage"), kafka: get("kafkaImage") },
      keptImages: get("keptImages"),
      nginx: {
        replicas: get("nginxReplicas"),
        memoryMiB: get("nginxMemoryMiB"),
        edgePort: get("edgePort"),
        accountPort: get("accountPort"),
        tls: edgeTls(values),
      },
      accountservice: { replicas: get("accountserviceReplicas"), memoryMiB: get("accountserviceMemoryMiB") },
      quotesservice: { replicas: get("quotesserviceReplicas"), memoryMiB: get("quotesserviceMemoryMiB") },
      kafka: {
        externalHost: externalAddress,
        externalPort: get("kafkaPort"),
        memoryMiB: get("kafkaMemoryMiB"),
        brokers: get("kafkaBrokers"),
        nodes: get("kafkaNodes"),
        topics: get("kafkaTopics"),
        settings: get("kafkaSettings"),
        users: get("kafkaUsers"),
        purgeData: get("purgeData"),
      },
      platform: get("platform"),
      stacks: get<Omit<StackSettings, "secretValues" | "purgeData">[]>("stacks").map((one) => ({
        ...one,
        secretValues: secretVariables(one.name).flatMap((name) => one.env?.[name] ?? []),
        purgeData: get("purgeData"),
      })),
      nodes: get("nodes"),
      swarmKeys: {
        rotateJoinTokens: get<string>("rotateJoinTokens") || undefined,
        rotateRootCa: get<string>("rotateRootCa") || undefined,
        autolock: get("autolock"),
      },
      rolloutTimeoutSeconds: get("rolloutTimeoutSeconds"),
      allowReplace: get("allowReplace"),
    };
  };

  faults.push(...relationFaults(values, stack, dockerHost));
  if (faults.length > 0) {
    const many = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
    throw new pulumi.RunError(
      `The configuration of stack ${stack} has ${many}; nothing was changed.\n` +
        faults.map((line) => `  - ${line}`).join("\n"),
    );
  }
  return config();
}

/** Faults between keys; a key that is faulty by itself takes no part. */
function relationFaults(
  values: ReadonlyMap<string, unknown>,
  stack: string,
  dockerHost: string | undefined,
): string[] {
  const faults: string[] = [];
  const textOf = (key: Key): string | undefined => values.get(key) as string | undefined;

  if (values.get("platform") === false && builtin(values)) {
    faults.push(fault("registry", "builtin", "a registry elsewhere, or empty, where platform is false"));
  }

  const subnet = textOf("networkSubnet");
  const gateway = textOf("networkGateway");
  if (subnet !== undefined && gateway !== undefined) {
    const range = subnetRange(subnet);
    const at = toNumber(gateway);
    if (range !== undefined && (at <= range.first || at >= range.last)) {
      faults.push(
        fault("networkGateway", gateway, `an address inside networkSubnet ${subnet}, not its first or last`),
      );
    }
  }

  const ports = new Map<number, Key>();
  const tls = (values.get("edgeTls") ?? "off") !== "off";
  for (const key of [
    "edgePort",
    "accountPort",
    ...(tls ? ["edgeTlsPort" as const] : []),
    "kafkaPort",
    ...(builtin(values) ? ["registryPort" as const] : []),
  ] as const) {
    const value = values.get(key) as number | undefined;
    if (value === undefined) continue;
    const count = key === "kafkaPort" ? brokersOnOneNode(values) : 1;
    const range = Array.from({ length: count }, (_, i) => value + i);
    const other = range.map((one) => ports.get(one)).find((one) => one !== undefined);
    const allowed =
      count === 1
        ? `a port that ${other} does not use`
        : `the first of ${count} ports that ${other} is not among`;
    if (other !== undefined) faults.push(fault(key, String(value), allowed));
    else ports.set(value, key);
  }

  if (values.get("edgeTls") === "provided") faults.push(...certificateFaults(values));

  if (textOf("namespace") === "" && !CHECKS.namespace.schema.safeParse(stack).success) {
    faults.push(
      `namespace: the stack's name "${stack}" can't be a prefix of service names;` +
        ` allowed: ${CHECKS.namespace.allowed}; do: pulumi config set namespace <prefix>`,
    );
  }

  // The provider's image builder follows DOCKER_HOST whatever the provider's own host says
  // (kreuzwerker/terraform-provider-docker#972): images would be built on another machine.
  const host = textOf("host");
  const builder = dockerHost ?? DEFAULT_HOST;
  if (host && host !== builder) {
    faults.push(
      `host = "${host}": images would be built on ${builder}, the engine of DOCKER_HOST;` +
        ` allowed: the same engine for both; do: export DOCKER_HOST=${host}`,
    );
  }
  return faults;
}

function builtin(values: ReadonlyMap<string, unknown>): boolean {
  return values.get("registry") === "builtin";
}

function edgeTls(values: ReadonlyMap<string, unknown>): EdgeTls | undefined {
  const mode = values.get("edgeTls");
  if (mode === "off") return undefined;
  const provided = mode === "provided";
  const [http, port] = [values.get("edgePort"), values.get("edgeTlsPort") as number];
  // A browser then asks each port of the name by https, and a redirect from any other port than 80 no more. And a name
  // whose certificate is not trusted everywhere could not be opened at all.
  const usual = provided && http === 80 && port === 443 ? YEAR_SECONDS : 0;
  const given = values.get("edgeHstsSeconds") as number | "";
  const hstsSeconds = given === "" ? usual : given;
  return { port, hstsSeconds, provided: provided ? certificateAndKey(values) : undefined };
}

function certificateAndKey(values: ReadonlyMap<string, unknown>): { certificate: string; key: string } {
  return {
    certificate: values.get("edgeTlsCertificate") as string,
    key: values.get("edgeTlsKey") as string,
  };
}

function certificateFaults(values: ReadonlyMap<string, unknown>): string[] {
  const { certificate, key } = certificateAndKey(values);
  const faults = pairFaults(certificate, key, new Date());
  return [
    ...faults.certificate.map(
      (what) =>
        `edgeTlsCertificate ${what}; allowed with edgeTls provided: the server's certificate in PEM, followed by` +
        " those that signed it; do: pulumi config set edgeTlsCertificate < chain.pem",
    ),
    ...faults.key.map(
      (what) =>
        `edgeTlsKey ${what}; allowed with edgeTls provided: the certificate's private key in PEM, unencrypted;` +
        " do: pulumi config set --secret edgeTlsKey < key.pem",
    ),
  ];
}

/** The most Kafka brokers that share a machine, and so its ports. */
function brokersOnOneNode(values: ReadonlyMap<string, unknown>): number {
  const nodes = (values.get("kafkaNodes") as readonly KafkaNode[] | undefined) ?? [];
  if (nodes.length === 0) return (values.get("kafkaBrokers") as number | undefined) ?? 1;
  return Math.max(...nodes.map(({ node }) => nodes.filter((other) => other.node === node).length));
}

function fault(key: string, value: string, allowed: string): string {
  const shown = value === "" ? "not set" : `= "${value}"`;
  return `${key} ${shown}; allowed: ${allowed}; do: pulumi config set ${key} <value>`;
}

/**
 * Reads and checks the configuration of the stack that is being deployed. The only reader of
 * pulumi.Config and of the process's environment.
 *
 * @throws pulumi.RunError as {@link parseConfig} does.
 */
export function loadConfig(): PlatformConfig {
  const prefix = `${PROJECT}:`;
  const raw = Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig())
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
  const stack = pulumi.getStack();
  const config = parseConfig(raw, stack, process.env.DOCKER_HOST || undefined, secretVariablesOf(stack));
  const adopting = process.env.SWARM_PLATFORM_ADOPT;
  const stacks = config.stacks.map((one) => ({ ...one, adopting: one.name === adopting }));
  return { ...config, stacks };
}

/**
 * Pulumi hands over an object with its secrets in clear, and does not say which they are. The stack's file does.
 *
 * @returns names of the secret variables of an entry of `stacks`.
 */
function secretVariablesOf(stack: string): (stackName: string) => readonly string[] {
  const file = `Pulumi.${stack}.yaml`;
  if (!fs.existsSync(file)) return () => [];
  // An empty file is null.
  const settings = parse(fs.readFileSync(file, "utf8")) as { config?: Record<string, unknown> | null } | null;
  const stacks = settings?.config?.[`${PROJECT}:stacks`];
  if (!Array.isArray(stacks)) return () => [];
  return (stackName) => {
    const entry = (stacks as { name?: unknown; env?: Record<string, unknown> }[]).find(
      ({ name }) => name === stackName,
    );
    return Object.entries(entry?.env ?? {})
      .filter(([, value]) => typeof value === "object" && value !== null && "secure" in value)
      .map(([name]) => name);
  };
}
