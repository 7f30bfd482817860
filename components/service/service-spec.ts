import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { duration } from "../durations";
import type { ApiService } from "../engine/engine";
import type { Environment } from "../environment";
import { moveFault, nameFault, pin, pinnedTo } from "../swarm/node-pin";
import { unseenDrift } from "../rollout/unseen-drift";

/** A port of the service that clients outside the overlay reach. */
export interface PublishedPort {
  /** Port inside the container. */
  readonly target: number;
  /** Port outside. */
  readonly published: number;
  /** @default tcp */
  readonly protocol?: "tcp" | "udp";
  /**
   * ingress: on every node, through the mesh. host: on the nodes that run a task, one task a node.
   * @default by the environment's routing
   */
  readonly mode?: "ingress" | "host";
}

/** Storage of a task. */
export type Mount =
  | {
      readonly type: "volume";
      readonly source: pulumi.Input<string>;
      readonly target: string;
      readonly readOnly?: boolean;
    }
  | { readonly type: "bind"; readonly source: string; readonly target: string; readonly readOnly?: boolean }
  | { readonly type: "tmpfs"; readonly target: string; readonly sizeMiB: number };

/** How the engine sees that a task works; times in whole seconds. */
export interface Healthcheck {
  /** `["CMD", program, ...]` or `["CMD-SHELL", line]`. */
  readonly test: readonly string[];
  /** @default 5 */
  readonly interval?: number;
  /** @default 3 */
  readonly timeout?: number;
  /** Failures in a row that make a task unhealthy. @default 3 */
  readonly retries?: number;
  /** Time in which failures don't count. @default 30 */
  readonly startPeriod?: number;
}

/** How an update replaces tasks; times in whole seconds. */
export interface UpdatePolicy {
  /** @default stop-first when stateful or with a host port, else start-first */
  readonly order?: "start-first" | "stop-first";
  /** Tasks replaced at a time. @default 1 */
  readonly parallelism?: number;
  /** Between two batches. @default 0 */
  readonly delay?: number;
  /** How long a new task is watched. @default 5 */
  readonly monitor?: number;
  /** @default rollback */
  readonly failureAction?: "rollback" | "pause" | "continue";
}

/** Everything about a service but its configs and secrets. */
export interface ServiceOptions {
  /** Image with tag or digest. */
  readonly image: pulumi.Input<string>;
  /** Replaces the image's entrypoint. @default the image's */
  readonly command?: readonly pulumi.Input<string>[];
  /** Replaces the image's command. @default the image's */
  readonly args?: readonly pulumi.Input<string>[];
  /**
   * TZ is set from the environment unless given here. The provider sends variables in random order at each
   * update (kreuzwerker/terraform-provider-docker, mapTypeMapValsToStringSlice), and Swarm takes another order
   * for another task: with two variables or more, every update restarts the tasks, scaling too. Prefer `args`
   * where the program takes them. @default {}
   */
  readonly env?: Readonly<Record<string, pulumi.Input<string>>>;
  /**
   * Number of tasks, 0 or more; "global" for one on each node; "unmanaged" where an autoscaler owns the number:
   * it starts with one task, and from then on is never a difference. @default 1
   */
  readonly replicas?: number | "global" | "unmanaged";
  /** Keeps data on its node: never two tasks with the same data at once. @default false */
  readonly stateful?: boolean;
  /** Names inside the environment besides the service's own. @default none */
  readonly aliases?: readonly string[];
  /** @default none */
  readonly ports?: readonly PublishedPort[];
  /** @default none */
  readonly mounts?: readonly Mount[];
  /** Required; `{ waived: "reason" }` says that there is none and why. */
  readonly healthcheck: Healthcheck | { readonly waived: string };
  /** Memory limit of one task in MiB, 6 or more. @default 256 */
  readonly memoryMiB?: number;
  /** CPU limit of one task in cores, such as 0.5. @default none */
  readonly cpus?: number;
  /**
   * Host name of the node that its tasks run on. A service with a volume has one, unless it is global: its data is on
   * that node. It may move only without its data, which takes `allowReplace`.
   *
   * @default with a volume, the node that it is on, or that of a swarm with one node; else any
   */
  readonly node?: string;
  /** Placement constraints, such as `node.role==manager`. @default none */
  readonly constraints?: readonly string[];
  /** @default see UpdatePolicy */
  readonly update?: UpdatePolicy;
  /** Seconds from the end of a task that failed to the start of the next one. @default 5 */
  readonly restartDelay?: number;
  /** Seconds from the stop signal to SIGKILL, 1 or more. @default 60 when stateful, else 30 */
  readonly stopGracePeriod?: number;
  /** @default the image's */
  readonly stopSignal?: string;
  /** Runs an init as process 1, for programs that ignore signals or leave zombies. @default false */
  readonly init?: boolean;
  /** Host name inside the container. @default the engine's choice */
  readonly hostname?: string;
  /** `user[:group]`. @default the image's */
  readonly user?: string;
  /** @default false */
  readonly readOnly?: boolean;
  /** Capabilities taken away, such as `ALL`. @default none */
  readonly capDrop?: readonly string[];
}

