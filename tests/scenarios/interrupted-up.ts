import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { killAtOnce, Moment, runUntil } from "../support/moment";
import type { Select } from "../support/scenario";
import { expectSettled } from "../support/settled";
import { deployedObjects } from "../support/swarm-objects";
import { Running, Workspace } from "../support/workspace";

const MINUTES = 60_000;

const PROGRAM = `
  const build = { context: "tool", dockerfile: "tool/Dockerfile" };
  const built = await buildImage("tool", build);
  const conf = new SwarmConfig("conf", { environment, content: "old" }, onSwarm);
  service("web", { image: built, replicas: 2, update: { monitor: 4 }, configs: [{ config: conf, path: "/etc/web.conf" }] });
  service("worker", { secrets: [{ name: "token", content: "hush", path: "/run/secrets/token" }] });`;
const CHANGED = PROGRAM.replace('"old"', '"new"');
const OBJECTS = [
  /^config dev_conf-[0-9a-f]{12}$/,
  /^image tool:[0-9a-f]{12}$/,
  "network dev_network",
  /^secret dev_worker-token-[0-9a-f]{12}$/,
  "service dev_web 2/2",
  "service dev_worker 1/1",
];
const SLOW_BUILD = "RUN sleep 3.1415";

interface Kill {
  readonly name: string;
  readonly when: Moment;
  /** The Pulumi CLI alone, or all that runs in the project's folder: make's script, plugins, hooks. */
  readonly what: "cli" | "all";
  /** deploy: the first up. change: another content of the config. destroy: of all of it. */
  readonly during: "deploy" | "change" | "destroy";
  /** What is run then, after a preview. @default up */
  readonly then?: "up" | "destroy";
}

const KILLS: readonly Kill[] = [
  { name: "between the services", when: { event: /service create dev_w/ }, what: "all", during: "deploy" },
  {
    name: "before anything is made",
    when: { output: /Stack swarm-platform-dev creating/ },
    what: "cli",
    during: "deploy",
  },
  { name: "while the swarm is made", when: { process: /^docker swarm init/ }, what: "cli", during: "deploy" },
  { name: "while the swarm is made", when: { process: /^docker swarm init/ }, what: "all", during: "deploy" },
  { name: "while an image is built", when: { process: /^sleep 3.1415/ }, what: "cli", during: "deploy" },
  {
    name: "when the network is there",
    when: { event: /network create dev_network/ },
    what: "cli",
    during: "deploy",
  },
  {
    name: "when the secret is there",
    when: { event: /secret create dev_worker-token/ },
    what: "cli",
    during: "deploy",
  },
  {
    name: "when the config is there",
    when: { event: /config create dev_conf/ },
    what: "all",
    during: "deploy",
  },
  {
    name: "while the gate waits",
    when: { output: /Service web creating.* tasks ready/ },
    what: "cli",
    during: "deploy",
  },
  {
    name: "while the state is compared with the swarm",
    when: { output: /ServiceConfig conf refresh \(/ },
    what: "cli",
    during: "change",
  },
  {
    name: "when the new config is there",
    when: { event: /config create dev_conf/ },
    what: "cli",
    during: "change",
  },
  {
    name: "when the service has got the new config",
    when: { event: /service update dev_web/ },
    what: "all",
    during: "change",
  },
  {
    name: "when the old config has gone",
    when: { event: /config remove dev_conf/ },
    what: "cli",
    during: "change",
  },
  {
    name: "when a service has gone",
    when: { event: /service remove dev_w/ },
    what: "all",
    during: "destroy",
    then: "destroy",
  },
  {
    name: "when the network has gone",
    when: { event: /network remove dev_network/ },
    what: "all",
    during: "destroy",
  },
  {
    name: "while the swarm is left",
    when: { process: /swarm-leave\.sh/ },
    what: "all",
    during: "destroy",
    then: "destroy",
  },
];

const GATE_WAITS: Moment = { output: /Service slow creating.* tasks ready/ };
const SLOW = `service("slow", { update: { monitor: 10 } });`;
const NEVER_READY = `
  service("slow", { healthcheck: { test: ["CMD", "false"], interval: 1, startPeriod: 300 } });`;

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";

/** How long an operation may take to end after a signal, in ms. */
const SIGNAL_TIME = 15_000;

/** As before the first `up`. */
function removeAll(engine: Engine, workspace: Workspace): void {
  workspace.succeed("stack.sh", "destroy");
  const images = engine.docker("image", "ls", "--quiet", "tool");
  if (images !== "") engine.docker("image", "rm", "--force", ...images.split("\n"));
}

/** A first `up` of a program, up to where its service is waited for. */
async function startSlow(program: string, engine: Engine, workspace: Workspace): Promise<Running> {
  removeAll(engine, workspace);
  workspace.program(program);
  return runUntil(GATE_WAITS, "up", workspace, engine);
}

/** The next `up` finishes the work. */
function expectSlow(engine: Engine, workspace: Workspace): void {
  workspace.program(SLOW);
  workspace.succeed("stack.sh", "up");
  expectSettled(workspace, engine, ["network dev_network", "service dev_slow 1/1"]);
}

interface Case {
  readonly name: string;
  readonly run: (engine: Engine, workspace: Workspace) => void | Promise<void>;
}

const AT_ONCE: readonly Case[] = [
  {
    name: "a second up refuses, and the first is not disturbed",
    run: async (engine, workspace) => {
      const operation = await startSlow(SLOW, engine, workspace);
      for (const second of ["up", "destroy", "preview"]) {
        const { code, output } = workspace.tool("stack.sh", second);
        expect({ code, output }).toEqual({
          code: 1,
          output: expect.stringMatching(
            new RegExp(
              `^stack dev: make up is at work on it \\(pid ${operation.child.pid}, since ${TIME}\\). ` +
                "Wait until it has ended, or end it. Nothing was changed.\n$",
            ),
          ) as string,
        });
      }
      expect(await operation.ended).toMatchObject({ code: 0 });
      expectSlow(engine, workspace);
    },
  },
  {
    name: "an up whose make was killed goes on, and is not disturbed either",
    run: async (engine, workspace) => {
      const operation = await startSlow(SLOW, engine, workspace);
      operation.child.kill("SIGKILL");
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).toBe(1);
      const [, pid] = new RegExp(
        `^stack dev: "pulumi up .*" is at work on it \\(pid (\\d+), since ${TIME}\\). ` +
          "Wait until it has ended, or end it: kill -INT \\1. Nothing was changed.\n$",
      ).exec(output) as RegExpExecArray;
      await operation.ended;
      while (fs.existsSync(`/proc/${pid}`)) await sleep(100);
      expectSlow(engine, workspace);
    },
  },
  {
    name: "a lock of another machine holds until it is taken away",
    run: (engine, workspace) => {
      const locks = path.join(workspace.folder, ".state/.pulumi/locks/organization/swarm-platform/dev");
      fs.mkdirSync(locks, { recursive: true });
      const timestamp = "2026-01-02T10:00:00.123456789Z";
      const lock = { pid: 1, username: "deployer", hostname: "other", timestamp };
      fs.writeFileSync(path.join(locks, "one.json"), JSON.stringify(lock));
      expect(workspace.tool("stack.sh", "up")).toMatchObject({
        code: 1,
        output:
          "stack dev: deployer@other is at work on it (pid 1, since 2026-01-02T10:00:00Z). " +
          "Wait, or if that has ended: pulumi cancel --stack dev. Nothing was changed.\n",
      });
      expect(workspace.pulumi("cancel", "--yes")).toMatchObject({ code: 0 });
      expectSlow(engine, workspace);
    },
  },
];

