import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { timeName } from "../../tools/deployment-record";
import { PROJECT_DIR } from "../support/project";
import { tempFolder } from "../support/temp";

const TOOLS = ["deployments.mjs", "deployment-record.ts", "docker-cli.mjs", "table.ts"];
/** Not copied: it needs the packages of this folder. */
const LOADER = path.join(PROJECT_DIR, "tools/typescript.mjs");
/** A line of Pulumi's event log. */
const event = (op: string, type: string, name: string, outputs = {}): string =>
  JSON.stringify({
    resOutputsEvent: {
      metadata: { op, type, urn: `urn:pulumi:dev::p::${type}::${name}`, new: { outputs } },
    },
  });
const IMAGES = [
  event("same", "swarm-platform:index:ImageBuild", "tool", { reference: "tool:abc" }),
  event("same", "swarm-platform:index:ImagePull", "nginx", { reference: "nginx:1@sha256:5" }),
];
const USER = ["-c", "user.name=ops", "-c", "user.email=ops@example.com"];

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project of two files and one that git ignores, in a git repository of its own. */
class Project {
  readonly folder: string;

  /** @param below folder of the project inside the repository. */
  constructor(below = "", repository = true) {
    const top = tempFolder({
      // It has all images but the second one.
      "bin/docker": `#!/bin/sh\ncase "$5" in nginx*) echo "No such image: $5" >&2; exit 1 ;; esac\necho sha256:1\n`,
    });
    fs.chmodSync(path.join(top, "bin/docker"), 0o755);
    this.bin = path.join(top, "bin");
    this.folder = path.join(top, "repository", below);
    this.write({
      "Pulumi.yaml": "name: p\n",
      "Pulumi.dev.yaml": "config: {}\n",
      ".gitignore": ".state/\ntools/\n",
    });
    this.write({ ".state/passphrase": "hush\n" });
    for (const name of TOOLS) {
      fs.mkdirSync(path.join(this.folder, "tools"), { recursive: true });
      fs.copyFileSync(path.join(PROJECT_DIR, "tools", name), path.join(this.folder, "tools", name));
    }
    if (!repository) return;
    execFileSync("git", ["init", "--quiet", "--initial-branch=main", path.join(top, "repository")]);
    this.git("config", "user.name", "ops");
    this.git("config", "user.email", "ops@example.com");
  }
  private readonly bin: string;

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(this.folder, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, content);
    }
  }

  git(...args: string[]): string {
    return execFileSync("git", [...USER, ...args], { cwd: this.folder, encoding: "utf8" }).trim();
  }

  tool(args: string[], env: Readonly<Record<string, string>> = {}): Run {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--import", LOADER, "tools/deployments.mjs", ...args],
      {
        cwd: this.folder,
        encoding: "utf8",
        env: { PATH: `${this.bin}:${process.env.PATH}`, STACK: "dev", HOME: this.folder, ...env },
      },
    );
    return { code: status, stdout, stderr };
  }

  /** A deployment that ended well; the time that names it. */
  deploy(changes = "web", env: Readonly<Record<string, string>> = {}): string {
    const known = this.times();
    // Two of one second would have one name; no `up` is that fast.
    while (known.includes(timeName(new Date()))) spawnSync("sleep", ["0.1"]);
    expect(this.tool(["begin", "up"], env)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const events = path.join(this.folder, ".state/events");
    const updates = changes === "" ? [] : [event("update", "docker:index/service:Service", changes)];
    fs.writeFileSync(events, [...IMAGES, ...updates].map((line) => `${line}\n`).join(""));
    expect(this.tool(["end", events])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const [time = ""] = this.times().filter((one) => !known.includes(one));
    return time;
  }

  times(): string[] {
    return this.git("for-each-ref", "--format=%(refname)", "refs/swarm-platform/deployments/dev/")
      .split("\n")
      .filter(Boolean)
      .map((ref) => path.basename(ref));
  }

  /** What a deployment's sources are, checked out. */
  sources(time: string): Record<string, string> {
    const folder = path.join(tempFolder(), "sources");
    expect(this.tool(["choose", folder, time])).toMatchObject({ code: 0, stdout: `${time}\n` });
    const files = fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile());
    return Object.fromEntries(
      files.map(({ parentPath, name }) => {
        const file = path.join(parentPath, name);
        return [path.relative(folder, file), fs.readFileSync(file, "utf8")];
      }),
    );
  }
}