/** The arguments of docker.Service in the full, canonical form that it reads back. */
export type ServiceSpec = Omit<docker.ServiceArgs, "taskSpec"> & {
  readonly taskSpec: Omit<docker.types.input.ServiceTaskSpec, "containerSpec"> & {
    readonly containerSpec: docker.types.input.ServiceTaskSpecContainerSpec;
  };
};

/** Label that tells policies why a service has no health check (policy/subject.ts). */
const NO_HEALTH_CHECK = "swarm-platform.no-health-check";
const NAME = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
/** Swarm's longest name of a service. */
const MAX_NAME = 63;

/** All faults of the options at once, each with property, value, what is allowed, what to do. */
export function serviceFaults(
  name: string,
  options: ServiceOptions & { environment: Environment },
): string[] {
  const faults: string[] = [];
  const fault = (property: string, value: unknown, allowed: string): void => {
    faults.push(`${property} = ${JSON.stringify(value)}; allowed: ${allowed}`);
  };
  const whole = (property: string, value: number | undefined, min: number): void => {
    if (value !== undefined && (!Number.isInteger(value) || value < min)) {
      fault(property, value, `a whole number, ${min} or more`);
    }
  };

  const fullName = `${options.environment.namespace}_${name}`;
  if (!NAME.test(name)) fault("name", name, "a-z, 0-9 and -, starting with a letter");
  else if (fullName.length > MAX_NAME)
    fault("name", fullName, `at most ${MAX_NAME} characters with the namespace`);

  if (typeof options.replicas === "number") whole("replicas", options.replicas, 0);
  whole("memoryMiB", options.memoryMiB, 6);
  whole("stopGracePeriod", options.stopGracePeriod, 1);
  whole("restartDelay", options.restartDelay, 0);
  whole("update.parallelism", options.update?.parallelism, 0);
  whole("update.delay", options.update?.delay, 0);
  whole("update.monitor", options.update?.monitor, 1);
  if (options.cpus !== undefined && !(options.cpus > 0))
    fault("cpus", options.cpus, "a number above 0, such as 0.5");

  if ("waived" in options.healthcheck) {
    if (options.healthcheck.waived.trim() === "")
      fault("healthcheck.waived", "", "the reason why there is no check");
  } else {
    const { test, interval, timeout, retries, startPeriod } = options.healthcheck;
    if (test.length < 2 || !["CMD", "CMD-SHELL"].includes(test[0] ?? "")) {
      fault(
        "healthcheck.test",
        test,
        `["CMD", program, ...] or ["CMD-SHELL", line]; or healthcheck: { waived: reason }`,
      );
    }
    whole("healthcheck.interval", interval, 1);
    whole("healthcheck.timeout", timeout, 1);
    whole("healthcheck.retries", retries, 1);
    whole("healthcheck.startPeriod", startPeriod, 0);
  }

  const seen = new Map<string, number>();
  for (const [i, port] of (options.ports ?? []).entries()) {
    for (const side of ["target", "published"] as const) {
      if (!Number.isInteger(port[side]) || port[side] < 1 || port[side] > 65535) {
        fault(`ports[${i}].${side}`, port[side], "1 to 65535");
      }
    }
    const key = `${port.published}/${port.protocol ?? "tcp"}`;
    if (seen.has(key))
      fault(`ports[${i}].published`, port.published, `a port that ports[${seen.get(key)}] does not publish`);
    else seen.set(key, i);
  }
  if (hasHostPort(options) && options.update?.order === "start-first") {
    fault("update.order", "start-first", "stop-first, because a host port can be held by one task at a time");
  }
  if (options.stateful && options.update?.order === "start-first") {
    fault("update.order", "start-first", "stop-first, because two tasks must not write the same data");
  }
  for (const [i, mount] of (options.mounts ?? []).entries()) {
    if (!mount.target.startsWith("/")) fault(`mounts[${i}].target`, mount.target, "an absolute path");
    if (mount.type === "bind" && !mount.source.startsWith("/")) {
      fault(`mounts[${i}].source`, mount.source, "an absolute path on the node");
    }
    if (mount.type === "tmpfs") whole(`mounts[${i}].sizeMiB`, mount.sizeMiB, 1);
  }
  return [...faults, ...placementFaults(name, options, options.environment)];
}

