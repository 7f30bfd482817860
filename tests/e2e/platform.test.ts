import * as fs from "node:fs";
import * as http from "node:http";
import * as path from "node:path";
import { keepBuiltImages } from "../support/built-images";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { Step, Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** Everything of the engine that a stack could leave behind. */
function inventory(engine: Engine): Record<string, string[]> {
  const list = (...args: string[]): string[] =>
    engine
      .docker(...args)
      .split("\n")
      .filter(Boolean)
      .sort();
  const swarm = engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}");
  const inSwarm = (...args: string[]): string[] => (swarm === "active" ? list(...args) : []);
  return {
    swarm: [swarm],
    containers: list("ps", "--all", "--format", "{{.Names}}"),
    // Leaving a swarm keeps the bridge that it made for published ports; the engine owns it.
    networks: list("network", "ls", "--format", "{{.Name}}").filter((name) => name !== "docker_gwbridge"),
    volumes: list("volume", "ls", "--format", "{{.Name}}"),
    services: inSwarm("service", "ls", "--format", "{{.Name}}"),
    configs: inSwarm("config", "ls", "--format", "{{.Name}}"),
    secrets: inSwarm("secret", "ls", "--format", "{{.Name}}"),
  };
}

/** Running tasks of a service, sorted by slot: the same list twice means that nothing was restarted. */
function tasks(engine: Engine, service: string): string[] {
  return engine
    .docker("service", "ps", service, "--filter", "desired-state=running", "--format", "{{.Name}} {{.ID}}")
    .split("\n")
    .sort();
}

/** A connection of its own for each request: a pooled one may lead to a task that is gone. */
function get(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, timeout: 5000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (body += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    request.on("timeout", () => request.destroy(new Error(`no answer from ${url} within 5 s`)));
    request.on("error", reject);
  });
}

const SERVICES = ["nginx", "nginx-routes", "kafka-1", "accountservice", "quotes-service"];
const ACCOUNT = '{"id":"10000","name":"Person_0"}';
const update = (resource: string): Step => ({
  op: "update",
  resource: `docker:index/service:Service ${resource}`,
});

