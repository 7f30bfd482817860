import type { Routing } from "../../config";
import type { ApiService } from "../../components/engine/engine";
import type { Environment, EnvironmentArgs } from "../../components/environment";
import { normalise, serviceFaults, ServiceOptions } from "../../components/service/service-spec";
import { testEnvironment } from "../support/environment";
import { record } from "../../review/graph/recorder";

const environments = {} as Record<Routing, Environment>;
beforeAll(async () => {
  await record(() => {
    for (const routing of ["mesh", "host"] as const) environments[routing] = testEnvironment({ routing });
  });
});

const MINIMAL: ServiceOptions = { image: "api:1", healthcheck: { test: ["CMD", "/api", "healthcheck"] } };

describe("faults", () => {
  const faultsOf = (options: Partial<ServiceOptions>, name = "api", routing: Routing = "mesh"): string[] =>
    serviceFaults(name, { ...MINIMAL, ...options, environment: environments[routing] });
  const health = (check: object): Partial<ServiceOptions> => ({
    healthcheck: { test: ["CMD", "/api"], ...check },
  });
  const TEST = 'allowed: ["CMD", program, ...] or ["CMD-SHELL", line]; or healthcheck: { waived: reason }';
  const PORT = "allowed: 1 to 65535";
  const bind = { type: "bind", source: "/data", target: "/data" } as const;

  test.each<[Partial<ServiceOptions>, string]>([
    [{ replicas: -1 }, "replicas = -1; allowed: a whole number, 0 or more"],
    [{ replicas: 1.5 }, "replicas = 1.5; allowed: a whole number, 0 or more"],
    [{ memoryMiB: 5 }, "memoryMiB = 5; allowed: a whole number, 6 or more"],
    [{ restartDelay: 0.5 }, "restartDelay = 0.5; allowed: a whole number, 0 or more"],
    [{ stopGracePeriod: 0 }, "stopGracePeriod = 0; allowed: a whole number, 1 or more"],
    [{ update: { parallelism: -1 } }, "update.parallelism = -1; allowed: a whole number, 0 or more"],
    [{ update: { delay: 0.5 } }, "update.delay = 0.5; allowed: a whole number, 0 or more"],
    [{ update: { monitor: 0 } }, "update.monitor = 0; allowed: a whole number, 1 or more"],
    [{ cpus: 0 }, "cpus = 0; allowed: a number above 0, such as 0.5"],
    [{ healthcheck: { waived: " " } }, 'healthcheck.waived = ""; allowed: the reason why there is no check'],
    [health({ test: ["CMD"] }), `healthcheck.test = ["CMD"]; ${TEST}`],
    [health({ test: ["/api", "healthcheck"] }), `healthcheck.test = ["/api","healthcheck"]; ${TEST}`],
    [health({ test: [] }), `healthcheck.test = []; ${TEST}`],
    [health({ interval: 0 }), "healthcheck.interval = 0; allowed: a whole number, 1 or more"],
    [health({ timeout: 0 }), "healthcheck.timeout = 0; allowed: a whole number, 1 or more"],
    [health({ retries: 0 }), "healthcheck.retries = 0; allowed: a whole number, 1 or more"],
    [health({ startPeriod: -1 }), "healthcheck.startPeriod = -1; allowed: a whole number, 0 or more"],
    [{ ports: [{ target: 0, published: 80 }] }, `ports[0].target = 0; ${PORT}`],
    [{ ports: [{ target: 80, published: 65536 }] }, `ports[0].published = 65536; ${PORT}`],
    [
      {
        ports: [
          { target: 80, published: 80 },
          { target: 81, published: 80 },
        ],
      },
      "ports[1].published = 80; allowed: a port that ports[0] does not publish",
    ],
    [
      { stateful: true, update: { order: "start-first" } },
      'update.order = "start-first"; allowed: stop-first, because two tasks must not write the same data',
    ],
    [
      { ports: [{ target: 80, published: 80, mode: "host" }], update: { order: "start-first" } },
      'update.order = "start-first"; allowed: stop-first, because a host port can be held by one task at a time',
    ],
    [{ mounts: [{ ...bind, target: "data" }] }, 'mounts[0].target = "data"; allowed: an absolute path'],
    [
      { mounts: [{ ...bind, source: "./x" }] },
      'mounts[0].source = "./x"; allowed: an absolute path on the node',
    ],
    [
      { mounts: [{ type: "tmpfs", target: "/tmp", sizeMiB: 0 }] },
      "mounts[0].sizeMiB = 0; allowed: a whole number, 1 or more",
    ],
  ])("%j", (options, fault) => {
    expect(faultsOf(options)).toEqual([fault]);
  });

  test.each(["Api", "1api", "api_1", "api-", ""])("name %j", (name) => {
    expect(faultsOf({}, name)).toEqual([
      `name = ${JSON.stringify(name)}; allowed: a-z, 0-9 and -, starting with a letter`,
    ]);
  });

  test("a name that is too long with its namespace", () => {
    expect(faultsOf({}, "a".repeat(59))).toEqual([]);
    expect(faultsOf({}, "a".repeat(60))).toEqual([
      `name = "dev_${"a".repeat(60)}"; allowed: at most 63 characters with the namespace`,
    ]);
  });

  test("a port that is a host port only by the environment's routing", () => {
    const options: Partial<ServiceOptions> = {
      ports: [{ target: 80, published: 80 }],
      update: { order: "start-first" },
    };
    expect(faultsOf(options, "api", "mesh")).toEqual([]);
    expect(faultsOf(options, "api", "host")).toHaveLength(1);
  });

  test("one port for both protocols is none", () => {
    const ports = (["tcp", "udp"] as const).map((protocol) => ({ target: 53, published: 53, protocol }));
    expect(faultsOf({ ports })).toEqual([]);
  });

  test("are none for every option at a good value", () => {
    expect(
      faultsOf({
        replicas: "global",
        memoryMiB: 6,
        cpus: 0.5,
        stopGracePeriod: 1,
        update: { parallelism: 0, delay: 0, monitor: 1, order: "start-first" },
        healthcheck: { waived: "answers nothing" },
      }),
    ).toEqual([]);
  });
});