/** Faults of the node that the service's data is, or is to be, on. */
function placementFaults(name: string, options: ServiceOptions, environment: Environment): string[] {
  const { nodeNames, allowReplace } = environment;
  const { node, replicas } = options;
  if (node !== undefined) {
    if (replicas === "global") return [`node = "${node}"; allowed: none, because the service is global`];
    const fault = nameFault(node, nodeNames);
    if (fault !== undefined) return [`node = "${node}": ${fault}`];
  }
  if (!keepsData(options)) return [];
  const from = observedPin(name, environment);
  const afterLoss = `it start empty on ${node}`;
  const moved = moveFault({ service: name, keeper: "it", from, to: node, afterLoss, allowReplace });
  if (moved !== undefined) return [`node = "${node}": ${moved}`];
  if (node !== undefined || from !== undefined || nodeNames.length <= 1) return [];
  return [
    `node not set: the data of ${volumes(options).join(", ")} stays on the node where a task first ran, and a local` +
      ` volume doesn't follow it to another one; allowed: one of ${nodeNames.join(", ")} (docker node ls)`,
  ];
}

/** The node that the service is kept on; undefined when it may run on any. */
function nodeOf(name: string, options: ServiceOptions, environment: Environment): string | undefined {
  if (options.node !== undefined || !keepsData(options)) return options.node;
  return observedPin(name, environment) ?? environment.nodeName;
}

function observedPin(name: string, { namespace, observedServices }: Environment): string | undefined {
  return pinnedTo(observedServices.get(`${namespace}_${name}`));
}

/** Whether its data is on one node: a global service has a volume of its own on each. */
function keepsData(options: ServiceOptions): boolean {
  return options.replicas !== "global" && volumes(options).length > 0;
}

/** The volumes as messages name them; that of an output by its folder. */
function volumes({ mounts = [] }: ServiceOptions): string[] {
  return mounts.flatMap((mount) => {
    if (mount.type !== "volume") return [];
    return typeof mount.source === "string" ? `volume ${mount.source}` : `the volume at ${mount.target}`;
  });
}

/**
 * Fills in every default and puts each field into the form in which it is read back. Fields that the
 * engine would choose are declared too: what is not declared is adopted silently when it drifts.
 * `forceUpdate` alone is left to the engine, so that a forced restart is no drift; it is
 * raised to bring about an update that the provider sees no reason for.
 */
