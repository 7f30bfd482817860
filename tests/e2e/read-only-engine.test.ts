import { ChildProcess, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describeWithEngines, LocalEngine, startEngine, WORK } from "../support/engine";
import { PROJECT_DIR } from "../support/project";
import { readOnly } from "../support/read-only";
import { sshLogin, whyNoSsh } from "../support/ssh";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;
const TOOL = path.join(PROJECT_DIR, "tools/read-only-engine.mjs");

const PROGRAM = `
  service("web", {
    env: { GREETING: "hello" },
    configs: [{ name: "conf", content: "one", path: "/etc/web.conf" }],
    secrets: [{ name: "token", content: pulumi.secret("hunter2"), path: "/run/secrets/token" }],
  });
  service("data", { stateful: true, mounts: [{ type: "volume", source: "dev_data", target: "/data" }] });`;

/** What a preview shows, without the time that it took; resources come in the order in which they were read. */
const shown = ({ stdout }: Result): string[] =>
  stdout
    .replace(/^ *Duration:.*$/m, "")
    .split("\n")
    // Told of time alone.
    .filter((line) => !line.startsWith("@ previewing"))
    .sort();

const steps = (workspace: Workspace): string[] =>
  workspace
    .preview()
    .map(({ op, resource }) => `${op} ${resource}`)
    .sort();

/** All services with everything that is declared of them. */
const services = (engine: LocalEngine): string =>
  engine.docker("service", "inspect", ...engine.docker("service", "ls", "--quiet").split("\n"));

describeWithEngines("a read-only way to the engine", () => {
  const login = whyNoSsh() === undefined ? sshLogin("read-only") : undefined;
  let engine: LocalEngine;
  let workspace: Workspace;
  let proxy: ChildProcess | undefined;
  /** What could not be done through it, and is still to be done. */
  let due: string[];
  const socket = path.join(WORK, "read-only.sock");
  const through = { DOCKER_HOST: `unix://${socket}` };

  beforeAll(async () => {
    engine = startEngine("read-only", ...(login === undefined ? [] : [login.sshd]));
    proxy = await readOnly(engine, socket);
    workspace = new Workspace("read-only", engine, "dev");
    workspace.program(PROGRAM);
    workspace.succeed("stack.sh", "up");
  }, 3 * MINUTES);
  afterAll(() => {
    proxy?.kill();
    engine.stop();
  });

  test(
    "a preview shows the same: nothing, and drift beside a change of the program",
    () => {
      const same = workspace.with(through).succeed("stack.sh", "preview");
      expect(shown(same)).toEqual(shown(workspace.succeed("stack.sh", "preview")));
      expect(same.stdout).toMatch(/Resources:\n +\d+ unchanged/);

      engine.docker(
        "service",
        "update",
        "--detach",
        "--env-add",
        "GREETING=hi",
        "--limit-memory",
        "24M",
        "dev_web",
      );
      workspace.edit("index.ts", '"one"', '"two"');
      const changed = workspace.with(through).succeed("stack.sh", "preview");
      expect(changed.stdout).toContain("GREETING");
      expect(changed.stdout).toContain("memoryBytes");
      expect(changed.stdout).toContain("conf");
      expect(shown(changed)).toEqual(shown(workspace.succeed("stack.sh", "preview")));
    },
    2 * MINUTES,
  );

  test(
    "an up changes nothing, and fails with a sentence",
    () => {
      const before = services(engine);
      const { code, output } = workspace.with(through).tool("stack.sh", "up");
      expect(code).toBe(1);
      expect(output).toMatch(
        /this is a read-only way to the engine, for previews alone: POST \S+ would change something/,
      );
      expect(services(engine)).toBe(before);
      expect(engine.docker("config", "ls", "--format", "{{.Name}}").split("\n")).toHaveLength(1);
      due = steps(workspace);
      expect(due).toContain("update docker:index/service:Service web");
    },
    2 * MINUTES,
  );

  test(
    "a login with such a forced command sees the swarm, and can't change it",
    () => {
      if (login === undefined) return console.log(`skipped: ${whyNoSsh()}`);
      const keys = login.sshd.replace("--sshd=", "");
      const upstream = new URL(engine.host).pathname;
      const forced = `command="${process.execPath} ${TOOL} stdio --namespace dev --engine ${upstream}",restrict`;
      const key = fs.readFileSync(keys, "utf8");
      fs.writeFileSync(keys, `${forced} ${key}`);
      const docker = (...args: string[]): string => {
        const env = { ...process.env, ...login.env, DOCKER_HOST: `ssh://root@${engine.address}` };
        return execFileSync("docker", args, { encoding: "utf8", env, stdio: "pipe" }).trim();
      };
      expect(docker("service", "ls", "--format", "{{.Name}}").split("\n").sort()).toEqual([
        "dev_data",
        "dev_web",
      ]);
      expect(() => docker("service", "rm", "dev_web")).toThrow(
        /read-only way to the engine.*DELETE \S+dev_web would change/,
      );
      expect(() => docker("run", "busybox:1.35", "true")).toThrow(/POST \S+ would change something/);
      expect(docker("swarm", "join-token", "--quiet", "worker")).toBe("");
      const shell = ["-o", "BatchMode=yes", `root@${engine.address}`, "id"];
      expect(() =>
        execFileSync("ssh", shell, { env: { ...process.env, ...login.env }, stdio: "pipe" }),
      ).toThrow(/this login serves "docker system dial-stdio" alone/);
      expect(engine.docker("service", "ls", "--quiet").split("\n")).toHaveLength(2);
    },
    MINUTES,
  );

  test(
    "a state that was moved to another backend tells the same",
    () => {
      // As docs/continuous-delivery.md says.
      const there = path.join(WORK, "moved-state");
      fs.rmSync(there, { recursive: true, force: true });
      fs.mkdirSync(there);
      const moved = workspace.with({
        PULUMI_BACKEND_URL: `file://${there}`,
        PULUMI_CONFIG_PASSPHRASE_FILE: path.join(workspace.folder, ".state/passphrase"),
      });
      const state = path.join(WORK, "state.json");
      const done = (result: Result): void => expect([result.code, result.output]).toEqual([0, result.output]);
      done(workspace.pulumi("stack", "export", "--file", state));
      expect(fs.readFileSync(state, "utf8")).not.toContain("hunter2");
      done(moved.pulumi("stack", "init", "--no-select"));
      done(moved.pulumi("stack", "import", "--file", state));
      fs.renameSync(path.join(workspace.folder, ".state/.pulumi"), path.join(workspace.folder, ".state/old"));
      expect(steps(moved)).toEqual(due);
    },
    2 * MINUTES,
  );
});
