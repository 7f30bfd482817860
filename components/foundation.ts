import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformConfig } from "../config";
import { BuiltinLogin, BuiltinRegistry, builtinLogin } from "./images/builtin-registry";
import { requireCli } from "./engine/cli-version";
import { currentReplicas, nodeIdentities, observeEngine } from "./engine/engine";
import type { StackBase } from "./compose/stack-environment";
import { Environment, SecretNameKey } from "./environment";
import { asksOfNetwork, NetworkCheck } from "./network/network-check";
import { ImagePull, resolveImage } from "./images/image-pull";
import { ImageRegistry } from "./images/image-registry";
import { OverlayNetwork } from "./network/overlay-network";
import { recordedState } from "./recorded-state";
import { registryAuth, RegistryLogin, registryLogin } from "./images/registry-auth";
import { rolloutGate } from "./rollout/rollout-gate";
import { explainSkippedDependents } from "./rollout/skipped-dependents";
import { nodesHeardOf } from "./swarm/nodes-heard-of";
import { Swarm } from "./swarm/swarm";
import { SwarmKeys } from "./swarm/swarm-keys";
import { isLocked } from "./swarm/swarm-lock";
import { declareNodes, leavesSwarm, nodeNames, observeNodes } from "./swarm/swarm-nodes";

/** Name of the builtin registry. */
const REGISTRY = "registry";
/** How long Swarm may take to start the builtin registry again: 5 s before it does, and until its health is known; in ms. */
const REGISTRY_START = 20_000;

/** What stacks of stack files stand on. */
export interface SwarmFoundation extends StackBase {
  /** Options of whatever lives on the swarm. */
  readonly onSwarm: pulumi.ComponentResourceOptions;
  /** Secret, see SwarmKeys. */
  readonly unlockKey: pulumi.Output<string>;
}

/** What every service of an environment stands on. */
export interface Foundation extends SwarmFoundation {
  readonly environment: Environment;
}

/** The engine, its swarm, the overlay network and the rollout gate of one environment. */
export async function foundation(config: PlatformConfig): Promise<Foundation> {
  const ground = await groundwork(config);
  const { provider, recorded, observed, swarm, nodes, builtin } = ground;
  const { host, namespace } = config;
  const networkArgs = {
    ...config.network,
    namespace,
    observed: observed.networks.get(config.network.networkName),
    observedServices: observed.services,
    allowReplace: config.allowReplace,
  };
  const network = new OverlayNetwork("network", networkArgs, { provider, dependsOn: [swarm] });
  const { encrypted } = config.network;
  const checkArgs = {
    ...config,
    encrypted,
    networkId: network.networkId,
    // Those that join in this run included, and those that leave at its end not.
    nodes: pulumi
      .all([swarm.clusterId, ...nodes.map(({ settled }) => settled)])
      .apply(() => nodeIdentities(host, (node) => !leavesSwarm(node, { ...config, observed }))),
    image: config.images.nginx,
  };
  const checks =
    config.networkCheck && asksOfNetwork(config.routing, encrypted, ground.nodeNames.length)
      ? [new NetworkCheck("network-check", checkArgs, { dependsOn: [network, ...nodes] })]
      : [];
  // Constraints of services may need the nodes' labels.
  const onSwarm = { provider, dependsOn: [swarm, ...nodes, ...checks] };
  const environment = new Environment({
    ...config,
    nodeName: observed.nodeName,
    network,
    gate: ground.gate,
    nodeNames: ground.nodeNames,
    recorded,
    observedServices: observed.services,
    observedVolumes: observed.volumes,
    observedConfigs: observed.configs,
    observedSecrets: observed.secrets,
    registryLogin: ground.login,
    currentReplicas: (serviceName) => currentReplicas(host, serviceName),
    nameKey: ground.nameKey,
  });
  const base = { environment, provider, recorded, onSwarm };
  const { ready, exists } = (builtin && (await startRegistry(config, base, builtin))) ?? {};
  const registry = await registryOf(config, ground.login, ready, exists);
  return { ...ground, ...base, registry };
}

/** The engine and its swarm, for a program that brings stack files alone. */
export async function swarmFoundation(config: PlatformConfig): Promise<SwarmFoundation> {
  const ground = await groundwork(config);
  return { ...ground, registry: await registryOf(config, ground.login) };
}