const IGNORES = ".state/\ntools/\n";
const BASE = { ".gitignore": IGNORES, "Pulumi.dev.yaml": "config: {}\n" };

test.each(["", "platform"])(
  "sources are recorded as they are, and nothing of the user's changes (in /%s)",
  (below) => {
    const project = new Project(below);
    project.git("add", "Pulumi.yaml", ".gitignore", "Pulumi.dev.yaml");
    project.write({ "removed.txt": "", "hidden.txt": "old\n" });
    project.git("add", "removed.txt", "hidden.txt");
    project.git("commit", "--quiet", "--message", "one");
    // Half a commit in the index, files that git was told to overlook, a stash, a file that is gone.
    project.write({ "Pulumi.yaml": "staged\n" });
    project.git("stash", "--quiet");
    project.write({ "Pulumi.yaml": "staged\n" });
    project.git("add", "Pulumi.yaml");
    project.git("update-index", "--skip-worktree", "hidden.txt");
    project.write({ "Pulumi.yaml": "now\n", "hidden.txt": "new\n", "new/tool.sh": "echo\n" });
    fs.chmodSync(path.join(project.folder, "new/tool.sh"), 0o755);
    fs.rmSync(path.join(project.folder, "removed.txt"));

    const seen = (): string[] =>
      [
        ["status", "--porcelain"],
        ["diff", "--cached"],
        ["stash", "list"],
        ["branch", "-v"],
        ["ls-files", "-v"],
      ].map((args) => project.git(...args));
    const before = seen();
    const time = project.deploy();
    expect(seen()).toEqual(before);
    expect(project.git("worktree", "list").split("\n")).toHaveLength(1);
    expect(project.sources(time)).toEqual({
      ...BASE,
      "Pulumi.yaml": "now\n",
      "hidden.txt": "new\n",
      "new/tool.sh": "echo\n",
    });
  },
);

test("what was deployed is shown, the newest first, with what changed and what may be missing", () => {
  const project = new Project();
  project.git("add", ".");
  project.git("commit", "--quiet", "--message", "one");
  const head = project.git("rev-parse", "--short", "HEAD");
  const one = project.deploy();
  project.write({ "Pulumi.dev.yaml": "config: { a: 1 }\n" });
  const two = project.deploy("api");
  const table = (row: string): string => row.replace(/ +/g, " ").trim();
  const { code, stdout } = project.tool(["history"]);
  expect(code).toBe(0);
  expect(stdout.split("\n").map(table)).toEqual([
    "DEPLOYED COMMIT WHO CHANGED ON THE SWARM FILES CHANGED IMAGES",
    `* ${two} ${head} + uncommitted ops ~api Pulumi.dev.yaml 1 here, 1 in a registry`,
    `${one} ${head} ops ~web the first one 1 here, 1 in a registry`,
    "",
    `make rollback returns to ${one}; TO=<time> to another one. All sources are kept; an image that is gone is built or pulled again.`,
    "",
  ]);
});

test("an operation that did not end well shows, and a rollback then returns to the newest that did", () => {
  const project = new Project();
  project.deploy();
  project.write({ "Pulumi.yaml": "two\n" });
  const two = project.deploy();
  project.write({ "Pulumi.yaml": "broken\n" });
  project.tool(["begin", "up"]);
  expect(project.tool(["history"]).stdout).toMatch(
    /^! \S+ +no commit \+ uncommitted +ops +did not end well +Pulumi\.yaml +-$/m,
  );
  const { stdout, stderr } = project.tool(["choose", path.join(tempFolder(), "x")]);
  expect(stdout).toBe(`${two}\n`);
  expect(stderr).toContain("has not ended well.");
  project.tool(["begin", "destroy"]);
  expect(project.tool(["history"]).stdout).toMatch(/ops +destroy +- +-$/m);
});

test("a rollback is recorded with the sources that it deployed, not with those of the folder", () => {
  const project = new Project();
  const one = project.deploy();
  project.write({ "Pulumi.yaml": "two\n" });
  const two = project.deploy();
  const three = project.deploy("web", { ROLLBACK_TO: one });
  expect(project.sources(three)).toMatchObject({ "Pulumi.yaml": "name: p\n" });
  expect(project.tool(["history"]).stdout).toContain(`back to ${one}: ~web`);
  // A rollback after a rollback undoes it.
  expect(project.tool(["choose", path.join(tempFolder(), "x")]).stdout).toBe(`${two}\n`);
});

