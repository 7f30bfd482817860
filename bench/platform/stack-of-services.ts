import * as yaml from "yaml";

/** A service as the engine's API has it, as far as the platform's own use it. Times in ns. */
export interface EngineService {
  readonly Spec: {
    readonly Name: string;
    readonly TaskTemplate: {
      readonly ContainerSpec: {
        readonly Image: string;
        readonly Command?: readonly string[];
        readonly Args?: readonly string[];
        readonly Env?: readonly string[];
        readonly Hostname?: string;
        readonly User?: string;
        readonly ReadOnly?: boolean;
        readonly Init?: boolean;
        readonly CapabilityDrop?: readonly string[];
        readonly StopSignal?: string;
        readonly StopGracePeriod?: number;
        readonly Healthcheck?: Healthcheck;
        readonly Mounts?: readonly Mount[];
        readonly Configs?: readonly { readonly ConfigName: string; readonly File: File }[];
        readonly Secrets?: readonly unknown[] | null;
      };
      readonly Resources: { readonly Limits?: { readonly MemoryBytes?: number } };
      readonly RestartPolicy: { readonly Condition: string; readonly Delay: number };
      readonly Placement?: { readonly Constraints?: readonly string[] };
      readonly LogDriver: { readonly Name: string; readonly Options: Readonly<Record<string, string>> };
      readonly Networks: readonly { readonly Aliases?: readonly string[] }[];
    };
    readonly Mode: { readonly Replicated: { readonly Replicas: number } };
    readonly UpdateConfig: UpdateConfig;
    readonly RollbackConfig: UpdateConfig;
    readonly EndpointSpec: { readonly Mode: string; readonly Ports?: readonly Port[] };
  };
}

interface Healthcheck {
  readonly Test: readonly string[];
  readonly Interval: number;
  readonly Timeout: number;
  readonly Retries: number;
  readonly StartPeriod?: number;
}
interface Mount {
  readonly Type: string;
  readonly Source?: string;
  readonly Target: string;
  readonly TmpfsOptions?: { readonly SizeBytes?: number };
}
interface File {
  readonly Name: string;
  readonly Mode: number;
  readonly UID: string;
  readonly GID: string;
}
interface UpdateConfig {
  readonly Parallelism: number;
  readonly Delay?: number;
  readonly FailureAction: string;
  readonly Monitor: number;
  readonly Order: string;
}
interface Port {
  readonly Protocol: string;
  readonly PublishMode: string;
  readonly PublishedPort: number;
  readonly TargetPort: number;
}

/**
 * The stack file (docker-stack.yml) by which `docker stack deploy` makes the same services.
 *
 * @param configs file of each config, by the config's name.
 * @throws Error of a service with secrets, since no engine gives their content.
 */
export function stackOfServices(
  services: readonly EngineService[],
  namespace: string,
  configs: ReadonlyMap<string, string>,
): string {
  const volumes = services.flatMap(({ Spec }) =>
    (Spec.TaskTemplate.ContainerSpec.Mounts ?? []).flatMap(({ Source }) => Source ?? []),
  );
  const document = {
    services: Object.fromEntries(
      services.map((service) => [service.Spec.Name.replace(`${namespace}_`, ""), serviceOf(service)]),
    ),
    networks: { network: { driver: "overlay" } },
    volumes: Object.fromEntries(volumes.map((name) => [name, {}])),
    configs: Object.fromEntries([...configs].map(([name, file]) => [name, { file }])),
  };
  return yaml.stringify(document, { aliasDuplicateObjects: false });
}

function serviceOf({ Spec }: EngineService): unknown {
  const { TaskTemplate: task, EndpointSpec: endpoint } = Spec;
  const container = task.ContainerSpec;
  if ((container.Secrets ?? []).length > 0) throw new Error(`${Spec.Name} has secrets`);
  return {
    image: container.Image,
    entrypoint: container.Command,
    command: container.Args,
    environment: container.Env,
    hostname: container.Hostname,
    user: container.User,
    read_only: container.ReadOnly,
    init: container.Init,
    cap_drop: container.CapabilityDrop,
    stop_signal: container.StopSignal,
    stop_grace_period: duration(container.StopGracePeriod),
    healthcheck: container.Healthcheck && {
      test: container.Healthcheck.Test,
      interval: duration(container.Healthcheck.Interval),
      timeout: duration(container.Healthcheck.Timeout),
      retries: container.Healthcheck.Retries,
      start_period: duration(container.Healthcheck.StartPeriod),
    },
    volumes: container.Mounts?.map(({ Type, Source, Target, TmpfsOptions }) => ({
      type: Type,
      source: Source,
      target: Target,
      tmpfs: TmpfsOptions && { size: TmpfsOptions.SizeBytes },
    })),
    configs: container.Configs?.map(({ ConfigName, File }) => ({
      source: ConfigName,
      target: File.Name,
      mode: File.Mode,
      uid: File.UID,
      gid: File.GID,
    })),
    ports: endpoint.Ports?.map(({ Protocol, PublishMode, PublishedPort, TargetPort }) => ({
      target: TargetPort,
      published: PublishedPort,
      protocol: Protocol,
      mode: PublishMode,
    })),
    networks: { network: { aliases: task.Networks[0]?.Aliases } },
    logging: { driver: task.LogDriver.Name, options: task.LogDriver.Options },
    deploy: {
      replicas: Spec.Mode.Replicated.Replicas,
      endpoint_mode: endpoint.Mode,
      update_config: updateOf(Spec.UpdateConfig),
      rollback_config: updateOf(Spec.RollbackConfig),
      restart_policy: { condition: task.RestartPolicy.Condition, delay: duration(task.RestartPolicy.Delay) },
      resources: { limits: { memory: String(task.Resources.Limits?.MemoryBytes) } },
      placement: { constraints: task.Placement?.Constraints },
    },
  };
}

function updateOf({ Parallelism, Delay, FailureAction, Monitor, Order }: UpdateConfig): unknown {
  return {
    parallelism: Parallelism,
    delay: duration(Delay),
    failure_action: FailureAction,
    monitor: duration(Monitor),
    order: Order,
  };
}

function duration(nanoseconds: number | undefined): string | undefined {
  return nanoseconds === undefined ? undefined : `${nanoseconds / 1e6}ms`;
}
