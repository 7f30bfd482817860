import type { Lookup } from "./variables";

/** A line of an env_file; without a value when it has no `=`. */
export interface EnvLine {
  readonly name: string;
  readonly value?: string;
  readonly line: number;
}

/**
 * The variables of a file in Docker's own syntax (docker/cli, pkg/kvfile): `NAME=value` a line, everything behind the first `=` is the
 * value, quotes and trailing spaces too. Lines that start with # are comments.
 *
 * @returns also the numbers of lines that are neither, with what is wrong.
 */
export function parseEnvFile(text: string): {
  readonly variables: readonly EnvLine[];
  readonly faults: readonly { readonly line: number; readonly problem: string }[];
} {
  const variables: EnvLine[] = [];
  const faults: { line: number; problem: string }[] = [];
  text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .forEach((raw, index) => {
      const line = index + 1;
      const content = raw.replace(/\r$/, "").trimStart();
      if (content === "" || content.startsWith("#")) return;
      const equals = content.indexOf("=");
      const name = equals < 0 ? content : content.slice(0, equals);
      if (name === "") faults.push({ line, problem: "has no name before the =" });
      else if (/[ \t]/.test(name)) faults.push({ line, problem: "has a space in the variable's name" });
      else variables.push(equals < 0 ? { name, line } : { name, value: content.slice(equals + 1), line });
    });
  return { variables, faults };
}

/** As docker stack deploy does: a variable without a value, or with an empty one, takes that of the caller's environment. */
export function withCallersValues(
  variables: Iterable<readonly [string, string | null]>,
  lookup: Lookup,
): [string, string | null][] {
  return [...variables].map(([name, value]) => [
    name,
    (value || null) === null ? (lookup(name) ?? value) : value,
  ]);
}
