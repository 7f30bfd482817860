import * as pulumi from "@pulumi/pulumi";
import { contentHash, keyedHash } from "../../components/content-name";
import type { ApiService } from "../../components/engine/engine";
import type { Environment, EnvironmentArgs } from "../../components/environment";
import { RecordedState } from "../../components/recorded-state";
import { SwarmConfig } from "../../components/service/swarm-config";
import { SwarmSecret } from "../../components/service/swarm-secret";
import { SwarmService, SwarmServiceArgs } from "../../components/service/swarm-service";
import { testEnvironment } from "../support/environment";
import { Graph, NAME_KEY, record, Recorded } from "../../review/graph/recorder";

type Args = Partial<Omit<SwarmServiceArgs, "environment">>;

const declare = (environment: Environment, name: string, args: Args = {}): SwarmService =>
  new SwarmService(name, {
    environment,
    image: "api:1",
    healthcheck: { test: ["CMD", "/api", "healthcheck"] },
    ...args,
  });

const service = (args: Args = {}): Promise<Graph> => record(() => declare(testEnvironment(), "api", args));
const of = (graph: Graph, name = "api"): Recorded => graph.get("docker:index/service:Service", name);
const container = (one: Recorded) =>
  (one.inputs.taskSpec as { containerSpec: Record<string, unknown> }).containerSpec;

test("is a docker.Service under the component, with its own name inside and outside", async () => {
  const graph = await service();
  expect(of(graph)).toMatchObject({
    parent: "swarm-platform:index:SwarmService api",
    inputs: { name: "dev_api", taskSpec: { networksAdvanceds: [{ id: "network-id", aliases: ["api"] }] } },
  });
  expect(graph.get("SwarmService", "api").outputs).toEqual({ serviceId: "api-id", serviceName: "dev_api" });
});

test("its rollout is waited for, and the image's platforms are no drift", async () => {
  expect(of(await service()).options).toEqual({
    ignoreChanges: ["taskSpec.placement.platforms"],
    replaceOnChanges: ["mode.global"],
    deleteBeforeReplace: true,
    hooks: { afterCreate: ["rollout"], afterUpdate: ["rollout"] },
  });
});

const FOUND = `api:1@sha256:${"a".repeat(64)}`;

test.each([
  ["api:1", FOUND],
  ["api:2", "api:2"],
])("where Swarm had found a digest for api:1, %s is %s", async (image, sent) => {
  const recorded = new RecordedState(
    new Map([["docker:index/service:Service api", { taskSpec: { containerSpec: { image: FOUND } } }]]),
  );
  const graph = await record(() => declare(testEnvironment({ recorded }), "api", { image }));
  expect(container(of(graph)).image).toBe(sent);
});

describe("a service that is not what it should be yet", () => {
  const observedServices = new Map([
    [
      "dev_api",
      {
        ID: "api-id",
        Version: { Index: 1 },
        UpdatedAt: "2026-01-01T00:00:00Z",
        Spec: {
          Name: "dev_api",
          Mode: {},
          TaskTemplate: {
            ContainerSpec: { Image: "api:1", Labels: { "com.docker.stack.namespace": "dev" } },
            Networks: [{ Target: "network-id", Aliases: ["api"] }],
          },
        },
        ServiceStatus: { RunningTasks: 0, DesiredTasks: 1 },
      } satisfies ApiService,
    ],
  ]);
  const run = async (preview: boolean): Promise<unknown[]> => {
    const watched: unknown[] = [];
    const watch = (one: unknown): Promise<void> => Promise.resolve(void watched.push(one));
    await record(
      () => declare(testEnvironment({ observedServices, gate: { ...testEnvironment().gate, watch } }), "api"),
      { preview },
    );
    return watched;
  };

  test("is waited for by up, though nothing is to be changed", async () => {
    expect(await run(false)).toEqual([
      {
        id: "api-id",
        urn: expect.stringMatching(/docker:index\/service:Service::api$/) as string,
        name: "dev_api",
      },
    ]);
  });

  test("is named by a preview", async () => {
    const warned = jest.spyOn(pulumi.log, "warn").mockResolvedValue();
    expect(await run(true)).toEqual([]);
    expect(warned.mock.calls.map(([message]) => message)).toEqual([
      "dev_api is not what it should be yet (0 of its 1 tasks run): up waits until it is.",
    ]);
    warned.mockRestore();
  });
});

