import { at, canonical, differingPaths, isObject, resourceOf, SECRET, tokens, UNKNOWN } from "./preview";
import type { Operation, Preview, Resource, Step, Value, Values } from "./preview";
import { isInStackFile } from "./stack-files";
import { textDiff } from "./text-diff";
import { sayValue, serviceFields, spaced } from "./words";

/** One difference, in a user's words. */
export interface Change {
  /** Such as `memory limit`, `env LOG_LEVEL`, `image`. */
  readonly field: string;
  /** What is there now. */
  readonly from: string;
  /** What is wanted. */
  readonly to: string;
  /**
   * wanted: the program, or the stack's file, says something new. drift: somebody changed the real world, and that is put
   * right.
   */
  readonly cause: "wanted" | "drift";
  /** What the last `up` left, where that is neither: the world drifted and something new is wanted. */
  readonly recorded?: string;
}

/** A text whose content changes, such as an nginx.conf. */
export interface TextChange {
  /** The config's name in the program, such as `nginx-conf`. */
  readonly name: string;
  /** Lines as `diff -u` has them. */
  readonly diff: readonly string[];
}

/** Why an image has other bytes. */
export interface ImageChange {
  /** Without registry and tag, such as `accountservice`. */
  readonly name: string;
  /** Tag, and digest where there is one. */
  readonly from: string | undefined;
  readonly to: string;
  /**
   * Source files that changed, with what happened to each; undefined when the last `up` did not record them, or when the
   * image is not built here.
   */
  readonly files:
    readonly { readonly path: string; readonly change: "added" | "changed" | "removed" }[] | undefined;
  /** Other reasons, such as another base image. */
  readonly because: readonly string[];
  /** Services that run it, and others that use it. */
  readonly usedBy: readonly string[];
}

/** What happens to one service. */
export interface ServiceChange {
  /** Short name: inside the environment. */
  readonly name: string;
  readonly operation: Operation;
  readonly changes: readonly Change[];
  readonly texts: readonly TextChange[];
  readonly image: ImageChange | undefined;
  /** What happens to its tasks, in one phrase. */
  readonly tasks: string;
  /** Whether clients find nobody for a moment or longer. */
  readonly interrupts: boolean;
  /** Whether it keeps data in a volume. */
  readonly stateful: boolean;
}

/** What happens to anything that is no service. */
export interface OtherChange {
  /** Such as `network`, `node`, `Kafka`, `image`, `secret`. */
  readonly kind: string;
  readonly name: string;
  readonly operation: Operation;
  readonly changes: readonly Change[];
  readonly texts: readonly TextChange[];
}

/** Drift that was found, whether or not something else is wanted there. */
export interface Drift {
  /** Service, or what else it is. */
  readonly where: string;
  readonly field: string;
  /** What the last `up` left. */
  readonly recorded: string;
  /** What is there. */
  readonly found: string;
}

export interface Changes {
  readonly services: readonly ServiceChange[];
  readonly images: readonly ImageChange[];
  readonly others: readonly OtherChange[];
  readonly drift: readonly Drift[];
}

export const SERVICE = "docker:index/service:Service";
export const CONFIG = "docker:index/serviceConfig:ServiceConfig";
export const SECRETS = "docker:index/secret:Secret";
export const VOLUME = "docker:index/volume:Volume";
export const NETWORK = "docker:index/network:Network";
const IMAGE = "docker:index/remoteImage:RemoteImage";
export const COMMAND = "command:local:Command";
const BUILD = "swarm-platform:index:ImageBuild";

/** A moment in a text, such as when something was seen: no two runs have the same. */
const MOMENT = / ?\(?(at )?\d{4}-\d\d-\d\dT[\d:.]+Z\)?/g;

