import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { BuildInputs, contextFiles, hashBuildInputs } from "../../components/images/build-context";
import { tempFolder } from "../support/temp";

const SOURCES = {
  "api/Dockerfile": "FROM scratch\nCOPY . /\n",
  "go.mod": "module example\n",
  "api/main.go": "package main\n",
  "docs/a.md": "a\n",
  "docs/b.md": "b\n",
};

/** A context of its own, with its Dockerfile in api/. */
function context(files: Record<string, string> = {}): BuildInputs {
  const folder = tempFolder({ ...SOURCES, ...files });
  return { context: folder, dockerfile: path.join(folder, "api/Dockerfile") };
}

const files = ({ context, dockerfile }: BuildInputs): string[] => contextFiles(context, dockerfile);

describe("the files that are sent", () => {
  test("are all of them, sorted, without rules", () => {
    expect(files(context())).toEqual(["api/Dockerfile", "api/main.go", "docs/a.md", "docs/b.md", "go.mod"]);
  });

  test("are what .dockerignore leaves", () => {
    expect(files(context({ ".dockerignore": "docs\n**/*.mod\n" }))).toEqual([
      ".dockerignore",
      "api/Dockerfile",
      "api/main.go",
    ]);
  });

  test("come back by a negation, out of an ignored folder too", () => {
    expect(files(context({ ".dockerignore": "*\n!docs/b.md\n" }))).toEqual(["docs/b.md"]);
    expect(files(context({ ".dockerignore": "docs\n!docs/b.md\n" }))).toContain("docs/b.md");
  });

  test("follow the last rule that matches", () => {
    expect(files(context({ ".dockerignore": "*\n!docs/*.md\ndocs/a.md\n" }))).toEqual(["docs/b.md"]);
  });

  test("follow the Dockerfile's own rules instead of .dockerignore", () => {
    expect(
      files(context({ ".dockerignore": "api\n", "api/Dockerfile.dockerignore": "*\n!go.mod\n" })),
    ).toEqual(["go.mod"]);
  });

  test("are told apart by case", () => {
    expect(files(context({ ".dockerignore": "DOCS\n" }))).toContain("docs/a.md");
  });

  test("include links, not what is behind them", () => {
    const inputs = context();
    fs.symlinkSync("docs", path.join(inputs.context, "linked"));
    expect(files(inputs)).toContain("linked");
    expect(files(inputs)).not.toContain("linked/a.md");
  });
});

