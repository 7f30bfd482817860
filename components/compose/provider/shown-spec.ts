/*
 * A service's spec as people read it in a preview: one level instead of the Engine API's three, variables by name, and
 * times, sizes and permissions with their units. Nothing is lost on the way there and back.
 */

export type Value = string | number | boolean | null | readonly Value[] | Fields;
export interface Fields {
  readonly [key: string]: Value | undefined;
}

/** Properties that are not the engine's. */
export const OURS: ReadonlySet<string> = new Set(["__provider", "registryAuth", "purge", "ignored"]);
/** Fields of the Engine API's ServiceSpec itself. */
export const OF_SERVICE = new Set([
  "Name",
  "Labels",
  "Mode",
  "UpdateConfig",
  "RollbackConfig",
  "EndpointSpec",
]);
/** Fields of its TaskTemplate; all others are of the ContainerSpec in that. */
export const OF_TASK = new Set([
  "ForceUpdate",
  "LogDriver",
  "Networks",
  "Placement",
  "Resources",
  "RestartPolicy",
  "Runtime",
]);

const TIMES = new Set([
  "Delay",
  "Interval",
  "Monitor",
  "StartInterval",
  "StartPeriod",
  "StopGracePeriod",
  "Timeout",
  "Window",
]);
export const SIZES = new Set(["MemoryBytes", "SizeBytes"]);
/** Their keys are not the Engine API's, and their values are text. */
export const MAPS = new Set(["ContainerLabels", "DriverOpts", "Env", "Labels", "Options", "Sysctls"]);
/** What the engine takes a field for that is not given; it may say so when it is asked. */
const DEFAULTS: Fields = {
  Condition: "any",
  FailureAction: "pause",
  Isolation: "default",
  MaxConcurrent: 1,
  Mode: "vip",
  Order: "stop-first",
  Replicas: 1,
  Runtime: "container",
  TotalCompletions: 1,
};
/** Zero, false or none means another thing here than a field that is not given. */
const ZERO_COUNTS =
  /^(Init|StopGracePeriod|RestartPolicy\.(Delay|Window)|Mode\.\w+(\.\w+)?|(Update|Rollback)Config\.Parallelism)$/;

/** @param spec as the Engine API has it. */
export function shownService(spec: Fields): Fields {
  const { TaskTemplate, ...service } = spec as Record<string, Fields>;
  const { ContainerSpec, ...task } = (TaskTemplate ?? {}) as Record<string, Fields>;
  const { Labels, Env, ...container } = ContainerSpec ?? {};
  const variables = (Env ?? []) as readonly string[];
  return defined({
    ...(withUnits({ ...service, ...task, ...container }) as Fields),
    ContainerLabels: Labels,
    ...variablesByName(variables),
  });
}

/** The way back from {@link shownService}. */
export function serviceSpec(shown: Fields): Fields {
  const { Env, UnsetEnv, ContainerLabels, ...fields } = withoutUnits(shown) as Fields;
  const service: Record<string, Value | undefined> = {};
  const task: Record<string, Value | undefined> = {};
  const container: Record<string, Value | undefined> = {};
  for (const [key, value] of Object.entries(fields)) {
    (OF_SERVICE.has(key) ? service : OF_TASK.has(key) ? task : container)[key] = value;
  }
  const variables = [
    ...Object.entries((Env ?? {}) as Record<string, string>).map(([name, value]) => `${name}=${value}`),
    ...((UnsetEnv ?? []) as readonly string[]),
  ];
  const ContainerSpec = defined({
    ...container,
    Labels: ContainerLabels,
    // Swarm takes another order for another task; docker stack deploy sorts them too.
    Env: variables.length > 0 ? variables.sort() : undefined,
  });
  return { ...service, TaskTemplate: { ...task, ContainerSpec } };
}

/** Whether two values mean the same to the engine. */
export function isSame(a: Value | undefined, b: Value | undefined, path = ""): boolean {
  return JSON.stringify(canonical(a, path)) === JSON.stringify(canonical(b, path));
}

