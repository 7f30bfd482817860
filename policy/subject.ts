import { posix } from "node:path";
import { dockerFields, dockerType, nameInStack } from "../components/compose/docker-words";
import { Properties, UNKNOWN } from "./properties";
import type { Found, Known } from "./properties";

/** A text that others than its program can read: in the state, by `docker inspect`, in a process list. */
export interface Text {
  /** Such as `env DB_PASSWORD` or `args[2]`. */
  readonly where: string;
  /** Name of the variable, flag or label that it is the value of. */
  readonly name?: string;
  readonly found: Found;
}

/** What runs: a service, or a container of an engine. */
export interface Workload {
  readonly kind: "service" | "container";
  readonly image: Known<string>;
  readonly texts: readonly Text[];
  readonly memory: Known<number | string>;
  readonly cpus: Known<number | string>;
  /** Such as `["CMD", "true"]`. */
  readonly healthcheck: Known<readonly unknown[]>;
  /** Folders and files of the node that are seen inside. */
  readonly binds: readonly Known<string>[];
  /** Such as `8080/tcp`. */
  readonly ports: Known<readonly string[]>;
  readonly replicas: Known<number | "global">;
  /** Whether it keeps data on its node. */
  readonly stateful: Known<boolean>;
  /** Whether it runs to an end. */
  readonly oneShot: Known<boolean>;
  readonly readOnly: Known<boolean>;
  readonly capDrops: Known<readonly unknown[]>;
  readonly privileged: Known<boolean>;
  readonly user: Known<string>;
  readonly logDriver: Known<string>;
  readonly logOptions: Known<Readonly<Record<string, unknown>>>;
}

/** A resource as the rules see it. */
export type Subject = {
  /** Name inside the environment: that of the swarm without its prefix. Of what a stack file declares `stack/name`. */
  readonly name: string;
  /** Whether a stack file declares it. */
  readonly inStackFile: boolean;
  /** Reasons of waivers in the resource itself, by rule. */
  readonly waived: Readonly<Record<string, string>>;
} & (
  | ({ readonly is: "workload" } & Workload)
  | { readonly is: "network"; readonly overlay: Known<boolean>; readonly encrypted: Known<boolean> }
  | { readonly is: "image"; readonly image: Known<string>; readonly texts: readonly Text[] }
  | { readonly is: "config"; readonly texts: readonly Text[] }
  | { readonly is: "volume"; readonly binds: readonly Known<string>[] }
);

/** Label of a service whose component waives the health check; its value is the reason (components/service/service-spec.ts). */
const NO_HEALTH_CHECK = "swarm-platform.no-health-check";
const NAMESPACE = "com.docker.stack.namespace";
const CONTAINER = ["taskSpec", "containerSpec"] as const;

/**
 * @param name of the resource, for one that has none on the swarm, or not yet.
 * @param parent name of the component that it is in; that of what a stack file declares is the stack.
 * @returns undefined for a resource that no rule is about.
 */
export function subjectOf(
  type: string,
  name: string,
  props: Properties,
  parent: string | undefined,
): Subject | undefined {
  const declared = dockerType(type);
  if (declared === undefined) return dockerSubject(type, name, props);
  const subject = dockerSubject(
    declared,
    name,
    props.renamed((fields) => dockerFields(type, fields)),
  );
  return subject && { ...subject, name: nameInStack(parent ?? "", name), inStackFile: true };
}

function dockerSubject(type: string, name: string, props: Properties): Subject | undefined {
  const common = { name: shortName(name, props), waived: {}, inStackFile: false };
  const image = { is: "image", ...common, name } as const;
  switch (type) {
    case "docker:index/service:Service": {
      const reason = label(props, NO_HEALTH_CHECK);
      const waived: Record<string, string> = reason === undefined ? {} : { "health-check": reason };
      return { is: "workload", ...common, waived, ...service(props) };
    }
    case "docker:index/container:Container":
      return { is: "workload", ...common, ...container(props) };
    case "docker:index/network:Network":
      return { is: "network", ...common, ...network(props) };
    case "docker:index/remoteImage:RemoteImage":
    case "docker:index/registryImage:RegistryImage":
      return { ...image, image: props.get("name"), texts: buildArguments(props, "buildArgs") };
    case "docker:index/image:Image":
      return { ...image, image: props.get("imageName"), texts: buildArguments(props, "args") };
    case "docker:index/serviceConfig:ServiceConfig":
      return { is: "config", ...common, texts: contents(props) };
    case "docker:index/volume:Volume":
      return { is: "volume", ...common, binds: [props.get("driverOpts", "device")] };
    default:
      return undefined;
  }
}

function shortName(name: string, props: Properties): string {
  const [full, namespace] = [props.get<string>("name"), label(props, NAMESPACE)];
  if (typeof full !== "string" || full === "") return name;
  return namespace !== undefined && full.startsWith(`${namespace}_`)
    ? full.slice(namespace.length + 1)
    : full;
}

