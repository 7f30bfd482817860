/**
 * What stack files declare, in long form: every short syntax is spelled out, variables are filled in, files are merged,
 * and what `docker stack deploy` does with a value when it reads the file is done. Names are those of the file, without
 * the stack's prefix. A field that the files do not give is undefined, so that the engine's own default holds.
 */
export interface StackFile {
  /** In the order of their names, as the other maps. */
  readonly services: ReadonlyMap<string, Service>;
  /** Those that the files declare; `default` is among them only when they do. Services may use `default` all the same. */
  readonly networks: ReadonlyMap<string, Network>;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly configs: ReadonlyMap<string, FileObject>;
  readonly secrets: ReadonlyMap<string, FileObject>;
  /** What happens otherwise than the files say, and why; in the order of the files. */
  readonly notices: readonly Notice[];
}

/** Where in the files something stands. Lines and columns count from 1. */
export interface Place {
  /** The file's name as the caller gave it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Something that the files ask for and Swarm does not do, with what happens instead. */
export interface Notice extends Place {
  /** Dotted path in the file, such as `services.web.restart`. */
  readonly path: string;
  /** The service it is about. */
  readonly service?: string;
  readonly text: string;
}

/** One entry of a section of the files. */
export interface Item {
  /** Its key in the file. */
  readonly key: string;
  /** Where its key stands; in the last file that has it. */
  readonly place: Place;
  /** Where the keys below it stand, by their dotted path inside the item, such as `deploy.replicas` or `ports.0`. */
  readonly places: ReadonlyMap<string, Place>;
}

/** Nanoseconds, as the Engine API has them. */
export type Nanoseconds = number;
export type Bytes = number;

export interface Service extends Item {
  /** As the file gives it; undefined only with {@link build}, which then makes it. */
  readonly image?: string;
  readonly build?: Build;
  /** The image's own when undefined. Empty when the file clears it. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** With the variables of env_file; null is a variable without a value, which unsets what the image gives. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** Labels of the containers; those of the service are in {@link Deploy}. */
  readonly labels: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  readonly user?: string;
  /** Further groups of the user. */
  readonly groups?: readonly string[];
  readonly hostname?: string;
  readonly init?: boolean;
  readonly tty?: boolean;
  readonly stdinOpen?: boolean;
  readonly readOnly?: boolean;
  /** Windows alone: default, process or hyperv. */
  readonly isolation?: string;
  readonly stopSignal?: string;
  readonly stopGracePeriod?: Nanoseconds;
  readonly oomScoreAdj?: number;
  /** Capabilities as the Engine API has them, in its own form, such as CAP_NET_ADMIN or ALL; sorted, what is in both is added. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ulimits: readonly Ulimit[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** In the order of the file, one address each. */
  readonly extraHosts: readonly { readonly host: string; readonly address: string }[];
  readonly healthcheck?: Healthcheck;
  readonly logging?: { readonly driver?: string; readonly options: Readonly<Record<string, string>> };
  readonly credentialSpec?: CredentialSpec;
  /** Those of the file; `default` alone when it names none. Sorted by key. */
  readonly networks: readonly ServiceNetwork[];
  readonly ports: readonly Port[];
  readonly mounts: readonly Mount[];
  readonly configs: readonly FileReference[];
  readonly secrets: readonly FileReference[];
  /** Services that are rolled out before this one. */
  readonly dependsOn: readonly Dependency[];
  readonly deploy: Deploy;
}

/** What is built; paths are absolute. */
export interface Build {
  readonly place: Place;
  /** Absolute. */
  readonly context: string;
  /** Below the context, or absolute. @default Dockerfile */
  readonly dockerfile?: string;
  /** null takes the value of the variable of that name where the image is built. */
  readonly args: Readonly<Record<string, string | null>>;
  readonly target?: string;
  /** It is built for the first. @default that of the engine */
  readonly platforms: readonly string[];
}

export interface Ulimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export interface Healthcheck {
  /** As the Engine API has it: ["NONE"], ["CMD", ...] or ["CMD-SHELL", command]; the image's own when undefined. */
  readonly test?: readonly string[];
  readonly interval?: Nanoseconds;
  readonly timeout?: Nanoseconds;
  readonly startPeriod?: Nanoseconds;
  readonly startInterval?: Nanoseconds;
  readonly retries?: number;
}

/** One of the three. */
export interface CredentialSpec {
  /** Key of a config of the file. */
  readonly config?: string;
  readonly file?: string;
  readonly registry?: string;
}

export interface ServiceNetwork {
  /** Key of a network of the file, or `default`. */
  readonly network: string;
  readonly place: Place;
  /** Without the service's own name, which is one too. */
  readonly aliases: readonly string[];
  readonly driverOpts?: Readonly<Record<string, string>>;
}

export interface Port {
  readonly place: Place;
  readonly target: number;
  /** Chosen by the swarm when undefined. */
  readonly published?: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly mode: "ingress" | "host";
}

export interface Mount {
  readonly place: Place;
  readonly type: "bind" | "volume" | "tmpfs" | "npipe" | "cluster" | "image";
  /**
   * An absolute path of a bind, a pipe, an image, the key of a volume of the file (or `group:name` of a cluster volume);
   * none of a tmpfs or an anonymous volume.
   */
  readonly source?: string;
  readonly target: string;
  readonly readOnly?: boolean;
  readonly consistency?: string;
  /** Given, even if empty, when the file has the key. */
  readonly bind?: { readonly propagation?: string; readonly nonRecursive?: boolean };
  readonly volume?: { readonly noCopy?: boolean; readonly subpath?: string };
  readonly tmpfs?: { readonly size?: Bytes; readonly mode?: number };
  readonly image?: { readonly subpath?: string };
}

/** A config or a secret as a file in the service's containers. */
export interface FileReference {
  readonly place: Place;
  /** Key of a config or secret of the file. */
  readonly source: string;
  /** As the Engine API has it: a secret's is below /run/secrets unless absolute, a config's below /. */
  readonly target: string;
  readonly uid: string;
  readonly gid: string;
  /** Permissions as a number: 0o444. */
  readonly mode: number;
}

export interface Dependency {
  readonly service: string;
  readonly place: Place;
}

export type DeployMode = "replicated" | "global" | "replicated-job" | "global-job";

export interface Deploy {
  readonly mode: DeployMode;
  /** Of replicated services and jobs alone; for a job how many tasks run at once and complete. */
  readonly replicas?: number;
  /** Labels of the service. */
  readonly labels: Readonly<Record<string, string>>;
  readonly updateConfig?: UpdateConfig;
  readonly rollbackConfig?: UpdateConfig;
  readonly limits?: { readonly nanoCpus?: number; readonly memory?: Bytes; readonly pids?: number };
  readonly reservations?: {
    readonly nanoCpus?: number;
    readonly memory?: Bytes;
    readonly genericResources: readonly { readonly kind: string; readonly value: number }[];
  };
  /** Made from the service's `restart` when the file has no deploy.restart_policy, as docker stack deploy does. */
  readonly restartPolicy?: RestartPolicy;
  readonly constraints: readonly string[];
  /** Node properties to spread over, such as node.labels.zone. */
  readonly preferences: readonly string[];
  readonly maxReplicasPerNode?: number;
  readonly endpointMode?: "vip" | "dnsrr";
}

export interface UpdateConfig {
  /** 0 is all at once. Docker stack deploy sends 1 when it is not given. */
  readonly parallelism: number;
  readonly delay?: Nanoseconds;
  readonly failureAction?: "pause" | "continue" | "rollback";
  readonly monitor?: Nanoseconds;
  readonly maxFailureRatio?: number;
  readonly order?: "stop-first" | "start-first";
}

export interface RestartPolicy {
  readonly condition?: "none" | "on-failure" | "any";
  readonly delay?: Nanoseconds;
  readonly maxAttempts?: number;
  readonly window?: Nanoseconds;
}

export interface Network extends Item {
  /** On the swarm, instead of `<stack>_<key>`; always given when external. */
  readonly name?: string;
  /** Made by others, must exist. */
  readonly external: boolean;
  readonly driver?: string;
  readonly driverOpts?: Readonly<Record<string, string>>;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enableIpv4?: boolean;
  readonly enableIpv6?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam?: Ipam;
}

export interface Ipam {
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly config: readonly {
    readonly subnet?: string;
    readonly ipRange?: string;
    readonly gateway?: string;
    readonly auxAddresses?: Readonly<Record<string, string>>;
  }[];
}

export interface Volume extends Item {
  readonly name?: string;
  readonly external: boolean;
  readonly driver?: string;
  readonly driverOpts?: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Of `x-cluster-spec`: a CSI volume of the swarm, with the keys of the file. */
  readonly clusterSpec?: Readonly<Record<string, unknown>>;
}

/** A config or a secret. */
export interface FileObject extends Item {
  readonly name?: string;
  readonly external: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** undefined when external, or when a secret has a driver. Never to be shown when it is a secret's. */
  readonly data?: Uint8Array;
  /** Where {@link data} comes from, for messages: `file` with the absolute path, `environment` with the variable's name. */
  readonly from?:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "environment"; readonly variable: string }
    | { readonly kind: "content" };
  /** Secrets alone: the plugin that has the value. */
  readonly driver?: string;
  readonly driverOpts?: Readonly<Record<string, string>>;
  /** Such as golang: the swarm fills in the text for each task. */
  readonly templateDriver?: string;
}
