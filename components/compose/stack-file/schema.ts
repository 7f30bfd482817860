import spec from "./compose-spec.json";

/** As much of JSON schema as the Compose Specification's uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
}

const definitions = spec.$defs as unknown as Record<string, Schema>;

/** Keys of a service where docker stack deploy takes what the Compose Specification does not; it ignores both of them. */
const DOCKERS_OWN: Record<string, Schema> = {
  cgroupns_mode: { type: "string" },
  container_name: { type: "string" },
};

/**
 * The Compose Specification's schema, whose services are put together from parts: one list of keys for them is easier to check
 * and to explain.
 */
export const SCHEMA: Schema = {
  ...(spec as unknown as Schema),
  $defs: {
    ...definitions,
    service: {
      type: "object",
      properties: {
        ...definitions.container_spec?.properties,
        ...definitions.workload_spec?.properties,
        ...definitions.service?.properties,
        ...DOCKERS_OWN,
      },
      patternProperties: { "^x-": {} },
      additionalProperties: false,
    },
  },
} as Schema;

/** The schema itself behind a reference. */
export function resolve(schema: Schema): Schema {
  const name = schema.$ref?.replace("#/$defs/", "");
  if (name === undefined) return schema;
  return (SCHEMA as { $defs?: Record<string, Schema> }).$defs?.[name] ?? {};
}

/** The schemas that a value at a path may be of, by keys; none where anything goes. `*` stands for a name of the user's. */
export function keysOf(schema: Schema): string[] {
  const { properties = {}, oneOf = [] } = resolve(schema);
  return [...new Set([...Object.keys(properties), ...oneOf.flatMap(keysOf)])];
}

/** Where each key can stand, as paths with `*` for names that the user gives and for places in a list. */
export const PLACES_OF_KEYS: ReadonlyMap<string, readonly string[]> = (() => {
  const places = new Map<string, string[]>();
  const visit = (schema: Schema, path: readonly string[]) => {
    const { properties = {}, patternProperties = {}, items, oneOf = [] } = resolve(schema);
    for (const [key, below] of Object.entries(properties)) {
      places.set(key, [...(places.get(key) ?? []), [...path, key].join(".")]);
      visit(below, [...path, key]);
    }
    for (const [pattern, below] of Object.entries(patternProperties)) {
      if (pattern !== "^x-") visit(below, [...path, "*"]);
    }
    if (items !== undefined) visit(items, [...path, "*"]);
    for (const one of oneOf) visit(one, path);
  };
  visit(SCHEMA, []);
  return places;
})();
