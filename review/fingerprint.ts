import { createHash } from "node:crypto";
import { at, canonical, differingPaths, tokens } from "./preview";
import type { Preview, Step, Value } from "./preview";

/** A moment, which no two runs share. */
const MOMENT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/**
 * All that a run would do, one line for each property: the same code against the same world gives the same lines, in the
 * same order. Secrets show as such.
 */
export function changeLines({ steps }: Preview): string[] {
  const made = newSecrets(steps);
  return steps
    .filter(({ operation }) => operation !== "same")
    .flatMap((step) => linesOf(step, made))
    .concat(kept(steps))
    .sort();
}

/**
 * Names of secrets that are not there yet. Of a generated one, such as the builtin registry's password, each run before
 * the first `up` has another value, and so another name.
 */
function newSecrets(steps: readonly Step[]): string[] {
  return steps
    .filter(({ id, operation }) => operation === "create" && id.startsWith("docker:index/secret:Secret "))
    .map(({ after }) => String(after?.inputs.name));
}

function linesOf(step: Step, made: readonly string[]): string[] {
  const text = (value: Value): string => textOf(value, made);
  const { before, after, operation, id } = step;
  const what = `${operation} ${id.replace(/^.*:/, "")}`;
  if (operation === "delete") return [what];
  const wanted = after?.inputs ?? {};
  if (operation === "create") return [`${what}: ${text(wanted)}`];
  const paths = new Set([...step.paths, ...differingPaths(before?.inputs ?? {}, wanted)]);
  if (paths.size === 0) return [what];
  return [...paths].map((path) => {
    const from = at(before && { ...before.inputs, ...before.outputs }, tokens(path));
    return `${what}: ${path}: ${text(from)} -> ${text(at(wanted, tokens(path)))}`;
  });
}

/** What becomes of data later is decided now. */
function kept(steps: readonly Step[]): string[] {
  return steps.flatMap(({ id, before, after }) => {
    if (before === undefined || after === undefined) return [];
    return (["retained", "protected"] as const)
      .filter((key) => before[key] !== after[key])
      .map((key) => `${id}: ${key}: ${before[key]} -> ${after[key]}`);
  });
}

/** Long content as its hash. */
function textOf(value: Value, made: readonly string[]): string {
  const timeless = canonical(value).replace(MOMENT, "<time>");
  const all = made.reduce((line, name) => line.replaceAll(name, "<new>"), timeless);
  return all.length <= 200 ? all : `${all.slice(0, 80)}... ${hash(all)}`;
}

/**
 * Tells one set of changes from another.
 *
 * @param lines see {@link changeLines}.
 * @param encrypted the stack's secrets as they are encrypted: a new value is another one, although no line shows it.
 */
export function fingerprint(lines: readonly string[], encrypted: readonly string[]): string {
  return hash(canonical([lines, encrypted]));
}

/** All secrets in the text of a stack's file, sorted; each as it is encrypted. */
export function encryptedValues(stackFile: string): string[] {
  return [...stackFile.matchAll(/\bsecure:\s*["']?([^\s"'},]+)/g)].map(([, value]) => value ?? "").sort();
}

function hash(value: string): string {
  return createHash("sha256").update(value).digest("hex").slice(0, 16);
}
