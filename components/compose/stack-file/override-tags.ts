import type { MapNode, Node } from "./tree";

/**
 * Files in their order, less what a later one takes back: a value tagged `!override` stands in the place of that of the files before, one
 * tagged `!reset` in the place of nothing, as the Compose Specification has it. Docker stack deploy knows neither, and merges.
 */
export function applyTags(trees: readonly MapNode[]): MapNode[] {
  let earlier: MapNode[] = [];
  for (const tree of trees) {
    for (const path of taggedPaths(tree)) earlier = earlier.map((before) => without(before, path) as MapNode);
    earlier = [...earlier, withoutReset(tree) as MapNode];
  }
  return earlier;
}

function taggedPaths(node: Node, path: readonly string[] = []): string[][] {
  if (node.tag !== undefined) return [[...path]];
  if (node.kind !== "map") return [];
  return [...node.entries].flatMap(([key, { value }]) => taggedPaths(value, [...path, key]));
}

function without(node: Node, [key, ...rest]: readonly string[]): Node {
  const entry = node.kind === "map" && key !== undefined ? node.entries.get(key) : undefined;
  if (node.kind !== "map" || key === undefined || entry === undefined) return node;
  const entries = new Map(node.entries);
  if (rest.length === 0) entries.delete(key);
  else entries.set(key, { ...entry, value: without(entry.value, rest) });
  return { ...node, entries };
}

function withoutReset(node: Node): Node {
  if (node.kind !== "map") return node;
  const kept = [...node.entries].filter(([, { value }]) => value.tag !== "reset");
  return {
    ...node,
    entries: new Map(kept.map(([key, entry]) => [key, { ...entry, value: withoutReset(entry.value) }])),
  };
}
