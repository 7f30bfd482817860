import * as pulumi from "@pulumi/pulumi";
import Docker from "dockerode";
import type { NamedObject } from "../content-name";
import { SshConnections } from "./ssh-connection";

/** What the program must know of the engine before it declares anything. */
export interface ObservedEngine {
  /** Host name of the machine, which is also that of its node in a swarm. */
  readonly nodeName: string;
  /** Version of the engine, such as 28.2.2. */
  readonly version: string;
  /** `os/arch` of the engine, such as linux/amd64. */
  readonly platform: string;
  /** Id of the swarm that the engine manages; undefined when it is in none. */
  readonly clusterId: string | undefined;
  /** Services whose names begin with the namespace, by name. */
  readonly services: ReadonlyMap<string, ApiService>;
  /** Names of this node's volumes that begin with the namespace. */
  readonly volumes: readonly string[];
  /** Networks of the swarm, by name. */
  readonly networks: ReadonlyMap<string, ApiNetwork>;
  readonly nodes: readonly ApiNode[];
  /** Configs whose names begin with the namespace. */
  readonly configs: readonly NamedObject[];
  /** Secrets whose names begin with the namespace. */
  readonly secrets: readonly NamedObject[];
}

/**
 * A client of the Engine API.
 *
 * @param host unix:///path, tcp://host:port or ssh://user@host[:port], as in DOCKER_HOST. TLS material for
 * tcp comes from DOCKER_CERT_PATH; ssh is the machine's own, with its configuration.
 */
export function connect(host: string): Docker {
  const url = new URL(host);
  if (url.protocol === "unix:") return new Docker({ socketPath: url.pathname });
  if (url.protocol === "ssh:") {
    // The client's own ssh knows neither ~/.ssh/config nor known hosts.
    const options = { protocol: "http", host: "docker", port: 80, agent: new SshConnections(url) } as const;
    return new Docker(options); // its types do not know the agent
  }
  const secure = process.env.DOCKER_TLS_VERIFY === "1" || url.port === "2376";
  return new Docker({ protocol: secure ? "https" : "http", host: url.hostname, port: url.port });
}

/**
 * Options of a request that an engine may leave without an answer.
 *
 * @param ms longest wait. @default 10 s
 */
export function within(ms = 10_000): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(ms) };
}

/**
 * Asks the engine what it is, which swarm it is in, and what is there.
 *
 * @param namespace prefix of the environment's services.
 * @throws pulumi.RunError when it can't be reached, or is in a swarm that it can't manage.
 */
export async function observeEngine(host: string, namespace: string): Promise<ObservedEngine> {
  const docker = connect(host);
  let info: EngineInfo;
  try {
    info = (await docker.info()) as EngineInfo;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new pulumi.RunError(
      `The Docker engine at ${host} can't be reached: ${reason}.\n` +
        "  Is it running, and may this user open it? Start it (make up does), or set another one:\n" +
        "  pulumi config set host <unix:// | tcp:// | ssh://> and export DOCKER_HOST to the same.",
    );
  }
  const fault = swarmFault(host, info.Swarm);
  if (fault !== undefined) throw new pulumi.RunError(fault);
  const inSwarm = info.Swarm.LocalNodeState === "active";
  const ours = { filters: { name: [`${namespace}_`] } };
  const [{ Volumes }, [services, networks, nodes, configs, secrets]] = await Promise.all([
    // Null where there is none, which the client's types do not know.
    docker.listVolumes(ours) as Promise<{ Volumes: { Name: string }[] | null }>,
    inSwarm
      ? Promise.all([
          listServices(docker, ours),
          docker.listNetworks({ filters: { scope: ["swarm"] } }),
          docker.listNodes(),
          docker.listConfigs(ours),
          docker.listSecrets(ours),
        ])
      : [[], [], [], [], []],
  ]);
  return {
    nodeName: info.Name,
    version: info.ServerVersion,
    platform: `${info.OSType}/${architecture(info.Architecture)}`,
    clusterId: inSwarm ? info.Swarm.Cluster?.ID : undefined,
    services: new Map(services.map((one) => [one.Spec.Name, one])),
    volumes: (Volumes ?? []).map(({ Name }) => Name),
    networks: new Map((networks as unknown as ApiNetwork[]).map((one) => [one.Name, one])),
    nodes: nodes as unknown as ApiNode[],
    configs: (configs as unknown as ApiObject[]).map(namedObject),
    secrets: (secrets as unknown as ApiObject[]).map(namedObject),
  };
}

/**
 * Services with their status. Tasks of nodes that are down don't count as running in it: nobody tells Swarm that they ended, so it
 * counts them beside those that have taken their place (swarmkit, manager/controlapi/service.go, ListServiceStatuses).
 */