interface Signal {
  readonly name: string;
  readonly send: (stackSh: number) => void;
  readonly program: string;
  /** What the next `up` of the same says. @default it succeeds */
  readonly thenSays?: string;
}

const SIGNALS: readonly Signal[] = [
  { name: "Ctrl-C", send: (pid) => process.kill(-pid, "SIGINT"), program: SLOW },
  {
    name: "Ctrl-C while a rollout is stuck",
    send: (pid) => process.kill(-pid, "SIGINT"),
    program: NEVER_READY,
    thenSays: "Service dev_slow did not roll out: not ready after 30 s",
  },
  { name: "SIGTERM to make's script alone", send: (pid) => process.kill(pid, "SIGTERM"), program: SLOW },
  { name: "SIGTERM to all", send: (pid) => process.kill(-pid, "SIGTERM"), program: SLOW },
];

const signalCase = ({ name, send, program, thenSays }: Signal): Case => ({
  name,
  run: async (engine, workspace) => {
    const operation = await startSlow(program, engine, workspace);
    const sent = Date.now();
    send(operation.child.pid ?? NaN);
    const { code, output } = await operation.ended;
    expect(Date.now() - sent).toBeLessThan(SIGNAL_TIME);
    expect(code).toBe(130);
    expect(output).toContain("stack dev: up was interrupted. What it did is kept; run it again.");
    if (thenSays !== undefined) {
      const again = workspace.tool("stack.sh", "up");
      expect(again).toMatchObject({ code: 1, output: expect.stringContaining(thenSays) as string });
    }
    expectSlow(engine, workspace);
  },
});

/** However an operation ends before its time: the next one finishes the work, with nothing doubled or left over. */
export function interruptedUp(engineName: string, select: Select): void {
  describeWithEngines("an operation that does not come to its end", () => {
    let engine: Engine;
    let workspace: Workspace;

    beforeAll(() => {
      engine = startEngine(engineName);
      workspace = new Workspace(engineName, engine, "dev", { rolloutTimeoutSeconds: 30 });
    }, MINUTES);
    afterAll(() => engine?.stop(), MINUTES);

    const dockerfile = (line = ""): void => {
      const folder = path.join(workspace.folder, "tool");
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, "Dockerfile"), `FROM busybox:1.35\n${line}\n`);
    };
    /** The stack as it is before the operation that is killed. */
    const prepare = (during: Kill["during"], when: Moment): void => {
      workspace.program(PROGRAM);
      dockerfile(when.process?.source.includes("sleep") ? SLOW_BUILD : "");
      if (during !== "deploy") {
        workspace.succeed("stack.sh", "up");
        if (during === "change") workspace.program(CHANGED);
        return;
      }
      removeAll(engine, workspace);
    };

    test.each(select(KILLS))(
      "$during killed ($what) $name",
      async ({ when, what, during, then = "up" }) => {
        prepare(during, when);
        const operation = await runUntil(when, during === "destroy" ? "destroy" : "up", workspace, engine);
        killAtOnce(what, workspace);
        expect((await operation.ended).code).not.toBe(0);

        const before = workspace.stateFile();
        workspace.succeed("stack.sh", "preview");
        expect(workspace.stateFile()).toBe(before);

        workspace.succeed("stack.sh", then);
        if (then === "up") expectSettled(workspace, engine, OBJECTS);
        else expect(deployedObjects(engine)).toEqual([]);
      },
      4 * MINUTES,
    );

    test.each(select([...AT_ONCE, ...SIGNALS.map(signalCase)]))(
      "$name",
      ({ run }) => run(engine, workspace),
      4 * MINUTES,
    );
  });
}