test("a deployment that is not recorded is no place to return to", () => {
  const project = new Project();
  const folder = path.join(tempFolder(), "x");
  expect(project.tool(["choose", folder]).stderr).toBe(
    "stack dev: no deployment is recorded yet, so there is none to return to; each make up records one.\n",
  );
  const time = project.deploy();
  expect(project.tool(["choose", folder]).stderr).toBe(
    "stack dev: there is none to return to: no recorded deployment ran other sources before; TO=<time> names one of make history.\n",
  );
  expect(project.tool(["choose", folder, "1999"])).toMatchObject({
    code: 1,
    stderr: `stack dev: TO = "1999": no such deployment; allowed: one of ${time}; do: make history\n`,
  });
});

test("without a repository a deployment goes on, and says that it is not recorded", () => {
  const project = new Project("", false);
  expect(project.tool(["begin", "up"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(project.tool(["end", "none"])).toMatchObject({
    code: 0,
    stderr:
      "stack dev: this deployment is not recorded, so make rollback can't return to it: this folder is in no git repository.\n",
  });
  expect(project.tool(["history"])).toMatchObject({
    code: 1,
    stderr:
      "stack dev: no deployment is recorded, because this folder is in no git repository. A record is made by each make up in a git repository.\n",
  });
});

test("a repository that ignores the folder keeps no record of it", () => {
  const project = new Project("ignored");
  fs.writeFileSync(path.join(project.folder, "../.gitignore"), "ignored/\n");
  expect(project.tool(["end", "none"]).stderr).toContain("git ignores this folder.");
});

test("large untracked files are named, not recorded", () => {
  const project = new Project();
  project.write({ "dump.bin": "x".repeat(10 * 1024 * 1024 + 1) });
  expect(project.tool(["begin", "up"])).toMatchObject({
    code: 0,
    stderr:
      "stack dev: not recorded, because they are untracked and larger than 10 MiB: dump.bin; add them to git, or to .gitignore.\n",
  });
});

describe("what the preview of a rollback shows", () => {
  const judged = (...steps: object[]): Run => {
    const project = new Project();
    const time = project.deploy();
    const log = steps.map((metadata) => `${JSON.stringify({ resourcePreEvent: { metadata } })}\n`).join("");
    const events = path.join(tempFolder({ events: log }), "events");
    return project.tool(["judge", events, time]);
  };
  const step = (op: string, type: string, name: string, more: object = {}): object => ({
    ...{ op, type, urn: `urn:pulumi:dev::p::${type}::${name}` },
    ...more,
  });
  const SERVICE = "docker:index/service:Service";

  test("is summed up, loudly where something goes", () => {
    const built = { new: { inputs: { name: "tool:abc", build: {} } } };
    const { code, stderr } = judged(
      step("update", SERVICE, "web"),
      step("delete", SERVICE, "old"),
      step("create", "docker:index/remoteImage:RemoteImage", "tool", built),
    );
    expect(code).toBe(0);
    expect(stderr).toBe(
      "stack dev: deleted: Service old; created: RemoteImage tool; updated: Service web.\n" +
        "stack dev: LOOK AT THIS: deleted: Service old. What is replaced or deleted does not run meanwhile.\n" +
        "stack dev: of its 2 images 1 are there; to be built: tool:abc.\n",
    );
  });

  test("may be nothing, and then nothing is half done any more", () => {
    const project = new Project();
    const time = project.deploy();
    project.tool(["begin", "up"]);
    expect(project.tool(["history"]).stdout).toContain("did not end well");
    expect(project.tool(["judge", path.join(tempFolder({ events: "" }), "events"), time]).code).toBe(3);
    expect(project.tool(["history"]).stdout).not.toContain("did not end well");
  });

  test("may be what runs already", () => {
    const { code, stderr } = judged(step("same", SERVICE, "web"));
    expect(code).toBe(3);
    expect(stderr).toMatch(/^stack dev: nothing to do: what runs is what the deployment of \S+ made\.\n$/);
  });

  test("is refused where the program of then knows what is there by another name", () => {
    const { code, stderr } = judged(
      step("create", SERVICE, "web", { new: { inputs: { name: "dev_web" } } }),
      step("delete", SERVICE, "front", { old: { outputs: { name: "dev_web" } } }),
    );
    expect(code).toBe(1);
    expect(stderr).toContain("knows by other names what is there: service dev_web would be made anew");
  });
});