export async function listServices(docker: Docker, options: object = {}): Promise<ApiService[]> {
  const [listed, nodes] = await Promise.all([
    // The client's types do not know the status.
    docker.listServices({ ...options, status: true } as object),
    docker.listNodes(),
  ]);
  const services = listed as unknown as ApiService[];
  const down = (nodes as unknown as ApiNode[]).filter(({ Status }) => Status.State === "down");
  if (down.length === 0) return services;
  const tasks = await docker.listTasks({ filters: { node: down.map(({ ID }) => ID) } });
  const lost = (tasks as unknown as ApiTask[]).filter(({ Status }) => Status.State === "running");
  return services.map((service) => {
    const { ID, ServiceStatus: status } = service;
    if (status === undefined) return service;
    const count = lost.filter(({ ServiceID }) => ServiceID === ID).length;
    return { ...service, ServiceStatus: { ...status, RunningTasks: status.RunningTasks - count } };
  });
}

/** Number of tasks that a replicated service should have right now; undefined when there is no such service. */
export async function currentReplicas(host: string, serviceName: string): Promise<number | undefined> {
  const found = await connect(host).listServices({ filters: { name: [serviceName] } });
  return (found as unknown as ApiService[]).find(({ Spec }) => Spec.Name === serviceName)?.Spec.Mode
    .Replicated?.Replicas;
}

/** Host name and id of each node of the swarm that `stays`; none where there is no swarm, as in a preview of one that has vanished. */
export async function nodeIdentities(host: string, stays: (node: ApiNode) => boolean): Promise<string[]> {
  const docker = connect(host);
  const { Swarm } = (await docker.info()) as EngineInfo;
  if (Swarm.LocalNodeState !== "active") return [];
  const nodes = (await docker.listNodes()) as unknown as ApiNode[];
  return nodes
    .filter(stays)
    .map(({ ID, Description }) => `${Description.Hostname} ${ID}`)
    .sort();
}

/** The part of GET /info that is read here. */
interface EngineInfo {
  readonly Name: string;
  readonly ServerVersion: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly Swarm: SwarmInfo;
}

/** What an engine says of its swarm (GET /info). */
export interface SwarmInfo {
  /** Id of its node; empty when it is in no swarm. */
  readonly NodeID?: string;
  /** Address that it advertises. */
  readonly NodeAddr?: string;
  readonly LocalNodeState: "inactive" | "pending" | "active" | "error" | "locked";
  readonly ControlAvailable: boolean;
  readonly Error?: string;
  readonly Cluster?: { readonly ID: string };
  readonly RemoteManagers?: readonly { readonly NodeID: string; readonly Addr: string }[] | null;
}

/** Why this engine can't be used as it is, in one sentence with the cure. */
export function swarmFault(host: string, swarm: SwarmInfo): string | undefined {
  switch (swarm.LocalNodeState) {
    case "inactive":
      return undefined;
    case "locked":
      return `The swarm on ${host} is locked. Unlock it with: docker swarm unlock`;
    case "pending":
      return `The engine at ${host} is still joining a swarm. Wait until docker info says "Swarm: active", then try again.`;
    case "error":
      return (
        `The engine at ${host} has a broken swarm: ${swarm.Error ?? "no reason given"}. ` +
        "Mend it (docker info), or leave it with: docker swarm leave --force"
      );
    case "active":
      if (swarm.ControlAvailable) return undefined;
      return (
        `The engine at ${host} is a worker of a swarm, and only managers take changes. ` +
        `Set host to a manager (${(swarm.RemoteManagers ?? []).map(({ Addr }) => Addr).join(", ")}), or promote this node.`
      );
  }
}

/** Docker names machines as the kernel does, images as Go does. */
function architecture(machine: string): string {
  const names: Record<string, string> = { x86_64: "amd64", aarch64: "arm64" };
  return names[machine] ?? machine;
}

function namedObject({ Spec, CreatedAt }: ApiObject): NamedObject {
  return { name: Spec.Name, createdAt: CreatedAt };
}

/** The part of a config or secret that is read here (GET /configs, GET /secrets). */
interface ApiObject {
  readonly CreatedAt: string;
  readonly Spec: { readonly Name: string };
}

/** The part of a service that is read here (GET /services/{id}); times in nanoseconds. */
export interface ApiService {
  readonly ID: string;
  /** Must be given back with an update. */
  readonly Version: { readonly Index: number };
  readonly CreatedAt?: string;
  readonly UpdatedAt: string;
  readonly Spec: ApiServiceSpec;
  /** What a rollback would return to. */
  readonly PreviousSpec?: ApiServiceSpec;
  /** Absent until the first update that replaced tasks. */
  readonly UpdateStatus?: { readonly State: string; readonly Message?: string; readonly StartedAt?: string };
  /** Of a job: which run of it is the present one. */
  readonly JobStatus?: { readonly JobIteration: { readonly Index?: number } };
  /** Only in lists that ask for it. */
  readonly ServiceStatus?: {
    readonly RunningTasks: number;
    readonly DesiredTasks: number;
    /** Of a job. */
    readonly CompletedTasks?: number;
  };
}