test("all faults are reported together, before anything but the component is declared", async () => {
  const bad = { replicas: -1, memoryMiB: 1, stopGracePeriod: 0 };
  let error: unknown;
  const graph = await record(() => {
    try {
      declare(testEnvironment(), "Api", { ...bad, configs: [{ name: "conf", content: "x", path: "/x" }] });
    } catch (thrown) {
      error = thrown;
    }
  });
  expect(pulumi.ResourceError.isInstance(error)).toBe(true);
  expect(error).toMatchObject({
    hideStack: true,
    message: [
      "Service Api can't be declared:",
      '  - name = "Api"; allowed: a-z, 0-9 and -, starting with a letter',
      "  - replicas = -1; allowed: a whole number, 0 or more",
      "  - memoryMiB = 1; allowed: a whole number, 6 or more",
      "  - stopGracePeriod = 0; allowed: a whole number, 1 or more",
    ].join("\n"),
  });
  expect(graph.resources.filter(({ custom }) => custom)).toEqual([]);
});

test.each<[string, Args, object]>([
  [
    "stateless",
    {},
    {
      mode: { replicated: { replicas: 1 } },
      updateConfig: { order: "start-first" },
      endpointSpec: { mode: "vip" },
    },
  ],
  [
    "stateful",
    { stateful: true },
    { updateConfig: { order: "stop-first" }, taskSpec: { containerSpec: { stopGracePeriod: "1m" } } },
  ],
  ["global", { replicas: "global" }, { mode: { global: true } }],
  [
    "with a host port",
    { ports: [{ target: 80, published: 80, mode: "host" }] },
    { updateConfig: { order: "stop-first" }, endpointSpec: { ports: [{ publishMode: "host" }] } },
  ],
])("has the defaults of a %s service", async (_kind, args, inputs) => {
  expect(of(await service(args)).inputs).toMatchObject(inputs);
});

describe("configs", () => {
  test("by content are its children, and it waits for them", async () => {
    const graph = await service({ configs: [{ name: "conf", content: "a", path: "/etc/api.conf" }] });
    expect(graph.get("SwarmConfig", "api-conf").parent).toBe("swarm-platform:index:SwarmService api");
    expect(of(graph).dependsOn).toEqual(["docker:index/serviceConfig:ServiceConfig api-conf"]);
    expect(container(of(graph)).configs).toEqual([
      {
        configId: "api-conf-id",
        configName: `dev_api-conf-${contentHash("a")}`,
        fileName: "/etc/api.conf",
        fileMode: 0o444,
        fileUid: "0",
        fileGid: "0",
      },
    ]);
  });

  test("may have mode and owner", async () => {
    const file = { path: "/etc/api.conf", mode: 0o400, uid: "101", gid: "102" };
    const graph = await service({ configs: [{ name: "conf", content: "a", ...file }] });
    expect(container(of(graph)).configs).toMatchObject([{ fileMode: 0o400, fileUid: "101", fileGid: "102" }]);
  });

  test("that are shared exist once, and both services use them", async () => {
    const graph = await record(() => {
      const environment = testEnvironment();
      const config = new SwarmConfig("shared", { environment, content: "a" });
      for (const name of ["api", "web"])
        declare(environment, name, { configs: [{ config, path: `/etc/${name}` }] });
    });
    expect(graph.all("ServiceConfig")).toHaveLength(1);
    for (const name of ["api", "web"]) {
      expect(container(of(graph, name)).configs).toMatchObject([
        { configId: "shared-id", configName: `dev_shared-${contentHash("a")}`, fileName: `/etc/${name}` },
      ]);
      expect(of(graph, name).dependsOn).toEqual(["docker:index/serviceConfig:ServiceConfig shared"]);
    }
  });
});

