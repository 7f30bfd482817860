import type Docker from "dockerode";
import * as pulumi from "@pulumi/pulumi";
import type * as engine from "../../components/engine/engine";
import { duration } from "../../components/durations";
import { parseConfig } from "../../config";
import program from "../../index";
import { selfSigned } from "../support/certificates";
import { EMPTY_SWARM } from "../support/environment";
import { stackConfig } from "../support/project";
import { CLUSTER_ID, DIGEST, Graph, record, Recorded } from "../../review/graph/recorder";
import { tempFolder } from "../support/temp";

/** Images that registries have, by their path in the Engine API. */
let inRegistry: RegExp | undefined;
afterEach(() => {
  inRegistry = undefined;
});

// What the engine says of itself is fixed; everything else is the program's own.
jest.mock("../../components/engine/engine", () => ({
  ...jest.requireActual<typeof engine>("../../components/engine/engine"),
  observeEngine: (): Promise<engine.ObservedEngine> =>
    Promise.resolve({ ...EMPTY_SWARM, clusterId: CLUSTER_ID }),
  nodeIdentities: () => Promise.resolve(["node1 node1-id"]),
  connect: () =>
    ({
      listNodes: () => Promise.resolve([]),
      getImage: () => ({ inspect: () => Promise.reject(new Error("no such image")) }),
      modem: {
        dial: ({ path }: { path: string }, done: (error: Error | null, answer?: object) => void) =>
          inRegistry?.test(path)
            ? done(null, { Descriptor: { digest: DIGEST } })
            : done(new Error("manifest unknown")),
      },
    }) as unknown as Docker,
}));

/** Fields that the engine fills in when they are left out; drift in one that is not declared stays unseen. */
const COMPUTED = [
  "labels",
  "taskSpec.containerSpec.image",
  "taskSpec.containerSpec.labels",
  "taskSpec.containerSpec.env",
  "taskSpec.containerSpec.init",
  "taskSpec.containerSpec.mounts",
  "taskSpec.containerSpec.configs",
  "taskSpec.containerSpec.secrets",
  "taskSpec.containerSpec.stopGracePeriod",
  "taskSpec.containerSpec.healthcheck.tests",
  "taskSpec.containerSpec.healthcheck.interval",
  "taskSpec.containerSpec.healthcheck.timeout",
  "taskSpec.containerSpec.healthcheck.retries",
  "taskSpec.containerSpec.healthcheck.startPeriod",
  "taskSpec.networksAdvanceds.0.id",
  "taskSpec.restartPolicy.condition",
  "taskSpec.restartPolicy.delay",
  "taskSpec.restartPolicy.maxAttempts",
  "taskSpec.restartPolicy.window",
  "taskSpec.resources.limits.nanoCpus",
  "taskSpec.resources.limits.memoryBytes",
  "taskSpec.placement.maxReplicas",
  "mode.replicated.replicas",
  ...["updateConfig", "rollbackConfig"].flatMap((block) =>
    ["parallelism", "delay", "failureAction", "monitor", "maxFailureRatio", "order"].map(
      (field) => `${block}.${field}`,
    ),
  ),
  "endpointSpec.mode",
  "endpointSpec.ports",
];

const DURATIONS = [
  "taskSpec.containerSpec.stopGracePeriod",
  "taskSpec.containerSpec.healthcheck.interval",
  "taskSpec.containerSpec.healthcheck.timeout",
  "taskSpec.containerSpec.healthcheck.startPeriod",
  "taskSpec.restartPolicy.delay",
  "taskSpec.restartPolicy.window",
  "updateConfig.delay",
  "updateConfig.monitor",
  "rollbackConfig.delay",
  "rollbackConfig.monitor",
];

/** A reference to a config without its id, name or any of the file's fields is an endless diff. */
const FILE_FIELDS = ["configId", "configName", "fileGid", "fileMode", "fileName", "fileUid"];

