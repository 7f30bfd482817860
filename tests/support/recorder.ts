import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceOutputsRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import type { MockResourceArgs, MockResourceResult } from "@pulumi/pulumi/runtime";

/** One resource as the program asks the engine for it, every option and inherited value included. */
export interface Recorded {
  /** `<type> <name>`, which is unique in a program. */
  readonly id: string;
  readonly type: string;
  readonly name: string;
  /** False for components. */
  readonly custom: boolean;
  /** Id of the parent; undefined under the stack itself. */
  readonly parent: string | undefined;
  /** Values; a secret is `{ "<secret>": value }`, what is known only after an update `"<unknown>"`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Ids of all resources that it waits for by `dependsOn` or by data, sorted. */
  readonly dependsOn: readonly string[];
  /** Name of an explicit provider, given or inherited. */
  readonly provider: string | undefined;
  readonly options: RecordedOptions;
  /** What a component registered at its end; undefined when it did not. */
  readonly outputs: Readonly<Record<string, unknown>> | undefined;
}

/** Resource options other than parent, dependsOn and provider; only those that are set. */
export interface RecordedOptions {
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deleteBeforeReplace?: boolean;
  readonly ignoreChanges?: readonly string[];
  readonly replaceOnChanges?: readonly string[];
  readonly additionalSecretOutputs?: readonly string[];
  readonly aliases?: number;
  readonly customTimeouts?: boolean;
  readonly deletedWith?: string;
  /** Names of hooks by moment, such as afterCreate. */
  readonly hooks?: Readonly<Record<string, readonly string[]>>;
}

/** What a provider answers beyond the inputs, by type. A type that is not here can't be created. */
export type Answers = Readonly<Record<string, (name: string) => Record<string, unknown>>>;

/** The swarm that the recorded program finds or makes. */
export const CLUSTER_ID = "cluster1";
/** Digest that every pulled or pushed image has. */
export const DIGEST = `sha256:${"5".repeat(64)}`;

const NOTHING = (): Record<string, unknown> => ({});
const ANSWERS: Answers = {
  "pulumi:providers:docker": NOTHING,
  "docker:index/network:Network": NOTHING,
  "docker:index/service:Service": NOTHING,
  "docker:index/secret:Secret": NOTHING,
  "docker:index/serviceConfig:ServiceConfig": NOTHING,
  "docker:index/volume:Volume": NOTHING,
  "docker:index/remoteImage:RemoteImage": (name) => ({ repoDigest: `${name}@${DIGEST}` }),
  "docker:index/registryImage:RegistryImage": () => ({ sha256Digest: DIGEST }),
  "command:local:Command": (name) => ({
    stdout: name === "secret-name-key" ? "bmFtZSBrZXk=" : `initialised ${CLUSTER_ID}`,
    stderr: "",
  }),
};

export interface RecordOptions {
  /** @default dev */
  readonly stack?: string;
  /** Record a preview: ids and answers of providers are unknown. @default false */
  readonly preview?: boolean;
  /** Answers instead of the usual ones. @default {} */
  readonly answers?: Answers;
}

/** A recorded program. */
export class Graph {
  constructor(
    readonly resources: readonly Recorded[],
    /** What the program returned. */
    readonly result: unknown,
  ) {}

  /** The one resource of a type and name; a type may be given by its last part, such as Service. */
  get(type: string, name: string): Recorded {
    const found = this.resources.filter((one) => one.name === name && (one.type === type || one.type.endsWith(`:${type}`)));
    if (found.length !== 1 || found[0] === undefined) {
      const ids = this.resources.map(({ id }) => id).join("\n  ");
      throw new Error(`${found.length} resources are a ${type} called ${name}; there are:\n  ${ids}`);
    }
    return found[0];
  }

  /** All resources of a type. */
  all(type: string): Recorded[] {
    return this.resources.filter((one) => one.type === type || one.type.endsWith(`:${type}`));
  }
}

/**
 * Runs a program against a mocked engine and notes every request as it reaches the engine, so that what
 * the SDK inherits, merges and expands is seen too. Returns when every registration has ended.
 *
 * @throws Error naming every call, read or type of resource that no mock answers; or what the program threw.
 */
