import { SECRET_KEYS } from "../config";
import { DeclaredKey, effective, encrypted, leaves, Settings } from "./stack-file";

/** What differs: where, and how it is on either side. */
export interface Row {
  readonly where: string;
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

const ABSENT = "-";
/** Before the content of a file. */
const LINES = "lines:\n";
/** Longest text of a cell. */
const WIDTH = 44;
/** In the place of what is cut off. */
const CUT = "...";

/** How the effective configuration of two stacks differs. Values of secrets are never shown. */
export function diffSettings(
  declared: Readonly<Record<string, DeclaredKey>>,
  from: Settings,
  to: Settings,
): Row[] {
  const [one, other] = [effective(declared, from), effective(declared, to)];
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.flatMap((key) => {
    const [a, b] = [new Map(leaves(key, one[key])), new Map(leaves(key, other[key]))];
    return [...new Set([...a.keys(), ...b.keys()])].flatMap((path) => {
      const secret = SECRET_KEYS.has(key) || [a, b].some((side) => encrypted(side.get(path)) !== undefined);
      const cells = secret
        ? secretCells(a.get(path), b.get(path))
        : plainCells(a.get(path), b.get(path), key in from, key in to);
      return cells === undefined
        ? []
        : [{ where: "configuration", what: path, from: cells[0], to: cells[1] }];
    });
  });
}

function isSet(value: unknown): boolean {
  return (
    value !== undefined &&
    value !== "" &&
    !(typeof value === "object" && value !== null && Object.keys(value).length === 0)
  );
}

/** Each encryption of the same text is another one, so equality is seen only where nothing was encrypted anew. */
function secretCells(a: unknown, b: unknown): [string, string] | undefined {
  if (!isSet(a) && !isSet(b)) return undefined;
  if (!isSet(a)) return ["not set", "set"];
  if (!isSet(b)) return ["set", "not set"];
  const [one, other] = [encrypted(a), encrypted(b)];
  if (one === undefined && other === undefined) return a === b ? undefined : ["set", "set, differs"];
  if (one === other) return undefined;
  return [
    "set",
    one !== undefined && other !== undefined && size(one) === size(other)
      ? "set, unknown whether it differs"
      : lengths(one, other),
  ];
}

/** Ciphertext of another length is another text; with one side in clear nothing is known. */
function lengths(one: string | undefined, other: string | undefined): string {
  return one === undefined || other === undefined ? "set, unknown whether it differs" : "set, differs";
}

/** Bytes of an encrypted text, `v1:<nonce>:<text>`. */
function size(secure: string): number {
  return Buffer.from(secure.split(":").pop() ?? "", "base64").length;
}

function plainCells(a: unknown, b: unknown, setA: boolean, setB: boolean): [string, string] | undefined {
  if (text(a) === text(b)) return undefined;
  return [cell(a, setA), cell(b, setB)];
}

function text(value: unknown): string {
  if (value === undefined || (typeof value === "object" && value !== null && Object.keys(value).length === 0))
    return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function cell(value: unknown, set: boolean): string {
  return `${text(value) === "" ? ABSENT : short(text(value))}${set || value === undefined ? "" : " (default)"}`;
}

function short(value: string): string {
  return value.length <= WIDTH ? value : `${value.slice(0, WIDTH - CUT.length)}${CUT}`;
}

/** A resource of the program's graph, as review/graph prints it. */
export interface GraphResource {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** How the services of two stacks differ. Names that carry the namespace count as the same. */
export function diffServices(from: readonly GraphResource[], to: readonly GraphResource[]): Row[] {
  const [one, other] = [services(from), services(to)];
  return [...new Set([...one.keys(), ...other.keys()])].sort().flatMap((where) => {
    const [a, b] = [one.get(where), other.get(where)];
    if (a === undefined || b === undefined) {
      return [
        {
          where,
          what: "service",
          from: a === undefined ? "none" : outline(a),
          to: b === undefined ? "none" : outline(b),
        },
      ];
    }
    return [...new Set([...a.keys(), ...b.keys()])]
      .filter((what) => a.get(what) !== b.get(what))
      .map((what) => ({ where, what, ...differing(a.get(what), b.get(what)) }));
  });
}

function outline(fields: ReadonlyMap<string, string>): string {
  return short(
    ["replicas", "memory", "ports"]
      .flatMap((what) => (fields.has(what) ? [`${what} ${fields.get(what)}`] : []))
      .join(", "),
  );
}

/** Long texts side by side begin where they differ. */
function differing(a = ABSENT, b = ABSENT): { from: string; to: string } {
  if (a.startsWith(LINES) || b.startsWith(LINES)) return { from: count(a, b), to: count(b, a) };
  let same = 0;
  while (a.length > WIDTH && same < a.length && a[same] === b[same]) same++;
  const start = Math.max(0, same - WIDTH / 2);
  const part = (value: string): string => short((start > 0 ? CUT : "") + value.slice(start));
  return { from: part(a), to: part(b) };
}

function count(one: string, other: string): string {
  if (!one.startsWith(LINES)) return one;
  const theirs = new Set(other.split("\n"));
  const lines = one.slice(LINES.length).split("\n");
  return `${lines.length} lines, ${lines.filter((line) => !theirs.has(line)).length} only here`;
}

/** Names of the main settings; all others show by their path in the service. */
const NAMES: Readonly<Record<string, string>> = {
  "mode.replicated.replicas": "replicas",
  "mode.global": "one on each node",
  "taskSpec.containerSpec.image": "image",
  "taskSpec.resources.limits.memoryBytes": "memory",
  "taskSpec.resources.limits.nanoCpus": "CPUs",
  "endpointSpec.mode": "endpoint",
  "updateConfig.order": "update order",
};

/** The settings of each service, by short names. */
function services(graph: readonly GraphResource[]): Map<string, Map<string, string>> {
  const configs = new Map(
    graph
      .filter(isOf("ServiceConfig"))
      .map(({ inputs }) => [String(inputs.name), Buffer.from(String(inputs.data), "base64").toString()]),
  );
  return new Map(graph.filter(isOf("Service")).map((one) => [one.name, fields(one, configs)]));
}

const isOf =
  (type: string) =>
  (one: GraphResource): boolean =>
    one.type.endsWith(`:${type}`);

interface Port {
  readonly publishedPort: number;
  readonly targetPort: number;
  readonly protocol: string;
  readonly publishMode: string;
}
interface File {
  readonly fileName: string;
  readonly configName?: string;
}

/** Names and references by id differ in any case; ports and files have a form of their own. */
const ASIDE =
  /^(name$|labels|endpointSpec\.ports|taskSpec\.networksAdvanceds|taskSpec\.containerSpec\.(labels|configs|secrets))/;

function fields({ name, inputs }: GraphResource, configs: ReadonlyMap<string, string>): Map<string, string> {
  const { endpointSpec, taskSpec } = inputs as {
    readonly endpointSpec?: { readonly ports?: readonly Port[] };
    readonly taskSpec?: { readonly containerSpec?: { configs?: readonly File[]; secrets?: readonly File[] } };
  };
  const { configs: files = [], secrets = [] } = taskSpec?.containerSpec ?? {};
  const ports = endpointSpec?.ports ?? [];
  const prefix = String(inputs.name).slice(0, -name.length);
  const plain = Object.entries(inputs)
    .flatMap(([key, value]) => leaves(key, value))
    .filter(([path, value]) => !ASIDE.test(path) && text(value) !== "");
  return new Map([
    ...plain.map(([path, value]) => named(path, value, prefix)),
    ...(ports.length > 0 ? [["ports", ports.map(port).join(" ")] as const] : []),
    ...files.map(
      ({ fileName, configName = "" }) => [fileName, `${LINES}${configs.get(configName) ?? ""}`] as const,
    ),
    ...secrets.map(({ fileName }) => [`secret ${fileName}`, "set"] as const),
  ]);
}

function port({ publishedPort, targetPort, protocol, publishMode }: Port): string {
  return `${publishedPort}->${targetPort}/${protocol} (${publishMode})`;
}

function named(path: string, value: unknown, prefix: string): [string, string] {
  const what = NAMES[path] ?? path.replace(/^taskSpec\.(containerSpec\.)?/, "");
  if (typeof value === "object") return [what, "secret"];
  if (what === "memory") return [what, `${Number(value) / 2 ** 20} MiB`];
  if (what === "CPUs") return [what, Number(value) === 0 ? "no limit" : String(Number(value) / 1e9)];
  const shown = text(value);
  // A digest is only known of an image that an engine has.
  if (what === "image") return [what, shown.replace(/@sha256:.*$/, "")];
  return [what, shown.startsWith(prefix) ? `<namespace>_${shown.slice(prefix.length)}` : shown];
}
