import * as path from "node:path";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { plannedChanges, runningTasks, writeFiles } from "../support/stack-files";
import { Workspace } from "../support/workspace";

const FILE = `version: "3.8"
services:
  web:
    image: busybox:1.35
    command: sleep 3600
    init: true
    environment: { LOG: info }
    configs: [page]
    secrets: [{ source: password, mode: 0400 }]
    volumes: ["data:/data", "/tmp:/host:ro"]
    healthcheck: { test: ["CMD", "true"], interval: 1s }
    deploy: { replicas: 2, endpoint_mode: dnsrr, update_config: { monitor: 1s } }
  other:
    image: busybox:1.35
    command: sleep 3600
    init: true
    networks: { default: { aliases: [another] } }
    deploy: { restart_policy: { condition: on-failure }, resources: { limits: { cpus: "0.5", memory: 32M } } }
volumes: { data: {} }
configs: { page: { file: page.txt } }
secrets: { password: { file: password.txt } }
`;
const SERVICES = ["site_other", "site_web"];

describeWithEngines("make adopt", () => {
  let engine: LocalEngine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("adopt");
    engine.docker("swarm", "init", "--advertise-addr", engine.address);
    workspace = new Workspace("adopt", engine, "dev");
    writeFiles(workspace, { "site.yml": FILE, "page.txt": "a page\n", "password.txt": "a secret\n" });
    deploy();
    workspace.succeed("stack.sh", "init");
  }, 120_000);

  afterAll(() => engine.stop(), 60_000);

  function deploy(): void {
    engine.docker("stack", "deploy", "--compose-file", path.join(workspace.folder, "site.yml"), "site");
  }

  test("takes a running stack over as it is: no task is restarted, nothing is to change", () => {
    const before = runningTasks(engine, ...SERVICES);
    const adopt = workspace.succeed("stack.sh", "adopt", "site", "site.yml");
    expect(adopt.output).toContain("site is taken over; nothing of it was changed.");
    expect(runningTasks(engine, ...SERVICES)).toEqual(before);
    expect(plannedChanges(workspace)).toEqual([]);
    workspace.succeed("stack.sh", "up");
    expect(runningTasks(engine, ...SERVICES)).toEqual(before);
  }, 240_000);

  test("the next up changes what the file has changed, and that alone", () => {
    const before = runningTasks(engine, ...SERVICES);
    workspace.edit("site.yml", "LOG: info", "LOG: debug");
    expect(plannedChanges(workspace)).toEqual(["update Service site-web: Env"]);
    workspace.succeed("stack.sh", "up");
    const after = runningTasks(engine, ...SERVICES);
    expect(after.site_other).toEqual(before.site_other);
    expect(after.site_web).not.toEqual(before.site_web);
    expect(engine.docker("config", "ls", "--format", "{{.Name}}")).toBe("site_page");
  }, 240_000);

  test("the way back works: docker stack deploy finds nothing that it would restart", () => {
    const before = runningTasks(engine, ...SERVICES);
    deploy();
    expect(runningTasks(engine, ...SERVICES)).toEqual(before);
    expect(plannedChanges(workspace)).toEqual([]);
  }, 240_000);
});