/** The real program for a stack, with Pulumi.dev.yaml's settings and the given ones. */
async function platform(
  settings: Record<string, string> = {},
  stack = "dev",
  preview = false,
): Promise<Graph> {
  const config = { ...stackConfig("dev"), ...settings };
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(config).map(([key, value]) => [`swarm-platform:${key}`, value])),
  );
  const listeners = process.listeners("unhandledRejection");
  try {
    return await record(program, { stack, preview });
  } finally {
    for (const added of process.listeners("unhandledRejection").filter((one) => !listeners.includes(one))) {
      process.removeListener("unhandledRejection", added);
    }
  }
}

/** A value somewhere inside inputs, by a path of keys and indexes. */
function at(resource: Recorded, ...keys: (string | number)[]): unknown {
  return keys.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    resource.inputs,
  );
}

const ROUTINGS = ["host", "mesh"] as const;
const graphs = new Map<string, Graph>();

beforeAll(async () => {
  delete process.env.DOCKER_HOST;
  process.env.DOCKER_CONFIG = tempFolder();
  for (const routing of ROUTINGS) graphs.set(routing, await platform({ routing }));
});

test("the program returns what users and scripts read", () => {
  const hash = expect.stringMatching(/^[0-9a-f]{12}$/) as string;
  const result = graphs.get("host")?.result as { images: Record<string, string> };
  const tags = Object.entries(result.images).map(([name, image]) => [name, image.replace(`${name}:`, "")]);
  expect(Object.fromEntries(tags)).toEqual({ accountservice: hash, "quotes-service": hash, producer: hash });
  expect({ ...result, images: undefined }).toEqual({
    edgeUrl: "http://127.0.0.1:8080",
    accountsUrl: "http://127.0.0.1:6767",
    kafkaBootstrap: "127.0.0.1:9094",
    services: ["dev_kafka-1", "dev_quotes-service", "dev_accountservice", "dev_nginx"],
    volumes: ["dev_kafka-1-data"],
  });
});

test("with https at the edge, users and scripts are led there, and the key is nowhere in clear", async () => {
  const { certificate, key } = await selfSigned({ names: ["127.0.0.1"] });
  const graph = await platform({ edgeTls: "provided", edgeTlsCertificate: certificate, edgeTlsKey: key });
  expect(graph.result).toMatchObject({
    edgeUrl: "https://127.0.0.1:8443",
    accountsUrl: "https://127.0.0.1:6767",
  });
  const file = Buffer.from(certificate + key).toString("base64");
  const secrets = graph.all("docker:index/secret:Secret").map(({ name, inputs }) => [name, inputs.data]);
  expect(secrets).toEqual([["nginx-routes-tls", { "<secret>": file }]]);
  const others = graph.resources.filter(({ type }) => type !== "docker:index/secret:Secret");
  for (const text of [file, key.split("\n")[1]]) expect(JSON.stringify(others)).not.toContain(text);
});

