import type { ApiNetwork, ApiService } from "../engine/engine";

/*
 * The provider replaces a network, or a service, for a change of these fields; services even where Swarm itself could
 * update them in place (ForceNew in its resource_docker_network.go and resource_docker_service.go). Each function
 * names the fields in which what is there differs from what is wanted, as `field: is -> wanted`.
 */

/** What a network should have in the fields that replace it. */
export interface NetworkFields {
  readonly subnet: string;
  readonly gateway: string;
  /** @default false */
  readonly attachable?: boolean;
  /** @default true */
  readonly encrypted?: boolean;
}

/** Why a network will be replaced; empty when it stays, or is not there yet. */
export function networkReplacement(is: ApiNetwork | undefined, wanted: NetworkFields): string[] {
  if (is === undefined) return [];
  const [ipam] = is.IPAM.Config ?? [];
  return differences({
    "network subnet": [ipam?.Subnet, wanted.subnet],
    "network gateway": [ipam?.Gateway, wanted.gateway],
    "network attachable": [is.Attachable, wanted.attachable ?? false],
    "network encrypted": [is.Labels?.["swarm-platform.encrypted"], String(wanted.encrypted ?? true)],
  });
}

/** What a service should have in the fields that replace it. */
export interface ServiceFields {
  readonly global: boolean;
  readonly containerLabels: Readonly<Record<string, string>>;
  /** Names that the service has in the environment's network. */
  readonly aliases: readonly string[];
}

/**
 * Why a service will be replaced; empty when it is updated in place, or is not there yet.
 *
 * @param networkId id of the environment's network; undefined when it is not there.
 */
export function serviceReplacement(
  is: ApiService | undefined,
  wanted: ServiceFields,
  networkId: string | undefined,
): string[] {
  if (is === undefined) return [];
  const { TaskTemplate, Mode } = is.Spec;
  const container = TaskTemplate.ContainerSpec;
  const networks = (TaskTemplate.Networks ?? []).map(({ Target, Aliases }) => [
    Target,
    [...(Aliases ?? [])].sort(),
  ]);
  return differences({
    mode: [Mode.Global ? "global" : "replicated", wanted.global ? "global" : "replicated"],
    "container labels": [entries(container?.Labels), entries(wanted.containerLabels)],
    networks: [networks.sort(), [[networkId, [...wanted.aliases].sort()]]],
    hosts: [container?.Hosts ?? [], []],
    sysctls: [entries(container?.Sysctls), []],
  });
}

function differences(fields: Readonly<Record<string, readonly [is: unknown, wanted: unknown]>>): string[] {
  return Object.entries(fields)
    .map(([name, [is, wanted]]) => [name, JSON.stringify(is), JSON.stringify(wanted)] as const)
    .filter(([, is, wanted]) => is !== wanted)
    .map(([name, is, wanted]) => `${name}: ${is ?? "none"} -> ${wanted}`);
}

function entries(map: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}