describeWithEngines("the platform on an engine of its own", () => {
  let engine: Engine;
  let workspace: Workspace;
  let before: Record<string, string[]>;

  beforeAll(() => {
    engine = startEngine("platform");
    before = inventory(engine);
    workspace = new Workspace("platform", engine, "dev");
  }, MINUTES);
  afterAll(() => engine?.stop(), MINUTES);

  test(
    "a bad configuration changes nothing and names every fault",
    () => {
      workspace.configure({ routing: "meshed", edgePort: 99999, replicaz: 3 });
      const { code, output } = workspace.tool("stack.sh", "up");
      workspace.configure({});
      expect(code).not.toBe(0);
      expect(output).toContain("has 3 faults; nothing was changed");
      expect(output).toContain(
        'routing = "meshed"; allowed: mesh or host; do: pulumi config set routing <value>',
      );
      expect(output).not.toContain("at Object.");
      expect(inventory(engine)).toEqual(before);
    },
    2 * MINUTES,
  );

  test(
    "a fresh up brings the whole platform, and ends with the table",
    async () => {
      const { code, output } = workspace.tool("stack.sh", "up");
      expect({ code, output }).toMatchObject({ code: 0 });
      keepBuiltImages(engine);
      expect(output).toMatch(/dev_accountservice +2\/2 +accountservice:[0-9a-f]{12}/);
      expect(output).toMatch(/dev_kafka-1 +1\/1/);
      expect(await get(`http://${engine.address}:8080/accounts/10000`)).toEqual({
        status: 200,
        body: ACCOUNT,
      });
      expect(await get(`http://${engine.address}:6767/accounts/10000`)).toEqual({
        status: 200,
        body: ACCOUNT,
      });
      expect((await get(`http://${engine.address}:6767/accounts/9`)).status).toBe(404);
    },
    10 * MINUTES,
  );

  test(
    "smoke is all green",
    () => {
      const { code, output } = workspace.tool("smoke.sh");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output.match(/^ok /gm)).toHaveLength(12);
    },
    3 * MINUTES,
  );

  test("stats are a table of all services", () => {
    const { code, stdout } = workspace.tool("stats.sh");
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^SERVICE +TASKS +CPU % +MEMORY +LIMIT +OF LIMIT/);
    expect(stdout).toMatch(/^dev_kafka-1 +1 +[\d.]+ +[\d.]+ MiB +512 MiB +[\d.]+ %/m);
  }, 60_000);

  test(
    "a second up changes nothing and restarts nothing",
    () => {
      const running = SERVICES.flatMap((name) => tasks(engine, `dev_${name}`));
      expect(workspace.tool("stack.sh", "up").output).toMatch(/Resources:\n +\d+ unchanged\n/);
      expect(SERVICES.flatMap((name) => tasks(engine, `dev_${name}`))).toEqual(running);
    },
    3 * MINUTES,
  );

  test(
    "refresh, then preview: no change in any field",
    () => {
      expect(workspace.tool("stack.sh", "refresh").code).toBe(0);
      expect(workspace.pulumi("preview", "--refresh", "--expect-no-changes").code).toBe(0);
    },
    3 * MINUTES,
  );

  test(
    "an edited source file changes just its image and its service, in place",
    () => {
      const others = tasks(engine, "dev_quotes-service").concat(tasks(engine, "dev_nginx"));
      workspace.edit(
        "services/accountservice/main.go",
        "package main",
        "package main\n\n// Edited by a test.",
      );
      expect(workspace.preview()).toEqual([
        { op: "replace", resource: "docker:index/remoteImage:RemoteImage accountservice" },
        update("accountservice"),
      ]);
      const old = engine.docker("service", "inspect", "dev_accountservice", "--format", "{{.ID}}");
      const { code, output } = workspace.tool("stack.sh", "up");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(
        engine.docker(
          "service",
          "inspect",
          "dev_accountservice",
          "--format",
          "{{.ID}} {{.UpdateStatus.State}}",
        ),
      ).toBe(`${old} completed`);
      expect(tasks(engine, "dev_quotes-service").concat(tasks(engine, "dev_nginx"))).toEqual(others);
    },
    5 * MINUTES,
  );

  test(
    "scaling adds tasks and leaves the ones that are there",
    () => {
      const old = tasks(engine, "dev_accountservice");
      workspace.configure({ accountserviceReplicas: 3 });
      expect(workspace.preview()).toEqual([update("accountservice")]);
      expect(workspace.tool("stack.sh", "up").code).toBe(0);
      const now = tasks(engine, "dev_accountservice");
      expect(now).toHaveLength(3);
      expect(now).toEqual(expect.arrayContaining(old));
    },
    3 * MINUTES,
  );

  test(
    "a new route rolls what is behind the ports with a new config and removes the old one",
    async () => {
      workspace.edit(
        "components/edge/edge.ts",
        '{ path: "/accounts/", upstream: accounts },',
        '{ path: "/accounts/", upstream: accounts }, { path: "/metrics", upstream: accounts },',
      );
      expect(workspace.preview().map(({ op, resource }) => `${op} ${resource}`)).toEqual([
        "replace docker:index/serviceConfig:ServiceConfig nginx-routes-conf",
        "update docker:index/service:Service nginx-routes",
      ]);
      expect(workspace.tool("stack.sh", "up").code).toBe(0);
      expect((await get(`http://${engine.address}:8080/metrics`)).body).toContain("go_goroutines");
      expect(engine.docker("config", "ls", "--format", "{{.Name}}").split("\n")).toHaveLength(3);
    },
    3 * MINUTES,
  );

  test(
    "a secret's new value is a new object that the service rolls to; no value is seen anywhere",
    () => {
      const secret = (value: string): string =>
        `readOnly: true,\n        secrets: [{ name: "token", content: "${value}", path: "/run/secrets/token" }],`;
      const names = (): string => engine.docker("secret", "ls", "--format", "{{.Name}}");
      const seen = (text: string): string[] =>
        ["first-value", "second-value"].filter(
          (value) => text.includes(value) || text.includes(Buffer.from(value).toString("base64")),
        );
      workspace.edit("components/accountservice.ts", "readOnly: true,", secret("first-value"));
      const first = workspace.tool("stack.sh", "up");
      expect(first).toMatchObject({ code: 0 });
      const name = names();
      expect(name).toMatch(/^dev_accountservice-token-[0-9a-f]{12}$/);

      workspace.edit("components/accountservice.ts", secret("first-value"), secret("second-value"));
      expect(workspace.preview()).toEqual([
        { op: "replace", resource: "docker:index/secret:Secret accountservice-token" },
        update("accountservice"),
      ]);
      const second = workspace.tool("stack.sh", "up");
      expect(second).toMatchObject({ code: 0 });
      expect(names()).toMatch(/^dev_accountservice-token-[0-9a-f]{12}$/);
      expect(names()).not.toBe(name);
      const state = fs.readFileSync(
        path.join(workspace.folder, ".state/.pulumi/stacks/swarm-platform/dev.json"),
        "utf8",
      );
      expect(seen(first.output + second.output + state)).toEqual([]);

      workspace.edit("components/accountservice.ts", secret("second-value"), "readOnly: true,");
      expect(workspace.tool("stack.sh", "up").code).toBe(0);
      expect(names()).toBe("");
    },
    5 * MINUTES,
  );

  test(
    "drift made by hand shows as a change and is repaired",
    () => {
      engine.docker("service", "update", "--detach", "--env-add", "DRIFT=1", "dev_quotes-service");
      engine.docker("service", "scale", "--detach", "dev_accountservice=1");
      expect(workspace.preview().sort((a, b) => (a.resource < b.resource ? -1 : 1))).toEqual([
        update("accountservice"),
        update("quotes-service"),
      ]);
      expect(workspace.tool("stack.sh", "up").code).toBe(0);
      expect(tasks(engine, "dev_accountservice")).toHaveLength(3);
      expect(
        engine.docker(
          "service",
          "inspect",
          "dev_quotes-service",
          "--format",
          "{{.Spec.TaskTemplate.ContainerSpec.Env}}",
        ),
      ).not.toContain("DRIFT");
    },
    3 * MINUTES,
  );

  test(
    "a rollout that is rolled back fails, names the task, and stays to be done",
    () => {
      workspace.edit(
        "components/quotes-service.ts",
        "        image: args.image,",
        '        image: args.image,\n        args: ["-no-such-flag"],',
      );
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).not.toBe(0);
      expect(output).toContain("Service dev_quotes-service did not roll out: Swarm rolled the update back");
      expect(output).toMatch(/Task dev_quotes-service\.1 on platform: .*non-zero exit/);
      expect(output).toContain("What to do:");
      expect(workspace.preview()).toEqual([update("quotes-service")]);
      workspace.edit("components/quotes-service.ts", '\n        args: ["-no-such-flag"],', "");
      expect(workspace.preview()).toEqual([]);
    },
    4 * MINUTES,
  );

  test(
    "a swarm that vanished: a clear preview, and an up that works; the data is still there",
    async () => {
      engine.docker("swarm", "leave", "--force");
      const preview = workspace.tool("stack.sh", "preview");
      expect(preview).toMatchObject({ code: 0 });
      expect(preview.output).toContain("is in no swarm any more, and all that this stack had in it is gone");
      expect(preview.output).not.toContain("error");
      expect(engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
      const { code, output } = workspace.tool("stack.sh", "up");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(await get(`http://${engine.address}:6767/accounts/10000`)).toEqual({
        status: 200,
        body: ACCOUNT,
      });
      expect(workspace.pulumi("preview", "--expect-no-changes").code).toBe(0);
    },
    5 * MINUTES,
  );

  test(
    "two stacks live side by side on one swarm, and one goes without harm to the other",
    async () => {
      const second = new Workspace("second", engine, "second", {
        networkSubnet: "10.0.19.0/24",
        networkGateway: "10.0.19.1",
        edgePort: 18080,
        accountPort: 16767,
        kafkaPort: 19094,
      });
      const first = SERVICES.flatMap((name) => tasks(engine, `dev_${name}`));
      const { code, output } = second.tool("stack.sh", "up");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(engine.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}").split("\n").sort()).toEqual([
        `dev ${SERVICES.length}`,
        `second ${SERVICES.length}`,
      ]);
      expect(await get(`http://${engine.address}:18080/accounts/10000`)).toEqual({
        status: 200,
        body: ACCOUNT,
      });
      // It adopted the first one's swarm, so it leaves it alone.
      expect(second.tool("stack.sh", "destroy")).toMatchObject({ code: 0 });
      expect(engine.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}")).toBe(
        `dev ${SERVICES.length}`,
      );
      expect(SERVICES.flatMap((name) => tasks(engine, `dev_${name}`))).toEqual(first);
      engine.docker("volume", "rm", "second_kafka-1-data");
    },
    6 * MINUTES,
  );

  test(
    "destroy leaves nothing but the data, and says so",
    () => {
      const { code, output } = workspace.tool("stack.sh", "destroy");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain("Left the swarm");
      expect(output).toMatch(/Kept volumes[^\n]*\n {2}dev_kafka-1-data/);
      expect(inventory(engine)).toEqual({ ...before, volumes: ["dev_kafka-1-data"] });
    },
    4 * MINUTES,
  );

  test(
    "an adopted swarm with a stranger's service survives, and purgeData takes the volume",
    () => {
      engine.docker("swarm", "init", "--advertise-addr", engine.address);
      engine.docker("network", "create", "--driver", "overlay", "strangers");
      engine.docker(
        "service",
        "create",
        "--detach",
        "--name",
        "stranger",
        "--endpoint-mode",
        "dnsrr",
        "--network",
        "strangers",
        "nginx:1.26.3",
      );
      const there = inventory(engine).services;
      workspace.configure({ purgeData: true });
      expect(workspace.tool("stack.sh", "up").code).toBe(0);
      const stranger = tasks(engine, "stranger");
      const { code, output } = workspace.tool("stack.sh", "destroy");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(output).toContain("stays: this environment did not make it");
      const now = inventory(engine);
      expect(now).toMatchObject({
        swarm: ["active"],
        services: there,
        volumes: [],
        configs: [],
        secrets: [],
      });
      expect(now.networks).toEqual(["bridge", "host", "ingress", "none", "strangers"]);
      expect(tasks(engine, "stranger")).toEqual(stranger);
    },
    5 * MINUTES,
  );
});