/** `meant`, in the words of `words` wherever both mean the same. */
export function inWordsOf(words: Value | undefined, meant: Value | undefined, path = ""): Value | undefined {
  if (isSame(words, meant, path)) return words;
  if (!isFields(words) || !isFields(meant)) return meant;
  const keys = new Set([...Object.keys(words), ...Object.keys(meant)]);
  return defined(
    Object.fromEntries([...keys].map((key) => [key, inWordsOf(words[key], meant[key], join(path, key))])),
  );
}

/** Fields that are given. */
export function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A value that is known to be text, such as a name. */
export function text(value: Value | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

export function isFields(value: Value | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without what the engine takes for granted, keys in order; undefined when nothing is left. */
function canonical(value: Value | undefined, path: string): Value | undefined {
  const key = path.slice(path.lastIndexOf(".") + 1);
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((one: Value) => canonical(one, path) ?? null);
  }
  if (isFields(value)) {
    const entries = Object.entries(value)
      .map(([name, one]) => [name, MAPS.has(key) ? one : canonical(one, join(path, name))] as const)
      .filter(([, one]) => one !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.length === 0 && !ZERO_COUNTS.test(path) ? undefined : Object.fromEntries(entries);
  }
  if (value === undefined || value === null) return undefined;
  if (value === DEFAULTS[key]) return undefined;
  const isZero = value === "" || value === 0 || value === false || value === "0s";
  return isZero && !ZERO_COUNTS.test(path) ? undefined : value;
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function variablesByName(variables: readonly string[]): Fields {
  const given = variables.filter((one) => one.includes("="));
  // Without a value: they unset what the image gives.
  const unset = variables.filter((one) => !one.includes("="));
  return defined({
    Env:
      given.length > 0
        ? Object.fromEntries(
            given.map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]),
          )
        : undefined,
    UnsetEnv: unset.length > 0 ? unset : undefined,
  });
}

function withUnits(value: Value | undefined, key = ""): Value | undefined {
  if (typeof value === "number") {
    if (TIMES.has(key)) return durationText(value);
    if (SIZES.has(key)) return sizeText(value);
    return key === "Mode" ? `0${value.toString(8)}` : value;
  }
  return mapValues(value, key, withUnits);
}

function withoutUnits(value: Value | undefined, key = ""): Value | undefined {
  if (typeof value === "string") {
    if (TIMES.has(key)) return nanoseconds(value);
    if (SIZES.has(key)) return bytes(value);
    return key === "Mode" && /^0[0-7]*$/.test(value) ? Number.parseInt(value, 8) : value;
  }
  return mapValues(value, key, withoutUnits);
}

function mapValues(
  value: Value | undefined,
  key: string,
  map: (value: Value | undefined, key: string) => Value | undefined,
): Value | undefined {
  if (Array.isArray(value)) return value.map((one: Value) => map(one, key) ?? null);
  if (!isFields(value) || MAPS.has(key)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, map(one, name)]));
}

/** Units of time with their nanoseconds, the longest first. */
const NANOSECONDS = { h: 3_600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 } as const;

/** Such as 1m30s. */
function durationText(value: number): string {
  let rest = value;
  const parts = Object.entries(NANOSECONDS).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count}${unit}`;
  });
  return parts.join("") || "0s";
}

function nanoseconds(text: string): number {
  return [...text.matchAll(/(\d+)(h|ms|m|s|us|ns)/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * NANOSECONDS[unit as keyof typeof NANOSECONDS],
    0,
  );
}

const BYTES = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 } as const;

/** In the largest unit of which it is a whole number. */
function sizeText(value: number): string | number {
  if (value === 0) return 0;
  const [unit, size] = Object.entries(BYTES).find(([, one]) => value % one === 0) ?? ["B", 1];
  return `${value / size}${unit}`;
}

/** NaN for what is no size. */
export function bytes(text: string): number {
  const [, count, unit] = /^(-?\d+)(\w+)$/.exec(text) ?? [];
  return Number(count) * BYTES[unit as keyof typeof BYTES];
}