describe("secrets", () => {
  const PASSWORD = "correct horse";
  const BASE64 = Buffer.from(PASSWORD).toString("base64");

  test("by content are its children, by id and name", async () => {
    const graph = await service({
      secrets: [{ name: "password", content: PASSWORD, path: "/run/secrets/password" }],
    });
    expect(graph.get("SwarmSecret", "api-password").parent).toBe("swarm-platform:index:SwarmService api");
    expect(container(of(graph)).secrets).toEqual([
      {
        secretId: "api-password-id",
        secretName: `dev_api-password-${keyedHash(NAME_KEY, PASSWORD)}`,
        fileName: "/run/secrets/password",
        fileMode: 0o444,
        fileUid: "0",
        fileGid: "0",
      },
    ]);
    expect(of(graph).dependsOn).toEqual(["docker:index/secret:Secret api-password"]);
  });

  test("are nowhere in clear, in no input of anything", async () => {
    const graph = await service({ secrets: [{ name: "password", content: PASSWORD, path: "/p" }] });
    const marked: unknown[] = [];
    const clear = JSON.stringify(graph.resources, (_key, value: unknown) => {
      if (typeof value !== "object" || value === null || !("<secret>" in value)) return value;
      marked.push(value["<secret>"]);
      return "hidden";
    });
    expect(marked).toEqual([BASE64]);
    for (const text of [PASSWORD, BASE64, contentHash(PASSWORD)]) expect(clear).not.toContain(text);
  });

  test("that are shared exist once, with one key for all of the environment", async () => {
    const graph = await record(() => {
      const environment = testEnvironment();
      const secret = new SwarmSecret("shared", { environment, content: PASSWORD });
      declare(environment, "api", { secrets: [{ secret, path: "/a" }] });
      declare(environment, "web", {
        secrets: [
          { secret, path: "/a" },
          { name: "token", content: "t", path: "/t" },
        ],
      });
    });
    expect(graph.all("docker:index/secret:Secret").map(({ name }) => name)).toEqual(["shared", "web-token"]);
    expect(graph.all("Command")).toHaveLength(1);
  });
});

describe("what was there before", () => {
  const api = (fields: object = {}, spec: object = {}): ApiService =>
    ({
      ID: "service1",
      Spec: {
        Name: "dev_api",
        Mode: { Replicated: { Replicas: 5 } },
        TaskTemplate: {
          ContainerSpec: { Image: "api:1", Labels: { "com.docker.stack.namespace": "dev" } },
          Networks: [{ Target: "network-id", Aliases: ["api"] }],
          ForceUpdate: 2,
        },
        ...spec,
      },
      ...fields,
    }) as unknown as ApiService;
  const observing = (
    is: ApiService,
    args: Args = {},
    environment: Partial<EnvironmentArgs> = {},
    preview = false,
  ) =>
    record(
      () =>
        declare(
          testEnvironment({ observedServices: new Map([["dev_api", is]]), ...environment }),
          "api",
          args,
        ),
      { preview },
    );
  const forced = (graph: Graph) => (of(graph).inputs.taskSpec as { forceUpdate?: number }).forceUpdate;

  test("a number of tasks that an autoscaler owns is the one that is there", async () => {
    const replicas = (graph: Graph) =>
      (of(graph).inputs.mode as { replicated: { replicas: number } }).replicated.replicas;
    const args = { replicas: "unmanaged" } as const;
    expect(replicas(await observing(api(), args, {}, true))).toBe(5);
    // It may have acted since the program began.
    const currentReplicas = (name: string) => Promise.resolve(name === "dev_api" ? 7 : undefined);
    expect(replicas(await observing(api(), args, { currentReplicas }))).toBe(7);
    expect(replicas(await service(args))).toBe(1);
  });

  test("a paused update, which nothing else shows, is to be done again", async () => {
    for (const State of ["paused", "rollback_paused"]) {
      expect(forced(await observing(api({ UpdateStatus: { State } })))).toBe(3);
    }
    expect(forced(await observing(api({ UpdateStatus: { State: "completed" } })))).toBeUndefined();
    expect(forced(await observing(api()))).toBeUndefined();
  });

  const global = api({}, { Mode: { Global: {} } });
  const fault = async (...args: Parameters<typeof observing>): Promise<string> => {
    const error: unknown = await observing(...args).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return error === undefined ? "none" : String((error as Error).message);
  };

  test("data is not taken off the air without consent", async () => {
    const message = await fault(global, { stateful: true });
    expect(message).toContain("dev_api can't be updated in place: it is removed and made anew");
    expect(message).toContain('  - mode: "global" -> "replicated"');
    expect(message).toContain("pulumi config set allowReplace api");
    expect(await fault(global, { stateful: true }, { allowReplace: ["api"] })).toBe("none");
    expect(await fault(global)).toBe("none");
    expect(await fault(api(), { stateful: true })).toBe("none");
  });

  test("a network that is replaced takes its services along", async () => {
    const network = {
      networkId: "network-id",
      observedId: "network-id",
      replacedFor: ["network subnet: a -> b"],
    };
    expect(await fault(api(), { stateful: true }, { network })).toContain("  - network subnet: a -> b");
  });

  test("a preview goes on, to show the rest", async () => {
    expect(await fault(global, { stateful: true }, {}, true)).toBe("none");
  });
});
