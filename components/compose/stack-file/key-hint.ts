import { distance } from "fastest-levenshtein";
import { nearest } from "../../nearest";
import { PLACES_OF_KEYS } from "./schema";

/**
 * What was meant by a key that is not known where it stands: a known one that is spelled almost the same, or the place where the key
 * belongs. Undefined when there is no telling.
 *
 * @param path of the mapping that has the key, such as ["services", "web"].
 * @param known keys there.
 */
export function keyHint(path: readonly string[], key: string, known: readonly string[]): string | undefined {
  const similar = known.length > 0 ? nearest(key, known) : undefined;
  if (similar !== undefined && distance(key, similar) === 1) return `did you mean ${similar}?`;
  const home = placesOf(path, key)[0];
  if (home !== undefined) return `${key} belongs under ${home}`;
  return similar === undefined ? undefined : `did you mean ${similar}?`;
}

/** Paths where a key can stand, those that share most with the given one first. */
function placesOf(path: readonly string[], key: string): string[] {
  return (PLACES_OF_KEYS.get(key) ?? [])
    .map((place) => place.split(".").slice(0, -1))
    .filter((home) => home[0] !== "jobs" && home.length > 0)
    .map((home) => ({ home, shared: sharedLength(home, path) }))
    .sort((a, b) => b.shared - a.shared || a.home.length - b.home.length)
    .map(({ home, shared }) =>
      home.map((part, i) => (i < shared ? path[i] : placeholder(part, home[i - 1]))).join("."),
    );
}

function sharedLength(pattern: readonly string[], path: readonly string[]): number {
  const differs = pattern.findIndex((part, i) => path[i] === undefined || (part !== "*" && part !== path[i]));
  return differs < 0 ? pattern.length : differs;
}

function placeholder(part: string, above: string | undefined): string {
  if (part !== "*") return part;
  return above === "services" ? "<service>" : "<name>";
}
