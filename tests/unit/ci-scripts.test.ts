import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { FakeGitHub } from "../support/fake-github";
import { PROJECT_DIR } from "../support/project";
import { tempFolder } from "../support/temp";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of tools/ci with these variables alone, in a folder that has the stacks' files. */
function run(script: string, args: readonly string[], env: Readonly<Record<string, string>>): Ended {
  const { status, stdout, stderr } = spawnSync(path.join(PROJECT_DIR, "tools/ci", script), args, {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME, STACK: "dev", ...env },
  });
  return { code: status, stdout, stderr };
}

describe("the backend", () => {
  const require = (env: Record<string, string>, ...args: string[]): Ended =>
    run("require-backend.sh", args, env);
  const faults = ({ stderr }: Ended): string[] =>
    stderr.split("\n").filter((line) => line.startsWith("  - "));
  const PASSPHRASE = { PULUMI_CONFIG_PASSPHRASE: "x" };

  test("what is not set is told all at once, with where to set it", () => {
    const ended = require({}, "settings");
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/^The state of stack dev can't be used from here; nothing was changed\.\n/);
    expect(ended.stderr).toContain("docs/continuous-delivery.md tells which");
    expect(faults(ended)).toEqual([
      expect.stringContaining(
        "PULUMI_BACKEND_URL is not set; set it to the backend that all runners share, such as s3://",
      ),
      expect.stringContaining("PULUMI_CONFIG_PASSPHRASE is not set; set it to the passphrase of stack dev"),
    ]);
    // Before there is a Pulumi to ask with.
    expect(faults(require({}, "reach"))).toHaveLength(2);
  });

  test("a folder is no backend on a runner, and elsewhere it is", () => {
    const folder = { ...PASSPHRASE, PULUMI_BACKEND_URL: "file:///mnt/state" };
    expect(require(folder, "settings")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(faults(require({ ...folder, GITHUB_ACTIONS: "true" }, "settings"))).toEqual([
      "  - PULUMI_BACKEND_URL = file:///mnt/state is a folder of this runner, which is gone with it; set it to the backend that all runners share, such as s3://bucket",
    ]);
  });

  test("Pulumi's own service needs a token, and the password of a database is not shown", () => {
    const cloud = { ...PASSPHRASE, PULUMI_BACKEND_URL: "https://api.pulumi.com" };
    expect(faults(require(cloud, "settings"))).toEqual([
      expect.stringContaining("PULUMI_ACCESS_TOKEN is not set"),
    ]);
    const database = {
      ...PASSPHRASE,
      PULUMI_BACKEND_URL: "postgres://me:hunter2@127.0.0.1:1/state?connect_timeout=1",
    };
    const ended = require(database, "reach");
    expect(faults(ended)[0]).toMatch(
      /^ {2}- PULUMI_BACKEND_URL = postgres:\/\/\[secret\]@127\.0\.0\.1:1\/state\S* does not answer: /,
    );
    expect(ended.stderr).not.toContain("hunter2");
  });

  test("one that is there is reached, one that is not is told with the reason", () => {
    const there = { ...PASSPHRASE, PULUMI_BACKEND_URL: `file://${tempFolder()}` };
    expect(require(there, "reach")).toEqual({ code: 0, stdout: "", stderr: "" });
    const gone = require({ ...PASSPHRASE, PULUMI_BACKEND_URL: "file:///nowhere" }, "reach");
    expect(faults(gone)).toEqual([
      expect.stringMatching(
        /PULUMI_BACKEND_URL = file:\/\/\/nowhere does not answer: .*no such file or directory; see its address/,
      ),
    ]);
  });
});

describe("the login to the engines", () => {
  const home = (): Record<string, string> => ({ HOME: tempFolder() });
  const login = (env: Record<string, string>): Ended => run("engine-login.sh", [], env);

  test("nothing is asked for where no engine is reached by ssh", () => {
    expect(login({ ...home(), DOCKER_HOST: "unix:///var/run/docker.sock" })).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(login(home())).toMatchObject({ code: 0 });
  });

  test("what is not set, or is no key, is told", () => {
    // Pulumi.prod.yaml names its managers by ssh.
    const { code, stderr } = login({ ...home(), STACK: "prod" });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/SSH_PRIVATE_KEY is not set.*SSH_KNOWN_HOSTS is not set/s),
    ]);
    const bad = login({
      ...home(),
      DOCKER_HOST: "ssh://n1",
      SSH_PRIVATE_KEY: "hunter2",
      SSH_KNOWN_HOSTS: "n1 x",
    });
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(
      /SSH_PRIVATE_KEY can't be used: .*; allowed: a private key without a passphrase/,
    );
    expect(bad.stderr).not.toContain("hunter2");
  });

  test("the key goes into an agent that the job's other steps find, and not to the disk", () => {
    const folder = tempFolder({ env: "" });
    execFileSync("ssh-keygen", [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-C",
      "of-the-test",
      "-f",
      path.join(folder, "key"),
    ]);
    const SSH_PRIVATE_KEY = fs.readFileSync(path.join(folder, "key"), "utf8").trim();
    const env = {
      HOME: folder,
      DOCKER_HOST: "ssh://n1",
      SSH_PRIVATE_KEY,
      SSH_KNOWN_HOSTS: "n1 ssh-ed25519 AAAA",
    };
    expect(login({ ...env, GITHUB_ENV: path.join(folder, "env") })).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    const written = fs.readFileSync(path.join(folder, "env"), "utf8");
    const [, SSH_AUTH_SOCK = "", pid] = /^SSH_AUTH_SOCK=(.+)\nSSH_AGENT_PID=(\d+)\n$/.exec(written) ?? [];
    const agent = { encoding: "utf8", env: { ...process.env, SSH_AUTH_SOCK } } as const;
    expect(execFileSync("ssh-add", ["-l"], agent)).toContain("of-the-test");
    expect(fs.readdirSync(path.join(folder, ".ssh"))).toEqual(["known_hosts"]);
    process.kill(Number(pid));
  });
});

