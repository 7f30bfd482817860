import { at, canonical, isObject, SECRET, tokens } from "./preview";
import type { Value, Values } from "./preview";

/** A property of a service as its users call it, which may be several of the provider's. */
export interface Field {
  /** Such as `memory limit` or `env LOG_LEVEL`. */
  readonly label: string;
  /** Where it is in the properties. */
  readonly path: readonly string[];
  /** Whether Swarm starts tasks anew for it. */
  readonly restarts: boolean;
  /** Words for its value. */
  readonly say: (value: Value) => string;
}

interface Rule {
  readonly path: RegExp;
  /** Parts of the path that are one field. */
  readonly length: number;
  readonly label?: (path: readonly string[]) => string;
  readonly restarts?: boolean;
  readonly say?: (value: Value) => string;
}

const CONTAINER = "taskSpec/containerSpec";
const named = (label: string) => (): string => label;
/** Of a block such as updateConfig: its name, and the setting's. */
const blockLabel = (path: readonly string[]): string => path.slice(-2).map(spaced).join(" ");

/** The first that fits counts. */
const RULES: readonly Rule[] = [
  { path: /^taskSpec\/containerSpec\/image$/, length: 3, label: named("image") },
  { path: /^taskSpec\/containerSpec\/env\//, length: 4, label: ([, , , key]) => `env ${key}` },
  { path: /^taskSpec\/containerSpec\/args/, length: 3, label: named("arguments"), say: sayWords },
  { path: /^taskSpec\/containerSpec\/commands/, length: 3, label: named("command"), say: sayWords },
  { path: /^taskSpec\/containerSpec\/mounts/, length: 3, label: named("mounts"), say: list(sayMount) },
  {
    path: /^taskSpec\/containerSpec\/healthcheck\/tests/,
    length: 4,
    label: named("health check"),
    say: sayWords,
  },
  {
    path: /^taskSpec\/containerSpec\/healthcheck\//,
    length: 4,
    label: (path) => `health check ${spaced(path[3])}`,
  },
  {
    path: /^taskSpec\/containerSpec\/labels/,
    length: 3,
    label: named("container labels"),
    say: list(sayLabel),
  },
  {
    path: /^taskSpec\/resources\/limits\/memoryBytes/,
    length: 4,
    label: named("memory limit"),
    say: sayBytes,
  },
  { path: /^taskSpec\/resources\/limits\/nanoCpus/, length: 4, label: named("CPU limit"), say: sayCpus },
  {
    path: /^taskSpec\/resources\/reservation\/memoryBytes/,
    length: 4,
    label: named("memory reservation"),
    say: sayBytes,
  },
  {
    path: /^taskSpec\/resources\/reservation\/nanoCpus/,
    length: 4,
    label: named("CPU reservation"),
    say: sayCpus,
  },
  // Tasks on nodes that still fit stay.
  {
    path: /^taskSpec\/placement\/constraints/,
    length: 3,
    label: named("placement"),
    restarts: false,
    say: sayWords,
  },
  {
    path: /^taskSpec\/placement\//,
    length: 3,
    label: (path) => `placement ${spaced(path[2])}`,
    restarts: false,
  },
  { path: /^taskSpec\/networksAdvanceds/, length: 2, label: named("network"), say: list(sayNetwork) },
  { path: /^taskSpec\/forceUpdate/, length: 2, label: named("forced restart") },
  { path: /^taskSpec\/(restartPolicy|logDriver)\//, length: 3, label: blockLabel },
  { path: /^mode\/replicated\/replicas/, length: 3, label: named("replicas"), restarts: false },
  {
    path: /^endpointSpec\/ports/,
    length: 2,
    label: named("published ports"),
    restarts: true,
    say: list(sayPort),
  },
  { path: /^(updateConfig|rollbackConfig)\//, length: 2, label: blockLabel, restarts: false },
  { path: /^labels/, length: 1, label: named("labels"), restarts: false, say: list(sayLabel) },
];

/** The field of a service that a path is in. */
export function serviceField(path: string): Field {
  const parts = tokens(path);
  const joined = parts.join("/");
  const rule = RULES.find((one) => one.path.test(joined));
  const own = rule === undefined ? withoutIndexes(parts) : parts.slice(0, rule.length);
  const short = own.join("/").startsWith(`${CONTAINER}/`) ? own.slice(2) : own;
  return {
    label: rule?.label?.(own) ?? short.map(spaced).join(" "),
    path: own,
    restarts: rule?.restarts ?? own[0] === "taskSpec",
    say: rule?.say ?? sayValue,
  };
}

/**
 * All fields of a service in which two versions of its properties differ, at the paths that are told to.
 *
 * @param paths as the provider names them.
 */
export function serviceFields(paths: readonly string[], before: Values, after: Values): Field[] {
  const fields = new Map<string, Field>();
  for (const path of paths.flatMap((one) => within(one, before, after))) {
    const field = serviceField(path);
    fields.set(field.path.join("/"), field);
  }
  return [...fields.values()].filter(
    // Of a secret both sides are hidden, and that it is named says that it changes.
    ({ path }) => at(after, path) === SECRET || canonical(at(before, path)) !== canonical(at(after, path)),
  );
}

/** A block, such as all variables or all limits, as its fields, also where all of them go at once. */
function within(path: string, before: Values, after: Values): string[] {
  const keys = [before, after].flatMap((side) => {
    const value = at(side, tokens(path));
    return isObject(value) && !Array.isArray(value) ? Object.keys(value) : [];
  });
  if (keys.length === 0) return [path];
  return [...new Set(keys)].flatMap((key) => within(`${path}[${JSON.stringify(key)}]`, before, after));
}

/** A list counts as one. */
function withoutIndexes(parts: readonly string[]): string[] {
  const index = parts.findIndex((part) => /^\d+$/.test(part));
  return index < 0 ? [...parts] : parts.slice(0, index);
}

/** `stopGracePeriod` -> `stop grace period`. */
export function spaced(name = ""): string {
  return name.replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
}

/** One line for any value. */
export function sayValue(value: Value): string {
  if (value === undefined || value === null) return "none";
  if (typeof value === "string") return value === "" ? '""' : value;
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(sayValue).join(", ");
  if (!isObject(value)) return JSON.stringify(value);
  return Object.entries(value)
    .map(([key, one]) => `${key}=${sayValue(one)}`)
    .join(", ");
}

function list(say: (entry: Values) => string): (value: Value) => string {
  return (value) =>
    Array.isArray(value) && value.length > 0
      ? value.map((entry) => (isObject(entry) ? say(entry) : sayValue(entry))).join(", ")
      : sayValue(Array.isArray(value) ? undefined : value);
}

function sayWords(value: Value): string {
  return Array.isArray(value) && value.length > 0 ? value.map(sayValue).join(" ") : sayValue(undefined);
}

function sayBytes(value: Value): string {
  if (value === undefined || value === 0) return "none";
  return typeof value === "number" ? `${Math.round((value / 2 ** 20) * 10) / 10} MiB` : sayValue(value);
}

function sayCpus(value: Value): string {
  if (value === undefined || value === 0) return "none";
  return typeof value === "number" ? `${value / 1e9} CPU` : sayValue(value);
}

function sayLabel({ label, value }: Values): string {
  return `${sayValue(label)}=${sayValue(value)}`;
}

/** An id by its first characters, as docker shows it; those of stack files are names. */
function sayNetwork({ id, aliases }: Values): string {
  return `${sayValue(id).replace(/^([a-z0-9]{12})[a-z0-9]{13,}$/, "$1")} as ${sayValue(aliases)}`;
}

function sayPort({ publishedPort, targetPort, protocol, publishMode }: Values): string {
  return `${sayValue(publishedPort ?? "any")} to ${sayValue(targetPort)}/${sayValue(protocol)} (${sayValue(publishMode)})`;
}

function sayMount({ type, source, target }: Values): string {
  return `${sayValue(type)} ${source === undefined || source === "" ? "" : `${sayValue(source)} `}at ${sayValue(target)}`;
}
