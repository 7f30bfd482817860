import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformConfig } from "../config";
import { requireCli } from "./cli-version";
import { currentReplicas, nodeIdentities, observeEngine } from "./engine";
import { Environment } from "./environment";
import { asksOfNetwork, NetworkCheck } from "./network-check";
import { OverlayNetwork } from "./overlay-network";
import { registryAuth, registryLogin } from "./registry-auth";
import { rolloutGate } from "./rollout-gate";
import { explainSkippedDependents } from "./skipped-dependents";
import { Swarm } from "./swarm";
import { SwarmKeys } from "./swarm-keys";
import { isLocked } from "./swarm-lock";
import { declareNodes, nodeNames, nodesHeardOf, observeNodes } from "./swarm-nodes";

/** What every service of an environment stands on. */
export interface Foundation {
  readonly environment: Environment;
  /** The engine's provider, for what needs no swarm, such as images. */
  readonly provider: docker.Provider;
  /** Options of whatever lives on the swarm. */
  readonly onSwarm: pulumi.ComponentResourceOptions;
  /** Secret, see SwarmKeys. */
  readonly unlockKey: pulumi.Output<string>;
}

/** The engine, its swarm, the overlay network and the rollout gate of one environment. */
export async function foundation(config: PlatformConfig): Promise<Foundation> {
  await requireCli();
  explainSkippedDependents();
  const { host, namespace } = config;
  if (!pulumi.runtime.isDryRun()) await nodesHeardOf(host);
  const observed = await observeEngine(host, namespace);
  const auths = registryAuth(config.registry, config.dockerConfigFile);
  const provider = new docker.Provider("engine", { host, registryAuth: auths });
  const nodesArgs = { ...config, observed };
  const standings = await observeNodes(nodesArgs);
  const advertiseAddress = config.nodes[observed.nodeName]?.advertiseAddress ?? config.advertiseAddress;
  const swarm = new Swarm("swarm", { ...config, advertiseAddress, observed });
  const networkArgs = {
    ...config.network,
    namespace,
    observed: observed.networks.get(config.network.networkName),
  };
  const network = new OverlayNetwork("network", networkArgs, { provider, dependsOn: [swarm] });
  const nodes = declareNodes(nodesArgs, standings, swarm);
  const observedAutolock =
    config.swarmKeys.autolock && observed.clusterId !== undefined ? await isLocked(host) : undefined;
  const keysArgs = { ...config.swarmKeys, host, observedAutolock };
  const keys = new SwarmKeys("swarm-keys", keysArgs, { dependsOn: [swarm, ...nodes] });
  const { encrypted } = config.network;
  const names = nodeNames(nodesArgs);
  const checkArgs = {
    ...config,
    encrypted,
    networkId: network.networkId,
    // Those that join in this run included.
    nodes: pulumi
      .all([swarm.clusterId, ...nodes.map(({ settled }) => settled)])
      .apply(() => nodeIdentities(host)),
    image: config.images.nginx,
  };
  const checks =
    config.networkCheck && asksOfNetwork(config.routing, encrypted, names.length)
      ? [new NetworkCheck("network-check", checkArgs, { dependsOn: [network, ...nodes] })]
      : [];
  // Constraints of services may need the nodes' labels.
  const onSwarm = { provider, dependsOn: [swarm, ...nodes, ...checks] };
  const environment = new Environment({
    ...config,
    nodeName: observed.nodeName,
    network,
    gate: rolloutGate(host, config.rolloutTimeoutSeconds),
    nodeNames: names,
    observedServices: observed.services,
    observedVolumes: observed.volumes,
    observedConfigs: observed.configs,
    observedSecrets: observed.secrets,
    registryLogin: () => registryLogin(config.registry, config.dockerConfigFile),
    currentReplicas: (serviceName) => currentReplicas(host, serviceName),
  });
  return { environment, provider, onSwarm, unlockKey: keys.unlockKey };
}
