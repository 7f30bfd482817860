import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { plannedChanges, runningTasks, stackObjects, stacksOnly, writeFiles } from "../support/stack-files";
import { Workspace } from "../support/workspace";

const FILE = `
x-sleeper: &sleeper
  image: busybox:1.35
  command: sleep 3600
  init: true
services:
  db:
    <<: *sleeper
    secrets: [password]
    volumes: ["data:/data"]
    deploy: { update_config: { monitor: 1s } }
  migrate:
    image: busybox:1.35
    command: ["sh", "-c", "sleep 1; echo \${GREETING:?say hello} >/dev/null"]
    depends_on: [db]
    deploy: { mode: replicated-job, restart_policy: { condition: none } }
  web:
    <<: *sleeper
    environment: { LOG: info, PASSWORD: "\${PASSWORD}" }
    configs: [{ source: page, target: /page }]
    networks: [default, back]
    ulimits: { nofile: 1024 }
    depends_on:
      migrate: { condition: service_completed_successfully }
    deploy: { replicas: 2, update_config: { monitor: 1s, order: start-first } }
  old:
    <<: *sleeper
    deploy: { update_config: { monitor: 1s } }
networks: { back: { driver: overlay, attachable: true } }
volumes: { data: {} }
configs: { page: { content: "first page" } }
secrets: { password: { file: password.txt } }
`;

describeWithEngines("a stack file", () => {
  let engine: LocalEngine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("compose");
    engine.docker("swarm", "init", "--advertise-addr", engine.address);
    const env = { GREETING: "hello", PASSWORD: "hunter2-in-clear" };
    workspace = new Workspace(
      "compose",
      engine,
      "dev",
      stacksOnly({ name: "shop", files: ["shop.yml"], env }),
    );
    writeFiles(workspace, { "shop.yml": FILE, "password.txt": "first-secret-of-all" });
    workspace.succeed("stack.sh", "init");
  }, 120_000);

  afterAll(() => engine.stop(), 60_000);

  test("is deployed in the order of depends_on, jobs to their end, and then nothing is to change", () => {
    const up = workspace.succeed("stack.sh", "up");
    const at = (text: string): number => up.output.indexOf(text);
    expect(at("shop-db created")).toBeLessThan(at("shop-migrate creating"));
    expect(at("shop-migrate created")).toBeLessThan(at("shop-web creating"));
    expect(stackObjects(engine)).toEqual([
      expect.stringMatching(/^config shop_page-[0-9a-f]{12}$/),
      "network shop_back",
      "network shop_default",
      expect.stringMatching(/^secret shop_password-[0-9a-f]{12}$/),
      "service shop_db 1/1",
      "service shop_migrate 0/1 (1/1 completed)",
      "service shop_old 1/1",
      "service shop_web 2/2",
    ]);
    expect(engine.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}")).toBe("shop 4");
    expect(plannedChanges(workspace)).toEqual([]);
    expect(workspace.stateFile()).not.toContain("first-secret-of-all");
    expect(up.output).not.toContain("first-secret-of-all");
  }, 240_000);

  test("shows what was changed by hand field by field, and puts it right in place", () => {
    engine.docker("service", "update", "--detach", "--env-add", "LOG=hand", "--replicas", "1", "shop_web");
    engine.docker("service", "update", "--detach", "--limit-memory", "64m", "shop_old");
    const before = runningTasks(engine, "shop_db");
    expect(plannedChanges(workspace)).toEqual([
      "update Service shop-old: Resources",
      "update Service shop-web: Env, Mode",
    ]);
    workspace.succeed("stack.sh", "up");
    expect(plannedChanges(workspace)).toEqual([]);
    expect(runningTasks(engine, "shop_db")).toEqual(before);
    expect(
      engine.docker(
        "service",
        "inspect",
        "shop_web",
        "--format",
        "{{json .Spec.TaskTemplate.ContainerSpec.Env}}",
      ),
    ).toBe('["LOG=info","PASSWORD=hunter2-in-clear"]');
  }, 240_000);

  test("rotates a config, prunes what left the file, and leaves the rest alone", () => {
    const [config] = engine.docker("config", "ls", "--format", "{{.Name}}").split("\n");
    const before = runningTasks(engine, "shop_db");
    workspace.edit("shop.yml", "first page", "second page");
    workspace.edit(
      "shop.yml",
      "  old:\n    <<: *sleeper\n    deploy: { update_config: { monitor: 1s } }\n",
      "",
    );
    expect(plannedChanges(workspace)).toEqual([
      expect.stringMatching(/^delete Service shop-old/),
      "replace Config shop-page: Name, Text",
      "update Service shop-web: Configs",
    ]);
    workspace.succeed("stack.sh", "up");
    const configs = engine.docker("config", "ls", "--format", "{{.Name}}").split("\n");
    expect(configs).toEqual([expect.stringMatching(/^shop_page-/)]);
    expect(configs).not.toEqual([config]);
    expect(engine.docker("service", "ls", "--format", "{{.Name}}").split("\n").sort()).toEqual([
      "shop_db",
      "shop_migrate",
      "shop_web",
    ]);
    expect(runningTasks(engine, "shop_db")).toEqual(before);
    expect(plannedChanges(workspace)).toEqual([]);
  }, 240_000);

  test("fails with the task, the reason and the cure, and the next preview shows that it is not done", () => {
    workspace.edit("shop.yml", "sleep 1; echo", "echo no such table; exit 3; echo");
    const up = workspace.tool("stack.sh", "up");
    expect(up.code).not.toBe(0);
    expect(up.output).toContain(
      "Service shop_migrate did not roll out: its task failed, and is not to be tried again",
    );
    expect(up.output).toContain("no such table");
    expect(up.output).toContain("What needs shop-migrate was left as it is, because shop-migrate failed.");
    expect(plannedChanges(workspace)).toEqual([
      expect.stringMatching(/^update Service shop-migrate: JobStatus/),
    ]);
  }, 240_000);

  test("goes without a trace but for its volume", () => {
    const destroy = workspace.succeed("stack.sh", "destroy");
    expect(stackObjects(engine)).toEqual([]);
    expect(engine.docker("volume", "ls", "--format", "{{.Name}}")).toBe("shop_data");
    expect(destroy.output).not.toMatch(/warning|error/i);
  }, 240_000);
});
