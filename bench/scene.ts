/** What every contender deploys: services that sleep, in one network; one of them has a config. */
export interface Scene {
  /** Prefix of all names. */
  readonly namespace: string;
  /** IPv4, CIDR. */
  readonly subnet: string;
  readonly gateway: string;
  /** The images that services have or get; all are pulled. */
  readonly images: readonly string[];
  readonly services: readonly SceneService[];
  /** Text of the config. */
  readonly config: string;
  /** Engine API. */
  readonly host: string;
  /** IPv4 of the engine. */
  readonly address: string;
  /** Whether the docker provider is told to wait for rollouts (converge_config). */
  readonly converge: boolean;
}

export interface SceneService {
  readonly name: string;
  /** One of the scene's. */
  readonly image: string;
  /** Variable TZ, the only one: with two, the provider's order of them is random, and each update restarts tasks. */
  readonly timezone: string;
  readonly replicas: number;
  readonly hasConfig: boolean;
}

/** A change of one thing in one service. */
export const CHANGES = ["image", "env", "scale", "config", "gate"] as const;
export type Change = (typeof CHANGES)[number];

/** Both are images of the platform, and so are in the cache that engines without Docker Hub get. */
export const IMAGES = ["busybox:1.35", "nginx:1.26.3"] as const;
/** Tasks take memory and time of their own: beyond this many services there are none. */
export const MOST_WITH_TASKS = 10;
/** Service of each change. */
const CHANGED = { image: 0, env: 1, scale: 2, config: 3, gate: 4 } as const;

export const LEAST_SERVICES = 5;

/** Whether the services of a scene of that size have a task each. */
export function hasTasks(size: number): boolean {
  return size <= MOST_WITH_TASKS;
}

/** Name of the service that a change is of, without the namespace. */
export function changedService(change: Change): string {
  return serviceName(CHANGED[change]);
}

/** What the tasks run; both images have it. */
export const COMMAND = ["sleep", "3600"] as const;
/** File of the config in its service's tasks. */
export const CONFIG_PATH = "/settings.txt";

function serviceName(index: number): string {
  return `s${String(index).padStart(4, "0")}`;
}

/** @param changes those that were made up to now. */
export function scene(
  size: number,
  { namespace, host, address, converge = false }: SceneOwner,
  changes: ReadonlySet<Change> = new Set(),
): Scene {
  const [before, after] = IMAGES;
  const replicas = hasTasks(size) ? 1 : 0;
  const is = (change: Change, index: number): boolean => changes.has(change) && CHANGED[change] === index;
  return {
    namespace,
    host,
    address,
    converge,
    // Room for 4,000 addresses: beyond 254 services an engine's own choice is too small.
    subnet: "10.64.0.0/20",
    gateway: "10.64.0.1",
    images: IMAGES,
    config: changes.has("config") ? "version 2\n" : "version 1\n",
    services: Array.from({ length: size }, (_, index) => ({
      name: serviceName(index),
      image: is("image", index) || is("gate", index) ? after : before,
      timezone: is("env", index) ? "Asia/Shanghai" : "UTC",
      replicas: is("scale", index) ? replicas + 1 : replicas,
      hasConfig: index === CHANGED.config,
    })),
  };
}

export interface SceneOwner {
  readonly namespace: string;
  readonly host: string;
  readonly address: string;
  /** @default false */
  readonly converge?: boolean;
}
