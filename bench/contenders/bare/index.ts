// The scene by the docker provider alone, with the fields that the project's components declare: what is left out would
// be adopted silently when it drifts, and the plan after a refresh would replace things.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as fs from "node:fs";

/** As bench/scene.ts has it. */
interface Scene {
  namespace: string;
  subnet: string;
  gateway: string;
  images: string[];
  services: { name: string; image: string; timezone: string; replicas: number; hasConfig: boolean }[];
  config: string;
  host: string;
  converge: boolean;
}

const scene = JSON.parse(fs.readFileSync("scene.json", "utf8")) as Scene;
const provider = new docker.Provider("engine", { host: scene.host });
const labels = [{ label: "com.docker.stack.namespace", value: scene.namespace }];

const images: Record<string, pulumi.Output<string>> = {};
for (const name of scene.images) {
  const image = new docker.RemoteImage(name.replace(/:.*/, ""), { name, keepLocally: true }, { provider });
  images[name] = image.repoDigest;
}
const network = new docker.Network(
  "network",
  {
    name: `${scene.namespace}_network`,
    driver: "overlay",
    attachable: false,
    internal: false,
    ingress: false,
    ipv6: false,
    ipamDriver: "default",
    ipamConfigs: [{ subnet: scene.subnet, gateway: scene.gateway }],
    options: {},
    labels,
  },
  { provider, ignoreChanges: ["options"], deleteBeforeReplace: true },
);
const settings = new docker.ServiceConfig(
  "settings",
  { data: Buffer.from(scene.config).toString("base64"), labels },
  { provider, deleteBeforeReplace: false },
);
const settingsFile = {
  configId: settings.id,
  configName: settings.name,
  fileName: "/settings.txt",
  fileMode: 0o444,
  fileUid: "0",
  fileGid: "0",
};
const update = {
  parallelism: 1,
  delay: "0s",
  failureAction: "rollback",
  monitor: "2s",
  maxFailureRatio: "0.0",
  order: "start-first",
};

for (const { name, image, timezone, replicas, hasConfig } of scene.services) {
  new docker.Service(
    name,
    {
      name: `${scene.namespace}_${name}`,
      labels,
      mode: { replicated: { replicas } },
      taskSpec: {
        containerSpec: {
          image: images[image] ?? image,
          labels,
          commands: ["sleep", "3600"],
          env: { TZ: timezone },
          readOnly: false,
          init: true,
          isolation: "default",
          mounts: [],
          dnsConfig: { nameservers: [], searches: [], options: [] },
          stopGracePeriod: "10s",
          healthcheck: { tests: ["NONE"], interval: "0s", timeout: "0s", retries: 0, startPeriod: "0s" },
          configs: hasConfig ? [settingsFile] : [],
          secrets: [],
        },
        networksAdvanceds: [{ id: network.id, aliases: [name] }],
        restartPolicy: { condition: "any", delay: "5s", maxAttempts: 0, window: "0s" },
        resources: {
          limits: { memoryBytes: 16 * 1024 * 1024, nanoCpus: 0 },
          reservation: { memoryBytes: 0, nanoCpus: 0 },
        },
        placement: { maxReplicas: 0 },
        logDriver: { name: "json-file", options: { "max-size": "10m", "max-file": "3" } },
      },
      updateConfig: update,
      rollbackConfig: { ...update, failureAction: "pause" },
      endpointSpec: { mode: "dnsrr", ports: [] },
      ...(scene.converge && { convergeConfig: { delay: "1s", timeout: "3m" } }),
    },
    { provider, ignoreChanges: ["taskSpec.placement.platforms"], deleteBeforeReplace: true },
  );
}
