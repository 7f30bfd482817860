import type { Engine } from "./engine";

/** Addresses that the swarms of a comparison give to networks; no stack asks for one of these itself. */
export const ALLOCATED_POOL = "198.18.0.0/15";
/** VXLAN ids from here on are given by the swarm, in turn, until here; a stack that asks for one takes a higher one. */
const ALLOCATED_VXLAN = { from: 4096, to: 65536 };

export const KINDS = ["service", "network", "config", "secret", "volume"] as const;
export type Kind = (typeof KINDS)[number];

/** What `docker <kind> inspect` says of each object, by `kind name`, as {@link comparable} leaves it. */
export type Objects = Readonly<Record<string, unknown>>;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/**
 * What is no part of the comparison, by kind: it differs between two deployments of the same file. All else is compared.
 */
const LEFT_OUT: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  service: {
    ID: "made by the swarm",
    Version: "counts changes",
    CreatedAt: "a time",
    UpdatedAt: "a time",
    PreviousSpec: "what was before the last update",
    UpdateStatus: "times, and how the last update went",
    JobStatus: "counts runs, with times",
    "Endpoint.Ports": "Spec.EndpointSpec.Ports with the ports that the swarm picked",
    "Endpoint.VirtualIPs": "addresses that the swarm picked",
  },
  network: {
    Id: "made by the swarm",
    Created: "a time",
    Containers: "tasks that run here just now",
    Peers: "nodes that have such tasks",
  },
  config: { ID: "made by the swarm", Version: "counts changes", CreatedAt: "a time", UpdatedAt: "a time" },
  secret: { ID: "made by the swarm", Version: "counts changes", CreatedAt: "a time", UpdatedAt: "a time" },
  volume: { CreatedAt: "a time", Mountpoint: "a folder of the engine" },
};

/** The end of the name of a config or secret that rotates: a hash of the content, and a number after a rollback. */
const ROTATED = /-[0-9a-f]{12}(-\d+)?$/;

/**
 * All that an engine has of the given stacks: what carries their label, and the volumes that their services mount. Not
 * those that only services without tasks mount: Swarm makes them with the first task, and who makes them earlier does
 * the same.
 */
export function stackObjects(engine: Engine, stacks: readonly string[]): Map<string, Objects> {
  const listed = (kind: Kind): string[] => engine.docker(kind, "ls", "--quiet").split("\n").filter(Boolean);
  const inspect = (kind: Kind, ids: readonly string[]): JsonObject[] =>
    ids.length === 0 ? [] : (JSON.parse(engine.docker(kind, "inspect", ...ids)) as JsonObject[]);
  const raw = Object.fromEntries(KINDS.map((kind) => [kind, inspect(kind, listed(kind))])) as Record<
    Kind,
    JsonObject[]
  >;
  // The swarm has a `host` of its own, which no list shows.
  const known = new Set(raw.network.map(({ Id }) => Id));
  const hidden = raw.service.flatMap(networksOf).filter((id) => !known.has(id));
  raw.network.push(...inspect("network", [...new Set(hidden)]));
  return new Map(stacks.map((stack) => [stack, objectsOf(stack, raw)]));
}

/** Picks the objects of one stack. Pure: `raw` is what the engine says of all. */
export function objectsOf(stack: string, raw: Readonly<Record<Kind, readonly object[]>>): Objects {
  const all = raw as Readonly<Record<Kind, readonly JsonObject[]>>;
  const names = namesById(all);
  const own = (kind: Kind): JsonObject[] =>
    all[kind].filter((one) => labels(one)["com.docker.stack.namespace"] === stack);
  const services = own("service");
  const idle = services.filter((one) => at(one, "Spec", "Mode", "Replicated", "Replicas") === 0);
  const mounted = new Set(services.filter((one) => !idle.includes(one)).flatMap(volumesOf));
  const awaited = new Set(idle.flatMap(volumesOf).filter((name) => !mounted.has(name)));
  const found = [
    ...services.map((one) => ["service", one] as const),
    ...(["network", "config", "secret"] as const).flatMap((kind) =>
      own(kind).map((one) => [kind, one] as const),
    ),
    ...all.volume
      .filter((one) => mounted.has(text(one.Name)) || own("volume").includes(one))
      .filter((one) => !awaited.has(text(one.Name)))
      .map((one) => ["volume", one] as const),
  ];
  return Object.fromEntries(
    found.map(([kind, one]) => [`${kind} ${nameOf(kind, one)}`, comparable(kind, one, names)]),
  );
}

/** An object without what is {@link LEFT_OUT}, with names for ids and words for what the swarm picked. */
function comparable(kind: Kind, object: JsonObject, names: ReadonlyMap<string, string>): Json {
  const copy = structuredClone(object);
  for (const path of Object.keys(LEFT_OUT[kind])) remove(copy, path.split("."));
  if (kind === "network") hideAllocated(copy);
  if (kind === "config" || kind === "secret") (copy.Spec as JsonObject).Name = nameOf(kind, copy);
  return named(sorted(copy), names);
}

