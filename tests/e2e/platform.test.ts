import { keepBuiltImages } from "../support/built-images";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { ACCOUNT, get, inventory, SERVICES, tasks, update } from "../support/platform";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

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