describe.each(ROUTINGS)("with routing %s", (routing) => {
  let graph: Graph;
  let services: Recorded[];
  beforeAll(() => {
    graph = graphs.get(routing) as Graph;
    services = graph.all("docker:index/service:Service");
  });

  test("the services are all there, and nothing of any other kind than is known here", () => {
    // With host ports the edge has a second service behind the one that holds them.
    const behind = routing === "host" ? 1 : 0;
    // Virtual IPs ask something of the kernel.
    const checked = routing === "mesh" ? 1 : 0;
    const count: Record<string, number> = {};
    for (const { type } of graph.resources) count[type] = (count[type] ?? 0) + 1;
    expect(count).toEqual({
      "command:local:Command": 2 + checked,
      "docker:index/network:Network": 1,
      "docker:index/remoteImage:RemoteImage": 7,
      "docker:index/service:Service": 4 + behind,
      "docker:index/serviceConfig:ServiceConfig": 2 + behind,
      "docker:index/volume:Volume": 1,
      "pulumi:providers:docker": 1,
      "swarm-platform:index:AccountService": 1,
      "swarm-platform:index:ImageBuild": 4,
      "swarm-platform:index:ImagePull": 3,
      "swarm-platform:index:Kafka": 1,
      "swarm-platform:index:KafkaCluster": 1,
      ...(checked === 1 && { "swarm-platform:index:NetworkCheck": 1 }),
      "swarm-platform:index:Nginx": 1,
      "swarm-platform:index:OverlayNetwork": 1,
      "swarm-platform:index:QuotesService": 1,
      "swarm-platform:index:Swarm": 1,
      "swarm-platform:index:SwarmConfig": 2 + behind,
      "swarm-platform:index:SwarmKeys": 1,
      "swarm-platform:index:SwarmService": 4 + behind,
    });
  });

  test("each child's name starts with its parent's", () => {
    for (const child of graph.resources.filter(({ parent }) => parent !== undefined)) {
      const parent = graph.find(child.parent ?? "");
      expect(`${child.id} in ${parent.id}: ${child.name.startsWith(parent.name)}`).toBe(
        `${child.id} in ${parent.id}: true`,
      );
    }
  });

  test("only components stand directly under the stack, beside the provider", () => {
    const roots = graph.resources.filter(({ parent, custom }) => parent === undefined && custom);
    expect(roots.map(({ id }) => id)).toEqual(["pulumi:providers:docker engine"]);
  });

  test("each component registers outputs, each of them known", () => {
    for (const component of graph.resources.filter(({ custom }) => !custom)) {
      expect([component.id, Object.keys(component.outputs ?? {}).length > 0]).toEqual([component.id, true]);
      expect([component.id, JSON.stringify(component.outputs)]).not.toEqual([
        component.id,
        expect.stringContaining("<unknown>"),
      ]);
    }
  });

  test("everything of docker goes through the one explicit provider", () => {
    const docker = graph.resources.filter(({ type, custom }) => custom && type.startsWith("docker:"));
    expect(docker.map(({ id, provider }) => [id, provider])).toEqual(docker.map(({ id }) => [id, "engine"]));
  });

  test("everything on the swarm comes after the swarm and goes before it", () => {
    const onSwarm = ["Network", "Service", "Secret", "ServiceConfig"].flatMap((type) => graph.all(type));
    expect(onSwarm.length).toBeGreaterThan(0);
    const late = onSwarm.filter((one) => !graph.before(one).has("command:local:Command swarm"));
    expect(late.map(({ id }) => id)).toEqual([]);
  });

  test("each service comes after the network, its image and its files", () => {
    for (const service of services) {
      expect(service.dependsOn).toContain("docker:index/network:Network network");
      const image = { "nginx-routes": "nginx", "kafka-1": "kafka" }[service.name] ?? service.name;
      expect(service.dependsOn).toContain(`docker:index/remoteImage:RemoteImage ${image}`);
    }
    const serves = routing === "host" ? "nginx-routes" : "nginx";
    expect(graph.get("docker:index/service:Service", serves).dependsOn).toEqual([
      "docker:index/network:Network network",
      "docker:index/remoteImage:RemoteImage nginx",
      `docker:index/serviceConfig:ServiceConfig ${serves}-conf`,
      `docker:index/serviceConfig:ServiceConfig ${serves}-status`,
    ]);
  });

  test("each service declares every field that the engine would compute", () => {
    for (const service of services) {
      const absent = COMPUTED.filter((keys) => at(service, ...keys.split(".")) === undefined);
      expect([service.name, absent]).toEqual([service.name, []]);
      for (const config of at(service, "taskSpec", "containerSpec", "configs") as Record<string, unknown>[]) {
        expect(Object.keys(config).sort()).toEqual(FILE_FIELDS);
      }
      for (const port of at(service, "endpointSpec", "ports") as Record<string, unknown>[]) {
        expect(Object.keys(port).sort()).toEqual(["protocol", "publishMode", "publishedPort", "targetPort"]);
      }
    }
  });

  test("each duration is in the form that reads back as it was written", () => {
    for (const service of services) {
      for (const keys of DURATIONS) {
        const text = at(service, ...keys.split(".")) as string;
        const [, hours, minutes, seconds] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
        const total = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
        expect(`${service.name} ${keys} ${text}`).toBe(`${service.name} ${keys} ${duration(total)}`);
      }
    }
  });

  test("each service has a memory limit, a health check, log rotation and time to stop", () => {
    for (const service of services) {
      expect(at(service, "taskSpec", "resources", "limits", "memoryBytes")).toBeGreaterThan(6 * 2 ** 20);
      expect(at(service, "taskSpec", "containerSpec", "healthcheck", "tests", 0)).toMatch(/^CMD(-SHELL)?$/);
      expect(at(service, "taskSpec", "containerSpec", "stopGracePeriod")).not.toBe("0s");
      expect(at(service, "taskSpec", "logDriver")).toEqual({
        name: "json-file",
        options: { "max-size": "10m", "max-file": "3" },
      });
    }
  });

  test("each service is gated after create and after update", () => {
    for (const { name, options } of services) {
      expect([name, options.hooks]).toEqual([name, { afterCreate: ["rollout"], afterUpdate: ["rollout"] }]);
    }
  });

  test("each service joins the one network by its own name", () => {
    for (const service of services) {
      // The brokers share a name too.
      const aliases = service.name === "kafka-1" ? ["kafka-1", "kafka"] : [service.name];
      expect(at(service, "taskSpec", "networksAdvanceds")).toEqual([{ id: "network-id", aliases }]);
    }
  });

  test("only the edge and kafka publish ports", () => {
    const ports = services.map((service) => [
      service.name,
      (at(service, "endpointSpec", "ports") as { publishedPort: number; publishMode: string }[]).map(
        ({ publishedPort, publishMode }) => `${publishedPort} ${publishMode}`,
      ),
    ]);
    const edge = routing === "mesh" ? "ingress" : "host";
    expect(Object.fromEntries(ports)).toEqual({
      accountservice: [],
      // Kafka sends clients back to one broker's address, which the mesh can't serve.
      "kafka-1": ["9094 host"],
      nginx: [`8080 ${edge}`, `6767 ${edge}`],
      "quotes-service": [],
      ...(routing === "host" && { "nginx-routes": [] }),
    });
  });

  test("names resolve by the way that the routing says", () => {
    for (const service of services) {
      expect(at(service, "endpointSpec", "mode")).toBe(routing === "mesh" ? "vip" : "dnsrr");
    }
  });

  test("a host port is never held by two tasks at once", () => {
    for (const service of services) {
      const ports = at(service, "endpointSpec", "ports") as { publishMode: string }[];
      const wanted = ports.some(({ publishMode }) => publishMode === "host") ? "stop-first" : "start-first";
      expect([service.name, at(service, "updateConfig", "order")]).toEqual([service.name, wanted]);
      expect([service.name, at(service, "rollbackConfig", "order")]).toEqual([service.name, wanted]);
    }
  });

  test("no name of an image is without tag or digest", () => {
    for (const service of services) {
      expect(at(service, "taskSpec", "containerSpec", "image")).toMatch(
        /:[0-9a-f]{12}$|:[^:]+@sha256:[0-9a-f]{64}$/,
      );
    }
  });
});

