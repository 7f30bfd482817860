import * as path from "node:path";
import { FakeGitHub } from "../support/fake-github";
import { tempFolder } from "../support/temp";

let github: FakeGitHub;
beforeEach(async () => {
  github = new FakeGitHub();
  await github.listen();
});
afterEach(() => github.close());

describe("the comment on a pull request", () => {
  const write = (text: string, env: Record<string, string> = {}): ReturnType<FakeGitHub["run"]> => {
    const file = path.join(tempFolder({ "report.md": text }), "report.md");
    return github.run("sticky-comment.mjs", ["preview dev", file], { PULL_REQUEST: "7", ...env });
  };
  const bodies = (): string[] => (github.comments.get(7) ?? []).map(({ body }) => body);

  test("is made once, then changed, and left alone while it is the same", async () => {
    expect(await write("one\n")).toEqual({
      code: 0,
      stdout: "commented: https://github.example/team/platform/1\n",
      stderr: "",
    });
    expect((await write("two\n")).stdout).toBe("updated: https://github.example/team/platform/1\n");
    expect((await write("two\n")).stdout).toBe("unchanged: https://github.example/team/platform/1\n");
    expect(bodies()).toEqual(["<!-- swarm-platform: preview dev -->\ntwo\n"]);
    expect(github.requests.filter((route) => !route.startsWith("GET"))).toEqual([
      "POST /issues/7/comments",
      "PATCH /issues/comments/1",
    ]);
  });

  test("is found on the second page, and is no one's but the workflow's", async () => {
    github.crowd(7);
    const comments = github.comments.get(7)!;
    const body = "<!-- swarm-platform: preview dev -->\nnothing to see";
    github.post(comments, { body, user: { login: "somebody" } });
    github.post(comments, { body: "<!-- swarm-platform: preview prod -->\nother stack" });
    const own = github.post(comments, { body });
    expect((await write("two")).stdout).toBe(`updated: ${own.html_url}\n`);
    expect(own.body).toBe("<!-- swarm-platform: preview dev -->\ntwo");
    expect(comments).toHaveLength(103);
    expect(github.requests[1]).toBe("GET /issues/7/comments?per_page=100&page=2");
  });

  test("is cut to what GitHub takes, with nothing left open and the way to the rest", async () => {
    const line = "changed: a line of a diff that is not short\n";
    await write(
      `# Report\n<details><summary>all</summary>\n\n\`\`\`diff\n${line.repeat(3000)}\`\`\`\n</details>\n`,
    );
    const [body = ""] = bodies();
    expect(body.length).toBeLessThan(65_500);
    expect(body.length).toBeGreaterThan(63_000);
    expect(body.slice(body.indexOf("```\n\n</details>") - line.length)).toBe(
      `${line}\`\`\`\n\n</details>\n\n**Cut here: 132102 characters are more than GitHub takes.** The whole report is an ` +
        "[artifact of the run](https://github.example/team/platform/actions/runs/42).\n",
    );
  });

  test("what GitHub refuses is told with what to look at", async () => {
    github.refuses = { status: 403, message: "Resource not accessible by integration" };
    expect(await write("x")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "GitHub refuses GET /repos/team/platform/issues/7/comments: 403 Resource not accessible by integration; " +
        "see the job's permissions, and Settings > Actions > General.\n",
    });
    expect((await write("x", { GITHUB_TOKEN: "" })).stderr).toBe(
      "GITHUB_TOKEN is not set; GitHub sets it in a workflow, else set it by hand.\n",
    );
    expect((await write("x", { PULL_REQUEST: "7/../8" })).stderr).toBe("PULL_REQUEST=7/../8 is no number.\n");
    expect((await write("x", { GITHUB_API_URL: "http://127.0.0.1:1" })).stderr).toMatch(
      /^GitHub does not answer GET \/repos\/team\/platform\/issues\/7\/comments: .+; run the job again\.\n$/,
    );
  });
});

describe("the issue about drift", () => {
  const tell = (
    drift: readonly string[],
    report: object = {},
    stack = "prod",
  ): ReturnType<FakeGitHub["run"]> => {
    const json = { stack, commit: "0123abc", basis: "live", drift, ...report };
    const folder = tempFolder({
      "report.json": JSON.stringify(json),
      "report.md": `seen: ${drift.join()}\n`,
    });
    return github.run("drift-issue.mjs", [folder], { STACK: stack });
  };

  test("is opened, updated and closed, one for each stack", async () => {
    expect((await tell([])).stdout).toBe("stack prod is as declared.\n");
    expect(github.issues).toEqual([]);

    expect((await tell(["replicas of web"])).stdout).toBe("opened: https://github.example/team/platform/1\n");
    await tell(["x"], {}, "dev");
    expect((await tell(["replicas of web", "label of n1"])).stdout).toMatch(/^updated: .*\/1\n$/);
    const [issue, other] = github.issues;
    expect(github.issues).toHaveLength(2);
    expect(issue).toMatchObject({
      title: "Drift in stack prod: 2 changes by hand",
      labels: ["drift"],
      state: "open",
    });
    expect(issue?.body).toMatch(/^<!-- swarm-platform: drift of prod -->\nStack prod on the swarm is not as/);
    expect(issue?.body).toContain(
      "Seen at commit 0123abc by [this run](https://github.example/team/platform/actions/runs/42)",
    );
    expect(issue?.body).toContain("seen: replicas of web,label of n1");

    expect((await tell([])).stdout).toMatch(/^closed: .*\/1\n$/);
    expect([issue?.state, other?.state]).toEqual(["closed", "open"]);
    expect(github.comments.get(1)?.[0]?.body).toMatch(
      /^Stack prod is as declared again\. Seen at commit 0123abc/,
    );

    expect((await tell(["again"])).stdout).toMatch(/^opened: /);
  });

  test("is not closed by a report that can't tell, nor taken from somebody else", async () => {
    await tell(["x"]);
    expect((await tell([], { basis: "recorded" })).stderr).toBe(
      "The report of stack prod was not made against the live engine (basis: recorded), so it can't tell drift.\n",
    );
    expect(github.issues[0]?.state).toBe("open");
    const body = "<!-- swarm-platform: drift of dev -->\nmine";
    const theirs = github.post(github.issues, { body, labels: ["drift"], user: { login: "somebody" } });
    expect((await tell([], {}, "dev")).stdout).toBe("stack dev is as declared.\n");
    expect(theirs.state).toBe("open");
  });
});
