import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";

/** Folder of the Pulumi program. */
export const PROJECT_DIR = path.resolve(__dirname, "../..");

/** In the place of a value that is encrypted in the stack's file. */
const ENCRYPTED = "encrypted";

/** One key as Pulumi.yaml declares it. */
export interface DeclaredKey {
  readonly type: string;
  readonly default: string | number | boolean | object;
  readonly description: string;
}

/** All keys of Pulumi.yaml's config section, in its order. */
export function declaredConfig(): Record<string, DeclaredKey> {
  return (readYaml("Pulumi.yaml") as { config: Record<string, DeclaredKey> }).config;
}

/**
 * Configuration of a stack as Pulumi hands it over: defaults and Pulumi.<stack>.yaml, all as text; secrets are not
 * decrypted.
 */
export function stackConfig(stack?: string): Record<string, string> {
  const own =
    stack === undefined
      ? {}
      : ((readYaml(`Pulumi.${stack}.yaml`) as { config?: Record<string, DeclaredKey["default"]> }).config ??
        {});
  return Object.fromEntries([
    ...Object.entries(declaredConfig()).map(([key, declared]) => [key, asText(declared.default)] as const),
    ...Object.entries(own).map(
      ([key, value]) => [key.replace(/^swarm-platform:/, ""), asText(value)] as const,
    ),
  ]);
}

/** A value of the configuration as the program gets it. */
export function asText(value: DeclaredKey["default"]): string {
  const plain = withoutEncrypted(value);
  return typeof plain === "string" ? plain : JSON.stringify(plain);
}

function withoutEncrypted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutEncrypted);
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === "secure") return ENCRYPTED;
  return Object.fromEntries(entries.map(([key, one]) => [key, withoutEncrypted(one)]));
}

/** A YAML file of the project. */
export function readYaml(file: string): unknown {
  return parse(fs.readFileSync(path.join(PROJECT_DIR, file), "utf8"));
}
