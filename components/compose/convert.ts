import type { Deploy, Mount, Network, Service, StackFile, UpdateConfig, Volume } from "./stack-file/model";
import { defined, Fields, shownService, text, Value } from "./provider/shown-spec";

/*
 * What the files declare as the Engine API takes it, exactly as `docker stack deploy` sends it (docker/cli,
 * cli/compose/convert), empty objects included: Swarm takes a field that is empty and one that is not there for
 * different tasks.
 */

/** By which `docker stack` finds what belongs to a stack. */
export const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** The image as the file names it. */
export const IMAGE_LABEL = "com.docker.stack.image";
/** The network of services that name none. */
export const DEFAULT_NETWORK = "default";
/** Networks of each engine, which know no aliases. */
const ENGINES_OWN = new Set(["bridge", "host", "none", "default"]);

export interface NamedStack {
  /** As in `docker stack deploy NAMESPACE`. */
  readonly namespace: string;
  readonly file: StackFile;
}

/** Networks that services name; no others are made. */
export function usedNetworks({ services }: StackFile): ReadonlySet<string> {
  return new Set([...services.values()].flatMap(({ networks }) => networks.map(({ network }) => network)));
}

/** Name on the swarm: that of the file, else `<namespace>_<key>`. */
export function nameOf(namespace: string, key: string, declared?: { readonly name?: string }): string {
  return declared?.name ?? `${namespace}_${key}`;
}

export function withNamespace(namespace: string, labels: Readonly<Record<string, string>>): Fields {
  return { ...labels, [NAMESPACE_LABEL]: namespace };
}

/**
 * A service in the form of a preview, see shownService. Configs and secrets have the names that `docker stack deploy`
 * gives them, and are in the order of these.
 *
 * @param image as the file names it, or what is built.
 */
export function convertService(stack: NamedStack, service: Service, image: string): Fields {
  const { namespace } = stack;
  const { deploy } = service;
  return shownService({
    Name: nameOf(namespace, service.key),
    Labels: { ...withNamespace(namespace, deploy.labels), [IMAGE_LABEL]: image },
    TaskTemplate: defined({
      ContainerSpec: containerSpec(stack, service, image),
      LogDriver:
        service.logging &&
        defined({ Name: service.logging.driver ?? "", Options: emptyAsNone(service.logging.options) }),
      Resources: resources(deploy),
      RestartPolicy:
        deploy.restartPolicy &&
        defined({
          Condition: deploy.restartPolicy.condition,
          Delay: deploy.restartPolicy.delay,
          MaxAttempts: deploy.restartPolicy.maxAttempts,
          Window: deploy.restartPolicy.window,
        }),
      Placement: defined({
        Constraints: noneAsUndefined(deploy.constraints),
        Preferences: noneAsUndefined(
          deploy.preferences.map((spread) => ({ Spread: { SpreadDescriptor: spread } })),
        ),
        MaxReplicas: deploy.maxReplicasPerNode,
      }),
      Networks: attachments(stack, service),
    }),
    Mode: mode(deploy),
    ...defined({
      UpdateConfig: updateConfig(deploy.updateConfig),
      RollbackConfig: updateConfig(deploy.rollbackConfig),
    }),
    EndpointSpec: defined({
      Mode: deploy.endpointMode,
      Ports: noneAsUndefined(
        service.ports
          .map((port) =>
            defined({
              Protocol: port.protocol,
              TargetPort: port.target,
              PublishedPort: port.published,
              PublishMode: port.mode,
            }),
          )
          .sort((a, b) => Number(a.PublishedPort ?? 0) - Number(b.PublishedPort ?? 0)),
      ),
    }),
  });
}

