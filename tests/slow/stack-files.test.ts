import * as fs from "node:fs";
import * as path from "node:path";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { killAtOnce, Moment, runUntil } from "../support/moment";
import { startRegistry } from "../support/registry";
import { plannedChanges, stacksOnly, writeFiles } from "../support/stack-files";
import { deployedObjects } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

const FILE = `
services:
  web:
    image: busybox:1.35
    command: sleep 3600
    init: true
    configs: [{ source: page, target: /page }]
    secrets: [token]
    deploy: { replicas: 2, update_config: { monitor: 2s, order: start-first } }
  worker:
    image: busybox:1.35
    command: sleep 3600
    init: true
    depends_on: [web]
    deploy: { update_config: { monitor: 2s } }
configs: { page: { content: "old" } }
secrets: { token: { file: token.txt } }
`;
const OBJECTS = [
  /^config shop_page-[0-9a-f]{12}$/,
  "network shop_default",
  /^secret shop_token-[0-9a-f]{12}$/,
  "service shop_web 2/2",
  "service shop_worker 1/1",
].map((one) => (typeof one === "string" ? one : (expect.stringMatching(one) as string)));

interface Kill {
  readonly name: string;
  readonly when: Moment;
  readonly what: "cli" | "all";
}

const KILLS: readonly Kill[] = [
  { name: "when the network is there", when: { event: /network create shop_default/ }, what: "all" },
  { name: "when the secret is there", when: { event: /secret create shop_token/ }, what: "cli" },
  { name: "when a service is there", when: { event: /service create shop_web/ }, what: "all" },
  { name: "while the gate waits", when: { output: /Service shop-web creating.* tasks ready/ }, what: "cli" },
];
const KILLS_OF_A_CHANGE: readonly Kill[] = [
  { name: "when the new config is there", when: { event: /config create shop_page/ }, what: "cli" },
  { name: "when the service has the new config", when: { event: /service update shop_web/ }, what: "all" },
  { name: "when the old config has gone", when: { event: /config remove shop_page/ }, what: "cli" },
];

