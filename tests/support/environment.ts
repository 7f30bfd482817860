import * as pulumi from "@pulumi/pulumi";
import type { ApiNode, ObservedEngine } from "../../components/engine/engine";
import { Environment, EnvironmentArgs } from "../../components/environment";
import { RecordedState } from "../../components/recorded-state";

/** An environment called dev, to be made inside a recorded program. */
export function testEnvironment(args: Partial<EnvironmentArgs> = {}): Environment {
  return new Environment({
    host: "unix:///var/run/docker.sock",
    nodeName: "node1",
    namespace: "dev",
    network: { networkId: "network-id", observedId: "network-id", replacedFor: [] },
    routing: "mesh",
    timezone: "UTC",
    nodeNames: [],
    recorded: new RecordedState(),
    observedServices: new Map(),
    observedVolumes: [],
    observedConfigs: [],
    observedSecrets: [],
    currentReplicas: () => Promise.resolve(undefined),
    registryLogin: undefined,
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

/** A node as GET /nodes tells it: a worker that is ready, unless said otherwise. */
export function apiNode(
  name: string,
  {
    id = `${name}-id`,
    role = "worker",
    state = "ready",
    labels = {},
    availability = "active",
    reachability = "reachable",
  }: {
    readonly id?: string;
    readonly role?: ApiNode["Spec"]["Role"];
    readonly state?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly availability?: ApiNode["Spec"]["Availability"];
    readonly reachability?: string;
  } = {},
): ApiNode {
  return {
    ID: id,
    Version: { Index: 42 },
    Spec: { Role: role, Availability: availability, Labels: labels },
    Description: { Hostname: name },
    Status: { State: state },
    ...(role === "manager" && { ManagerStatus: { Reachability: reachability, Addr: `${name}:2377` } }),
  };
}