export function normalise(name: string, options: ServiceOptions, environment: Environment): ServiceSpec {
  const stack = { label: "com.docker.stack.namespace", value: environment.namespace };
  const waived =
    "waived" in options.healthcheck ? [{ label: NO_HEALTH_CHECK, value: options.healthcheck.waived }] : [];
  const ports = (options.ports ?? []).map((port) => ({
    targetPort: port.target,
    publishedPort: port.published,
    protocol: port.protocol ?? "tcp",
    publishMode: publishMode(port, environment),
  }));
  const observed = environment.observedServices.get(`${environment.namespace}_${name}`);
  const order = options.stateful || hasHostPort(options, environment) ? "stop-first" : "start-first";
  const update = updateConfig(options.update ?? {}, order);
  const node = nodeOf(name, options, environment);
  const constraints = [...(node === undefined ? [] : [pin(node)]), ...(options.constraints ?? [])];

  return {
    name: `${environment.namespace}_${name}`,
    labels: [stack, ...waived],
    mode:
      options.replicas === "global"
        ? { global: true }
        : { replicated: { replicas: replicas(options, observed) } },
    taskSpec: {
      containerSpec: {
        image: options.image,
        labels: [stack],
        ...(options.command !== undefined && { commands: [...options.command] }),
        ...(options.args !== undefined && { args: [...options.args] }),
        env: { TZ: environment.timezone, ...options.env },
        ...(options.hostname !== undefined && { hostname: options.hostname }),
        ...(options.user !== undefined && { user: options.user }),
        ...(options.stopSignal !== undefined && { stopSignal: options.stopSignal }),
        ...(options.capDrop !== undefined && { capDrops: [...options.capDrop] }),
        readOnly: options.readOnly ?? false,
        init: options.init ?? false,
        isolation: "default",
        mounts: (options.mounts ?? []).map(mountFields),
        dnsConfig: { nameservers: [], searches: [], options: [] },
        stopGracePeriod: duration(options.stopGracePeriod ?? (options.stateful ? 60 : 30)),
        healthcheck: healthcheckFields(options.healthcheck),
      },
      networksAdvanceds: [{ id: environment.network.networkId, aliases: aliases(name, options) }],
      restartPolicy: {
        condition: "any",
        delay: duration(options.restartDelay ?? 5),
        maxAttempts: 0,
        window: "0s",
      },
      resources: {
        limits: {
          memoryBytes: (options.memoryMiB ?? 256) * 1024 * 1024,
          nanoCpus: Math.round((options.cpus ?? 0) * 1e9),
        },
        // Declared although there is none: a limit that is changed by hand brings an empty one along.
        reservation: { memoryBytes: 0, nanoCpus: 0 },
      },
      ...(unseenDrift(observed).length > 0 && {
        forceUpdate: (observed?.Spec.TaskTemplate.ForceUpdate ?? 0) + 1,
      }),
      placement: {
        maxReplicas: 0,
        ...(constraints.length > 0 && { constraints }),
      },
      logDriver: { name: "json-file", options: { "max-size": "10m", "max-file": "3" } },
    },
    updateConfig: update,
    rollbackConfig: { ...update, failureAction: "pause" },
    endpointSpec: { mode: environment.routing === "mesh" ? "vip" : "dnsrr", ports },
  };
}

function replicas({ replicas = 1 }: ServiceOptions, observed: ApiService | undefined): number {
  if (typeof replicas === "number") return replicas;
  return observed?.Spec.Mode.Replicated?.Replicas ?? 1;
}

/** Names of the service inside the environment. */
export function aliases(name: string, options: ServiceOptions): string[] {
  return [name, ...(options.aliases ?? [])];
}

function publishMode(port: PublishedPort, environment: Environment): "ingress" | "host" {
  return port.mode ?? (environment.routing === "mesh" ? "ingress" : "host");
}

function hasHostPort(
  options: ServiceOptions & { environment?: Environment },
  environment = options.environment,
): boolean {
  return (options.ports ?? []).some(
    (port) => environment !== undefined && publishMode(port, environment) === "host",
  );
}

function updateConfig(
  policy: UpdatePolicy,
  order: "start-first" | "stop-first",
): docker.types.input.ServiceUpdateConfig {
  return {
    parallelism: policy.parallelism ?? 1,
    delay: duration(policy.delay ?? 0),
    failureAction: policy.failureAction ?? "rollback",
    monitor: duration(policy.monitor ?? 5),
    maxFailureRatio: "0.0",
    order: policy.order ?? order,
  };
}

function healthcheckFields(
  check: ServiceOptions["healthcheck"],
): docker.types.input.ServiceTaskSpecContainerSpecHealthcheck {
  if ("waived" in check)
    return { tests: ["NONE"], interval: "0s", timeout: "0s", retries: 0, startPeriod: "0s" };
  return {
    tests: [...check.test],
    interval: duration(check.interval ?? 5),
    timeout: duration(check.timeout ?? 3),
    retries: check.retries ?? 3,
    startPeriod: duration(check.startPeriod ?? 30),
  };
}

function mountFields(mount: Mount): docker.types.input.ServiceTaskSpecContainerSpecMount {
  if (mount.type === "tmpfs") {
    return {
      type: "tmpfs",
      target: mount.target,
      readOnly: false,
      tmpfsOptions: { sizeBytes: mount.sizeMiB * 1024 * 1024, mode: 0o777 },
    };
  }
  return { type: mount.type, source: mount.source, target: mount.target, readOnly: mount.readOnly ?? false };
}