describe("consent to dangerous changes", () => {
  const COMMIT = "0123456789abcdef0123456789abcdef01234567";
  let github: FakeGitHub;
  beforeEach(async () => {
    github = new FakeGitHub();
    await github.listen();
  });
  afterEach(() => github.close());
  const consent = (verdict: string, env: Record<string, string> = {}): ReturnType<FakeGitHub["run"]> =>
    github.run("consent.mjs", [verdict, COMMIT], { STACK: "prod", ...env });

  test("is not asked for where nothing is", async () => {
    expect(await consent("changes")).toEqual({ code: 0, stdout: "allow=\n", stderr: "" });
    expect((await consent("none")).stdout).toBe("allow=\n");
    expect(github.requests).toEqual([]);
  });

  test("is given by hand, or by the label on the pull request that brought the commit", async () => {
    expect(await consent("dangerous", { ALLOW_DANGEROUS: "1" })).toMatchObject({
      code: 0,
      stdout: "allow=1\n",
    });
    github.pulls.set(COMMIT, [
      { merged_at: "2026-01-01T00:00:00Z", labels: [{ name: "bug" }] },
      { merged_at: "2026-01-01T00:00:00Z", labels: [{ name: "allow-dangerous" }] },
    ]);
    expect(await consent("dangerous")).toMatchObject({ code: 0, stdout: "allow=1\n" });
  });

  test("is refused else, with what to do", async () => {
    // One that was not merged has brought nothing.
    github.pulls.set(COMMIT, [{ merged_at: null, labels: [{ name: "allow-dangerous" }] }]);
    expect(await consent("dangerous")).toEqual({
      code: 1,
      stdout: "",
      stderr: `What would change in stack prod is dangerous: see the summary. Nothing was changed.
  With consent: put the label allow-dangerous on the merged pull request and run this job again, or run the workflow deploy by hand with allow-dangerous.
`,
    });
    expect((await consent("failed")).code).toBe(1);
  });
});

describe("the report of a workflow", () => {
  /** A project whose report says this. */
  const report = (exit: number): { ended: Ended; output: string; summary: string } => {
    const folder = tempFolder({
      "tools/report.sh": `#!/bin/sh\nmkdir -p .reports/prod\necho "report: $*" >.reports/prod/report.md\nexit ${exit}\n`,
      ".reports/prod/stale": "",
      output: "",
      summary: "",
    });
    fs.mkdirSync(path.join(folder, "tools/ci"));
    fs.copyFileSync(path.join(PROJECT_DIR, "tools/ci/report.sh"), path.join(folder, "tools/ci/report.sh"));
    fs.chmodSync(path.join(folder, "tools/report.sh"), 0o755);
    const env = {
      GITHUB_OUTPUT: path.join(folder, "output"),
      GITHUB_STEP_SUMMARY: path.join(folder, "summary"),
    };
    const { status, stdout, stderr } = spawnSync(
      path.join(folder, "tools/ci/report.sh"),
      ["--basis", "live"],
      {
        encoding: "utf8",
        env: { PATH: process.env.PATH, STACK: "prod", ...env },
      },
    );
    const read = (name: string): string => fs.readFileSync(path.join(folder, name), "utf8");
    expect(fs.readdirSync(path.join(folder, ".reports/prod"))).toEqual(["report.md"]);
    return { ended: { code: status, stdout, stderr }, output: read("output"), summary: read("summary") };
  };

  test.each([
    [0, "none"],
    [2, "changes"],
    [3, "dangerous"],
  ])("exit %d of the report is the verdict %s, and no fault", (exit, verdict) => {
    expect(report(exit)).toEqual({
      ended: { code: 0, stdout: "", stderr: "" },
      output: `verdict=${verdict}\n`,
      summary: "report: --stack prod --basis live\n",
    });
  });

  test("a report that failed is shown, and fails the job", () => {
    expect(report(1)).toMatchObject({
      ended: { code: 1 },
      output: "",
      summary: "report: --stack prod --basis live\n",
    });
  });
});
