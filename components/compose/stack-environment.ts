import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import type { NamedObject } from "../content-name";
import { ApiService, connect, listServices } from "../engine/engine";
import type { ImageRegistry } from "../images/image-registry";
import type { RegistryLogin } from "../images/registry-auth";
import type { RecordedState } from "../recorded-state";
import type { RolloutGate } from "../rollout/rollout-gate";
import { askRegistry, registryOf, StackImage } from "../images/image-reference";

/** What stacks of stack files stand on. */
export interface StackBase {
  /** Engine API of a manager. */
  readonly host: string;
  /** Fails when the rollout of a service does. */
  readonly gate: RolloutGate;
  /** Host names of the swarm's nodes; none when there is no swarm yet. */
  readonly nodeNames: readonly string[];
  readonly recorded: RecordedState;
  /** Secret key for the hashes in secrets' names. */
  readonly secretNameKey: () => pulumi.Output<string>;
  /** Login to a registry, `host[:port]`; undefined without one. */
  readonly loginTo: (registry: string) => Promise<RegistryLogin | undefined>;
  /** Where built images are pushed to; undefined keeps them on the engine. */
  readonly registry: ImageRegistry | undefined;
  readonly keptImages: number;
  /** Builds images. */
  readonly provider: docker.Provider;
}

/** What there was on the swarm before this run. */
export interface ObservedSwarm {
  /** By full name, with their status. */
  readonly services: ReadonlyMap<string, ApiService>;
  /** Scope of each network, by name. */
  readonly networks: ReadonlyMap<string, string>;
  readonly configs: readonly NamedObject[];
  readonly secrets: readonly NamedObject[];
  /** Those of the manager's own node. */
  readonly volumes: ReadonlySet<string>;
}

export interface StackEnvironment extends StackBase {
  readonly observed: ObservedSwarm;
  /** See askRegistry; each image is asked for once a run, however many services have it. */
  readonly askRegistry: (image: string) => Promise<StackImage>;
}

/** Looks at what there is, before a stack is declared. */
export async function stackEnvironment(base: StackBase): Promise<StackEnvironment> {
  const answers = new Map<string, Promise<StackImage>>();
  const ask = async (image: string): Promise<StackImage> =>
    askRegistry(connect(base.host), image, await base.loginTo(registryOf(image)));
  return {
    ...base,
    observed: await observeSwarm(base.host),
    askRegistry: (image) => {
      const answer = answers.get(image) ?? ask(image);
      answers.set(image, answer);
      return answer;
    },
  };
}

interface Listed {
  readonly CreatedAt: string;
  readonly Spec: { readonly Name: string };
}

async function observeSwarm(host: string): Promise<ObservedSwarm> {
  const engine = connect(host);
  const { Swarm } = (await engine.info()) as { Swarm: { LocalNodeState: string } };
  if (Swarm.LocalNodeState !== "active") {
    return { services: new Map(), networks: new Map(), configs: [], secrets: [], volumes: new Set() };
  }
  const [services, networks, configs, secrets, { Volumes }] = await Promise.all([
    listServices(engine),
    engine.listNetworks(),
    engine.listConfigs(),
    engine.listSecrets(),
    // Null where there is none, which the client's types do not know.
    engine.listVolumes() as Promise<{ Volumes: { Name: string }[] | null }>,
  ]);
  const named = (all: unknown): NamedObject[] =>
    (all as Listed[]).map(({ CreatedAt, Spec }) => ({ name: Spec.Name, createdAt: CreatedAt }));
  return {
    services: new Map(services.map((one) => [one.Spec.Name, one])),
    networks: new Map(networks.map(({ Name, Scope }) => [Name, Scope])),
    configs: named(configs),
    secrets: named(secrets),
    volumes: new Set((Volumes ?? []).map(({ Name }) => Name)),
  };
}
