import { RunError } from "@pulumi/pulumi";
import * as path from "node:path";
import { connect, observeEngine, swarmFault } from "../../components/engine/engine";
import { ApiAnswer, ApiFault, FakeEngine } from "../support/fake-engine";
import { tempFolder } from "../support/temp";

beforeAll(() => {
  for (const name of ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"]) delete process.env[name];
});

let engine: FakeEngine | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});
const READY = { ID: "node1", Status: { State: "ready" } };
const answering = (
  info: ApiAnswer,
  volumes: readonly object[] | null = [{ Name: "dev_data" }],
  nodes: readonly object[] = [READY],
): FakeEngine =>
  (engine = new FakeEngine(({ route, query }) => {
    switch (route) {
      case "GET /info":
        return info;
      case "GET /volumes":
        return { Volumes: volumes };
      case "GET /services":
        expect(JSON.parse(query.get("filters") ?? "")).toEqual({ name: ["dev_"] });
        return [
          { ID: "service1", Spec: { Name: "dev_api" }, ServiceStatus: { RunningTasks: 3, DesiredTasks: 3 } },
        ];
      case "GET /networks":
        return [{ Id: "network1", Name: "dev_network" }];
      case "GET /configs":
      case "GET /secrets":
        expect(JSON.parse(query.get("filters") ?? "")).toEqual({ name: ["dev_"] });
        return [{ CreatedAt: "2026-01-01T00:00:00Z", Spec: { Name: `dev_${route.slice(5)}`, Labels: {} } }];
      case "GET /nodes":
        return nodes;
      case "GET /tasks":
        expect(JSON.parse(query.get("filters") ?? "")).toEqual({ node: ["node2"] });
        return ["running", "running", "shutdown"].map((State) => ({
          ServiceID: "service1",
          Status: { State },
        }));
    }
    return undefined;
  }));

const INFO = { Name: "node1", ServerVersion: "28.2.2", OSType: "linux", Architecture: "x86_64" };
const inactive = { LocalNodeState: "inactive", ControlAvailable: false };
const manager = { LocalNodeState: "active", ControlAvailable: true, Cluster: { ID: "cluster1" } };

async function faultOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => "nothing was thrown",
    (reason: unknown) => reason,
  );
  expect(RunError.isInstance(error)).toBe(true);
  return (error as Error).message;
}

describe("observeEngine", () => {
  test("tells version, platform and the swarm that it manages", async () => {
    const host = await answering({ ...INFO, Swarm: manager }).listen();
    expect(await observeEngine(host, "dev")).toMatchObject({
      nodeName: "node1",
      version: "28.2.2",
      platform: "linux/amd64",
      clusterId: "cluster1",
    });
  });

  test("lists what the swarm holds", async () => {
    const host = await answering({ ...INFO, Swarm: manager }).listen();
    const { services, volumes, networks, nodes, configs, secrets } = await observeEngine(host, "dev");
    expect(volumes).toEqual(["dev_data"]);
    expect(services.get("dev_api")?.ID).toBe("service1");
    expect(networks.get("dev_network")?.Id).toBe("network1");
    expect(nodes.map(({ ID }) => ID)).toEqual(["node1"]);
    const createdAt = "2026-01-01T00:00:00Z";
    expect([configs, secrets]).toEqual([
      [{ name: "dev_configs", createdAt }],
      [{ name: "dev_secrets", createdAt }],
    ]);
  });

  test("tasks of a node that is down don't count as running, though Swarm says so", async () => {
    const down = { ID: "node2", Status: { State: "down" } };
    const host = await answering({ ...INFO, Swarm: manager }, [], [READY, down]).listen();
    const { services } = await observeEngine(host, "dev");
    expect(services.get("dev_api")?.ServiceStatus).toEqual({ RunningTasks: 1, DesiredTasks: 3 });
  });

  test("tells that there is no swarm, and so nothing in it", async () => {
    const host = await answering({ ...INFO, Swarm: inactive }, null).listen();
    const observed = await observeEngine(host, "dev");
    expect(observed.clusterId).toBeUndefined();
    expect(observed.volumes).toEqual([]);
    expect([observed.services.size, observed.networks.size, observed.nodes.length]).toEqual([0, 0, 0]);
  });

  test("reaches an engine over tcp", async () => {
    const host = await answering({ ...INFO, Swarm: inactive }).listenTcp();
    expect((await observeEngine(host, "dev")).version).toBe("28.2.2");
  });

  test.each([
    ["x86_64", "linux/amd64"],
    ["aarch64", "linux/arm64"],
    ["riscv64", "linux/riscv64"],
  ])("names machine %s as images do", async (Architecture, platform) => {
    const host = await answering({ ...INFO, Architecture, Swarm: inactive }).listen();
    expect((await observeEngine(host, "dev")).platform).toBe(platform);
  });

  test("an engine that can't be reached is named with the reason and the cure", async () => {
    const host = `unix://${path.join(tempFolder(), "docker.sock")}`;
    const lines = (await faultOf(observeEngine(host, "dev"))).split("\n");
    // Node's own errors are of another realm inside jest, so that their name comes along.
    expect(lines[0]?.replace(": Error:", ":")).toBe(
      `The Docker engine at ${host} can't be reached: connect ENOENT ${host.slice("unix://".length)}.`,
    );
    expect(lines.slice(1)).toEqual([
      "  Is it running, and may this user open it? Start it (make up does), or set another one:",
      "  pulumi config set host <unix:// | tcp:// | ssh://> and export DOCKER_HOST to the same.",
    ]);
  });

  test("an engine that refuses is named with its own words", async () => {
    const host = await answering(new ApiFault(500, "starting up")).listen();
    expect(await faultOf(observeEngine(host, "dev"))).toContain("starting up");
  });

  test("a swarm that can't be used ends the run", async () => {
    const host = await answering({ ...INFO, Swarm: { ...inactive, LocalNodeState: "locked" } }).listen();
    expect(await faultOf(observeEngine(host, "dev"))).toBe(
      `The swarm on ${host} is locked. Unlock it with: docker swarm unlock`,
    );
  });
});