describe("normalise", () => {
  const spec = (options: Partial<ServiceOptions> = {}, routing: Routing = "mesh") =>
    normalise("api", { ...MINIMAL, ...options }, environments[routing]);

  test("fills in every default, in the form that is read back", () => {
    expect(spec()).toEqual({
      name: "dev_api",
      labels: [{ label: "com.docker.stack.namespace", value: "dev" }],
      mode: { replicated: { replicas: 1 } },
      taskSpec: {
        containerSpec: {
          image: "api:1",
          labels: [{ label: "com.docker.stack.namespace", value: "dev" }],
          env: { TZ: "UTC" },
          readOnly: false,
          init: false,
          isolation: "default",
          mounts: [],
          dnsConfig: { nameservers: [], searches: [], options: [] },
          stopGracePeriod: "30s",
          healthcheck: {
            tests: ["CMD", "/api", "healthcheck"],
            interval: "5s",
            timeout: "3s",
            retries: 3,
            startPeriod: "30s",
          },
        },
        networksAdvanceds: [{ id: "network-id", aliases: ["api"] }],
        restartPolicy: { condition: "any", delay: "5s", maxAttempts: 0, window: "0s" },
        resources: {
          limits: { memoryBytes: 256 * 2 ** 20, nanoCpus: 0 },
          reservation: { memoryBytes: 0, nanoCpus: 0 },
        },
        placement: { maxReplicas: 0 },
        logDriver: { name: "json-file", options: { "max-size": "10m", "max-file": "3" } },
      },
      updateConfig: {
        parallelism: 1,
        delay: "0s",
        failureAction: "rollback",
        monitor: "5s",
        maxFailureRatio: "0.0",
        order: "start-first",
      },
      rollbackConfig: {
        parallelism: 1,
        delay: "0s",
        failureAction: "pause",
        monitor: "5s",
        maxFailureRatio: "0.0",
        order: "start-first",
      },
      endpointSpec: { mode: "vip", ports: [] },
    });
  });

  test("a stateful service stops before it starts, and has a minute to stop", () => {
    const { updateConfig, rollbackConfig, taskSpec } = spec({ stateful: true });
    expect([updateConfig, rollbackConfig]).toMatchObject([{ order: "stop-first" }, { order: "stop-first" }]);
    expect(taskSpec.containerSpec.stopGracePeriod).toBe("1m");
  });

  test("a global service has no number of tasks, and no switched-off global beside one", () => {
    expect(spec({ replicas: "global" }).mode).toEqual({ global: true });
    expect(spec({ replicas: 0 }).mode).toEqual({ replicated: { replicas: 0 } });
  });

  test.each([
    ["mesh", undefined, "vip", "ingress", "start-first"],
    ["mesh", "host", "vip", "host", "stop-first"],
    ["host", undefined, "dnsrr", "host", "stop-first"],
    ["host", "ingress", "dnsrr", "ingress", "start-first"],
  ] as const)("routing %s, mode %s: %s, %s, %s", (routing, mode, endpoint, publishMode, order) => {
    const port = { target: 8080, published: 80, ...(mode !== undefined && { mode }) };
    expect(spec({ ports: [port] }, routing)).toMatchObject({
      endpointSpec: {
        mode: endpoint,
        ports: [{ targetPort: 8080, publishedPort: 80, protocol: "tcp", publishMode }],
      },
      updateConfig: { order },
      rollbackConfig: { order },
    });
  });

  test("a service without ports starts first with routing host too", () => {
    expect(spec({}, "host").updateConfig).toMatchObject({ order: "start-first" });
  });

  test("ports keep their order and protocol", () => {
    const ports = [
      { target: 2, published: 2, protocol: "udp" as const },
      { target: 1, published: 1 },
    ];
    expect(spec({ ports }).endpointSpec).toMatchObject({
      ports: [
        { targetPort: 2, protocol: "udp" },
        { targetPort: 1, protocol: "tcp" },
      ],
    });
  });

  test("the update policy is taken as given, also for the rollback", () => {
    const update = {
      parallelism: 2,
      delay: 90,
      monitor: 60,
      failureAction: "pause",
      order: "stop-first",
    } as const;
    const same = {
      parallelism: 2,
      delay: "1m30s",
      monitor: "1m",
      failureAction: "pause",
      order: "stop-first",
    };
    expect(spec({ update })).toMatchObject({ updateConfig: same, rollbackConfig: same });
    expect(spec({ update: { failureAction: "continue" } })).toMatchObject({
      updateConfig: { failureAction: "continue" },
      rollbackConfig: { failureAction: "pause" },
    });
  });

  test("the restart delay is taken as given", () => {
    expect(spec({ restartDelay: 90 }).taskSpec.restartPolicy).toMatchObject({ delay: "1m30s" });
    expect(spec({ restartDelay: 0 }).taskSpec.restartPolicy).toMatchObject({ delay: "0s" });
  });

  test("a waived health check switches the image's own off", () => {
    expect(spec({ healthcheck: { waived: "answers nothing" } }).taskSpec.containerSpec.healthcheck).toEqual({
      tests: ["NONE"],
      interval: "0s",
      timeout: "0s",
      retries: 0,
      startPeriod: "0s",
    });
  });

  test("the service's own time zone wins over the environment's", () => {
    expect(spec({ env: { TZ: "Asia/Tokyo", A: "1" } }).taskSpec.containerSpec.env).toEqual({
      TZ: "Asia/Tokyo",
      A: "1",
    });
  });

  test("limits are in the engine's units", () => {
    expect(spec({ memoryMiB: 64, cpus: 0.1 }).taskSpec.resources).toEqual({
      limits: { memoryBytes: 67_108_864, nanoCpus: 100_000_000 },
      reservation: { memoryBytes: 0, nanoCpus: 0 },
    });
  });

  test("mounts of each type", () => {
    expect(
      spec({
        mounts: [
          { type: "volume", source: "data", target: "/data" },
          { type: "bind", source: "/etc/ssl", target: "/etc/ssl", readOnly: true },
          { type: "tmpfs", target: "/tmp", sizeMiB: 16 },
        ],
      }).taskSpec.containerSpec.mounts,
    ).toEqual([
      { type: "volume", source: "data", target: "/data", readOnly: false },
      { type: "bind", source: "/etc/ssl", target: "/etc/ssl", readOnly: true },
      {
        type: "tmpfs",
        target: "/tmp",
        readOnly: false,
        tmpfsOptions: { sizeBytes: 16 * 2 ** 20, mode: 0o777 },
      },
    ]);
  });

  test("what is left to the image is declared only when given", () => {
    const given = {
      command: ["/api"],
      args: ["serve"],
      hostname: "api",
      user: "101:101",
      stopSignal: "SIGQUIT",
      capDrop: ["ALL"],
      readOnly: true,
      init: true,
    };
    expect(spec(given).taskSpec.containerSpec).toMatchObject({
      commands: ["/api"],
      args: ["serve"],
      hostname: "api",
      user: "101:101",
      stopSignal: "SIGQUIT",
      capDrops: ["ALL"],
      readOnly: true,
      init: true,
    });
    expect(spec({ constraints: ["node.role==manager"], aliases: ["backend"] }).taskSpec).toMatchObject({
      placement: { maxReplicas: 0, constraints: ["node.role==manager"] },
      networksAdvanceds: [{ id: "network-id", aliases: ["api", "backend"] }],
    });
  });
});

