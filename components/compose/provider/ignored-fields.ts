import { Change, differences } from "./differences";
import { type Fields, isFields, type Value } from "./shown-spec";

/** Paths of what was declared and the engine keeps nothing of, such as fields that only a newer one knows. */
export function ignoredFields(seen: Fields, declared: Fields): string[] {
  return [...differences(seen, declared)].filter(([, change]) => change === Change.Add).map(([path]) => path);
}

/** What is seen, with those fields as they were declared: that they are not there is no difference. */
export function withIgnored(seen: Fields, declared: Fields, paths: readonly string[]): Fields {
  if (paths.length === 0) return seen;
  const filled: Inside = structuredClone<Inside>(seen);
  for (const path of paths) {
    const steps = stepsOf(path);
    const last = steps.pop();
    const [inside, from] = [filled, declared].map((whole) => steps.reduce(into, whole as Inside | undefined));
    if (inside !== undefined && last !== undefined && inside[last] === undefined) {
      const value = from?.[last];
      if (value !== undefined) inside[last] = value;
    }
  }
  return filled;
}

type Inside = Record<string | number, Value | undefined>;

function into(inside: Inside | undefined, step: string | number): Inside | undefined {
  const next = inside?.[step];
  return isFields(next) || Array.isArray(next) ? (next as Inside) : undefined;
}

/** `A.b[0]["c.d"]` is A, b, 0, c.d. */
function stepsOf(path: string): (string | number)[] {
  return (path.match(/[A-Za-z_]\w*|\[\d+\]|\["(?:[^"\\]|\\.)*"\]/g) ?? []).map((step) =>
    step.startsWith("[") ? (JSON.parse(step.slice(1, -1)) as string | number) : step,
  );
}
