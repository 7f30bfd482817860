import { ChildProcess, spawn } from "node:child_process";
import * as http from "node:http";
import { connect } from "node:net";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { FakeEngine } from "../support/fake-engine";
import { PROJECT_DIR } from "../support/project";
import { tempFolder } from "../support/temp";

const TOOL = path.join(PROJECT_DIR, "tools/read-only-engine.mjs");
const NAMESPACE = "com.docker.stack.namespace";

const container = (namespace: string): object => ({
  Image: "app:1",
  Args: ["--password=hunter2"],
  Env: ["TOKEN=hunter2"],
  Labels: { [NAMESPACE]: namespace },
});
const service = (namespace: string): object => ({
  ID: `id-${namespace}`,
  Version: { Index: 7 },
  Spec: {
    Name: `${namespace}_web`,
    Labels: { [NAMESPACE]: namespace, note: "hunter2" },
    TaskTemplate: { ContainerSpec: container(namespace) },
    Mode: { Replicated: { Replicas: 2 } },
  },
  PreviousSpec: { TaskTemplate: { ContainerSpec: container(namespace) } },
});
const task = (namespace: string): object => ({ ID: "t", Spec: { ContainerSpec: container(namespace) } });
const config = (namespace: string): object => ({
  ID: "c",
  Spec: { Name: `${namespace}_conf`, Labels: { [NAMESPACE]: namespace }, Data: "aHVudGVyMg==" },
});

/** More than fits into one piece of a stream. */
const LARGE = "x".repeat(300_000);
const engine = new FakeEngine(({ route }) => {
  const answers: Record<string, object | Buffer> = {
    "GET /_ping": Buffer.from("OK"),
    "HEAD /_ping": Buffer.from(""),
    "GET /v1.41/info": { Name: "n1" },
    "GET /swarm": { ID: "s", JoinTokens: { Worker: "hunter2", Manager: "hunter2" } },
    "GET /v1.41/services": [service("dev"), service("other")],
    "GET /services/theirs": service("other"),
    "GET /tasks": [task("dev"), task("other")],
    "GET /configs": [config("dev"), config("other")],
    "GET /configs/theirs": config("other"),
    "GET /images/registry.example.com:5000/team/app:1/json": { Id: LARGE },
    "GET /distribution/app:1/json": { Descriptor: { digest: "sha256:0" } },
    "GET /networks/n1": { Name: "net" },
  };
  return answers[route];
});
let upstream: string;
let proxy: ChildProcess;
let socket: string;

beforeAll(async () => {
  upstream = new URL(await engine.listen()).pathname;
  socket = path.join(tempFolder(), "read-only.sock");
  proxy = spawn(process.execPath, [TOOL, "listen", socket, "--namespace", "dev", "--engine", upstream]);
  await new Promise((resolve) => proxy.stderr?.once("data", resolve));
});
afterAll(async () => {
  proxy.kill();
  await engine.close();
});
beforeEach(() => engine.requests.splice(0));

interface Answer {
  readonly status: number;
  readonly body: string;
}
function ask(route: string, headers: Record<string, string> = {}): Promise<Answer> {
  const [method, url] = route.split(" ") as [string, string];
  return new Promise((resolve, reject) => {
    const asked = http.request({ socketPath: socket, method, path: url, headers }, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
    });
    asked.on("error", reject);
    asked.end();
  });
}
async function get(url: string): Promise<unknown> {
  const { status, body } = await ask(`GET ${url}`);
  expect(status).toBe(200);
  return JSON.parse(body);
}

describe("what a preview reads", () => {
  test.each(["GET /_ping", "HEAD /_ping", "GET /v1.41/info", "GET /networks/n1?verbose=false"])(
    "%s is passed on as it is",
    async (route) => {
      expect((await ask(route)).status).toBe(200);
      expect(engine.requests).toHaveLength(1);
    },
  );

  test("large answers come whole, logins to a registry are passed on, other headers are not", async () => {
    expect(await get("/images/registry.example.com:5000/team/app:1/json")).toEqual({ Id: LARGE });
    await ask("GET /distribution/app:1/json", { "x-registry-auth": "e30=", "x-other": "1" });
    const { headers } = engine.requests.at(-1)!;
    expect([headers["x-registry-auth"], headers["x-other"]]).toEqual(["e30=", undefined]);
  });

  test("an error of the engine's is told in its own words", async () => {
    const { status, body } = await ask("GET /services/none");
    expect([status, JSON.parse(body)]).toEqual([404, { message: "no route GET /services/none" }]);
  });
});

