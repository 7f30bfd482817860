import * as pulumi from "@pulumi/pulumi";
import Docker from "dockerode";

/** What the program must know of the engine before it declares anything. */
export interface ObservedEngine {
  /** Version of the engine, such as 28.2.2. */
  readonly version: string;
  /** `os/arch` of the engine, such as linux/amd64. */
  readonly platform: string;
  /** Id of the swarm that the engine manages; undefined when it is in none. */
  readonly clusterId: string | undefined;
}

/**
 * A client of the Engine API.
 *
 * @param host unix:///path, tcp://host:port or ssh://user@host[:port], as in DOCKER_HOST. TLS material for
 * tcp comes from DOCKER_CERT_PATH, keys for ssh from the agent.
 */
export function connect(host: string): Docker {
  const url = new URL(host);
  if (url.protocol === "unix:") return new Docker({ socketPath: url.pathname });
  if (url.protocol === "ssh:") {
    return new Docker({
      protocol: "ssh",
      host: url.hostname,
      port: url.port || 22,
      username: url.username,
      sshOptions: { agent: process.env.SSH_AUTH_SOCK },
    });
  }
  const secure = process.env.DOCKER_TLS_VERIFY === "1" || url.port === "2376";
  return new Docker({ protocol: secure ? "https" : "http", host: url.hostname, port: url.port });
}

/**
 * Asks the engine what it is and which swarm it is in.
 *
 * @throws pulumi.RunError when it can't be reached, or is in a swarm that it can't manage.
 */
export async function observeEngine(host: string): Promise<ObservedEngine> {
  let info: EngineInfo;
  try {
    info = (await connect(host).info()) as EngineInfo;
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
  return {
    version: info.ServerVersion,
    platform: `${info.OSType}/${architecture(info.Architecture)}`,
    clusterId: info.Swarm.LocalNodeState === "active" ? info.Swarm.Cluster?.ID : undefined,
  };
}

/** The part of GET /info that is read here. */
interface EngineInfo {
  readonly ServerVersion: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly Swarm: SwarmInfo;
}

interface SwarmInfo {
  readonly LocalNodeState: "inactive" | "pending" | "active" | "error" | "locked";
  readonly ControlAvailable: boolean;
  readonly Error?: string;
  readonly Cluster?: { readonly ID: string };
  readonly RemoteManagers?: readonly { readonly Addr: string }[] | null;
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

/** The part of a service that is read here (GET /services/{id}); times in nanoseconds. */
export interface ApiService {
  readonly ID: string;
  /** Must be given back with an update. */
  readonly Version: { readonly Index: number };
  readonly UpdatedAt: string;
  readonly Spec: ApiServiceSpec;
  /** What a rollback would return to. */
  readonly PreviousSpec?: ApiServiceSpec;
  /** Absent until the first update that replaced tasks. */
  readonly UpdateStatus?: { readonly State: string; readonly Message?: string; readonly StartedAt?: string };
}

interface ApiServiceSpec {
  readonly Name: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Mode: { readonly Replicated?: { readonly Replicas?: number }; readonly Global?: object };
  readonly TaskTemplate: {
    readonly ContainerSpec?: { readonly Image: string; readonly StopGracePeriod?: number };
  };
  readonly UpdateConfig?: { readonly Monitor?: number };
}

/** The part of a task that is read here (GET /tasks). */
export interface ApiTask {
  readonly ID: string;
  readonly CreatedAt: string;
  /** Number of a replicated service's task; absent for a global one. */
  readonly Slot?: number;
  /** Absent until the task is assigned. */
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string; readonly Timestamp: string; readonly Err?: string };
}

/** The part of a node that is read here (GET /nodes). */
export interface ApiNode {
  readonly ID: string;
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string };
}