function containerSpec(stack: NamedStack, service: Service, image: string): Fields {
  const { credentialSpec, healthcheck, dns, dnsSearch, dnsOptions } = service;
  const credentialConfig =
    credentialSpec?.config === undefined
      ? undefined
      : nameOf(stack.namespace, credentialSpec.config, stack.file.configs.get(credentialSpec.config));
  return defined({
    Image: image,
    Command: service.entrypoint,
    Args: service.command,
    Hostname: service.hostname,
    Hosts: noneAsUndefined(service.extraHosts.map(({ host, address }) => `${address} ${host}`)),
    DNSConfig:
      dns || dnsSearch || dnsOptions
        ? defined({ Nameservers: dns, Search: dnsSearch, Options: dnsOptions })
        : undefined,
    Healthcheck:
      healthcheck &&
      defined({
        Test: healthcheck.test,
        Interval: healthcheck.interval,
        Timeout: healthcheck.timeout,
        StartPeriod: healthcheck.startPeriod,
        StartInterval: healthcheck.startInterval,
        Retries: healthcheck.retries,
      }),
    Env: noneAsUndefined(
      Object.entries(service.environment)
        .map(([name, value]) => (value === null ? name : `${name}=${value}`))
        .sort(),
    ),
    Labels: withNamespace(stack.namespace, service.labels),
    Dir: service.workingDir,
    User: service.user,
    Groups: service.groups,
    Mounts: noneAsUndefined(service.mounts.map((mount) => convertMount(stack, mount))),
    StopGracePeriod: service.stopGracePeriod,
    StopSignal: service.stopSignal,
    TTY: service.tty,
    OpenStdin: service.stdinOpen,
    ReadOnly: service.readOnly,
    Secrets: noneAsUndefined(references(stack, service.secrets, stack.file.secrets, "SecretName")),
    Configs: noneAsUndefined(
      [
        ...references(stack, service.configs, stack.file.configs, "ConfigName"),
        ...(credentialConfig === undefined ? [] : [{ ConfigName: credentialConfig, Runtime: {} }]),
      ].sort((a, b) => byText(a.ConfigName, b.ConfigName)),
    ),
    Privileges: defined({
      CredentialSpec:
        credentialSpec &&
        defined({
          // By name until it is sent.
          Config: credentialConfig,
          File: credentialSpec.file,
          Registry: credentialSpec.registry,
        }),
    }),
    Isolation: service.isolation,
    Init: service.init,
    Sysctls: emptyAsNone(service.sysctls),
    CapabilityAdd: noneAsUndefined(service.capAdd),
    CapabilityDrop: noneAsUndefined(service.capDrop),
    Ulimits: noneAsUndefined(
      service.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    ),
    OomScoreAdj: service.oomScoreAdj,
  });
}

/** A network as POST /networks/create takes it. */
export function convertNetwork(namespace: string, key: string, network: Network | undefined): Fields {
  const { ipam } = network ?? {};
  return defined({
    Name: nameOf(namespace, key, network),
    Labels: withNamespace(namespace, network?.labels ?? {}),
    Driver: network?.driver ?? "overlay",
    Options: network?.driverOpts,
    Internal: network?.internal,
    Attachable: network?.attachable,
    EnableIPv4: network?.enableIpv4,
    EnableIPv6: network?.enableIpv6,
    IPAM:
      ipam &&
      defined({
        Driver: ipam.driver,
        Options: ipam.options,
        Config: noneAsUndefined(
          ipam.config.map((one) =>
            defined({
              Subnet: one.subnet,
              IPRange: one.ipRange,
              Gateway: one.gateway,
              AuxiliaryAddresses: one.auxAddresses,
            }),
          ),
        ),
      }),
  });
}

/** A volume as POST /volumes/create takes it. */
export function convertVolume(namespace: string, volume: Volume): Fields {
  return defined({
    Name: nameOf(namespace, volume.key, volume),
    Labels: withNamespace(namespace, volume.labels),
    Driver: volume.driver ?? "local",
    DriverOpts: volume.driverOpts && emptyAsNone(volume.driverOpts),
  });
}