/** What a preview means for the services and for what they stand on. */
export function findChanges({ steps }: Preview): Changes {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const active = steps.filter((step): step is Active => step.operation !== "same" && !isComponent(step));
  const of = (type: string): Active[] => active.filter((step) => resourceOf(step).type === type);

  const images = of(IMAGE).map((step) => imageChange(step, byId, steps));
  const texts = new Map(of(CONFIG).map((step) => [step, textChange(step)]));
  const usersOf = (step: Step): string[] => namesOfUsers(step, byId, active);
  const services = steps
    .filter((step) => resourceOf(step).type === SERVICE)
    .flatMap((step) => serviceChange(step, { images, texts, usersOf }) ?? []);
  const others = active.flatMap((step) => otherChange(step, byId, usersOf) ?? []);
  return { services, images, others, drift: drifts(services, others, active) };
}

type Active = Step & { readonly operation: Operation };

interface Around {
  readonly images: readonly ImageChange[];
  readonly texts: ReadonlyMap<Active, TextChange>;
  /** Names of the services that a config or a secret is told with. */
  readonly usersOf: (step: Step) => readonly string[];
}

function isComponent(step: Step): boolean {
  return /^(swarm-platform:|pulumi:pulumi:Stack)/.test(resourceOf(step).type);
}

// ---------------------------------------------------------------- services

function serviceChange(step: Step, around: Around): ServiceChange | undefined {
  const { name } = resourceOf(step);
  const texts = [...around.texts]
    .filter(([one]) => around.usersOf(one).includes(name))
    .map(([, text]) => text);
  if (step.operation === "same") return undefined;
  const { before, after } = step;
  const operation = step.operation;
  const both = before !== undefined && after !== undefined;
  const fields = both ? serviceFields(pathsOf(step), known(before), after.inputs) : [];
  const files = (["configs", "secrets"] as const).flatMap((kind) =>
    both && fields.some(({ path }) => path[2] === kind) ? fileChanges(kind, step, texts) : [],
  );
  const plain = fields.filter(({ path }) => !["configs", "secrets"].includes(path[2] ?? ""));
  const changes = plain.map(({ label, path, say }) => {
    const said = label === "image" ? sayImage : say;
    return change(label, path, step, said);
  });
  const spec = after?.inputs ?? (before === undefined ? {} : known(before));
  const image = imageOf(spec, before && known(before), around.images);
  const shuffles = !isInStackFile(resourceOf(step)) && fields.length > 0 && variablesOf(spec) > 1;
  const restarts = shuffles || fields.some((field) => field.restarts);
  return {
    name,
    operation,
    // That of an image is told with what made it.
    changes: [...changes.filter(({ field }) => field !== "image" || image === undefined), ...files],
    texts,
    image,
    ...fate(operation, spec, restarts, plain.find(({ label }) => label === "replicas") && before),
    stateful: volumesOf(spec).length > 0,
  };
}

/** Properties as they are: what the provider read counts more than what it was told. */
function known({ inputs, outputs }: Resource): Values {
  return { ...inputs, ...outputs };
}

/** The paths that the provider tells of; where it tells of none, those that differ in what the program gives. */
function pathsOf({ paths, before, after }: Step): readonly string[] {
  return paths.length > 0 ? paths : differingPaths(before?.inputs ?? {}, after?.inputs ?? {});
}

function change(
  field: string,
  path: readonly string[],
  { recorded, before, after }: Step,
  say: (value: Value) => string = sayValue,
): Change {
  const is = at(before && known(before), path);
  const was = at(recorded && known(recorded), path);
  const wanted = at(after?.inputs, path);
  const phrase = (value: Value): string => say(value).replace(MOMENT, "").trim();
  const drifted = recorded !== undefined && !alike(was, is);
  const cause = drifted && alike(at(recorded.inputs, path), wanted) ? "drift" : "wanted";
  return {
    field,
    from: phrase(is),
    to: is === SECRET && wanted === SECRET ? "changed" : phrase(wanted),
    cause,
    ...(drifted && cause === "wanted" && { recorded: phrase(was) }),
  };
}

function alike(a: Value, b: Value): boolean {
  return canonical(a) === canonical(b);
}

