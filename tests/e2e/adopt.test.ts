import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { renderMeasured, underLoad } from "../support/load";
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
  page:
    image: busybox:1.35
    command: ["sh", "-c", "echo a served page >index.html && exec httpd -f -p 8080"]
    init: true
    ports: [{ target: 8080, published: 8080, mode: host }]
    deploy: { endpoint_mode: dnsrr }
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
const SERVICES = ["site_other", "site_page", "site_web"];
/** Requests a second. */
const RATE = 50;

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

  test("takes a running stack over as it is: no request is lost, no task restarted, nothing is to change", async () => {
    const before = runningTasks(engine, ...SERVICES);
    // Its task may have begun a moment ago.
    const url = `http://${engine.address}:8080/index.html`;
    const answers = (): Promise<boolean> =>
      fetch(url).then(
        ({ ok }) => ok,
        () => false,
      );
    for (let tries = 0; tries < 100 && !(await answers()); tries++) await sleep(200);
    const target = { url, expect: "a served page" };
    const measured = await underLoad([target], RATE, () => {
      const adopt = workspace.succeed("stack.sh", "adopt", "site", "site.yml");
      expect(adopt.output).toContain("site is taken over; nothing of it was changed.");
      expect(runningTasks(engine, ...SERVICES)).toEqual(before);
      expect(plannedChanges(workspace)).toEqual([]);
      workspace.succeed("stack.sh", "up");
    });
    console.log(renderMeasured(new Map([["make adopt and make up", measured]])));
    expect(measured).toMatchObject({ lost: 0, faults: {} });
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