function label(props: Properties, wanted: string): string | undefined {
  const labels = props.get<readonly { label?: unknown; value?: unknown }[]>("labels");
  if (!Array.isArray(labels)) return undefined;
  const found = (labels as { label?: unknown; value?: unknown }[]).find((one) => one.label === wanted)?.value;
  return typeof found === "string" ? found : undefined;
}

function service(props: Properties): Workload {
  const inContainer = <T>(...path: string[]): Known<T> => props.get<T>(...CONTAINER, ...path);
  const mounts = list(props, ...CONTAINER, "mounts");
  return {
    kind: "service",
    image: inContainer("image"),
    texts: [
      ...variables(props, ...CONTAINER, "env"),
      ...lines(props, "command", ...CONTAINER, "commands"),
      ...lines(props, "args", ...CONTAINER, "args"),
      ...lines(props, "healthcheck", ...CONTAINER, "healthcheck", "tests"),
      ...labels(props, "label", "labels"),
      ...labels(props, "container label", ...CONTAINER, "labels"),
    ],
    memory: props.get("taskSpec", "resources", "limits", "memoryBytes"),
    cpus: props.get("taskSpec", "resources", "limits", "nanoCpus"),
    healthcheck: inContainer("healthcheck", "tests"),
    binds: mounts === UNKNOWN ? [UNKNOWN] : mounts.flatMap(bindsOf),
    ports: servicePorts(props),
    replicas:
      props.get("mode", "global") === true ? "global" : (props.get("mode", "replicated", "replicas") ?? 1),
    stateful: mounts === UNKNOWN ? UNKNOWN : anyTrue(mounts.map(keepsData)),
    oneShot: anyTrue([equals(props.get("taskSpec", "restartPolicy", "condition"), "none"), isJob(props)]),
    readOnly: inContainer("readOnly"),
    capDrops: inContainer("capDrops"),
    privileged: false,
    user: inContainer("user"),
    logDriver: props.get("taskSpec", "logDriver", "name"),
    logOptions: props.get("taskSpec", "logDriver", "options"),
  };
}

/** Which stack files alone can have. */
function isJob(props: Properties): Known<boolean> {
  const modes = props.entries("mode");
  return modes === UNKNOWN
    ? UNKNOWN
    : modes.some(([mode]) => mode === "replicatedJob" || mode === "globalJob");
}

function servicePorts(props: Properties): Known<readonly string[]> {
  const ports = list(props, "endpointSpec", "ports");
  const networks = list(props, "taskSpec", "networksAdvanceds");
  // On the host's own network every port that it listens on is open to clients outside.
  const host = networks !== UNKNOWN && networks.some(({ name, id }) => name === "host" || id === "host");
  if (ports === UNKNOWN) return host ? ["all (network host)"] : UNKNOWN;
  return [
    ...ports.map(({ publishedPort, targetPort, protocol }) => port(publishedPort ?? targetPort, protocol)),
    ...(host ? ["all (network host)"] : []),
  ];
}

function container(props: Properties): Workload {
  const mounts = list(props, "mounts");
  const volumes = list(props, "volumes");
  const known = mounts !== UNKNOWN && volumes !== UNKNOWN;
  const ports = list(props, "ports");
  const open = [
    ...(props.get("networkMode") === "host" ? ["all (networkMode host)"] : []),
    ...(props.get("publishAllPorts") === true ? ["all (publishAllPorts)"] : []),
  ];
  return {
    kind: "container",
    image: props.get("image"),
    texts: [
      ...assignments(props, "envs"),
      ...lines(props, "entrypoints", "entrypoints"),
      ...lines(props, "command", "command"),
      ...lines(props, "healthcheck", "healthcheck", "tests"),
      ...labels(props, "label", "labels"),
    ],
    memory: props.get("memory"),
    cpus: props.get("cpus") ?? props.get("cpuQuota"),
    healthcheck: props.get("healthcheck", "tests"),
    binds: known
      ? [...mounts.flatMap(bindsOf), ...volumes.map(({ hostPath }) => hostPath as Known<string>)]
      : [UNKNOWN],
    ports:
      ports === UNKNOWN
        ? open.length > 0
          ? open
          : UNKNOWN
        : [...ports.map(({ external, internal, protocol }) => port(external ?? internal, protocol)), ...open],
    replicas: 1,
    stateful: known
      ? anyTrue([...mounts.map(keepsData), ...volumes.map(({ readOnly }) => equals(readOnly, true, true))])
      : UNKNOWN,
    oneShot: equals(props.get("mustRun"), false),
    readOnly: props.get("readOnly"),
    capDrops: props.get("capabilities", "drops"),
    privileged: props.get("privileged"),
    user: props.get("user"),
    logDriver: props.get("logDriver"),
    logOptions: props.get("logOpts"),
  };
}