/** Files that configs and secrets are mounted as: other ones, more, fewer. */
function fileChanges(kind: "configs" | "secrets", step: Step, texts: readonly TextChange[]): Change[] {
  const what = WORDS[kind];
  const [was, is, wanted] = [
    mountedFiles(step.recorded?.inputs, kind),
    mountedFiles(step.before && known(step.before), kind),
    mountedFiles(step.after?.inputs, kind),
  ];
  return [...new Set([...is.keys(), ...wanted.keys()])].flatMap((file) => {
    const [from, to] = [is.get(file), wanted.get(file)];
    if (from === to) return [];
    const cause = was.get(file) === to && was.get(file) !== from ? "drift" : "wanted";
    const shown = kind === "configs" && texts.length > 0 ? countLines(texts) : (to ?? "none");
    return [
      from !== undefined && to !== undefined && (kind === "secrets" || texts.length > 0)
        ? { field: `${what} ${file}`, from: "", to: kind === "secrets" ? "changed" : shown, cause }
        : { field: `${what} ${file}`, from: from ?? "none", to: to ?? "none", cause },
    ];
  });
}

const WORDS = { configs: "config", secrets: "secret" } as const;

/** Names of the configs or secrets of a service by the files that they are there. */
export function mountedFiles(spec: Values | undefined, kind: keyof typeof WORDS): Map<string, string> {
  const files = at(spec, ["taskSpec", "containerSpec", kind]);
  const entries = Array.isArray(files) ? (files as Values[]) : [];
  return new Map(entries.map((file) => [sayValue(file.fileName), sayValue(file[`${WORDS[kind]}Name`])]));
}

/** How much of a text changes, such as `+2 -1 lines`. */
function countLines(texts: readonly TextChange[]): string {
  const lines = texts.flatMap(({ diff }) => diff);
  const count = (sign: string): number => lines.filter((line) => line.startsWith(sign)).length;
  return `+${count("+")} -${count("-")} lines`;
}

/** What becomes of the tasks, and whether somebody notices. */
function fate(
  operation: Operation,
  spec: Values,
  restarts: boolean,
  scaledFrom: Resource | undefined | false,
): { tasks: string; interrupts: boolean } {
  const count = replicasOf(spec);
  const tasks = count === undefined ? "a task on each node" : count === 1 ? "1 task" : `${count} tasks`;
  if (isJob(spec)) return { tasks: jobFate(operation, tasks), interrupts: false };
  if (operation === "create") return { tasks: `starts ${tasks}`, interrupts: false };
  if (operation === "delete") return { tasks: "stops for good", interrupts: true };
  if (operation === "replace") return { tasks: `stops, then starts ${tasks} anew`, interrupts: true };
  if (count === 0 && scaledFrom) return { tasks: "stops: 0 tasks are wanted", interrupts: true };
  if (!restarts) {
    return { tasks: scaledFrom ? "running tasks stay" : "no task restarts", interrupts: false };
  }
  const update = (spec.updateConfig ?? {}) as { readonly parallelism?: number; readonly order?: string };
  const size = update.parallelism ?? 1;
  const alone = count === 1 || size === 0 || (count !== undefined && size >= count);
  const stopFirst = update.order !== "start-first";
  if (alone && stopFirst) return { tasks: `restarts ${tasks}, away meanwhile`, interrupts: count !== 0 };
  const pace =
    count === 1 ? "" : size === 1 ? ", one by one" : size === 0 ? ", all at once" : `, ${size} at a time`;
  return { tasks: `restarts ${tasks}${pace}${stopFirst ? "" : ", new before old"}`, interrupts: false };
}

function isJob({ mode }: Values): boolean {
  return isObject(mode) && ("replicatedJob" in mode || "globalJob" in mode);
}

/** Nobody calls a job; any update runs it again. */
function jobFate(operation: Operation, tasks: string): string {
  if (operation === "delete") return "goes, with what it logged";
  return operation === "create" ? `runs ${tasks} to the end` : `runs ${tasks} to the end once more`;
}