test("a first preview registers the same resources, with what is not known yet", async () => {
  const preview = await platform({}, "dev", true);
  const graph = graphs.get("host") as Graph;
  expect(preview.resources.map(({ id }) => id)).toEqual(graph.resources.map(({ id }) => id));
  expect(at(preview.get("Service", "nginx"), "taskSpec", "networksAdvanceds", 0, "id")).toBe("<unknown>");
});

test("kafka's volume stays at destroy unless purgeData says otherwise", async () => {
  const purged = await platform({ purgeData: "true" });
  expect(graphs.get("host")?.get("Volume", "kafka-1").options.retainOnDelete).toBe(true);
  expect(purged.get("Volume", "kafka-1").options.retainOnDelete).toBe(false);
});

const BUILT = ["accountservice", "kafka-admin", "producer", "quotes-service"];
const imageOf = (graph: Graph, service: string): unknown =>
  at(graph.get("docker:index/service:Service", service), "taskSpec", "containerSpec", "image");

test("a registry gets what was built", async () => {
  const graph = await platform({ registry: "registry.example.com/team" });
  expect(graph.all("ImagePush").map(({ name }) => name)).toEqual(BUILT.map((name) => `${name}-push`));
  for (const name of BUILT) {
    expect(graph.get("Command", `${name}-push`)).toMatchObject({
      inputs: {
        environment: {
          REFERENCE: expect.stringMatching(
            new RegExp(`^registry\\.example\\.com/team/${name}:[0-9a-f]{12}$`),
          ) as string,
        },
      },
      dependsOn: expect.arrayContaining([`docker:index/remoteImage:RemoteImage ${name}`]) as string[],
    });
  }
});

