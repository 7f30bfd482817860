import {
  Alias,
  type Document,
  LineCounter,
  Scalar,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  visit,
  type Node as YamlNode,
  type Pair,
  type YAMLError,
} from "yaml";
import { type Fault, type Findings, wholeFile } from "./faults";
import type { Place } from "./model";
import type { Entry, ListNode, MapNode, Node, ScalarNode } from "./tree";
import { plainScalar } from "./yaml-scalar";

/** Aliases multiply: a file of a few lines can stand for more than memory holds. */
const MOST_NODES = 500_000;

/**
 * A file's text as a tree with places; undefined with faults when it is not YAML with a mapping at its top. Scalars are read as
 * Docker's CLI reads them, of several documents the first is used, as it does.
 */
export function readYaml(file: string, text: string, findings: Findings): MapNode | undefined {
  const lines = new LineCounter();
  // Scalars stay text: which of them are numbers is decided as Docker does.
  const documents = parseAllDocuments(text, {
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
    lineCounter: lines,
  });
  const [document, ...others] = Array.isArray(documents) ? documents : [];
  if (document === undefined || document.contents === null) {
    findings.fault(wholeFile(file), {
      path: "",
      problem: "the file is empty",
      allowed: "a mapping with services",
      cure: "write services: with at least one service below it",
    });
    return undefined;
  }
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  // Behind the first error the parser guesses; tabs are told wherever they are.
  const faults = document.errors.map((error) => ({ error, ...yamlFault(error, text) }));
  for (const { error, ...fault } of faults.filter(({ tab }, i) => i === 0 || tab)) {
    findings.fault(at(startOf(error, document)), fault);
  }
  if (document.errors.length > 0) return undefined;
  const [second] = others;
  if (second !== undefined) {
    findings.notice({
      ...at(second.contents?.range?.[0] ?? second.range[0]),
      path: "",
      text: `the file has ${documents.length} documents, and the first alone is read, as docker stack deploy does; several files are merged when each is named`,
    });
  }
  const builder = new TreeBuilder(at, findings);
  const top = builder.node(document.contents, "");
  if (builder.broken) return undefined;
  if (top.kind === "map") return top;
  findings.fault(top.place, {
    path: "",
    problem: `the top of the file is ${top.kind === "list" ? "a list" : "a single value"}`,
    allowed: "a mapping with services",
    cure: "write services: at the start of a line, and the services below it, indented",
  });
  return undefined;
}

/** A quote that is not closed is found at the end of the file; of interest is where it opens. */
function startOf({ pos: [offset] }: YAMLError, document: Document.Parsed): number {
  let start = offset;
  visit(document, {
    Scalar: (_, { range, type }) => {
      if (range?.[1] === offset && type?.startsWith("QUOTE") === true) start = range[0];
    },
  });
  return start;
}

/** What is wrong with the text as YAML, in words of the file rather than of the parser. */
function yamlFault(error: YAMLError, text: string): Fault & { readonly tab: boolean } {
  const start = text.lastIndexOf("\n", error.pos[0] - 1) + 1;
  const indent = /^[ \t]*/.exec(text.slice(start))?.[0] ?? "";
  if (error.code === "TAB_AS_INDENT" || indent.includes("\t")) {
    const problem = "a tab indents this line";
    return { path: "", problem, cure: "indent with spaces, YAML takes no tabs", tab: true };
  }
  const message = error.message.replace(/\.?\s*$/, "").replace(/\n[\s\S]*/, "");
  const cures: Partial<Record<string, string>> = {
    BAD_INDENT: "give what belongs together the same number of spaces, and more than the key above it",
    BLOCK_AS_IMPLICIT_KEY:
      "put the key below on a line of its own, with more spaces than this one; quote a text with a colon in it",
    MULTILINE_IMPLICIT_KEY: "end this key with a colon and a space, or quote the text",
    MISSING_CHAR: "close what was opened: a quote, a bracket or a brace, or write a colon behind the key",
    UNEXPECTED_TOKEN: "look at the indentation and the quotes of this line and the one before",
    BAD_ALIAS: "write the name of an anchor (&name) right behind the asterisk",
    BAD_SCALAR_START: "quote a text that starts with one of @ ` % & * ! | >",
  };
  return {
    path: "",
    tab: false,
    problem: `not YAML: ${message}`,
    cure: cures[error.code] ?? "look at the indentation and the quotes of this line and the one before",
  };
}

class TreeBuilder {
  private count = 0;
  /** Anchors whose content is being read: an alias to one of them has no end. */
  private readonly open = new Set<YamlNode>();
  /** The last of each name so far, as YAML has it. */
  private readonly anchors = new Map<string, YamlNode>();
  private aliasDepth = 0;
  /** Whether something is missing that the file refers to: what follows from that would be told as faults, too. */
  public broken = false;

  constructor(
    private readonly at: (offset: number) => Place,
    private readonly findings: Findings,
  ) {}