/** Undefined for a service that is on each node. */
export function replicasOf({ mode }: Values): number | undefined {
  if (at(mode, ["global"]) === true || at(mode, ["globalJob"]) !== undefined) return undefined;
  const count = at(mode, ["replicated", "replicas"]) ?? at(mode, ["replicatedJob", "totalCompletions"]);
  return typeof count === "number" ? count : 1;
}

/** Networks of a service, each with the names that it has there; those of the program by their ids. */
export function networksOf(spec: Values): ReadonlyMap<string, readonly string[]> {
  const networks = at(spec, ["taskSpec", "networksAdvanceds"]);
  return new Map(
    (Array.isArray(networks) ? (networks as Values[]) : []).map(({ id, aliases }) => [
      sayValue(id),
      Array.isArray(aliases) ? (aliases as string[]) : [],
    ]),
  );
}

/** Names of the volumes of a service. */
export function volumesOf(spec: Values): string[] {
  const mounts = at(spec, ["taskSpec", "containerSpec", "mounts"]);
  return (Array.isArray(mounts) ? (mounts as Values[]) : [])
    .filter(({ type }) => type === "volume")
    .map(({ source }) => sayValue(source));
}

/** The provider sends two or more in random order, which is another task to Swarm. */
function variablesOf(spec: Values): number {
  const env = at(spec, ["taskSpec", "containerSpec", "env"]);
  return isObject(env) ? Object.keys(env).length : 0;
}

/** The service that a config or secret is in, or those that change and mount it, before or after. */
function namesOfUsers(step: Step, byId: ReadonlyMap<string, Step>, active: readonly Active[]): string[] {
  const owner = ownerOf(step, byId);
  if (owner !== undefined) return [owner];
  const names = [step.before, step.after].flatMap((one) => one?.inputs.name ?? []);
  const mounts = (one: Resource | undefined): boolean =>
    [...mountedFiles(one?.inputs, "configs"), ...mountedFiles(one?.inputs, "secrets")].some(
      ([, name]) => name !== UNKNOWN && names.includes(name),
    );
  return active
    .filter((one) => resourceOf(one).type === SERVICE && (mounts(one.before) || mounts(one.after)))
    .map((one) => resourceOf(one).name);
}

/** Name of the service that something belongs to. */
function ownerOf({ id }: Step, byId: ReadonlyMap<string, Step>): string | undefined {
  for (let step = byId.get(id); step !== undefined; step = byId.get(resourceOf(step).parent ?? "")) {
    const { type, name } = resourceOf(step);
    if (type.endsWith(":SwarmService")) return name;
  }
  return undefined;
}

// ---------------------------------------------------------------- images

/** `registry/name:tag@digest` -> its parts, none of which need be there. */
function imageParts(reference: string): { repository: string; tag: string; digest: string } {
  const [first = "", digest = ""] = reference.split("@");
  const colon = first.lastIndexOf(":");
  const hasTag = colon > first.lastIndexOf("/");
  return {
    repository: hasTag ? first.slice(0, colon) : first,
    tag: hasTag ? first.slice(colon + 1) : "",
    digest: digest.replace(/^sha256:/, ""),
  };
}

/** An image by its tag, and the start of its digest. */
export function sayImage(value: Value): string {
  if (typeof value !== "string" || value === UNKNOWN) return sayValue(value);
  const { repository, tag, digest } = imageParts(value);
  const name = repository.split("/").pop() ?? "";
  return `${name}${tag && `:${tag}`}${digest && `@${digest.slice(0, 12)}`}`;
}

/** The image that changes with a service, if one does. */
function imageOf(
  spec: Values,
  before: Values | undefined,
  images: readonly ImageChange[],
): ImageChange | undefined {
  const path = ["taskSpec", "containerSpec", "image"];
  const [to, from] = [at(spec, path), at(before, path)];
  if (to === from) return undefined;
  // What a registry makes of it is known only once it is pushed.
  const { repository } = imageParts(String(to === UNKNOWN ? from : to));
  return images.find(({ name }) => name === repository.split("/").pop());
}

