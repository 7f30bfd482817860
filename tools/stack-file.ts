import { parse } from "yaml";

/** One key as Pulumi.yaml declares it. */
export interface DeclaredKey {
  readonly type?: string;
  readonly default: unknown;
}

/** Values by key, without the project's prefix, as the YAML has them. */
export type Settings = Readonly<Record<string, unknown>>;

const PREFIX = "swarm-platform:";
/** Long enough for every check of a secret. */
const PLACEHOLDER = "a-secret";

/** All keys of Pulumi.yaml. @param text its content */
export function declaredKeys(text: string): Readonly<Record<string, DeclaredKey>> {
  return (parse(text) as { config: Record<string, DeclaredKey> }).config;
}

/** What a stack sets. @param text content of Pulumi.<stack>.yaml */
export function settingsIn(text: string): Settings {
  const { config } = (parse(text) ?? {}) as { config?: Settings | null };
  return Object.fromEntries(
    Object.entries(config ?? {}).map(([key, value]) => [
      key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key,
      value,
    ]),
  );
}

/**
 * The labels com.docker.stack.namespace by which a stack's objects are found on the swarm: its own, then those of its
 * stack files.
 */
export function namespacesOf(stack: string, { namespace, stacks }: Settings): readonly string[] {
  const ofFiles = JSON.parse(asText(stacks) || "[]") as readonly { readonly name: string }[];
  return [...new Set([asText(namespace) || stack, ...ofFiles.map(({ name }) => name)])];
}

/** What a stack sets, and the defaults of what it does not. */
export function effective(declared: Readonly<Record<string, DeclaredKey>>, own: Settings): Settings {
  const defaults = Object.entries(declared).map(([key, one]) => [key, one.default]);
  return { ...(Object.fromEntries(defaults) as Settings), ...own };
}

/** Settings as Pulumi hands them to the program; any secret has the same text. */
export function asRaw(settings: Settings): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, asText(value)]));
}

/** One setting as Pulumi hands it to the program. */
export function asText(value: unknown): string {
  const shown = mapSecrets(value, () => PLACEHOLDER) ?? "";
  return typeof shown === "string" ? shown : JSON.stringify(shown);
}

/** The encrypted text of a secret; undefined for anything else. */
export function encrypted(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Object.keys(value).length !== 1) return undefined;
  const { secure } = value as { secure?: unknown };
  return typeof secure === "string" ? secure : undefined;
}

/** A value with another one in the place of each secret in it; undefined removes it. */
export function mapSecrets(value: unknown, to: (secure: string) => unknown): unknown {
  const secure = encrypted(value);
  if (secure !== undefined) return to(secure);
  if (Array.isArray(value)) return value.map((one) => mapSecrets(one, to)).filter((one) => one !== undefined);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, one]) => [key, mapSecrets(one, to)] as const);
  return Object.fromEntries(entries.filter(([, one]) => one !== undefined));
}

/** The values inside a value by their path, as `pulumi config --path` writes it: `nodes.n1.role`, `kafkaNodes[0].node`. */
export function leaves(path: string, value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || encrypted(value) !== undefined) return [[path, value]];
  const inner = Array.isArray(value)
    ? value.map((one, i) => [`${path}[${i}]`, one] as const)
    : Object.entries(value).map(([key, one]) => [`${path}${step(key)}`, one] as const);
  return inner.flatMap(([at, one]) => leaves(at, one));
}

function step(key: string): string {
  return /^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`;
}