interface ApiServiceSpec {
  readonly Name: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Mode: {
    readonly Replicated?: { readonly Replicas?: number };
    readonly Global?: object;
    readonly ReplicatedJob?: { readonly TotalCompletions?: number };
    readonly GlobalJob?: object;
  };
  readonly TaskTemplate: {
    readonly ContainerSpec?: ApiContainerSpec;
    /** Counts the restarts that were forced; absent for 0. */
    readonly ForceUpdate?: number;
    /** Target: the network's id. */
    readonly Networks?: readonly { readonly Target: string; readonly Aliases?: readonly string[] }[];
    readonly Placement?: {
      readonly Constraints?: readonly string[];
      readonly Platforms?: readonly { readonly Architecture?: string; readonly OS: string }[];
    };
    readonly Resources?: { readonly Limits?: { readonly MemoryBytes?: number; readonly Pids?: number } };
  };
  readonly UpdateConfig?: { readonly Monitor?: number; readonly FailureAction?: string };
  readonly EndpointSpec?: {
    readonly Ports?: readonly {
      readonly Protocol: string;
      /** Absent where Swarm chooses one. */
      readonly PublishedPort?: number;
      /** ingress or host. */
      readonly PublishMode: string;
    }[];
  };
}

interface ApiContainerSpec {
  readonly Image: string;
  /** Absent where the image's own holds; `["NONE"]` where there is none. */
  readonly Healthcheck?: { readonly Test?: readonly string[] };
  readonly Configs?: readonly { readonly ConfigID: string; readonly ConfigName: string }[];
  readonly Secrets?: readonly { readonly SecretID: string; readonly SecretName: string }[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopGracePeriod?: number;
  /** Type: volume, bind or tmpfs. */
  readonly Mounts?: readonly { readonly Type: string; readonly Source?: string }[];
  readonly Hosts?: readonly string[];
  readonly Sysctls?: Readonly<Record<string, string>>;
  readonly Ulimits?: readonly { readonly Name: string }[];
  readonly TTY?: boolean;
  readonly OpenStdin?: boolean;
}

/** The part of a network that is read here (GET /networks). */
export interface ApiNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Attachable: boolean;
  readonly Internal: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] };
  readonly Labels?: Readonly<Record<string, string>>;
}

/** The part of a task that is read here (GET /tasks). */
export interface ApiTask {
  readonly ID: string;
  readonly ServiceID?: string;
  readonly CreatedAt: string;
  /** When the manager noted the newest state, by its own clock; the status has the node's. */
  readonly UpdatedAt?: string;
  /** Number of a replicated service's task; absent for a global one. */
  readonly Slot?: number;
  /** Which run of a job it belongs to; absent for other services. */
  readonly JobIteration?: { readonly Index?: number };
  /** Absent until the task is assigned. */
  readonly NodeID?: string;
  readonly DesiredState: string;
  /** Addresses in CIDR form. */
  readonly NetworksAttachments?: readonly { readonly Addresses?: readonly string[] }[];
  /** What the task was made from; that of its service may be newer. */
  readonly Spec?: { readonly ContainerSpec?: ApiContainerSpec };
  readonly Status: {
    readonly State: string;
    readonly Timestamp: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly ExitCode?: number };
  };
}

/** The part of a container that is read here (GET /containers/{id}/json). */
export interface ApiContainer {
  readonly State: {
    readonly OOMKilled: boolean;
    readonly Health?: {
      readonly Log?: readonly { readonly ExitCode: number; readonly Output: string }[] | null;
    };
  };
}

/** The part of a node that is read here (GET /nodes). */
export interface ApiNode {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: {
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Role: "manager" | "worker";
    readonly Availability: "active" | "pause" | "drain";
  };
  readonly Description: {
    readonly Hostname: string;
    readonly Engine?: { readonly EngineVersion?: string };
  };
  /** State: ready, down, disconnected or unknown. */
  readonly Status: { readonly State: string; readonly Addr?: string };
  /** Managers alone have it. */
  readonly ManagerStatus?: {
    readonly Leader?: boolean;
    /** reachable, unreachable or unknown. */
    readonly Reachability: string;
    /** `address:2377`. */
    readonly Addr: string;
  };
}

/** Removes a service; one that is gone is no fault. @param id or full name */
export async function removeService(host: string, id: string): Promise<void> {
  try {
    await connect(host).getService(id).remove();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
}

/** Sends what the client has no method for, or none that takes a signal; its types don't know how it sends. */
export function dial<T>(docker: Docker, request: object): Promise<T> {
  const modem = docker.modem as unknown as {
    dial(request: object, done: (error: Error | null, answer: T) => void): void;
  };
  return new Promise((resolve, reject) => {
    modem.dial(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}

/** The engine's own words in an error, without the client's and the manager's wrapping. */
export function reasonOf(error: unknown): string {
  const { json, message, name } = error as { json?: { message?: string }; message: string; name?: string };
  if (name === "AbortError" || name === "TimeoutError") return "it does not answer in time";
  return (json?.message ?? message).replace(/^rpc error: code = \w+ desc = /, "");
}
