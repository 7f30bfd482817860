import * as pulumi from "@pulumi/pulumi";
import type {
  RegisterResourceOutputsRequest,
  RegisterResourceRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import type { Mocks } from "@pulumi/pulumi/runtime";
import { setImmediate as nextTurn } from "node:timers/promises";
import { KINDS, START_CALL, typeOf } from "../../components/compose/engine-resource";

type Values = Record<string, unknown>;

/** One resource as the engine is asked for it, inherited and merged options included. */
export interface Recorded {
  /** `<type> <name>`, unique in a program. */
  readonly id: string;
  readonly type: string;
  readonly name: string;
  /** False for components. */
  readonly custom: boolean;
  /** Id of the parent; undefined directly under the stack. */
  readonly parent: string | undefined;
  /** A secret shows as `{ "<secret>": value }`, a value known only after an update as `"<unknown>"`. */
  readonly inputs: Readonly<Values>;
  /** Ids of all custom resources that it waits for, by `dependsOn` or by data; sorted. */
  readonly dependsOn: readonly string[];
  /** Name of the explicit provider, given or inherited; undefined for the default one. */
  readonly provider: string | undefined;
  /** The other resource options, as far as they are set. */
  readonly options: RecordedOptions;
  /** What a component registered as its outputs, nothing if it did not; undefined for other resources. */
  readonly outputs: Readonly<Values> | undefined;
}

export interface RecordedOptions {
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deleteBeforeReplace?: boolean;
  readonly ignoreChanges?: readonly string[];
  readonly replaceOnChanges?: readonly string[];
  readonly additionalSecretOutputs?: readonly string[];
  readonly deletedWith?: string;
  /** Number of aliases. */
  readonly aliases?: number;
  /** Names of the hooks of each moment, such as afterCreate. */
  readonly hooks?: Readonly<Record<string, readonly string[]>>;
}

/** What a provider adds to the inputs of a resource, its `id` too where that matters, by type. */
export type Answers = Readonly<Record<string, (name: string, inputs: Values) => Values>>;

export interface RecordOptions {
  /** @default dev */
  readonly stack?: string;
  /** Records a preview, in which providers answer nothing. @default false */
  readonly preview?: boolean;
  /** Answers that differ from the usual ones. @default none */
  readonly answers?: Answers;
  /** Outputs of the resources that the state held before, by `<type> <name>`. @default none */
  readonly state?: Readonly<Record<string, Values>>;
}

/** Id of the swarm that the mocked command finds itself to have made. */
export const CLUSTER_ID = "cluster1";
/** Digest of every image that the mocked engine pulls. */
export const DIGEST = `sha256:${"5".repeat(64)}`;
/** Key of the hashes in the names of secrets. */
export const NAME_KEY = "bmFtZSBrZXk=";

const nothing = (): Values => ({});
/** A type that is not here can't be made. */
const ANSWERS: Answers = {
  "pulumi:providers:docker": nothing,
  "command:local:Command": (name) => ({
    stdout: name === "secret-name-key" ? NAME_KEY : `initialised ${CLUSTER_ID}`,
  }),
  "docker:index/network:Network": nothing,
  "docker:index/remoteImage:RemoteImage": (name) => ({ repoDigest: `${name}@${DIGEST}` }),
  "docker:index/secret:Secret": nothing,
  "docker:index/service:Service": nothing,
  "docker:index/serviceConfig:ServiceConfig": nothing,
  "docker:index/volume:Volume": nothing,
  ...Object.fromEntries(KINDS.map((kind) => [typeOf(kind), nothing])),
};

/** Everything that a program asked the engine for. */
export class Graph {
  private readonly byId: ReadonlyMap<string, Recorded>;

  constructor(
    /** Sorted by id. */
    readonly resources: readonly Recorded[],
    /** What the program returned, resolved; undefined after a preview. */
    readonly result: unknown,
  ) {
    this.byId = new Map(resources.map((one) => [one.id, one]));
    if (this.byId.size < resources.length) throw new Error("Two resources share type and name.");
  }

  /** @throws Error when there is no resource of that id. */
  find(id: string): Recorded {
    const found = this.byId.get(id);
    if (found === undefined)
      throw new Error(`No resource "${id}"; there are:\n  ${[...this.byId.keys()].join("\n  ")}`);
    return found;
  }

  /** All resources of a type, which may be given by its last part, such as Service. */
  all(type: string): Recorded[] {
    return this.resources.filter((one) => one.type === type || one.type.endsWith(`:${type}`));
  }

  /** @throws Error unless exactly one resource has the type and the name. */
  get(type: string, name: string): Recorded {
    const [found, ...more] = this.all(type).filter((one) => one.name === name);
    if (found === undefined || more.length > 0) {
      const ids = this.resources.map(({ id }) => id).join("\n  ");
      throw new Error(`Not exactly one ${type} is called ${name}; there are:\n  ${ids}`);
    }
    return found;
  }

  /** All that must be there before a resource: what it and its parents depend on, and so on. */
  before(resource: Recorded): ReadonlySet<string> {
    const seen = new Set<string>();
    const visit = ({ dependsOn, parent }: Recorded): void => {
      for (const id of [...dependsOn, ...(parent === undefined ? [] : [parent])]) {
        if (seen.has(id)) continue;
        seen.add(id);
        visit(this.find(id));
      }
    };
    visit(resource);
    return seen;
  }
}

/**
 * Runs a program against a mocked engine and notes each request where the engine would receive it: after
 * the SDK has inherited, merged and expanded all options. Ends when every registration has ended.
 *
 * @throws Error naming each call, read or type of resource that has no mock; else what the program throws.
 */
export async function record(program: () => unknown, options: RecordOptions = {}): Promise<Graph> {
  const requests: RegisterResourceRequest[] = [];
  const outputs = new Map<string, Values>();
  // Kept and thrown at the end: a throw inside the SDK's promises would end the test's process.
  const faults: string[] = [];

  await pulumi.runtime.setMocks(
    mocks(options, requests, faults),
    "swarm-platform",
    options.stack ?? "dev",
    options.preview ?? false,
  );
  listen(requests, outputs);
  let result: unknown;
  try {
    const returned = await program();
    if (!options.preview) result = await resolved(returned);
  } finally {
    await settled(requests);
  }
  if (faults.length > 0) throw new Error(`No mock for:\n  ${faults.join("\n  ")}`);
  const resources = requests.map((request) => describe(request, outputs));
  return new Graph(
    resources.sort((a, b) => (a.id < b.id ? -1 : 1)),
    result,
  );
}

/** Waits until nothing is under way: resources, their outputs, and what is made late, inside an apply. */
async function settled(requests: readonly RegisterResourceRequest[]): Promise<void> {
  for (let seen = -1; seen < requests.length;) {
    seen = requests.length;
    await pulumi.runtime.disconnect();
    acceptHooks();
    await nextTurn();
  }
}

/** The value of an output, once it is known. */
export function resolved<T>(output: pulumi.Input<T>): Promise<pulumi.Unwrap<T>> {
  return new Promise((resolve) => void pulumi.output(output).apply(resolve));
}

function mocks(
  options: RecordOptions,
  requests: readonly RegisterResourceRequest[],
  faults: string[],
): Mocks {
  const answers = { ...ANSWERS, ...options.answers };
  return {
    call: ({ token }) => {
      if (token === START_CALL) return {};
      if (token === "pulumi:pulumi:readStackResourceOutputs") return { outputs: held(options.state ?? {}) };
      faults.push(`call of ${token}`);
      return {};
    },
    newResource: ({ type, name, inputs, custom, id }) => {
      if (!custom) return { id: undefined, state: {} };
      if (id) faults.push(`read of ${type} ${name}`);
      const answer = answers[type];
      if (answer === undefined) faults.push(`resource ${type} ${name}`);
      // A provider is configured in a preview too; of anything else nothing is known that is not an input.
      if (options.preview && !type.startsWith("pulumi:providers:"))
        return { id: undefined, state: inputs as Values };

      const state: Values = { ...(inputs as Values), ...answer?.(name, inputs as Values) };
      const request = requests.find((one) => one.getType() === type && one.getName() === name);
      for (const key of request?.getAdditionalsecretoutputsList() ?? [])
        state[key] = pulumi.secret(state[key]);
      return { id: typeof state.id === "string" ? state.id : `${name}-id`, state };
    },
  };
}

/** A state as Pulumi tells it. */
function held(state: Readonly<Record<string, Values>>): Values {
  return Object.fromEntries(
    Object.entries(state).map(([id, outputs]) => {
      const [type, name] = id.split(" ");
      return [`urn:pulumi:dev::swarm-platform::${type}::${name}`, { type, outputs }];
    }),
  );
}

/** The part of the mocked monitor that is listened to. */
interface Monitor {
  registerResource(request: RegisterResourceRequest, callback: unknown): unknown;
  registerResourceOutputs(request: RegisterResourceOutputsRequest, callback: unknown): unknown;
}

function listen(requests: RegisterResourceRequest[], outputs: Map<string, Values>): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const mocked = {
    resource: monitor.registerResource.bind(monitor),
    outputs: monitor.registerResourceOutputs.bind(monitor),
  };
  monitor.registerResource = (request, callback) => {
    requests.push(request);
    return mocked.resource(request, callback);
  };
  monitor.registerResourceOutputs = (request, callback) => {
    outputs.set(idOf(request.getUrn()), plain(request.getOutputs()?.toJavaScript()) as Values);
    return mocked.outputs(request, callback);
  };
  acceptHooks();
}

