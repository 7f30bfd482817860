import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformConfig } from "../config";
import { observeEngine } from "./engine";
import { Environment } from "./environment";
import { OverlayNetwork } from "./overlay-network";
import { registryAuth } from "./registry-auth";
import { rolloutGate } from "./rollout-gate";
import { explainSkippedDependents } from "./skipped-dependents";
import { Swarm } from "./swarm";

/** What every service of an environment stands on. */
export interface Foundation {
  readonly environment: Environment;
  /** The engine's provider, for what needs no swarm, such as images. */
  readonly provider: docker.Provider;
  /** Options of whatever lives on the swarm. */
  readonly onSwarm: pulumi.ComponentResourceOptions;
}

/** The engine, its swarm, the overlay network and the rollout gate of one environment. */
export async function foundation(config: PlatformConfig): Promise<Foundation> {
  explainSkippedDependents();
  const { host, namespace } = config;
  const observed = await observeEngine(host);
  const auths = registryAuth(config.registry, config.dockerConfigFile);
  const provider = new docker.Provider("engine", { host, registryAuth: auths });
  const swarm = new Swarm("swarm", { ...config, observed });
  const onSwarm = { provider, dependsOn: [swarm] };
  const network = new OverlayNetwork("network", { ...config.network, namespace }, onSwarm);
  const gate = rolloutGate(host, config.rolloutTimeoutSeconds);
  const environment = new Environment({ ...config, networkId: network.networkId, gate });
  return { environment, provider, onSwarm };
}
