import { parse } from "yaml";

/**
 * The values of a stack's secret configuration, by key such as `kafkaUsers.alice`. A value that the program has read has
 * lost its mark, and is found again by these.
 *
 * @param file text of the stack's file, in which secrets are `secure: ...`.
 * @param config decrypted values by full key, objects as JSON, as Pulumi gives them to a policy pack.
 */
export function stackSecrets(file: string, config: Readonly<Record<string, string>>): Record<string, string> {
  const { config: declared = {} } = (parse(file) ?? {}) as { config?: Record<string, unknown> };
  const found: Record<string, string> = {};
  for (const [key, shape] of Object.entries(declared)) {
    collect(key.replace(/^.*?:/, ""), shape, config[key], found);
  }
  return found;
}

function collect(key: string, shape: unknown, value: unknown, found: Record<string, string>): void {
  if (typeof shape !== "object" || shape === null || value === undefined) return;
  if ("secure" in shape) {
    found[key] = typeof value === "string" ? value : JSON.stringify(value);
    return;
  }
  const inner = (typeof value === "string" ? JSON.parse(value) : value) as Record<string, unknown> | null;
  for (const [name, one] of Object.entries(shape)) collect(`${key}.${name}`, one, inner?.[name], found);
}
