import bcrypt from "bcryptjs";
import * as pulumi from "@pulumi/pulumi";
import { BuiltinLogin, BuiltinRegistry, builtinLogin } from "../../components/images/builtin-registry";
import type { EnvironmentArgs } from "../../components/environment";
import type { ApiService } from "../../components/engine/engine";
import { RecordedState } from "../../components/recorded-state";
import { Pair, selfSigned } from "../support/certificates";
import { testEnvironment } from "../support/environment";
import { Graph, record } from "../../review/graph/recorder";

const LOGIN: BuiltinLogin = { username: "me", password: "hunter2", htpasswd: "me:$2b$hash" };
let pair: Pair;
beforeAll(async () => {
  pair = await selfSigned();
});

async function declared(
  node?: string,
  environment: Partial<EnvironmentArgs> = {},
): Promise<{ graph: Graph; exists: boolean }> {
  let exists = false;
  const graph = await record(
    () => {
      const registry = new BuiltinRegistry("registry", {
        ...{ environment: testEnvironment(environment), image: "registry:1", gateImage: "nginx:1" },
        ...{ port: 5443, login: LOGIN, node },
      });
      ({ exists } = registry);
      return registry.ready;
    },
    {
      answers: {
        "command:local:Command": (name) =>
          name === "secret-name-key" ? { stdout: "a2V5" } : { stdout: JSON.stringify(pair) },
        "pulumi:index:Stash": () => ({ output: pulumi.secret(LOGIN) }),
      },
    },
  );
  return { graph, exists };
}

const text = (graph: Graph, name: string): string =>
  Buffer.from(String(graph.get("ServiceConfig", name).inputs.data), "base64").toString();

test("is a service with TLS, a login and a volume on the manager's own node, behind a port of every node", async () => {
  const { graph } = await declared();
  expect(graph.get("docker:index/service:Service", "registry").inputs).toMatchObject({
    mode: { replicated: { replicas: 1 } },
    taskSpec: { placement: { constraints: ["node.hostname==node1"] } },
    endpointSpec: { ports: [] },
    updateConfig: { order: "stop-first" },
  });
  expect(text(graph, "registry-config")).toContain("key: /run/secrets/key.pem");
  expect(text(graph, "registry-config")).toContain("path: /run/secrets/htpasswd");
  expect(graph.get("Volume", "registry").options.retainOnDelete).toBe(true);
  expect(graph.get("docker:index/service:Service", "registry-gate").inputs).toMatchObject({
    mode: { global: true },
    endpointSpec: { ports: [{ publishedPort: 5443, publishMode: "host" }] },
  });
  expect(text(graph, "registry-gate-conf")).toContain("set $registry tasks.registry:5000;");
  expect(graph.result).toBe("dev_registry,dev_registry-gate");
});

test("keeps its password and key secret", async () => {
  const { graph } = await declared();
  const shown = graph.resources.map(({ inputs, outputs }) =>
    JSON.stringify([inputs, outputs], (_key, value: object) => ("<secret>" in Object(value) ? "" : value)),
  );
  for (const secret of ["hunter2", "$2b$hash", pair.key, Buffer.from(pair.key).toString("base64")]) {
    expect(shown.join("\n")).not.toContain(secret);
  }
});

test("on another node Swarm makes the volume", async () => {
  const { graph } = await declared("node2");
  expect(graph.all("Volume")).toEqual([]);
  expect(graph.get("docker:index/service:Service", "registry").inputs).toMatchObject({
    taskSpec: { placement: { constraints: ["node.hostname==node2"] } },
  });
});

test("has images only when both services were there", async () => {
  // That they would be replaced, since nothing else is known of them.
  const warnings = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
  const there = (...names: string[]) => ({
    observedServices: new Map(names.map((name) => [name, UNPINNED])),
    allowReplace: ["registry"],
  });
  expect((await declared()).exists).toBe(false);
  expect((await declared(undefined, there("dev_registry"))).exists).toBe(false);
  expect((await declared(undefined, there("dev_registry", "dev_registry-gate"))).exists).toBe(true);
  warnings.mockRestore();
});

const UNPINNED = { Spec: { TaskTemplate: {}, Mode: {} } } as unknown as ApiService;

test("its login is made once", () => {
  const login = builtinLogin("registry", new RecordedState());
  expect(login.username).toBe("swarm-platform");
  expect(login.password).toMatch(/^[0-9a-f]{48}$/);
  const [name, hash = ""] = login.htpasswd.split(":");
  expect(name).toBe(login.username);
  expect(bcrypt.compareSync(login.password, hash)).toBe(true);
  expect(builtinLogin("registry", new RecordedState()).password).not.toBe(login.password);
  const recorded = new RecordedState(new Map([["pulumi:index:Stash registry-login", { output: LOGIN }]]));
  expect(builtinLogin("registry", recorded)).toEqual(LOGIN);
});