function imageChange(step: Active, byId: ReadonlyMap<string, Step>, steps: readonly Step[]): ImageChange {
  const { before, after } = step;
  const from = before === undefined ? undefined : imageParts(String(before.inputs.name));
  const reference = sayValue(after?.inputs.name);
  const to = imageParts(reference);
  const { repository } = to;
  const usedBy = steps
    .filter((one) => resourceOf(one).type === SERVICE)
    .filter(({ after: wanted, before: is }) => {
      const path = ["taskSpec", "containerSpec", "image"];
      const image = at(wanted?.inputs, path);
      return imageParts(String(image === UNKNOWN ? at(is?.inputs, path) : image)).repository === repository;
    })
    .map((one) => resourceOf(one).name);
  const component = byId.get(resourceOf(step).parent ?? "");
  return {
    name: repository.split("/").pop() ?? repository,
    from: from && (from.tag || from.digest),
    to: step.operation === "delete" ? "none" : to.tag || to.digest,
    files: component && resourceOf(component).type === BUILD ? fileDifferences(component) : undefined,
    because: [
      ...(step.recorded !== undefined && step.before === undefined ? ["it is gone from the engine"] : []),
      ...baseImages(step),
    ],
    usedBy,
  };
}

/** See sourceHashes() of the program. */
function fileDifferences({ recorded, before, after }: Step): ImageChange["files"] {
  const old = (recorded ?? before)?.outputs.sources as Record<string, string> | undefined;
  const now = after?.outputs.sources as Record<string, string> | undefined;
  if (old === undefined || now === undefined) return undefined;
  return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().flatMap((path) => {
    if (old[path] === now[path]) return [];
    const kind = old[path] === undefined ? "added" : now[path] === undefined ? "removed" : "changed";
    return [{ path, change: kind } as const];
  });
}

function baseImages({ before, after }: Step): string[] {
  const path = ["build", "buildArgs"];
  const [old, now] = [at(before?.inputs, path), at(after?.inputs, path)] as [Values?, Values?];
  if (old === undefined || now === undefined) return [];
  return Object.keys(now)
    .filter((key) => old[key] !== now[key])
    .map((key) => `build argument ${key}: ${sayImage(old[key])} -> ${sayImage(now[key])}`);
}

// ---------------------------------------------------------------- configs

function textChange(step: Active): TextChange {
  const before = step.operation === "create" ? undefined : step.before;
  const { name, inputs } = resourceOf(step);
  const isSecret = [inputs.data, inputs.text].includes(SECRET);
  return {
    name,
    diff: isSecret ? ["(its content is secret)"] : textDiff(contentOf(before), contentOf(step.after)),
  };
}

/** Content of a config; that of a stack file is no base64 if it is text. Empty where it can't be shown. */
export function contentOf(config: Resource | undefined): string {
  const { text, data } = config?.inputs ?? {};
  const shown = (value: Value): value is string =>
    typeof value === "string" && value !== SECRET && value !== UNKNOWN;
  if (shown(text)) return text;
  return shown(data) ? Buffer.from(data, "base64").toString("utf8") : "";
}

// ---------------------------------------------------------------- all else

const KINDS: Readonly<Record<string, string>> = {
  [CONFIG]: "config",
  [SECRETS]: "secret",
  [VOLUME]: "volume",
  [NETWORK]: "network",
  "pulumi:providers:docker": "engine",
};
/** A command by the component that it is in. */
const COMMAND_KINDS: Readonly<Record<string, string>> = {
  Swarm: "swarm",
  SwarmNode: "node",
  SwarmKeys: "swarm keys",
  KafkaCluster: "Kafka",
  NetworkCheck: "network check",
  ImagePush: "push of image",
};

