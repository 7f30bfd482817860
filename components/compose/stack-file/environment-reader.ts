import * as fs from "node:fs";
import * as path from "node:path";
import { parseEnvFile, withCallersValues } from "./env-file";
import type { Paths } from "./mounts";
import type { At, Values } from "./values";

/**
 * The variables of a service: those of its env_files in their order, then those of the file itself. What has no value, or an empty one,
 * takes that of the caller's environment, as docker stack deploy does it.
 */
export function readEnvironment(
  values: Values,
  environment: At | undefined,
  envFile: At | undefined,
  paths: Paths,
): Record<string, string | null> | undefined {
  if (environment === undefined && envFile === undefined) return undefined;
  const fromFiles = values
    .items(envFile)
    .flatMap((item) => readLines(values, item, paths))
    // A name alone takes the caller's value, and is nothing without one.
    .flatMap(([name, value]) =>
      value === null && paths.lookup(name) === undefined ? [] : [[name, value] as const],
    );
  const own = Object.entries(values.pairs(environment) ?? {});
  return Object.fromEntries([
    ...withCallersValues(fromFiles, paths.lookup),
    ...withCallersValues(own, paths.lookup),
  ]);
}

export function readLabelFiles(
  values: Values,
  at: At | undefined,
  paths: Paths,
): Record<string, string> | undefined {
  if (at === undefined) return undefined;
  const lines = values.items(at).flatMap((item) => readLines(values, item, paths));
  return Object.fromEntries(lines.map(([name, value]) => [name, value ?? ""]));
}

function readLines(values: Values, item: At, { folder }: Paths): [string, string | null][] {
  const long = item.node.kind === "map";
  const name = values.text(long ? values.below(item, "path") : item);
  if (name === undefined) return [];
  const file = path.resolve(folder, name);
  const text = readText(file);
  if (typeof text !== "string") {
    const required = values.boolean(long ? values.below(item, "required") : undefined) ?? true;
    if (required || text.code !== "ENOENT") {
      values.fault(item, `= "${name}" can't be read: ${reason(text)}`, `make ${file}, or correct the path`);
    }
    return [];
  }
  const { variables, faults } = parseEnvFile(text);
  for (const { line, problem } of faults) {
    values.findings.fault(
      { file: name, line, column: 1 },
      {
        path: item.path,
        problem: `line ${line} of ${name} ${problem}`,
        allowed: "NAME=value, or a comment with #",
      },
    );
  }
  return variables.map((variable) => [variable.name, variable.value ?? null]);
}

/** A file's text, or why it can't be read. */
export function readText(file: string): string | NodeJS.ErrnoException {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** Why a file can't be read, in plain words. */
export function reason({ code, message }: NodeJS.ErrnoException): string {
  return (
    { ENOENT: "there is no such file", EISDIR: "it is a folder", EACCES: "no permission" }[code ?? ""] ??
    message
  );
}