describe("swarmFault", () => {
  const HOST = "unix:///var/run/docker.sock";
  const worker = { LocalNodeState: "active", ControlAvailable: false } as const;
  test.each<[string, Parameters<typeof swarmFault>[1], string | undefined]>([
    ["no swarm", { LocalNodeState: "inactive", ControlAvailable: false }, undefined],
    ["a manager", { LocalNodeState: "active", ControlAvailable: true }, undefined],
    [
      "a worker",
      {
        ...worker,
        RemoteManagers: [
          { NodeID: "m1", Addr: "10.0.0.1:2377" },
          { NodeID: "m2", Addr: "10.0.0.2:2377" },
        ],
      },
      `The engine at ${HOST} is a worker of a swarm, and only managers take changes. ` +
        "Set host to a manager (10.0.0.1:2377, 10.0.0.2:2377), or promote this node.",
    ],
    [
      "a locked swarm",
      { LocalNodeState: "locked", ControlAvailable: false },
      `The swarm on ${HOST} is locked. Unlock it with: docker swarm unlock`,
    ],
    [
      "a node that joins",
      { LocalNodeState: "pending", ControlAvailable: false },
      `The engine at ${HOST} is still joining a swarm. Wait until docker info says "Swarm: active", then try again.`,
    ],
    [
      "a broken swarm",
      { LocalNodeState: "error", ControlAvailable: false, Error: "certificate has expired" },
      `The engine at ${HOST} has a broken swarm: certificate has expired. ` +
        "Mend it (docker info), or leave it with: docker swarm leave --force",
    ],
    [
      "a broken swarm without a reason",
      { LocalNodeState: "error", ControlAvailable: false },
      `The engine at ${HOST} has a broken swarm: no reason given. ` +
        "Mend it (docker info), or leave it with: docker swarm leave --force",
    ],
  ])("%s", (_what, swarm, fault) => {
    expect(swarmFault(HOST, swarm)).toBe(fault);
  });

  test("a worker that knows no manager is told so all the same", () => {
    expect(swarmFault(HOST, { ...worker, RemoteManagers: null })).toContain("only managers take changes");
  });
});

describe("connect", () => {
  /** Where a client of a host goes. */
  const target = (host: string): Record<string, unknown> => {
    const {
      protocol,
      host: name,
      port,
      socketPath,
      username,
    } = connect(host).modem as unknown as Record<string, unknown>;
    return { protocol, host: name, port, socketPath, username };
  };

  test.each([
    ["unix:///run/docker.sock", { protocol: "http", socketPath: "/run/docker.sock" }],
    ["tcp://10.0.0.9:2375", { protocol: "http", host: "10.0.0.9", port: "2375" }],
    ["tcp://10.0.0.9:2376", { protocol: "https", host: "10.0.0.9", port: "2376" }],
  ])("%s", (host, wanted) => {
    expect(target(host)).toMatchObject(wanted);
  });

  test("speaks TLS on any port when DOCKER_TLS_VERIFY says so", () => {
    process.env.DOCKER_TLS_VERIFY = "1";
    expect(target("tcp://10.0.0.9:4243")).toMatchObject({ protocol: "https" });
    delete process.env.DOCKER_TLS_VERIFY;
  });
});
