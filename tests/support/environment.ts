import * as pulumi from "@pulumi/pulumi";
import type { ObservedEngine } from "../../components/engine";
import { Environment, EnvironmentArgs } from "../../components/environment";

/** An environment called dev, to be made inside a recorded program. */
export function testEnvironment(args: Partial<EnvironmentArgs> = {}): Environment {
  return new Environment({
    host: "unix:///var/run/docker.sock",
    nodeName: "node1",
    namespace: "dev",
    network: { networkId: "network-id", observedId: "network-id", replacedFor: [] },
    routing: "mesh",
    timezone: "UTC",
    observedNodes: [],
    observedServices: new Map(),
    observedVolumes: [],
    observedConfigs: [],
    observedSecrets: [],
    currentReplicas: () => Promise.resolve(undefined),
    registryLogin: () => Promise.resolve(undefined),
    allowReplace: [],
    rolloutTimeoutSeconds: 180,
    gate: {
      changed: () => false,
      hook: new pulumi.ResourceHook("rollout", () => undefined),
      watch: () => Promise.resolve(),
    },
    ...args,
  });
}

/** What there is before a first run on an engine that is in a swarm. */
export const EMPTY_SWARM = {
  nodeName: "node1",
  version: "28.2.2",
  platform: "linux/amd64",
  services: new Map(),
  volumes: [],
  networks: new Map(),
  nodes: [],
  configs: [],
  secrets: [],
} satisfies Omit<ObservedEngine, "clusterId">;