describe("the hash", () => {
  /** Hash before and after a change in the context. */
  function change(edit: (folder: string) => void, inputs = context()): [string, string] {
    const before = hashBuildInputs(inputs);
    edit(inputs.context);
    return [before, hashBuildInputs(inputs)];
  }

  const changes: [string, (folder: string) => void][] = [
    ["content", (folder) => fs.writeFileSync(path.join(folder, "go.mod"), "module other\n")],
    ["a new file", (folder) => fs.writeFileSync(path.join(folder, "new"), "")],
    ["a removed file", (folder) => fs.rmSync(path.join(folder, "docs/a.md"))],
    ["a new name", (folder) => fs.renameSync(path.join(folder, "docs/a.md"), path.join(folder, "docs/c.md"))],
    ["the executable bit", (folder) => fs.chmodSync(path.join(folder, "api/main.go"), 0o755)],
    ["the Dockerfile", (folder) => fs.appendFileSync(path.join(folder, "api/Dockerfile"), "USER 1\n")],
    [
      "contents that two files swap",
      (folder) => {
        fs.writeFileSync(path.join(folder, "docs/a.md"), "b\n");
        fs.writeFileSync(path.join(folder, "docs/b.md"), "a\n");
      },
    ],
    [
      "a file that becomes a link to the same content",
      (folder) => {
        fs.rmSync(path.join(folder, "docs/a.md"));
        fs.writeFileSync(path.join(folder, "elsewhere"), "");
        fs.symlinkSync("b.md", path.join(folder, "docs/a.md"));
      },
    ],
  ];
  test.each(changes)("changes with %s", (_what, edit) => {
    const [before, after] = change(edit);
    expect(after).not.toBe(before);
  });

  test("tells two files from one that reads like both", () => {
    const dockerfile = context().dockerfile;
    const two = tempFolder({ a: "x", b: "y" });
    const one = tempFolder({ a: "xbfiley" });
    expect(hashBuildInputs({ context: one, dockerfile })).not.toBe(
      hashBuildInputs({ context: two, dockerfile }),
    );
  });

  test("changes with a link's target", () => {
    const inputs = context();
    const link = path.join(inputs.context, "linked");
    fs.symlinkSync("docs/a.md", link);
    const [before, after] = change(() => {
      fs.rmSync(link);
      fs.symlinkSync("docs/b.md", link);
    }, inputs);
    expect(after).not.toBe(before);
  });

  test("changes with a Dockerfile that is not sent", () => {
    const inputs = context({ ".dockerignore": "api/Dockerfile\n" });
    const [before, after] = change((folder) => {
      fs.appendFileSync(path.join(folder, "api/Dockerfile"), "USER 1\n");
    }, inputs);
    expect(after).not.toBe(before);
  });

  const unchanged: [string, (folder: string) => void][] = [
    ["an ignored file", (folder) => fs.writeFileSync(path.join(folder, "docs/a.md"), "other\n")],
    ["a new ignored file", (folder) => fs.writeFileSync(path.join(folder, "docs/new.md"), "\n")],
    ["times", (folder) => fs.utimesSync(path.join(folder, "go.mod"), 1, 1)],
    [
      "permissions other than the executable bit",
      (folder) => fs.chmodSync(path.join(folder, "go.mod"), 0o600),
    ],
    ["an empty folder", (folder) => fs.mkdirSync(path.join(folder, "empty"))],
  ];
  test.each(unchanged)("stays the same with %s", (_what, edit) => {
    const [before, after] = change(edit, context({ ".dockerignore": "docs\n" }));
    expect(after).toBe(before);
  });

  test("is the same in a fresh clone", () => {
    const inputs = context();
    const git = (folder: string, ...args: string[]): void => {
      const identity = [
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.com",
        "-c",
        "commit.gpgsign=false",
      ];
      execFileSync("git", [...identity, ...args], { cwd: folder, stdio: "pipe" });
    };
    fs.chmodSync(path.join(inputs.context, "api/main.go"), 0o755);
    fs.symlinkSync("docs/a.md", path.join(inputs.context, "linked"));
    fs.writeFileSync(path.join(inputs.context, ".dockerignore"), ".git\n");
    git(inputs.context, "init", "--quiet");
    git(inputs.context, "add", "--all");
    git(inputs.context, "commit", "--quiet", "--message", "all");
    fs.utimesSync(path.join(inputs.context, "go.mod"), 1, 1);

    const clone = path.join(tempFolder(), "clone");
    git(inputs.context, "clone", "--quiet", inputs.context, clone);
    expect(hashBuildInputs({ context: clone, dockerfile: path.join(clone, "api/Dockerfile") })).toBe(
      hashBuildInputs(inputs),
    );
  });

  test("changes with arguments, target and platform, not with the arguments' order", () => {
    const inputs = context();
    const hashes = [
      inputs,
      { ...inputs, args: { A: "1" } },
      { ...inputs, args: { A: "2" } },
      { ...inputs, args: { A: "1", B: "2" } },
      { ...inputs, target: "build" },
      { ...inputs, platform: "linux/arm64" },
      { ...inputs, platform: "build" },
    ].map(hashBuildInputs);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashBuildInputs({ ...inputs, args: { B: "2", A: "1" } })).toBe(hashes[3]);
  });
});

test("a missing context is named", () => {
  const { dockerfile } = context();
  expect(() => hashBuildInputs({ context: "no/such/folder", dockerfile })).toThrow(
    'context = "no/such/folder": no such folder; allowed: the folder that the Dockerfile copies from',
  );
});

test("a file in the context's place is no context", () => {
  const { dockerfile } = context();
  expect(() => hashBuildInputs({ context: dockerfile, dockerfile })).toThrow(/no such folder/);
});

test("a missing Dockerfile is named", () => {
  expect(() => hashBuildInputs({ ...context(), dockerfile: "no/Dockerfile" })).toThrow(
    'dockerfile = "no/Dockerfile": no such file; allowed: a path relative to the project',
  );
});
