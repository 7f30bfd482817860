import * as pulumi from "@pulumi/pulumi";
import type { ObservedEngine } from "../../components/engine";
import { Environment, EnvironmentArgs } from "../../components/environment";

/** An environment called dev, to be made inside a recorded program. */
export function testEnvironment(args: Partial<EnvironmentArgs> = {}): Environment {
  return new Environment({
    namespace: "dev",
    network: { networkId: "network-id", observedId: "network-id", replacedFor: [] },
    routing: "mesh",
    timezone: "UTC",
    observedServices: new Map(),
    observedConfigs: [],
    observedSecrets: [],
    currentReplicas: () => Promise.resolve(undefined),
    allowReplace: [],
    gate: { hook: new pulumi.ResourceHook("rollout", () => undefined), watch: () => Promise.resolve() },
    ...args,
  });
}

/** What there is before a first run on an engine that is in a swarm. */
export const EMPTY_SWARM = {
  version: "28.2.2",
  platform: "linux/amd64",
  services: new Map(),
  networks: new Map(),
  nodes: [],
  configs: [],
  secrets: [],
} satisfies Omit<ObservedEngine, "clusterId">;
