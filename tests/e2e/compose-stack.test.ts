import * as fs from "node:fs";
import * as path from "node:path";
import type { Report } from "../../review/report";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { plannedChanges, runningTasks, stacksOnly, writeFiles } from "../support/stack-files";
import { deployedObjects } from "../support/swarm-objects";
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
    workspace.policies(`
development: [dev]
levels: { memory-limit: "off", health-check: advisory }
waivers: [{ rule: plain-secrets, service: shop/web, reason: to see it hidden }]
`);
    workspace.succeed("stack.sh", "init");
  }, 120_000);

  afterAll(() => engine.stop(), 60_000);

  /** What a report says, which has no secret in it. */
  function report(...args: string[]): Report {
    const { code, output } = workspace.tool("report.sh", ...args);
    if (code === 1) throw new Error(output);
    const file = path.join(workspace.folder, ".reports/dev/report.json");
    const text = fs.readFileSync(file, "utf8");
    expect(text).not.toMatch(/first-secret|hunter2/);
    return JSON.parse(text) as Report;
  }

  test("is deployed in the order of depends_on, jobs to their end, and then nothing is to change", () => {
    const up = workspace.succeed("stack.sh", "up");
    const at = (text: string): number => up.output.indexOf(text);
    expect(at("shop-db created")).toBeLessThan(at("shop-migrate creating"));
    expect(at("shop-migrate created")).toBeLessThan(at("shop-web creating"));
    expect(deployedObjects(engine)).toEqual([
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
    const { drift, policies, verdict } = report();
    expect({ verdict, drift }).toEqual({
      verdict: "changes",
      drift: [
        { where: "shop/old", field: "memory limit", recorded: "none", found: "64 MiB" },
        { where: "shop/web", field: "replicas", recorded: "2", found: "1" },
        { where: "shop/web", field: "env LOG", recorded: "info", found: "hand" },
      ],
    });
    const asked = policies.filter(({ rule }) => /plain|health/.test(rule));
    expect(asked.map(({ rule, service, waived }) => `${rule} ${service} ${waived}`).sort()).toEqual([
      "health-check shop/db undefined",
      "health-check shop/old undefined",
      "health-check shop/web undefined",
      "plain-secrets shop/web to see it hidden",
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
    const told = {
      verdict: "changes",
      services: [
        { name: "shop/old", operation: "delete" },
        {
          name: "shop/web",
          operation: "update",
          tasks: "restarts 2 tasks, one by one, new before old",
          changes: [{ field: "config /page", to: "+1 -1 lines", cause: "wanted" }],
          texts: [{ name: "shop/page", diff: ["-first page", "+second page"] }],
        },
      ],
      other: [],
      dangers: [],
      drift: [],
    };
    expect(report()).toMatchObject({ ...told, basis: "live" });
    expect(report("--basis", "recorded")).toMatchObject({ ...told, basis: "recorded" });
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

  test("gives ports to other services in one go: of one that left the file, and of one that has another now", () => {
    const publishing = (name: string, ...ports: number[]): string => {
      const list = ports.map((port) => `{ target: ${port}, published: ${port}, mode: host }`).join(", ");
      return `  ${name}:\n    <<: *sleeper\n    ports: [${list}]\n    deploy: { update_config: { monitor: 1s } }\n`;
    };
    const before = publishing("gate", 8100) + publishing("side", 8101);
    const after = publishing("door", 8100, 8101) + publishing("side", 8102);
    workspace.edit("shop.yml", "networks: { back", `${before}networks: { back`);
    workspace.succeed("stack.sh", "up");
    workspace.edit("shop.yml", before, after);
    const takenOver = "shop_door takes over port 8100/tcp of shop_gate, which is removed before.";
    expect(workspace.pulumi("preview").output).toContain(takenOver);
    workspace.succeed("stack.sh", "up");
    const services = engine.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").split("\n").sort();
    expect(services).toEqual(expect.arrayContaining(["shop_door 1/1", "shop_side 1/1"]) as readonly string[]);
    expect(services.join()).not.toContain("shop_gate");
    workspace.edit("shop.yml", after, "");
    workspace.succeed("stack.sh", "up");
    expect(plannedChanges(workspace)).toEqual([]);
  }, 240_000);

  test("is held to the policies, and what a network's change means is told as dangerous", () => {
    const before = runningTasks(engine, "shop_db", "shop_web");
    workspace.edit(
      "shop.yml",
      "networks: [default, back]",
      "networks: [default, back]\n    volumes: [/var/run/docker.sock:/s]",
    );
    const up = workspace.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policy");
    expect(up.code).not.toBe(0);
    expect(up.output).toContain("shop/web: mount of /var/run/docker.sock; allowed: for no service;");
    workspace.edit("shop.yml", "\n    volumes: [/var/run/docker.sock:/s]", "");

    workspace.edit("shop.yml", "attachable: true", "attachable: false");
    const { services, dangers, verdict } = report();
    expect(verdict).toBe("dangerous");
    expect(services).toMatchObject([{ name: "shop/web", operation: "replace", interrupts: true }]);
    expect(dangers).toEqual([
      {
        where: "network shop/back",
        message: "is replaced, because Swarm can't change one: shop/web is removed and made anew with it",
      },
    ]);
    expect(report("--basis", "recorded")).toMatchObject({ services: [{ name: "shop/web" }], dangers });
    workspace.edit("shop.yml", "attachable: false", "attachable: true");
    expect(runningTasks(engine, "shop_db", "shop_web")).toEqual(before);
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
    expect(deployedObjects(engine)).toEqual([]);
    expect(engine.docker("volume", "ls", "--format", "{{.Name}}")).toBe("shop_data");
    expect(destroy.output).not.toMatch(/warning|error/i);
  }, 240_000);
});
