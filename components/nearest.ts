import { closest, distance } from "fastest-levenshtein";

/** The known name that is close enough to be what was meant, undefined if none is. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const candidate = closest(name, known);
  return distance(name, candidate) <= Math.max(2, name.length / 4) ? candidate : undefined;
}
