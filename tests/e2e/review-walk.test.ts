import { ChildProcess, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Report } from "../../review/report";
import { describeWithEngines, LocalEngine, startEngine, WORK } from "../support/engine";
import { FakeGitHub } from "../support/fake-github";
import { readOnly } from "../support/read-only";
import { swarmObjects } from "../support/swarm-objects";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;
/** Number of the pull request. */
const PR = "7";

const PROGRAM = `
  const tool = await buildImage("tool", { context: "tool", dockerfile: "tool/Dockerfile" });
  service("web", { image: tool, ports: [{ target: 80, published: config.nginx.edgePort }] });`;

/** docs/walk-through.md shows what these commands print. */
describeWithEngines("a change from its branch to the swarm and back", () => {
  const github = new FakeGitHub();
  const socket = path.join(WORK, "review-walk.sock");
  let engine: LocalEngine;
  let proxy: ChildProcess;
  let workspace: Workspace;
  /** As a runner that may only read. */
  let reader: Workspace;

  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: workspace.folder, encoding: "utf8" }).trim();
  const commit = (message: string): void => {
    git("add", "--all");
    git("commit", "--quiet", "--message", message);
  };
  const write = (file: string, content: string): void => {
    fs.mkdirSync(path.join(workspace.folder, path.dirname(file)), { recursive: true });
    fs.writeFileSync(path.join(workspace.folder, file), content);
  };
  const reports = (): string => path.join(workspace.folder, ".reports/dev");
  const read = (file: string): string => fs.readFileSync(path.join(reports(), file), "utf8");
  /** A workflow's report; what the job learns of it, and the report. */
  const report = (
    where: Workspace,
    args: readonly string[] = [],
    refused = false,
  ): Result & { verdict: string; json: Report } => {
    const output = path.join(WORK, "review-walk.output");
    const summary = path.join(WORK, "review-walk.summary");
    const job = where.with({ GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary });
    fs.writeFileSync(output, "");
    const result = job.tool("ci/report.sh", ...args);
    if (result.code !== 0 && !refused) throw new Error(result.output);
    const [, verdict = "no verdict"] = /^verdict=(.*)$/m.exec(fs.readFileSync(output, "utf8")) ?? [];
    return { ...result, verdict, json: JSON.parse(read("report.json")) as Report };
  };
  const comment = async (): Promise<string> => {
    const { stdout, stderr } = await github.run(
      "sticky-comment.mjs",
      ["preview dev", path.join(reports(), "report.md")],
      { PULL_REQUEST: PR },
    );
    return stdout + stderr;
  };
  const comments = (): string[] => (github.comments.get(Number(PR)) ?? []).map(({ body }) => body);
  const driftIssue = async (): Promise<string> => {
    const { stdout, stderr } = await github.run("drift-issue.mjs", [reports()], { STACK: "dev" });
    return stdout + stderr;
  };
  const content = (): string => {
    const task = engine.docker("ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=dev_web");
    return engine.docker("exec", task, "cat", "/text");
  };

  beforeAll(async () => {
    await github.listen();
    engine = startEngine("review-walk");
    proxy = await readOnly(engine, socket);
    workspace = new Workspace("review-walk", engine, "dev");
    reader = workspace.with({ DOCKER_HOST: `unix://${socket}` });
    git("init", "--quiet", "--initial-branch=main");
    git("config", "filter.pulumi-salt.clean", "sed '/^encryptionsalt:/d'"); // as tools/bootstrap.sh does it
    git("config", "user.name", "ops");
    git("config", "user.email", "ops@example.com");
    workspace.program(PROGRAM);
    write("tool/Dockerfile", "FROM busybox:1.35\nCOPY text /text\n");
    write("tool/text", "one\n");
    git("add", "--all");
    // On a developer's machine, which CI is not.
    const golden = "env -u CI UPDATE_GOLDEN=1 npx jest tests/unit/golden-graphs.test.ts -t 'stack dev'";
    expect(workspace.shell(golden).output).toContain("1 passed");
    commit("a tool");
    workspace.succeed("stack.sh", "up");
  }, 5 * MINUTES);
  afterAll(async () => {
    proxy?.kill();
    engine?.stop();
    await github.close();
  }, MINUTES);

  test(
    "a branch is reported without an engine, then live by one who may only read; one comment",
    async () => {
      git("checkout", "--quiet", "-b", "feature");
      write("tool/text", "two\n");
      commit("say two");

      expect(report(workspace, ["--basis", "graph", "--against", "main"])).toMatchObject({
        code: 0,
        verdict: "changes",
        json: { basis: "graph", services: [{ name: "web" }] },
      });
      expect(await comment()).toMatch(/^commented: /);
      const state = workspace.stateFile();
      expect(report(reader)).toMatchObject({ code: 0, verdict: "changes", json: { basis: "live" } });
      expect(await comment()).toMatch(/^updated: /);
      expect(comments()).toHaveLength(1);
      expect(comments()[0]).toContain("`dev`: 1 service updated");
      expect(comments()[0]).toMatch(/\*\*web\*\*: image `\w{12}` → `\w{12}`, because of `tool\/text`/);
      expect(workspace.stateFile()).toBe(state);
      expect(content()).toBe("one");
    },
    4 * MINUTES,
  );

  test(
    "what breaks a rule is no report to approve",
    () => {
      workspace.program(PROGRAM.replace("image: tool,", 'image: tool, env: { DB_PASSWORD: "hunter2" },'));
      const { code, verdict, output, json } = report(reader, [], true);
      expect({ code, verdict }).toEqual({ code: 1, verdict: "no verdict" });
      expect(json.policies).toContainEqual(
        expect.objectContaining({ rule: "plain-secrets", level: "mandatory", service: "web" }),
      );
      expect(output + read("report.md")).not.toContain("hunter2");
      git("checkout", "--quiet", "index.ts");
    },
    2 * MINUTES,
  );

  test(
    "the branch has an environment of its own, beside the one that people use",
    () => {
      expect(workspace.succeed("ci/ephemeral.sh", "up", PR).output).toContain(
        "pr-7 has the subnet 10.64.7.0/24",
      );
      expect(swarmObjects(engine)).toEqual(
        expect.arrayContaining(["service dev_web 1/1", "service pr-7_web 1/1"]),
      );
    },
    3 * MINUTES,
  );

  test(
    "merged, reported once more, and deployed as approved; its environment goes",
    () => {
      git("checkout", "--quiet", "main");
      git("merge", "--quiet", "--ff-only", "feature");
      expect(report(reader)).toMatchObject({ code: 0, verdict: "changes" });
      const approved = path.join(WORK, "review-walk.json");
      fs.copyFileSync(path.join(reports(), "report.json"), approved);
      workspace.with({ APPROVED: approved }).succeed("stack.sh", "up");
      expect(content()).toBe("two");
      expect(report(reader).verdict).toBe("none");
      expect(workspace.succeed("ci/ephemeral.sh", "down", PR).output).toContain("pr-7 is gone.");
      expect(swarmObjects(engine).filter((object) => /pr-7|ephemeral/.test(object))).toEqual([]);
    },
    4 * MINUTES,
  );

  test(
    "a change by hand is one issue, which closes when it is put right",
    async () => {
      engine.docker("service", "update", "--detach", "--env-add", "HAND=1", "dev_web");
      expect(report(reader).json.drift).toEqual([
        { where: "web", field: "env HAND", recorded: "none", found: "1" },
      ]);
      expect(await driftIssue()).toMatch(/^opened: /);
      expect(github.issues).toEqual([
        expect.objectContaining({ state: "open", title: "Drift in stack dev: 1 change by hand" }),
      ]);
      workspace.succeed("stack.sh", "up");
      expect(report(reader).verdict).toBe("none");
      expect(await driftIssue()).toMatch(/^closed: /);
      expect(github.issues).toEqual([expect.objectContaining({ state: "closed" })]);
    },
    3 * MINUTES,
  );

  test(
    "history shows it, and a rollback returns to what ran before",
    () => {
      const { output, code } = workspace.with({ YES: "1" }).tool("rollback.sh");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(content()).toBe("one");
      expect(workspace.succeed("deployments.sh", "history").stdout).toMatch(/back to \d{4}-.*: ~web/);
    },
    4 * MINUTES,
  );
});