/** What all programs stand on. */
async function groundwork(config: PlatformConfig) {
  await requireCli();
  explainSkippedDependents();
  const { host, namespace } = config;
  if (!pulumi.runtime.isDryRun()) await nodesHeardOf(host);
  const [observed, recorded] = await Promise.all([observeEngine(host, namespace), recordedState()]);
  const builtin = config.builtinRegistry && builtinLogin(REGISTRY, recorded);
  const login = await registryLoginOf(config, builtin);
  const provider = new docker.Provider("engine", { host, registryAuth: registryAuth(login) });
  const nodesArgs = { ...config, observed };
  const standings = await observeNodes(nodesArgs);
  const advertiseAddress = config.nodes[observed.nodeName]?.advertiseAddress ?? config.advertiseAddress;
  const swarm = new Swarm("swarm", { ...config, advertiseAddress, observed });
  const nodes = declareNodes(nodesArgs, standings, swarm);
  const observedAutolock =
    config.swarmKeys.autolock && observed.clusterId !== undefined ? await isLocked(host) : undefined;
  const keysArgs = { ...config.swarmKeys, host, observedAutolock };
  const keys = new SwarmKeys("swarm-keys", keysArgs, { dependsOn: [swarm, ...nodes] });
  const nameKey = new SecretNameKey();
  return {
    host,
    keptImages: config.keptImages,
    provider,
    recorded,
    observed,
    swarm,
    nodes,
    nodeNames: nodeNames(nodesArgs),
    builtin,
    login,
    loginTo: async (address: string) =>
      address === login?.serveraddress ? login : registryLogin(address, config.dockerConfigFile),
    gate: rolloutGate(host, config.rolloutTimeoutSeconds),
    nameKey,
    secretNameKey: () => nameKey.value,
    onSwarm: { provider, dependsOn: [swarm, ...nodes] },
    unlockKey: keys.unlockKey,
  };
}

/** Where built images are pushed to; undefined keeps them on the engine. */
async function registryOf(
  { host, registry: settings }: PlatformConfig,
  login: RegistryLogin | undefined,
  ready?: BuiltinRegistry["ready"],
  exists?: boolean,
): Promise<ImageRegistry | undefined> {
  // A builtin one that Swarm is starting again may have lost what the state says of it.
  const patience = exists && !pulumi.runtime.isDryRun() ? REGISTRY_START : 0;
  const registry = settings && new ImageRegistry({ ...settings, host, login, ready, exists, patience });
  if (settings?.insecure) await registry?.requireInsecure();
  return registry;
}

/** The registry as a service of the environment. */
async function startRegistry(
  { host, images, kafka, builtinRegistry }: PlatformConfig,
  {
    environment,
    provider,
    recorded,
    onSwarm,
  }: Pick<Foundation, "environment" | "provider" | "recorded" | "onSwarm">,
  login: BuiltinLogin,
): Promise<Pick<BuiltinRegistry, "ready" | "exists"> | undefined> {
  if (builtinRegistry === undefined) return undefined;
  const pull = async (name: string, image: string): Promise<pulumi.Output<string>> => {
    const resolved = await resolveImage(host, name, image, recorded);
    return new ImagePull(name, { image, resolved }, { provider }).reference;
  };
  const image = await pull(REGISTRY, builtinRegistry.image);
  const gateImage = await pull(`${REGISTRY}-gate`, images.nginx);
  const { purgeData } = kafka;
  const args = { ...builtinRegistry, environment, image, gateImage, login, purgeData };
  return new BuiltinRegistry(REGISTRY, args, onSwarm);
}

/** The login to the registry of built images: the builtin one's, the stack's own, else the user's. */
async function registryLoginOf(
  { registry, dockerConfigFile }: PlatformConfig,
  builtin: BuiltinLogin | undefined,
): Promise<RegistryLogin | undefined> {
  if (registry === undefined) return undefined;
  const { address, auth = builtin } = registry;
  if (auth === undefined) return registryLogin(address, dockerConfigFile);
  return { serveraddress: address, username: auth.username, password: auth.password };
}
