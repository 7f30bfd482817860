import type { Findings } from "./faults";
import type { Bytes, Nanoseconds, Place } from "./model";
import { shellWords } from "./shell-words";
import { type MapNode, type Node, type ScalarNode, child, entriesOf } from "./tree";
import { parseCpus, parseDuration, parseSize } from "./units";
import { join } from "./yaml-reader";

/** A value of the file with its path. */
export interface At {
  readonly node: Node;
  readonly path: string;
}

/**
 * Values of a file in the type that the model has them in. What is not of that type is a fault, and undefined; so is, without a fault, what
 * is missing or null.
 */
export class Values {
  constructor(public readonly findings: Findings) {}

  public below(at: At | undefined, key: string): At | undefined {
    const node = child(at?.node, key);
    return at === undefined || node === undefined || isNull(node)
      ? undefined
      : { node, path: join(at.path, key) };
  }

  /** Items of a list; a single value is a list of itself. */
  public items(at: At | undefined): At[] {
    if (at === undefined || isNull(at.node)) return [];
    if (at.node.kind !== "list") return [at];
    return at.node.items.map((node, index) => ({ node, path: join(at.path, String(index)) }));
  }

  public entries(at: At | undefined): (At & { readonly key: string; readonly place: Place })[] {
    return entriesOf(at?.node).map(([key, { place, value }]) => ({
      key,
      place,
      node: value,
      path: join(at?.path ?? "", key),
    }));
  }

  public text(at: At | undefined): string | undefined {
    return this.scalar(at)?.text;
  }

  public choice<T extends string>(at: At | undefined, choices: readonly T[]): T | undefined {
    const text = this.text(at);
    if (text === undefined || (choices as readonly string[]).includes(text)) return text as T | undefined;
    return this.refuse(at, choices.join(", "));
  }

  /** Docker's CLI takes the words of YAML 1.1 where a variable gives them. */
  public boolean(at: At | undefined): boolean | undefined {
    const text = this.text(at)?.toLowerCase();
    if (text === undefined) return undefined;
    if (["true", "yes", "y", "on"].includes(text)) return true;
    if (["false", "no", "n", "off"].includes(text)) return false;
    return this.refuse(at, "true or false");
  }

  public integer(at: At | undefined, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(at);
    if (text === undefined) return undefined;
    const number = /^[-+]?\d+$/.test(text) ? Number(text) : NaN;
    if (number >= min && number <= max) return number;
    const limits = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
    return this.refuse(at, `a whole number, ${limits}`);
  }

  public number(at: At | undefined, min: number, max: number): number | undefined {
    const text = this.text(at);
    if (text === undefined) return undefined;
    const number = text.trim() === "" ? NaN : Number(text);
    return number >= min && number <= max ? number : this.refuse(at, `a number from ${min} to ${max}`);
  }

  public duration(at: At | undefined): Nanoseconds | undefined {
    const text = this.text(at);
    if (text === undefined) return undefined;
    const duration = parseDuration(text);
    if (duration !== undefined && duration >= 0) return duration;
    const cure = /^\d+(\.\d+)?$/.test(text) ? `add the unit: ${text}s` : undefined;
    return this.refuse(at, "a duration with units h, m, s, ms, us or ns, such as 1m30s", cure);
  }

  public size(at: At | undefined, min = 0): Bytes | undefined {
    const text = this.text(at);
    if (text === undefined) return undefined;
    const size = parseSize(text);
    if (size !== undefined && (size >= min || size === 0)) return size;
    const least = min > 0 ? `, at least ${min / 2 ** 20}M` : "";
    return this.refuse(at, `bytes with a unit of b, k, m, g or t, such as 512M${least}`);
  }

  /** In billionths of a CPU, the least that Swarm takes being a thousandth. */
  public cpus(at: At | undefined): number | undefined {
    const text = this.text(at);
    if (text === undefined) return undefined;
    const cpus = parseCpus(text);
    if (cpus !== undefined && (cpus >= 1e6 || cpus === 0)) return cpus;
    return this.refuse(at, "CPUs, at least 0.001, such as 0.5");
  }

  public texts(at: At | undefined): string[] | undefined {
    if (at === undefined || isNull(at.node)) return undefined;
    return this.items(at).flatMap((item) => this.text(item) ?? []);
  }

  /** A text is split as a shell does it. */
  public command(at: At | undefined): string[] | undefined {
    if (at === undefined || at.node.kind !== "scalar") return this.texts(at);
    const words = shellWords(at.node.text);
    if (words !== undefined) return words;
    // As it is written: what variables give may be secret.
    this.findings.fault(at.node.place, {
      path: at.path,
      value: at.node.written,
      allowed: "a command whose quotes are closed",
      cure: "write it as a list, or close the quote",
    });
    return undefined;
  }

  /** `KEY=value` as a list, or a mapping; what has no value is null. */
  public pairs(at: At | undefined): Record<string, string | null> | undefined {
    if (at === undefined || isNull(at.node)) return undefined;
    if (at.node.kind === "map") {
      return Object.fromEntries(
        this.entries(at).map((entry) => [entry.key, isNull(entry.node) ? null : (this.text(entry) ?? null)]),
      );
    }
    return Object.fromEntries(
      (this.texts(at) ?? []).map((text) => {
        const equals = text.indexOf("=");
        return equals < 0 ? [text, null] : [text.slice(0, equals), text.slice(equals + 1)];
      }),
    );
  }

  /** As {@link pairs}; what has no value is empty. */
  public strings(at: At | undefined): Record<string, string> | undefined {
    const pairs = this.pairs(at);
    return pairs && Object.fromEntries(Object.entries(pairs).map(([key, value]) => [key, value ?? ""]));
  }

  public refuse(at: At | undefined, allowed: string, cure?: string): undefined {
    if (at === undefined) return undefined;
    const scalar = at.node.kind === "scalar" ? at.node : undefined;
    const filled = scalar !== undefined && scalar.written !== scalar.text && scalar.written.includes("$");
    this.findings.fault(at.node.place, {
      path: at.path,
      ...(scalar && { value: scalar.written }),
      ...(filled && { problem: `is ${JSON.stringify(scalar.text)}` }),
      allowed,
      ...(cure !== undefined && { cure }),
    });
    return undefined;
  }

  public fault(at: At, problem: string, cure?: string, allowed?: string): undefined {
    this.findings.fault(at.node.place, {
      path: at.path,
      problem,
      ...(allowed !== undefined && { allowed }),
      ...(cure !== undefined && { cure }),
    });
    return undefined;
  }

  public notice(at: At, text: string, service?: string): void {
    this.findings.notice({
      ...at.node.place,
      path: at.path,
      ...(service !== undefined && { service }),
      text,
    });
  }

  private scalar(at: At | undefined): ScalarNode | undefined {
    if (at === undefined || isNull(at.node)) return undefined;
    if (at.node.kind === "scalar") return at.node;
    return this.refuse(at, "a single value");
  }
}

export function isNull(node: Node): boolean {
  return node.kind === "scalar" && node.value === null;
}

/** Where the keys of a mapping stand, by their dotted path inside of it. */
export function placesIn(node: Node): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const visit = (map: MapNode, path: string) => {
    for (const [key, entry] of map.entries) {
      places.set(join(path, key), entry.place);
      if (entry.value.kind === "map") visit(entry.value, join(path, key));
    }
  };
  if (node.kind === "map") visit(node, "");
  return places;
}

/** Without the keys that have no value. */
export function defined<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