function otherChange(
  step: Active,
  byId: ReadonlyMap<string, Step>,
  usersOf: Around["usersOf"],
): OtherChange | undefined {
  const { type, name, parent } = resourceOf(step);
  if (type === SERVICE || type === IMAGE) return undefined;
  const component =
    resourceOf(byId.get(parent ?? "") ?? step)
      .type.split(":")
      .pop() ?? "";
  // Told with the service: new content, and what goes or comes with it.
  const isFile = type === CONFIG || type === SECRETS;
  if (isFile && (type === CONFIG || step.operation !== "update") && usersOf(step).length > 0)
    return undefined;
  const changes = pathsOf(step).flatMap((path) => otherField(path, step) ?? []);
  const told = step.operation === "update" || step.operation === "replace" ? changes : [];
  const command = type === COMMAND ? COMMAND_KINDS[component] : undefined;
  return {
    kind: KINDS[type] ?? command ?? spaced(type.split(":").pop() ?? type).toLowerCase(),
    name: (command === undefined ? name : resourceOf(byId.get(parent ?? "") ?? step).name).replace(
      /^node-|-push$/g,
      "",
    ),
    operation: step.operation,
    changes: distinct(told),
    texts: type === CONFIG ? [textChange(step)] : [],
  };
}

function distinct(changes: readonly Change[]): Change[] {
  return [...new Map(changes.map((one) => [one.field, one])).values()];
}

/** Undefined for what says nothing to a user. */
function otherField(path: string, step: Step): Change | undefined {
  const parts = tokens(path);
  const [first = "", second = ""] = parts;
  const { type } = resourceOf(step);
  if (type === SECRETS && first !== "labels")
    return { field: "content", from: "", to: "changed", cause: "wanted" };
  if (type === CONFIG && first !== "labels") return undefined;
  if (first === "registryAuth") return { field: "registry login", from: "", to: "changed", cause: "wanted" };
  if (first === "environment") {
    if (second === "") {
      const keys = [step.before, step.after].flatMap((one) =>
        Object.keys((one?.inputs.environment ?? {}) as Values),
      );
      return keys.length === 0 ? undefined : otherField(`environment[${JSON.stringify(keys[0])}]`, step);
    }
    return environmentField(second, step);
  }
  const own = parts.slice(
    0,
    Math.max(
      1,
      parts.findIndex((part) => /^\d+$/.test(part)),
    ),
  );
  return change(own.map(spaced).join(" "), parts.some((part) => /^\d+$/.test(part)) ? own : parts, step);
}

/** A variable of a command, which carries what is wanted. */
function environmentField(key: string, step: Step): Change | undefined {
  // It follows from the brokers' own changes.
  if (/^broker \d+$/.test(key)) return undefined;
  const path = ["environment", key];
  if (key === "SEEN" || key === "SWARM_SEEN") {
    const seen = sayValue(at(step.after?.inputs, path)).replace(MOMENT, "").trim();
    return { field: "as it is", from: seen, to: "as wanted", cause: "drift" };
  }
  if (key === "USERS") return { field: "users", from: "", to: "changed", cause: "wanted" };
  // That of the image, which is told as such.
  if (key === "REFERENCE") return undefined;
  return change(key.startsWith("topic ") ? key : key.toLowerCase().replaceAll("_", " "), path, step);
}

// ---------------------------------------------------------------- drift

function drifts(
  services: readonly ServiceChange[],
  others: readonly OtherChange[],
  active: readonly Active[],
): Drift[] {
  const differing = [
    ...services.map(({ name, changes }) => ({ where: name, changes })),
    ...others.map(({ kind, name, changes }) => ({ where: `${kind} ${name}`, changes })),
  ].flatMap(({ where, changes }) =>
    changes.flatMap(({ field, from, to, cause, recorded }) =>
      cause === "drift"
        ? [{ where, field, recorded: to, found: from }]
        : recorded !== undefined
          ? [{ where, field, recorded, found: from }]
          : [],
    ),
  );
  const missing = active
    .filter(
      ({ operation, recorded, before }) =>
        operation === "create" && recorded !== undefined && before === undefined,
    )
    .map((step) => ({
      where: labelOf(step),
      field: "",
      recorded: "there",
      found: "gone",
    }));
  return [...missing, ...differing];
}

function labelOf(step: Step): string {
  const { type, name } = resourceOf(step);
  return type === SERVICE
    ? name
    : `${KINDS[type] ?? spaced(type.split(":").pop() ?? "").toLowerCase()} ${name}`;
}
