import type { ErrorObject, ValidateFunction } from "ajv";
import Ajv2020 from "ajv/dist/2020";
import type { Findings } from "./faults";
import { keyHint } from "./key-hint";
import type { Place } from "./model";
import { type Schema, SCHEMA, keysOf, resolve } from "./schema";
import { type Entry, type MapNode, type Node, plain } from "./tree";

let compiled: ValidateFunction | undefined;

/** Compiled when the first stack file is read: programs without one need not wait for it. */
function validator(): ValidateFunction {
  compiled ??= new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: false,
    ownProperties: true,
    code: { optimize: false },
  }).compile(SCHEMA);
  return compiled;
}

/** Faults of a file against the Compose Specification's schema: unknown keys and wrong types, with what was meant. */
export function checkSchema(tree: MapNode, findings: Findings): void {
  const validate = validator();
  if (validate(plain(tree))) return;
  const byPath = new Map<string, ErrorObject[]>();
  for (const error of validate.errors ?? []) {
    byPath.set(error.instancePath, [...(byPath.get(error.instancePath) ?? []), error]);
  }
  for (const [pointer, errors] of byPath) {
    const path = pointer.split("/").slice(1).map(unescapePointer);
    const { node, place } = locate(tree, path);
    for (const error of relevant(errors, node)) report(error, { path, node, place }, findings);
  }
}

function unescapePointer(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

interface Where {
  readonly path: readonly string[];
  readonly node: Node;
  /** Of the key, or of a list's item. */
  readonly place: Place;
}

function locate(tree: MapNode, path: readonly string[]): { node: Node; place: Place } {
  let node: Node = tree;
  let place = tree.place;
  for (const part of path) {
    const entry: Entry | undefined = node.kind === "map" ? node.entries.get(part) : undefined;
    const next: Node | undefined =
      entry?.value ?? (node.kind === "list" ? node.items[Number(part)] : undefined);
    if (next === undefined) break;
    place = entry?.place ?? next.place;
    node = next;
  }
  return { node, place };
}

/**
 * One value can be of several shapes, and fails at each of them. What is of interest is the shape that it nearly has: with the right
 * type; without one, which types there are.
 */
function relevant(errors: readonly ErrorObject[], node: Node): ErrorObject[] {
  const choices = errors.filter(({ keyword }) => keyword === "oneOf");
  if (choices.length === 0) return [...errors];
  const fits = choices.some(({ parentSchema }) =>
    ((parentSchema as Schema).oneOf ?? []).some((shape) =>
      typesOf(shape).some((type) => hasType(node, type)),
    ),
  );
  // With a shape that fits, its own faults are reported here or further down.
  return fits
    ? errors.filter(({ keyword }) => keyword !== "oneOf" && keyword !== "type")
    : choices.slice(0, 1);
}

function report(error: ErrorObject, where: Where, findings: Findings): void {
  const path = where.path.join(".");
  const schema = error.parentSchema as Schema;
  const value = where.node.kind === "scalar" ? where.node.written : undefined;
  switch (error.keyword) {
    case "additionalProperties":
      return unknownKey(String(error.params.additionalProperty), where, schema, findings);
    case "type":
    case "oneOf":
      return findings.fault(where.place, {
        path,
        ...(value === undefined || value === "" ? {} : { value }),
        problem: `is ${kindOf(where.node)}`,
        allowed: [...new Set(typesOf(schema).filter(notNull).map(typeName))].join(" or "),
        cure: typeCure(where.node, schema),
      });
    case "required":
      return findings.fault(where.place, {
        path,
        problem: `has no ${String(error.params.missingProperty)}`,
        cure: `add ${String(error.params.missingProperty)}: below it`,
      });
    case "enum":
      return findings.fault(where.place, {
        path,
        value: value ?? "",
        allowed: (schema.enum ?? []).join(", "),
      });
    case "uniqueItems": {
      const [first, second] = [Number(error.params.j), Number(error.params.i)].sort((a, b) => a - b);
      const items = where.node.kind === "list" ? where.node.items : [];
      const twice = items[second ?? 0];
      return findings.fault(twice?.place ?? where.place, {
        path: `${path}.${second}`,
        ...(twice?.kind === "scalar" && { value: twice.written }),
        problem: `is in the list already, on line ${items[first ?? 0]?.place.line}`,
        cure: "delete one of them",
      });
    }
    default:
      return findings.fault(where.place, {
        path,
        value: value ?? "",
        problem: error.message ?? "is not valid",
      });
  }
}

const NAME_RULE = "names of letters, digits, and the signs . _ -";

function unknownKey(key: string, where: Where, schema: Schema, findings: Findings): void {
  const known = keysOf(schema);
  const entry = where.node.kind === "map" ? where.node.entries.get(key) : undefined;
  const hint = keyHint(where.path, key, known);
  findings.fault(entry?.place ?? where.place, {
    path: [...where.path, key].join("."),
    problem: "is not known here",
    allowed: known.length === 0 ? NAME_RULE : listed(known),
    cure: hint ?? "delete it, rename it to x-... if it is a note of yours, or look at its indentation",
  });
}

const MOST_KEYS = 12;

function listed(keys: readonly string[]): string {
  const sorted = [...keys].sort();
  if (sorted.length <= MOST_KEYS) return sorted.join(", ");
  return `the Compose Specification's ${sorted.length} keys, and x-...`;
}

function typesOf(schema: Schema): string[] {
  const { type = [], oneOf = [] } = resolve(schema);
  return [...(typeof type === "string" ? [type] : type), ...oneOf.flatMap(typesOf)];
}

function hasType(node: Node, type: string): boolean {
  if (node.kind === "map") return type === "object";
  if (node.kind === "list") return type === "array";
  if (node.value === null) return type === "null";
  if (typeof node.value === "number")
    return type === "number" || (type === "integer" && Number.isInteger(node.value));
  return type === typeof node.value;
}

function notNull(type: string, _: number, all: readonly string[]): boolean {
  // Text stands for a number or a boolean that a variable gives.
  return type !== "null" && !(type === "string" && all.some((one) => /integer|number|boolean/.test(one)));
}

function typeName(type: string): string {
  return (
    { object: "a mapping", array: "a list", string: "text", integer: "a whole number", number: "a number" }[
      type
    ] ?? "true or false"
  );
}

function kindOf(node: Node): string {
  if (node.kind !== "scalar") return node.kind === "map" ? "a mapping" : "a list";
  if (node.value === null) return "empty";
  return { string: "text", number: "a number" }[typeof node.value as string] ?? "true or false";
}

function typeCure(node: Node, schema: Schema): string {
  const types = typesOf(schema);
  if (node.kind === "scalar" && node.value === null) return "give it a value, or delete the key";
  if (types.includes("boolean") && !types.includes("number")) return "write true or false";
  if (node.kind === "scalar" && typeof node.value !== "string" && types.includes("string")) {
    return `quote it: "${node.written}"`;
  }
  if (types.includes("object")) return "write key: value lines below it, indented";
  if (types.includes("array")) return "write it as a list, with - before each item";
  return "write a single value behind the colon";
}