export async function record(program: () => unknown, options: RecordOptions = {}): Promise<Graph> {
  const faults: string[] = [];
  const secretOutputs = new Map<string, readonly string[]>();
  const answers = { ...ANSWERS, ...options.answers };
  const refuse = (what: string): void => void faults.push(what);

  await pulumi.runtime.setMocks(
    {
      // A throw in here would surface as an unhandled rejection of the SDK and end the test's process.
      call: ({ token }) => {
        refuse(`call of ${token}`);
        return {};
      },
      newResource: ({ type, name, inputs, custom, id }: MockResourceArgs): MockResourceResult => {
        if (!custom) return { id: undefined, state: {} };
        if (id) refuse(`read or import of ${type} ${name}`);
        const answer = answers[type];
        if (answer === undefined) refuse(`resource ${type} ${name}`);
        const state: Record<string, unknown> = { ...(inputs as object), ...(options.preview ? {} : answer?.(name)) };
        for (const key of secretOutputs.get(`${type} ${name}`) ?? []) state[key] = pulumi.secret(state[key]);
        return { id: options.preview && type !== "pulumi:providers:docker" ? undefined : `${name}-id`, state };
      },
    },
    "swarm-platform",
    options.stack ?? "dev",
    options.preview ?? false,
  );
  // Hooks are registered with a server that the engine calls back; without an engine none is needed.
  const { globalStore } = globalThis as unknown as { globalStore: { callbacks?: unknown } };
  globalStore.callbacks = {
    registerResourceHook: () => Promise.resolve(),
    awaitStackRegistrations: () => Promise.resolve(),
    shutdown: () => undefined,
  };

  const requests: RegisterResourceRequest[] = [];
  const registered = new Map<string, Record<string, unknown>>();
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource(request: RegisterResourceRequest, callback: unknown): unknown;
    registerResourceOutputs(request: RegisterResourceOutputsRequest, callback: unknown): unknown;
  };
  const registerResource = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    requests.push(request);
    secretOutputs.set(`${request.getType()} ${request.getName()}`, request.getAdditionalsecretoutputsList());
    return registerResource(request, callback);
  };
  const registerResourceOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    registered.set(request.getUrn(), plain(request.getOutputs()?.toJavaScript() ?? {}) as Record<string, unknown>);
    return registerResourceOutputs(request, callback);
  };

  let result: unknown;
  try {
    const returned = await program();
    if (!options.preview) result = await resolved(returned);
  } finally {
    await pulumi.runtime.disconnect();
  }
  if (faults.length > 0) throw new Error(`The recorder has no answer for:\n  ${faults.join("\n  ")}`);
  const resources = requests.map((request) => toRecorded(request, registered));
  const ids = new Set(resources.map(({ id }) => id));
  if (ids.size !== resources.length) throw new Error("Two resources have the same type and name.");
  return new Graph(resources.sort((a, b) => (a.id < b.id ? -1 : 1)), result);
}

/** The value of an input of any shape, once it is there. */
export function resolved<T>(input: pulumi.Input<T>): Promise<unknown> {
  return new Promise((resolve) => {
    pulumi.output(input).apply(resolve as (value: unknown) => void);
  });
}

function toRecorded(
  request: RegisterResourceRequest,
  registered: ReadonlyMap<string, Record<string, unknown>>,
): Recorded {
  const type = request.getType();
  const name = request.getName();
  const urn = urnOf(request);
  const given = <T>(value: T, when: boolean): T | undefined => (when ? value : undefined);
  const list = (values: string[]): string[] | undefined => given(values, values.length > 0);
  const parent = request.getParent();
  const provider = request.getProvider();
  return {
    id: `${type} ${name}`,
    type,
    name,
    custom: request.getCustom(),
    parent: given(idOf(parent), parent !== ""),
    inputs: plain(request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
    dependsOn: request.getDependenciesList().map(idOf).sort(),
    provider: given(provider.split("::")[3], provider !== ""),
    options: defined({
      protect: given(request.getProtect(), request.hasProtect()),
      retainOnDelete: given(request.getRetainondelete(), request.hasRetainondelete()),
      deleteBeforeReplace: given(request.getDeletebeforereplace(), request.getDeletebeforereplacedefined()),
      ignoreChanges: list(request.getIgnorechangesList()),
      replaceOnChanges: list(request.getReplaceonchangesList()),
      additionalSecretOutputs: list(request.getAdditionalsecretoutputsList()),
      aliases: given(request.getAliasesList().length, request.getAliasesList().length > 0),
      deletedWith: given(idOf(request.getDeletedwith()), request.getDeletedwith() !== ""),
      hooks: hooksOf(request),
    }),
    outputs: registered.get(urn),
  };
}
