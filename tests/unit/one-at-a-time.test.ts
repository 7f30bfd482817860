import { ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { hostname } from "node:os";
import * as path from "node:path";
import { runTool, ToolRun } from "../support/fake-docker";
import { PROJECT_DIR } from "../support/project";
import { tempFolder } from "../support/temp";

const FOLDER = ".pulumi/locks/organization/swarm-platform/dev";
const HOME = "/home/of/pulumi";
const PLUGIN = `${HOME}/plugins/resource-docker-v5.2.0/pulumi-resource-docker`;
const started: ChildProcess[] = [];

/** A process that shows itself under another command line. */
function disguised(shown: string, script: string, folder = PROJECT_DIR): number {
  const child = spawn("bash", ["-c", script], { argv0: shown, cwd: folder, stdio: "ignore", detached: true });
  started.push(child);
  return child.pid ?? NaN;
}
afterEach(() => {
  for (const { pid } of started.splice(0)) {
    try {
      process.kill(-(pid ?? NaN), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
});

interface Lock {
  readonly pid: number;
  readonly hostname?: string;
}

interface Result extends ToolRun {
  /** Files that are left of the locks. */
  readonly locks: string[];
}

function run(...locks: Lock[]): Result {
  const folder = tempFolder(
    Object.fromEntries(
      locks.flatMap((lock, i) => {
        const content = {
          hostname: hostname(),
          username: "deployer",
          timestamp: "2026-01-02T10:00:00.5Z",
          ...lock,
        };
        const file = `${FOLDER}/${i}.json`;
        return [
          [file, JSON.stringify(content)],
          [`${file}.attrs`, "{}"],
        ];
      }),
    ),
  );
  const env = { PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_HOME: HOME };
  const result = runTool("one-at-a-time.mjs", [], {}, { env });
  const left = path.join(folder, FOLDER);
  return { ...result, locks: fs.existsSync(left) ? fs.readdirSync(left).sort() : [] };
}

const alive = (pid: number): boolean => {
  const state = fs.existsSync(`/proc/${pid}/stat`) ? fs.readFileSync(`/proc/${pid}/stat`, "utf8") : ") Z";
  return !/\) [ZX]/.test(state);
};
/** More than the largest number that a process can have. */
const GONE = 2 ** 23;

test("says nothing about a stack that nobody is at work on", () => {
  expect(run()).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

test("says nothing where the state is in no folder", () => {
  const env = { PULUMI_BACKEND_URL: "s3://states", PULUMI_HOME: HOME };
  expect(runTool("one-at-a-time.mjs", [], {}, { env })).toMatchObject({ code: 0, stderr: "" });
});

test("refuses while Pulumi runs, and says which process and since when", () => {
  const pid = disguised("pulumi", "sleep 60; :");
  const result = run({ pid });
  expect(result).toMatchObject({ code: 1, locks: ["0.json", "0.json.attrs"] });
  expect(result.stderr).toBe(
    `stack dev: "pulumi -c sleep 60; :" is at work on it (pid ${pid}, since 2026-01-02T10:00:00Z). ` +
      `Wait until it has ended, or end it: kill -INT ${pid}. Nothing was changed.\n`,
  );
  expect(alive(pid)).toBe(true);
});

test("refuses what another machine has locked, whatever runs under that number here", () => {
  const result = run({ pid: GONE, hostname: "other" });
  expect(result).toMatchObject({ code: 1, locks: ["0.json", "0.json.attrs"] });
  expect(result.stderr).toBe(
    `stack dev: deployer@other is at work on it (pid ${GONE}, since 2026-01-02T10:00:00Z). ` +
      "Wait, or if that has ended: pulumi cancel --stack dev. Nothing was changed.\n",
  );
});

test.each([
  ["is gone", GONE],
  ["is another program's number by now", process.pid],
])("removes the lock of a process that %s", (_what, pid) => {
  expect(run({ pid })).toMatchObject({
    code: 0,
    stderr: `stack dev: removed the lock of process ${pid}, which was killed (its operation began 2026-01-02T10:00:00Z).\n`,
    locks: [],
  });
});

test("removes metadata that was not written to its end", () => {
  const state = ".pulumi/stacks/swarm-platform/dev.json";
  const folder = tempFolder({ [state]: "{}", [`${state}.attrs`]: "", [`${state}.bak.attrs`]: "{}" });
  const env = { PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_HOME: HOME };
  expect(runTool("one-at-a-time.mjs", [], {}, { env })).toMatchObject({ code: 0, stderr: "" });
  expect(fs.readdirSync(path.join(folder, path.dirname(state))).sort()).toEqual([
    "dev.json",
    "dev.json.bak.attrs",
  ]);
});

test("of several locks, one that holds is enough", () => {
  const pid = disguised("pulumi", "sleep 60; :");
  expect(run({ pid: GONE }, { pid })).toMatchObject({
    code: 1,
    locks: expect.arrayContaining(["0.json"]) as string[],
  });
});

// Only there can a process's folder be seen.
(process.platform === "linux" ? describe : describe.skip)("plugins that outlived their CLI", () => {
  test("are ended in this folder, by force where need be", () => {
    const polite = disguised(PLUGIN, "sleep 60; :");
    const stubborn = disguised("pulumi-language-nodejs", "trap '' TERM; while :; do sleep 60; done");
    expect(run({ pid: GONE }).stderr).toMatch(
      /^stack dev: ended 2 processes of an operation that was killed\.\n/,
    );
    expect([polite, stubborn].map(alive)).toEqual([false, false]);
  });

  test("are left alone elsewhere, with a CLI, and under other names", () => {
    const left = [
      disguised(PLUGIN, "sleep 60; :", tempFolder()),
      disguised("pulumi", `exec -a ${PLUGIN} sleep 60 & wait`),
      disguised("/elsewhere/pulumi-resource-docker", "sleep 60; :"),
    ];
    expect(run()).toMatchObject({ code: 0, stderr: "" });
    expect(left.map(alive)).toEqual([true, true, true]);
  });
});
