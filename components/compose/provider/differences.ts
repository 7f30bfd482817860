import { type Fields, isFields, isSame, type Value } from "./shown-spec";

/** What happens to one property, as Pulumi's PropertyDiff.Kind counts it. */
export const Change = { Add: 0, Delete: 2, Update: 4 } as const;
export type Change = (typeof Change)[keyof typeof Change];

/** Each property that differs, by its path in Pulumi's words, such as `Resources.Limits.MemoryBytes` or `Labels["a.b"]`. */
export function differences(olds: Fields, news: Fields): ReadonlyMap<string, Change> {
  return new Map(within(olds, news, "", ""));
}

function* within(olds: Fields, news: Fields, path: string, keys: string): Generator<[string, Change]> {
  for (const key of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    const below = keys === "" ? key : `${keys}.${key}`;
    yield* of(olds[key], news[key], path + step(key, path), below);
  }
}

/** @param keys names alone, see isSame. */
function* of(
  was: Value | undefined,
  is: Value | undefined,
  path: string,
  keys: string,
): Generator<[string, Change]> {
  if (isSame(was, is, keys)) return;
  if (was === undefined) yield [path, Change.Add];
  else if (is === undefined) yield [path, Change.Delete];
  else {
    const inner = [...inside(was, is, path, keys)];
    // Only together they mean another thing: a list that is shorter, a variable that is empty in place of none.
    yield* inner.length > 0 ? inner : [[path, Change.Update] as [string, Change]];
  }
}

function* inside(was: Value, is: Value, path: string, keys: string): Generator<[string, Change]> {
  if (isFields(was) && isFields(is)) yield* within(was, is, path, keys);
  const [before, after] = [objects(was), objects(is)];
  if (before?.length !== after?.length) return;
  for (const [at, one] of before?.entries() ?? []) yield* of(one, after?.[at], `${path}[${at}]`, keys);
}

/** Undefined for what is no list of objects. */
function objects(value: Value): readonly Fields[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list: readonly Value[] = value;
  return list.every(isFields) ? list : undefined;
}

function step(key: string, before: string): string {
  if (!/^[A-Za-z_]\w*$/.test(key)) return `[${JSON.stringify(key)}]`;
  return before === "" ? key : `.${key}`;
}