  public node(source: YamlNode | null, path: string, before?: Place): Node {
    const place = source?.range ? this.at(source.range[0]) : (before ?? this.at(0));
    this.count++;
    if (this.count === MOST_NODES) {
      this.broken = true;
      this.findings.fault(place, {
        path,
        problem: `the file's aliases make more than ${MOST_NODES} values of it`,
        cure: "use fewer aliases inside of anchors",
      });
    }
    if (source === null || this.count >= MOST_NODES) return nothing(place);
    if (isAlias(source)) return this.alias(source, path, place);
    if (this.open.has(source)) {
      this.findings.fault(place, { path, problem: "the anchor contains an alias to itself" });
      this.broken = true;
      return nothing(place);
    }
    // What an alias repeats has been there before.
    if (this.aliasDepth === 0 && source.anchor) this.anchors.set(source.anchor, source);
    this.open.add(source);
    try {
      if (isMap(source))
        return this.map(source.items as Pair<YamlNode, YamlNode | null>[], path, place, source.tag);
      if (isSeq(source)) return this.list(source.items as YamlNode[], path, place, source.tag);
      return this.scalar(source, path, place);
    } finally {
      this.open.delete(source);
    }
  }

  private scalar(source: Scalar, path: string, place: Place): ScalarNode {
    const node = scalar(source, place);
    if (!path.startsWith("x-") && source.type === Scalar.PLAIN && plainScalar(node.written).time === true) {
      const text = `${node.written} without quotes is read as a point in time, "${node.text}" where text is expected, as docker stack deploy does; quote it to keep it as it is`;
      this.findings.notice({ ...place, path, text });
    }
    return node;
  }

  private alias(source: Alias, path: string, place: Place): Node {
    const target = this.anchors.get(source.source);
    if (target !== undefined) {
      this.aliasDepth++;
      const node = this.node(target, path);
      this.aliasDepth--;
      return node;
    }
    this.findings.fault(place, {
      path,
      value: `*${source.source}`,
      problem: "there is no such anchor before this line",
      cure: `write &${source.source} behind the key whose content is meant`,
    });
    this.broken = true;
    return nothing(place);
  }

  private list(items: YamlNode[], path: string, place: Place, tag: string | undefined): ListNode {
    return {
      kind: "list",
      place,
      ...mergeTag(tag),
      items: items.map((item, index) => this.node(item, join(path, String(index)), place)),
    };
  }

  private map(pairs: Pair<YamlNode, YamlNode | null>[], path: string, place: Place, tag?: string): MapNode {
    const entries = new Map<string, Entry>();
    const merged: MapNode[] = [];
    for (const { key, value } of pairs) {
      const keyPlace = key.range ? this.at(key.range[0]) : place;
      const name = this.key(key, path, keyPlace);
      if (name === undefined) continue;
      if (name === "<<" && (key as Scalar).type === Scalar.PLAIN) {
        merged.push(...this.mergeSources(value, path, keyPlace));
        continue;
      }
      const below = join(path, name);
      const first = entries.get(name);
      if (first !== undefined) {
        this.findings.fault(keyPlace, {
          path: below,
          problem: `is given twice, first on line ${first.place.line}`,
          cure: "keep one of them",
        });
      }
      entries.set(name, { place: keyPlace, value: this.node(value, below, keyPlace) });
    }
    // What the mapping has itself wins, then the earlier of those that are merged into it.
    for (const source of merged) {
      for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry);
    }
    return { kind: "map", place, ...mergeTag(tag), entries };
  }

  private key(key: YamlNode, path: string, place: Place): string | undefined {
    const resolved = isAlias(key) ? this.anchors.get(key.source) : key;
    if (isScalar(resolved)) {
      const { value, text } = scalar(resolved, place);
      if (typeof value === "string") return text;
      this.findings.fault(place, {
        path,
        value: text,
        problem: "as a key is no text",
        cure: `quote it: "${text}":`,
      });
    } else {
      this.findings.fault(place, {
        path,
        problem: "a mapping or a list is the key here",
        cure: "quote a text that starts with a bracket or a brace",
      });
    }
    return undefined;
  }

  private mergeSources(value: YamlNode | null, path: string, place: Place): MapNode[] {
    const source = this.node(value, path, place);
    const sources = source.kind === "list" ? source.items : [source];
    return sources.flatMap((one) => {
      if (one.kind === "map") return [one];
      this.findings.fault(place, {
        path: join(path, "<<"),
        problem: "merges something else than mappings",
        allowed: "an alias of a mapping, or a list of them",
        cure: "write <<: *name, with &name behind the key of a mapping",
      });
      return [];
    });
  }
}

function scalar(source: Scalar, place: Place): ScalarNode {
  const written = source.source ?? "";
  const base = { kind: "scalar", place, written, ...mergeTag(source.tag) } as const;
  const type = /^tag:yaml\.org,2002:(.*)$/.exec(source.tag ?? "")?.[1];
  if (type === "binary") {
    const text = Buffer.from(written, "base64").toString();
    return { ...base, value: text, text };
  }
  const typed = type !== undefined && type !== "str";
  const plainOrTyped = typed || (source.tag === undefined && source.type === Scalar.PLAIN);
  if (!plainOrTyped) return { ...base, value: written, text: written };
  return { ...base, ...plainScalar(written) };
}

function nothing(place: Place): ScalarNode {
  return { kind: "scalar", place, value: null, text: "", written: "" };
}

function mergeTag(tag: string | undefined): { tag?: "reset" | "override" } {
  return tag === "!reset" || tag === "!override" ? { tag: tag === "!reset" ? "reset" : "override" } : {};
}

export function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