/** For hooks the SDK starts a server that the engine calls back. Nobody calls here, so there is none. */
function acceptHooks(): void {
  const { globalStore } = globalThis as unknown as { globalStore: { callbacks: object } };
  globalStore.callbacks = {
    registerResourceHook: () => Promise.resolve(),
    registerErrorHook: () => Promise.resolve(),
    awaitStackRegistrations: () => Promise.resolve(),
    shutdown: () => undefined,
  };
}

function describe(request: RegisterResourceRequest, outputs: ReadonlyMap<string, Values>): Recorded {
  const [type, name] = [request.getType(), request.getName()];
  const id = `${type} ${name}`;
  return {
    id,
    type,
    name,
    custom: request.getCustom(),
    parent: request.getParent() === "" ? undefined : idOf(request.getParent()),
    inputs: plain(request.getObject()?.toJavaScript()) as Values,
    dependsOn: request.getDependenciesList().map(idOf).sort(),
    provider: request.getProvider().split("::")[3],
    options: optionsOf(request),
    outputs: outputs.get(id),
  };
}

function optionsOf(request: RegisterResourceRequest): RecordedOptions {
  const hooks = request.getHooks();
  const moments = {
    beforeCreate: hooks?.getBeforeCreateList(),
    afterCreate: hooks?.getAfterCreateList(),
    beforeUpdate: hooks?.getBeforeUpdateList(),
    afterUpdate: hooks?.getAfterUpdateList(),
    beforeDelete: hooks?.getBeforeDeleteList(),
    afterDelete: hooks?.getAfterDeleteList(),
    onError: hooks?.getOnErrorList(),
  };
  return given({
    protect: request.hasProtect() ? request.getProtect() : undefined,
    retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
    deleteBeforeReplace: request.getDeletebeforereplacedefined()
      ? request.getDeletebeforereplace()
      : undefined,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    deletedWith: request.getDeletedwith() === "" ? undefined : idOf(request.getDeletedwith()),
    aliases: request.getAliasesList().length || undefined,
    hooks: hooks === undefined ? undefined : given(moments),
  });
}

/** Without what is undefined or an empty list. */
function given<T extends object>(values: T): Partial<T> {
  const set = Object.entries(values).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(set) as Partial<T>;
}

/** Id of the resource that a URN names: urn:pulumi:<stack>::<project>::<type>$<type>::<name>. */
function idOf(urn: string): string {
  const [, , types = "", name] = urn.split("::");
  return `${types.split("$").pop()} ${name}`;
}

/** A value as it is on the wire, with secrets and unknown values named. */
function plain(value: unknown): unknown {
  if (value === pulumi.runtime.unknownValue) return "<unknown>";
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const object = value as Values;
  if (object[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig) {
    return { "<secret>": plain(object.value) };
  }
  return Object.fromEntries(Object.entries(object).map(([key, one]) => [key, plain(one)]));
}