describe("what is taken out", () => {
  test("the swarm's join tokens", async () => {
    expect(await get("/swarm")).toEqual({ ID: "s" });
  });

  const bareService = {
    ID: "id-other",
    Version: { Index: 7 },
    Spec: {
      Name: "other_web",
      Labels: { [NAMESPACE]: "other" },
      TaskTemplate: { ContainerSpec: { Image: "app:1" } },
      Mode: { Replicated: { Replicas: 2 } },
    },
  };
  test("commands, variables and other labels of others' services and tasks", async () => {
    expect(await get("/v1.41/services?filters={}")).toEqual([service("dev"), bareService]);
    expect(await get("/services/theirs")).toEqual(bareService);
    expect(await get("/tasks")).toEqual([
      task("dev"),
      { ID: "t", Spec: { ContainerSpec: { Image: "app:1" } } },
    ]);
  });

  test("the content of others' configs", async () => {
    const bare = { ID: "c", Spec: { Name: "other_conf", Labels: { [NAMESPACE]: "other" } } };
    expect(await get("/configs")).toEqual([config("dev"), bare]);
    expect(await get("/configs/theirs")).toEqual(bare);
  });
});

describe("what is refused", () => {
  test.each([
    ["POST /services/create", "POST /services/create would change something"],
    ["DELETE /v1.41/services/web", "DELETE /v1.41/services/web would change something"],
    ["HEAD /containers/x/archive", "HEAD /containers/x/archive would change something"],
    ["GET /containers/x/archive?path=/", "GET /containers/x/archive is nothing that a preview needs"],
    ["GET /containers/x/json", "GET /containers/x/json is nothing that a preview needs"],
    ["GET /services/web/logs?stdout=1", "GET /services/web/logs is nothing that a preview needs"],
    ["GET /swarm/unlockkey", "GET /swarm/unlockkey is nothing that a preview needs"],
    ["GET /events", "GET /events is nothing that a preview needs"],
    ["GET /images/app:1/get", "GET /images/app:1/get is nothing that a preview needs"],
    ["GET /images/a/../../containers/x/json", "is nothing that a preview needs"],
    ["GET /images/a%2f..%2fjson/json", "is nothing that a preview needs"],
    ["GET //containers/x/json", "is nothing that a preview needs"],
  ])("%s", async (route, says) => {
    const { status, body } = await ask(route);
    expect(status).toBe(403);
    if (!route.startsWith("HEAD")) {
      const { message } = JSON.parse(body) as { message: string };
      expect(message).toContain(says);
      expect(message).toMatch(/^this is a read-only way to the engine.*Nothing was changed\.$/);
    }
    expect(engine.requests).toEqual([]);
  });

  test("a connection that is to become the client's own", async () => {
    const connection = connect(socket);
    connection.end("GET /_ping HTTP/1.1\r\nhost: docker\r\nconnection: upgrade\r\nupgrade: tcp\r\n\r\n");
    expect(await text(connection)).toMatch(/^HTTP\/1\.1 403 .*asks for a connection of its own/s);
    expect(engine.requests).toEqual([]);
  });

  test("anything when the engine does not answer", async () => {
    const { socketPath, other } = { socketPath: path.join(tempFolder(), "s"), other: "/nowhere/docker.sock" };
    const second = spawn(process.execPath, [
      TOOL,
      "listen",
      socketPath,
      "--namespace",
      "dev",
      "--engine",
      other,
    ]);
    await new Promise((resolve) => second.stderr.once("data", resolve));
    const before = socket;
    socket = socketPath;
    const { status, body } = await ask("GET /info").finally(() => (socket = before));
    second.kill();
    expect([status, body]).toEqual([
      502,
      expect.stringContaining("the engine at /nowhere/docker.sock does not answer"),
    ]);
  });
});

describe("as the forced command of a login", () => {
  const stdio = (env: Record<string, string>, input: string): Promise<[number | null, string, string]> => {
    const args = [TOOL, "stdio", "--namespace", "dev", "--engine", upstream];
    const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env } });
    child.stdin.write(input);
    // The other end goes when it has its answers.
    child.stdout.on("data", (piece) => /events is nothing/.test(String(piece)) && child.stdin.end());
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    return Promise.all([ended, text(child.stdout), text(child.stderr)]);
  };

  test("requests of one connection are answered one after the other", async () => {
    const one = (url: string): string => `GET ${url} HTTP/1.1\r\nhost: docker\r\n\r\n`;
    const [code, stdout] = await stdio(
      { SSH_ORIGINAL_COMMAND: "docker system dial-stdio" },
      one("/v1.41/info") + one("/events"),
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 .*"Name":"n1".*HTTP\/1\.1 403 .*nothing that a preview needs/s);
  });

  test("a shell or another command is refused", async () => {
    const [code, stdout, stderr] = await stdio({ SSH_ORIGINAL_COMMAND: "docker ps" }, "");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      'read-only engine: this login serves "docker system dial-stdio" alone (DOCKER_HOST=ssh://...), and not: docker ps\n',
    );
  });
});

test.each([
  [["listen", "--namespace", "dev"]],
  [["listen", "/run/x.sock"]],
  [["stdio", "/run/x.sock", "--namespace", "dev"]],
  [["serve", "--namespace", "dev"]],
])("%j is answered with the usage", async (args) => {
  const child = spawn(process.execPath, [TOOL, ...args]);
  const ended = new Promise((resolve) => child.on("close", resolve));
  expect(await text(child.stderr)).toMatch(/^usage: read-only-engine\.mjs listen SOCKET/);
  expect(await ended).toBe(2);
});