test("what a registry has is neither built nor pushed, and its digest is known in the first preview", async () => {
  inRegistry = /./;
  const graph = await platform({ registry: "registry.example.com/team" }, "dev", true);
  expect(graph.all("ImagePush")).toEqual([]);
  expect(graph.all("RemoteImage").map(({ name }) => name)).toEqual(["golang", "kafka", "nginx"]);
  expect(imageOf(graph, "accountservice")).toMatch(
    new RegExp(`^registry\\.example\\.com/team/accountservice:[0-9a-f]{12}@${DIGEST}$`),
  );
});

test("what registries say of the tags of others is known in the first preview", async () => {
  inRegistry = /nginx/;
  const graph = await platform({}, "dev", true);
  expect(imageOf(graph, "nginx")).toBe(`nginx:1.26.3@${DIGEST}`);
  expect(imageOf(graph, "kafka-1")).toBe("<unknown>");
  expect(graph.get("docker:index/service:Service", "nginx").dependsOn).toContain(
    "docker:index/remoteImage:RemoteImage nginx",
  );
});

test("a login is a secret in the provider's configuration, and goes nowhere else", async () => {
  const auth = { username: "me", password: "hunter2" };
  const graph = await platform({ registry: JSON.stringify({ address: "registry.example.com", auth }) });
  expect(graph.get("pulumi:providers:docker", "engine").inputs).toEqual({
    host: "unix:///var/run/docker.sock",
    registryAuth: { "<secret>": JSON.stringify([{ address: "registry.example.com", ...auth }]) },
  });
  const others = graph.resources.filter(({ name }) => name !== "engine");
  expect(JSON.stringify(others)).not.toContain("hunter2");
});

test("without a login the provider has none", async () => {
  const graph = await platform({ registry: "registry.example.com/team" });
  expect(graph.get("pulumi:providers:docker", "engine").inputs).toEqual({
    host: "unix:///var/run/docker.sock",
    registryAuth: "[]",
  });
});

test("two environments on one swarm share no name", async () => {
  const named = (graph: Graph): unknown[] =>
    ["Network", "Service", "ServiceConfig", "Volume"]
      .flatMap((type) => graph.all(`docker:index/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`))
      .map(({ inputs }) => inputs.name);
  const first = named(graphs.get("host") as Graph);
  const second = named(await platform({}, "prod"));
  expect(second).toHaveLength(first.length);
  expect(second.filter((name) => first.includes(name))).toEqual([]);
});

test("the longest namespace that the configuration takes fits into every name", async () => {
  const isAllowed = (namespace: string): boolean => {
    try {
      parseConfig({ ...stackConfig("dev"), namespace }, "dev", undefined);
      return true;
    } catch {
      return false;
    }
  };
  const lengths = Array.from({ length: 64 }, (_, i) => "n".repeat(i + 1));
  const graph = await platform({ namespace: lengths.filter(isAllowed).pop() ?? "" });
  for (const { inputs } of graph.all("ServiceConfig"))
    expect(String(inputs.name).length).toBeLessThanOrEqual(64);
  for (const { inputs } of graph.all("docker:index/service:Service")) {
    expect(String(inputs.name).length).toBeLessThanOrEqual(63);
  }
});