function attachments({ namespace, file }: NamedStack, service: Service): Fields[] {
  return service.networks
    .map(({ network, aliases, driverOpts }) => {
      const target = nameOf(namespace, network, file.networks.get(network));
      return defined({
        Target: target,
        Aliases: noneAsUndefined(ENGINES_OWN.has(target) ? aliases : [...aliases, service.key]),
        DriverOpts: driverOpts,
      });
    })
    .sort((a, b) => byText(a.Target, b.Target));
}

function convertMount({ namespace, file }: NamedStack, mount: Mount): Fields {
  const { type, source, bind, volume, tmpfs, image } = mount;
  const declared = source === undefined ? undefined : file.volumes.get(source);
  const isNamed = (type === "volume" || type === "cluster") && source !== undefined;
  const isGroup = type === "cluster" && source?.startsWith("group:");
  return defined({
    Type: type,
    Source: isNamed && !isGroup ? nameOf(namespace, source, declared) : source,
    Target: mount.target,
    ReadOnly: mount.readOnly,
    Consistency: mount.consistency,
    BindOptions: bind && defined({ Propagation: bind.propagation, NonRecursive: bind.nonRecursive }),
    VolumeOptions:
      type === "volume" && isNamed
        ? defined({
            NoCopy: volume?.noCopy,
            Subpath: volume?.subpath,
            ...(declared !== undefined && !declared.external && volumeOptions(namespace, declared)),
          })
        : undefined,
    TmpfsOptions: tmpfs && defined({ SizeBytes: tmpfs.size, Mode: tmpfs.mode }),
    ImageOptions: image && defined({ Subpath: image.subpath }),
    ClusterOptions: type === "cluster" ? {} : undefined,
  });
}

function volumeOptions(namespace: string, { labels, driver, driverOpts }: Volume): Fields {
  const isDefault = driver === undefined && driverOpts === undefined;
  return defined({
    Labels: withNamespace(namespace, labels),
    DriverConfig: isDefault ? undefined : defined({ Name: driver, Options: driverOpts }),
  });
}

function references(
  { namespace }: NamedStack,
  files: Service["configs"],
  declared: StackFile["configs"],
  nameField: "ConfigName" | "SecretName",
): Fields[] {
  return files
    .map(({ source, target, uid, gid, mode }) => ({
      File: { Name: target, UID: uid, GID: gid, Mode: mode },
      [nameField]: nameOf(namespace, source, declared.get(source)),
    }))
    .sort((a, b) => byText(a[nameField], b[nameField]));
}

function mode({ mode: is, replicas }: Deploy): Fields {
  switch (is) {
    case "global":
      return { Global: {} };
    case "global-job":
      return { GlobalJob: {} };
    case "replicated-job":
      return { ReplicatedJob: defined({ MaxConcurrent: replicas, TotalCompletions: replicas }) };
    case "replicated":
      return { Replicated: defined({ Replicas: replicas }) };
  }
}

function updateConfig(config: UpdateConfig | undefined): Fields | undefined {
  return (
    config &&
    defined({
      Parallelism: config.parallelism,
      Delay: config.delay,
      FailureAction: config.failureAction,
      Monitor: config.monitor,
      MaxFailureRatio: config.maxFailureRatio,
      Order: config.order,
    })
  );
}

function resources({ limits, reservations }: Deploy): Fields {
  return defined({
    Limits: limits && defined({ NanoCPUs: limits.nanoCpus, MemoryBytes: limits.memory, Pids: limits.pids }),
    Reservations:
      reservations &&
      defined({
        NanoCPUs: reservations.nanoCpus,
        MemoryBytes: reservations.memory,
        GenericResources: noneAsUndefined(
          reservations.genericResources.map(({ kind, value }) => ({
            DiscreteResourceSpec: { Kind: kind, Value: value },
          })),
        ),
      }),
  });
}

function noneAsUndefined(list: readonly Value[]): readonly Value[] | undefined {
  return list.length > 0 ? list : undefined;
}

function emptyAsNone(map: Readonly<Record<string, string>>): Fields | undefined {
  return Object.keys(map).length > 0 ? map : undefined;
}

function byText(a: Value | undefined, b: Value | undefined): number {
  return text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0;
}