function network(props: Properties): { overlay: Known<boolean>; encrypted: Known<boolean> } {
  // The program asks for it by a label, because the engine's own options are ignored (components/network/overlay-network.ts).
  const asked = label(props, "swarm-platform.encrypted");
  const options = props.entries("options");
  return {
    overlay: equals(props.get("driver"), "overlay"),
    encrypted:
      asked !== undefined
        ? asked === "true"
        : options === UNKNOWN
          ? UNKNOWN
          : options.some(([key]) => key === "encrypted"),
  };
}

type Entry = Readonly<Record<string, unknown>>;

/** A list of objects. */
function list(props: Properties, ...path: string[]): readonly Entry[] | typeof UNKNOWN {
  const entries = props.entries(...path);
  if (entries === UNKNOWN) return UNKNOWN;
  return entries.map(([, { value }]) =>
    typeof value === "object" && value !== null ? (value as Entry) : {},
  );
}

function bindsOf({ type, source, volumeOptions }: Entry): Known<string>[] {
  // A volume may be made to lead to a folder of the node.
  const device = (volumeOptions as { driverOptions?: { device?: Known<string> } } | undefined)?.driverOptions
    ?.device;
  if (type === "bind") return [source as Known<string>];
  return type === UNKNOWN ? [UNKNOWN] : [device];
}

function keepsData({ type, readOnly }: Entry): Known<boolean> {
  if (type === UNKNOWN || readOnly === UNKNOWN) return UNKNOWN;
  return (type === "volume" || type === "bind") && readOnly !== true;
}

function anyTrue(values: readonly Known<boolean>[]): Known<boolean> {
  return values.includes(true) || (values.includes(UNKNOWN) ? UNKNOWN : false);
}

/** @param negated whether it is to differ. */
function equals(value: Known<unknown>, wanted: unknown, negated = false): Known<boolean> {
  return value === UNKNOWN ? UNKNOWN : (value === wanted) !== negated;
}

function port(published: unknown, protocol: unknown): string {
  const number = typeof published === "number" ? String(published) : "unknown";
  return `${number}/${typeof protocol === "string" ? protocol : "tcp"}`;
}

/** The values of a map of variables. */
function variables(props: Properties, ...path: string[]): Text[] {
  return texts(props, path, "env", ([name, found]) => ({ where: `env ${name}`, name, found }));
}

/** A list of `NAME=value`. */
function assignments(props: Properties, ...path: string[]): Text[] {
  return texts(props, path, "env", ([index, found]) => {
    const text = typeof found.value === "string" ? found.value : "";
    const at = text.indexOf("=");
    if (at < 0) return { where: `env ${index}`, found };
    const name = text.slice(0, at);
    return { where: `env ${name}`, name, found: { ...found, value: text.slice(at + 1) } };
  });
}

/** Words of a command line; the one after a flag is its value. */
function lines(props: Properties, where: string, ...path: string[]): Text[] {
  let flag: string | undefined;
  return texts(props, path, where, ([index, found]) => {
    const before = flag;
    const [, name, value] =
      (typeof found.value === "string" && /^--?([A-Za-z][\w.-]+)(?:=(.*))?$/s.exec(found.value)) || [];
    flag = value === undefined ? name : undefined;
    const own = `${where}[${index}]`;
    if (name !== undefined)
      return { where: `${own} (${name})`, name, found: { ...found, value: value ?? "" } };
    return before === undefined
      ? { where: own, found }
      : { where: `${own} (${before})`, name: before, found };
  });
}

function labels(props: Properties, where: string, ...path: string[]): Text[] {
  return texts(props, path, where, ([index]) => {
    const name = props.get<string>(...path, index, "label");
    const known = typeof name === "string" ? name : index;
    return { where: `${where} ${known}`, name: known, found: props.find(...path, index, "value") };
  });
}

function buildArguments(props: Properties, field: string): Text[] {
  return texts(props, ["build", field], "build argument", ([name, found]) => ({
    where: `build argument ${name}`,
    name,
    found,
  }));
}

/** One text for each entry; or one for all of them, when it is they together that are a secret. */
function texts(
  props: Properties,
  path: readonly string[],
  where: string,
  text: (entry: readonly [string, Found]) => Text,
): Text[] {
  const whole = props.find(...path);
  if (whole.secret && whole.value !== undefined) return [{ where, found: whole }];
  const entries = props.entries(...path);
  return entries === UNKNOWN ? [] : entries.map(text);
}

/** A stack file's text is one, where it can be. */
function contents(props: Properties): Text[] {
  const text = props.find("text");
  return [{ where: "data", found: text.value === undefined ? decoded(props.find("data")) : text }];
}

function decoded({ value, secret }: Found): Found {
  return { value: typeof value === "string" ? Buffer.from(value, "base64").toString("utf8") : value, secret };
}

/** Whether what is mounted is, or has in it, the socket of an engine: who has it is root on the node. */
export function hasSocket(source: string): boolean {
  const path = posix.normalize(source).replace(/(.)\/$/, "$1");
  if (/(^|\/)(docker|containerd)\.sock$/.test(path)) return true;
  return ["/", "/var", "/run", "/var/run", "/run/docker", "/run/containerd"].includes(path);
}
