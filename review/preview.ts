/** A value of a resource's property, as it is told in JSON. */
export type Value = unknown;
export type Values = Readonly<Record<string, Value>>;

/** In the place of a value that must not be seen. */
export const SECRET = "[secret]";
/** In the place of a value that only `up` finds out. */
export const UNKNOWN = "[known after up]";

/** One resource or component at one moment. */
export interface Resource {
  /** `<type> <name>`, unique in a program. */
  readonly id: string;
  /** Such as `docker:index/service:Service`. */
  readonly type: string;
  readonly name: string;
  /** Id of the component that it is in. */
  readonly parent: string | undefined;
  readonly inputs: Values;
  readonly outputs: Values;
  /** Whether it outlives its deletion from the state. */
  readonly retained: boolean;
  readonly protected: boolean;
}

export type Operation = "create" | "update" | "replace" | "delete";

/** What would happen to one resource. */
export interface Step {
  readonly id: string;
  readonly operation: Operation | "same";
  /** As the last `up` left it; undefined when it is new. */
  readonly recorded: Resource | undefined;
  /** As it is now; undefined when it is not there. */
  readonly before: Resource | undefined;
  /** As it is wanted; undefined when it goes. */
  readonly after: Resource | undefined;
  /** Paths of the properties that differ, as the provider names them: `taskSpec.containerSpec.args[1]`. */
  readonly paths: readonly string[];
}

/** Whichever version of it there is. */
export function resourceOf(step: Step): Resource {
  const found = step.after ?? step.before ?? step.recorded;
  if (found === undefined) throw new Error(`${step.id}: a step without a resource`);
  return found;
}

/** One result of a policy. */
export interface Violation {
  readonly rule: string;
  /** mandatory or advisory */
  readonly level: string;
  /** Short name of the service, or of another resource; undefined for the stack as a whole. */
  readonly service: string | undefined;
  readonly message: string;
  /** Why it is let through. */
  readonly waived?: string;
}

/** What a run of the program would do, wherever that is known from. */
export interface Preview {
  readonly steps: readonly Step[];
  readonly policies: readonly Violation[];
  /** What the program, or Pulumi, warns of. */
  readonly warnings: readonly string[];
  /** Why there is no `up` to be had; empty when there is. */
  readonly errors: readonly string[];
}

/** The tokens of a path: `a.b[0]["c.d"]` -> a, b, 0, c.d. */
export function tokens(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, plain]) => quoted?.replace(/\\(.)/g, "$1") ?? index ?? plain ?? "",
  );
}

/** The value at a path; undefined when there is none. */
export function at(value: Value, path: readonly string[]): Value {
  return path.reduce<Value>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

/** With the value at a path replaced, or taken away. */
export function replaced(values: Values, [key = "", ...rest]: readonly string[], value: Value): Values {
  const inner = values[key];
  if (rest.length > 0) return isObject(inner) ? { ...values, [key]: replaced(inner, rest, value) } : values;
  return { ...values, [key]: value };
}

/** Arrays are objects too, by index. */
export function isObject(value: Value): value is Record<string, Value> {
  return typeof value === "object" && value !== null;
}

/** Text that is the same for the same value, whatever the order of its keys. */
export function canonical(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`)
    .join(",")}}`;
}

/** Paths of the properties in which two values differ; lists count as one. */
export function differingPaths(before: Value, after: Value, path = ""): string[] {
  if (canonical(before) === canonical(after)) return [];
  const inner = (value: Value): value is Record<string, Value> => isObject(value) && !Array.isArray(value);
  if (!inner(before) || !inner(after)) return [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].sort().flatMap((key) => differingPaths(before[key], after[key], joined(path, key)));
}

function joined(path: string, key: string): string {
  if (!/^[^.[\]"]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** A resource as a state holds it (sdk/go/common/apitype/core.go, ResourceV3), as far as it is read here. */
export interface StateResource {
  readonly type: string;
  readonly urn: string;
  readonly parent?: string;
  readonly delete?: boolean;
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly inputs?: Values;
  readonly outputs?: Values;
}