describeWithEngines("stack files", () => {
  let engine: LocalEngine;

  function start(stack: object, config: Readonly<Record<string, string>> = {}): Workspace {
    const workspace = new Workspace("stack-files", engine, "dev", {
      ...stacksOnly({ name: "shop", files: ["shop.yml"], ...stack }),
      ...config,
    });
    writeFiles(workspace, { "shop.yml": FILE, "token.txt": "hush" });
    workspace.succeed("stack.sh", "init");
    return workspace;
  }

  beforeEach(() => {
    engine = startEngine("stack-files");
    engine.docker("swarm", "init", "--advertise-addr", engine.address);
  }, MINUTES);
  afterEach(() => engine?.stop(), MINUTES);

  /** The next up finishes it: nothing is left to change, nothing is there twice. */
  function expectFinished(workspace: Workspace): void {
    workspace.succeed("stack.sh", "up");
    expect(deployedObjects(engine)).toEqual(OBJECTS);
    expect(plannedChanges(workspace)).toEqual([]);
    const { resources, pending_operations } = workspace.state();
    expect(pending_operations).toBeUndefined();
    const urns = resources.map(({ urn }) => urn);
    expect(urns).toEqual([...new Set(urns)]);
  }

  test.each(KILLS)(
    "a first up that is killed $name ($what) is finished by the next",
    async ({ when, what }) => {
      const workspace = start({});
      const running = await runUntil(when, "up", workspace, engine);
      killAtOnce(what, workspace);
      await running.ended;
      expectFinished(workspace);
    },
    5 * MINUTES,
  );

  test.each(KILLS_OF_A_CHANGE)(
    "a change that is killed $name ($what) is finished by the next",
    async ({ when, what }) => {
      const workspace = start({});
      workspace.succeed("stack.sh", "up");
      workspace.edit("shop.yml", '"old"', '"new"');
      const running = await runUntil(when, "up", workspace, engine);
      killAtOnce(what, workspace);
      await running.ended;
      expectFinished(workspace);
    },
    5 * MINUTES,
  );

  test(
    "what is built is pushed and run by digest; a tag stays what it was until somebody asks",
    async () => {
      const registry = await startRegistry(engine);
      const theirs = `${registry.address}/theirs:1`;
      engine.docker("pull", "busybox:1.35");
      engine.docker("tag", "busybox:1.35", theirs);
      engine.docker("push", theirs);
      const workspace = start({}, { registry: `${registry.address}/team` });
      const file = FILE.replace("image: busybox:1.35", "build: tool").replace(
        "image: busybox:1.35",
        `image: ${theirs}`,
      );
      fs.mkdirSync(path.join(workspace.folder, "tool"));
      writeFiles(workspace, {
        "shop.yml": file,
        "tool/Dockerfile": "FROM busybox:1.35\nRUN echo 1 >/content\n",
      });
      workspace.succeed("stack.sh", "up");
      const image = (service: string): string =>
        engine.docker(
          "service",
          "inspect",
          service,
          "--format",
          "{{.Spec.TaskTemplate.ContainerSpec.Image}}",
        );
      expect(image("shop_web")).toMatch(
        /^127\.0\.0\.1:5000\/team\/shop-web:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/,
      );
      const before = image("shop_worker");
      expect(before).toMatch(/^127\.0\.0\.1:5000\/theirs:1@sha256:[0-9a-f]{64}$/);

      engine.docker("commit", engine.docker("create", theirs, "true"), theirs);
      engine.docker("push", theirs);
      expect(plannedChanges(workspace)).toEqual([]);
      const asked = workspace.succeed("update-images.sh").output;
      expect(asked).toMatch(/theirs:1 +[0-9a-f]{12} +[0-9a-f]{12}\n/);
      expect(asked).toContain("1 newer, written into Pulumi.dev.yaml");
      expect(plannedChanges(workspace)).toEqual(["update Service shop-worker: Image"]);
      workspace.succeed("stack.sh", "up");
      expect(image("shop_worker")).not.toBe(before);
      expect(plannedChanges(workspace)).toEqual([]);
      expect(workspace.succeed("update-images.sh").output).toContain("nothing is newer.");

      writeFiles(workspace, { "tool/Dockerfile": "FROM busybox:1.35\nRUN echo 2 >/content\n" });
      workspace.succeed("stack.sh", "up");
      expect(registry.images().filter((one) => one.startsWith("team/shop-web:"))).toHaveLength(2);
    },
    8 * MINUTES,
  );

  test(
    "everyday commands know its services, and its data is copied and brought back",
    () => {
      const workspace = start({});
      const file = FILE.replace("configs: [{", "volumes: ['data:/data']\n    configs: [{").replace(
        "replicas: 2",
        "replicas: 1",
      );
      writeFiles(workspace, { "shop.yml": `${file}\nvolumes: { data: {} }\n` });
      const up = workspace.succeed("stack.sh", "up").output;
      expect(up).toMatch(/shop_web +1\/1 +busybox:1\.35/);
      expect(up).not.toContain("Try:");
      const write = (text: string): string =>
        engine.docker("run", "--rm", "--volume", "shop_data:/data", "busybox:1.35", "sh", "-c", text);
      write("echo precious >/data/file");
      const [, folder = ""] =
        /The backup is in (\S+);/.exec(workspace.succeed("stack.sh", "backup").output) ?? [];
      write("echo spoiled >/data/file");
      workspace.succeed("stack.sh", "restore", folder, "yes");
      expect(write("cat /data/file")).toBe("precious");
      expect(plannedChanges(workspace)).toEqual([]);
      expect(workspace.succeed("service.sh", "restart", "shop_worker").output).toContain("shop_worker");
      expect(workspace.succeed("stack.sh", "destroy").output).toMatch(/Kept volumes .*\n +shop_data/);
    },
    8 * MINUTES,
  );
});