describe("a service with a volume", () => {
  const DATA: ServiceOptions = {
    ...MINIMAL,
    mounts: [{ type: "volume", source: "dev_data", target: "/data" }],
  };
  const pinned = (...Constraints: string[]): ApiService => ({
    ID: "id",
    Version: { Index: 1 },
    UpdatedAt: "2026-01-01T00:00:00Z",
    Spec: { Name: "dev_api", Mode: {}, TaskTemplate: { Placement: { Constraints } } },
  });
  /** Its faults, and the constraints that it has without regard to them. */
  const placed = async (
    options: Partial<ServiceOptions>,
    args: Partial<EnvironmentArgs>,
  ): Promise<{ faults: string[]; constraints: unknown }> => {
    let environment = environments.mesh;
    await record(() => void (environment = testEnvironment(args)));
    const all = { ...DATA, ...options };
    return {
      faults: serviceFaults("api", { ...all, environment }),
      constraints: (normalise("api", all, environment).taskSpec.placement as { constraints?: unknown })
        .constraints,
    };
  };
  const SEVERAL = { nodeNames: ["node1", "node2"] };
  const ON_NODE2 = { observedServices: new Map([["dev_api", pinned("node.hostname==node2")]]) };

  test.each([
    ["none before", []],
    ["one node", ["node1"]],
  ])("is pinned to the manager's node where the swarm has %s", async (_, nodeNames) => {
    expect(await placed({}, { nodeNames })).toEqual({
      faults: [],
      constraints: ["node.hostname==node1"],
    });
  });

  test("needs a node where there are several", async () => {
    const { faults } = await placed({}, SEVERAL);
    expect(faults).toEqual([
      "node not set: the data of volume dev_data stays on the node where a task first ran, and a local volume" +
        " doesn't follow it to another one; allowed: one of node1, node2 (docker node ls)",
    ]);
  });

  test("is pinned to the one that is given, beside its other constraints", async () => {
    const constraints = ["node.labels.disk==ssd"];
    expect(await placed({ node: "node2", constraints }, SEVERAL)).toEqual({
      faults: [],
      constraints: ["node.hostname==node2", "node.labels.disk==ssd"],
    });
  });

  test("stays on its node when others join, whichever manager is asked", async () => {
    expect(await placed({}, { ...SEVERAL, ...ON_NODE2 })).toEqual({
      faults: [],
      constraints: ["node.hostname==node2"],
    });
  });

  test("moves without its data only with consent", async () => {
    const { faults } = await placed({ node: "node1" }, { ...SEVERAL, ...ON_NODE2, allowReplace: ["db"] });
    expect(faults).toEqual([
      `node = "node1": it keeps its data on node2, and a local volume doesn't follow it; allowed: node2; do: set it` +
        " back. If node2 is lost: pulumi config set allowReplace db,api lets it start empty on node1",
    ]);
    const consent = { ...SEVERAL, ...ON_NODE2, allowReplace: ["api"] };
    expect(await placed({ node: "node1" }, consent)).toEqual({
      faults: [],
      constraints: ["node.hostname==node1"],
    });
  });

  test("names a node that there is", async () => {
    const { faults } = await placed({ node: "node3" }, SEVERAL);
    expect(faults).toEqual([
      'node = "node3": the swarm has no such node; allowed: a name of one of node1, node2 (docker node ls)',
    ]);
  });

  test("that is global has one on each node, and no pin", async () => {
    expect(await placed({ replicas: "global" }, SEVERAL)).toEqual({ faults: [], constraints: undefined });
    expect((await placed({ replicas: "global", node: "node1" }, SEVERAL)).faults).toEqual([
      'node = "node1"; allowed: none, because the service is global',
    ]);
  });
});

test("without a volume a service may run on any node, or be kept on one", async () => {
  let environment = environments.mesh;
  await record(() => void (environment = testEnvironment({ nodeNames: ["node1", "node2"] })));
  const bind = { type: "bind", source: "/data", target: "/data" } as const;
  const placement = (options: Partial<ServiceOptions>): unknown =>
    normalise("api", { ...MINIMAL, ...options }, environment).taskSpec.placement;
  expect(serviceFaults("api", { ...MINIMAL, mounts: [bind], environment })).toEqual([]);
  expect(placement({ mounts: [bind] })).toEqual({ maxReplicas: 0 });
  expect(placement({ node: "node2" })).toEqual({ maxReplicas: 0, constraints: ["node.hostname==node2"] });
});