function remove(object: JsonObject, [key = "", ...rest]: readonly string[]): void {
  if (rest.length === 0) delete object[key];
  else if (isObject(object[key])) remove(object[key], rest);
}

function hideAllocated(network: JsonObject): void {
  const options = isObject(network.Options) ? network.Options : {};
  const key = "com.docker.network.driver.overlay.vxlanid_list";
  const ids = text(options[key]).split(",");
  if (ids.every((id) => Number(id) >= ALLOCATED_VXLAN.from && Number(id) < ALLOCATED_VXLAN.to))
    options[key] = `${ids.length} given by the swarm`;
  for (const part of (network.IPAM as { Config?: { Subnet: string; Gateway: string }[] }).Config ?? []) {
    if (!/^198\.1[89]\./.test(part.Subnet)) continue;
    part.Subnet = "given by the swarm";
    part.Gateway = "given by the swarm";
  }
}

/** Ids of what a service refers to, as their names. */
function namesById(raw: Readonly<Record<Kind, readonly JsonObject[]>>): Map<string, string> {
  return new Map(
    (["network", "config", "secret"] as const).flatMap((kind) =>
      raw[kind].map((one) => [text(one.ID ?? one.Id), `${kind} ${nameOf(kind, one)}`] as const),
    ),
  );
}

/** Replaces ids, and the names of what rotates wherever a service refers to it. */
function named(value: Json, names: ReadonlyMap<string, string>, key = ""): Json {
  if (Array.isArray(value)) return value.map((one) => named(one, names));
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([inner, one]) => [inner, named(one, names, inner)]));
  if (typeof value !== "string") return value;
  if (key === "ConfigName" || key === "SecretName") return value.replace(ROTATED, "");
  return names.get(value) ?? value;
}

/** References to configs and secrets have no order: docker sorts them by name, and leaves two of one config to chance. */
function sorted(object: JsonObject): JsonObject {
  const container = at(object, "Spec", "TaskTemplate", "ContainerSpec");
  if (!isObject(container)) return object;
  for (const key of ["Configs", "Secrets"]) {
    const references = container[key];
    if (!Array.isArray(references)) continue;
    const order = (one: Json): string =>
      JSON.stringify([
        text(at(one, `${key.slice(0, -1)}Name`)).replace(ROTATED, ""),
        at(one, "File", "Name"),
      ]);
    references.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }
  return object;
}

function networksOf(service: JsonObject): string[] {
  const networks = at(service, "Spec", "TaskTemplate", "Networks");
  return Array.isArray(networks) ? networks.map((one) => text(at(one, "Target"))) : [];
}

function volumesOf(service: JsonObject): string[] {
  const mounts = at(service, "Spec", "TaskTemplate", "ContainerSpec", "Mounts");
  return Array.isArray(mounts)
    ? mounts.flatMap((one) => (at(one, "Type") === "volume" ? [text(at(one, "Source"))] : []))
    : [];
}

function labels(object: JsonObject): JsonObject {
  const found = object.Labels ?? at(object, "Spec", "Labels");
  return isObject(found) ? found : {};
}

function nameOf(kind: Kind, object: JsonObject): string {
  const name = text(object.Name ?? at(object, "Spec", "Name"));
  return kind === "config" || kind === "secret" ? name.replace(ROTATED, "") : name;
}

function at(value: Json | undefined, ...keys: readonly string[]): Json | undefined {
  return keys.reduce<Json | undefined>((inner, key) => (isObject(inner) ? inner[key] : undefined), value);
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Names of the two sides of a comparison, for its lines. */
export interface Sides {
  readonly left: string;
  readonly right: string;
}

/**
 * One line for each field that differs, such as
 * `service site_web: Spec.Mode.Replicated.Replicas: docker stack deploy has 2, ComposeStack has 3`.
 */
export function differences(left: Objects, right: Objects, sides: Sides): string[] {
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return names.flatMap((name) => {
    if (!(name in right)) return [`${name}: ${sides.left} makes it, ${sides.right} does not`];
    if (!(name in left)) return [`${name}: ${sides.right} makes it, ${sides.left} does not`];
    return fields(left[name] as Json, right[name] as Json).map(
      ({ path, a, b }) => `${name}: ${path}: ${sides.left} has ${shown(a)}, ${sides.right} has ${shown(b)}`,
    );
  });
}

interface Field {
  readonly path: string;
  readonly a: Json | undefined;
  readonly b: Json | undefined;
}

function fields(a: Json | undefined, b: Json | undefined, path = ""): Field[] {
  if (Array.isArray(a) && Array.isArray(b)) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, index) =>
      fields(a[index], b[index], `${path}[${index}]`),
    ).flat();
  }
  if (isObject(a) && isObject(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])]
      .sort()
      .flatMap((key) => fields(a[key], b[key], path === "" ? key : `${path}.${key}`));
  }
  return a === b ? [] : [{ path, a, b }];
}

const shown = (value: Json | undefined): string => (value === undefined ? "nothing" : JSON.stringify(value));
