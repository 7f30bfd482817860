import type { Place } from "./model";

/** A file's YAML with places: aliases and merge keys are followed, scalars have the type that Docker reads. */
export type Node = MapNode | ListNode | ScalarNode;

interface Placed {
  readonly place: Place;
  /** compose-spec's tags, which say what becomes of the same key in the files before. */
  readonly tag?: "reset" | "override";
}

export interface MapNode extends Placed {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  /** Where the key stands. */
  readonly place: Place;
  readonly value: Node;
}

export interface ListNode extends Placed {
  readonly kind: "list";
  readonly items: readonly Node[];
}

export interface ScalarNode extends Placed {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** The value where text is expected, as Docker prints it: 010 is 8. */
  readonly text: string;
  /** As it stands in the file, before variables are filled in. */
  readonly written: string;
}

/** The value as JSON has it. */
export function plain(node: Node): unknown {
  switch (node.kind) {
    case "map":
      // Not an assignment, which would make something else of a key named __proto__.
      return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plain(entry.value)]));
    case "list":
      return node.items.map(plain);
    case "scalar":
      return node.value;
  }
}

/** What stands below a key, undefined when that is missing or no mapping is there. */
export function child(node: Node | undefined, key: string): Node | undefined {
  return node?.kind === "map" ? node.entries.get(key)?.value : undefined;
}

/** The keys of a mapping with what stands below each; none of anything else. */
export function entriesOf(node: Node | undefined): [string, Entry][] {
  return node?.kind === "map" ? [...node.entries] : [];
}
