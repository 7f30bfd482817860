import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { PROJECT_DIR } from "../support/project";

const GITHUB = path.join(PROJECT_DIR, ".github");

interface Job {
  readonly uses?: string;
  readonly "timeout-minutes"?: number;
  readonly permissions?: unknown;
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: unknown;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

/** What actionlint does not ask for and this project does. */
function faults(text: string): string[] {
  const workflow = parse(text) as Workflow;
  const found: string[] = [];
  if (
    JSON.stringify(workflow.permissions ?? "all") !== "{}" &&
    JSON.stringify(workflow.permissions) !== '{"contents":"read"}'
  ) {
    found.push("permissions of the whole workflow");
  }
  const called = "workflow_call" in workflow.on;
  if (!called && workflow.concurrency === undefined) found.push("no concurrency");
  for (const [name, job] of Object.entries(workflow.jobs)) {
    if (job.uses === undefined && job["timeout-minutes"] === undefined) found.push(`${name}: no timeout`);
    if (JSON.stringify(workflow.permissions) === "{}" && job.permissions === undefined)
      found.push(`${name}: no permissions`);
  }
  if ("pull_request_target" in workflow.on && /pull_request\.head|refs\/pull|github\.head_ref/.test(text)) {
    found.push("a pull request's code with the rights of its target");
  }
  return [...found, ...unpinned(text), ...bareCheckouts(text)];
}

/** Actions that are not of this repository, and without a commit and its version. */
function unpinned(text: string): string[] {
  return [...text.matchAll(/^ *-? *uses: (.+)$/gm)]
    .map(([, used = ""]) => used)
    .filter((used) => !used.startsWith("./") && !/^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(used))
    .map((used) => `not pinned: ${used}`);
}

/** A checkout leaves the job's token in .git, where whatever runs next finds it. */
function bareCheckouts(text: string): string[] {
  const steps = text.split(/^ *- (?=\w+:)/m).filter((step) => step.startsWith("uses: actions/checkout@"));
  return steps
    .filter((step) => !step.includes("persist-credentials: false"))
    .map(() => "a checkout that keeps its token");
}

const read = (folder: string): [string, string][] =>
  fs
    .readdirSync(path.join(GITHUB, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8")]);

test.each(read("workflows"))("%s asks for no more than it needs", (_name, text) => {
  expect(faults(text)).toEqual([]);
});

test("each action has one version in all of them", () => {
  const texts = [...read("workflows"), ...read("actions")].map(([, text]) => text);
  expect(texts.flatMap(unpinned)).toEqual([]);
  const used = new Set(texts.flatMap((text) => text.match(/[\w-]+\/[\w-]+@[0-9a-f]{40}.*$/gm) ?? []));
  const names = [...used].map((one) => one.split("@")[0]);
  expect(names).toEqual([...new Set(names)]);
});

test("environments' secrets are for jobs that have an environment", () => {
  for (const [name, text] of read("workflows")) {
    for (const [job, content] of Object.entries((parse(text) as Workflow).jobs)) {
      if (!/\$\{\{ secrets\./.test(JSON.stringify(content))) continue;
      expect([name, job, "environment" in content]).toEqual([name, job, true]);
    }
  }
});

const GOOD = `
on: { push: {} }
permissions: {}
concurrency: x
jobs:
  one:
    timeout-minutes: 5
    permissions: {}
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
        with:
          persist-credentials: false
`;
test.each([
  ["permissions: {}\nconcurrency", "concurrency", "permissions of the whole workflow"],
  [
    "permissions: {}\nconcurrency",
    "permissions: { contents: write }\nconcurrency",
    "permissions of the whole workflow",
  ],
  ["concurrency: x\n", "", "no concurrency"],
  ["    timeout-minutes: 5\n", "", "one: no timeout"],
  ["    permissions: {}\n", "", "one: no permissions"],
  [" # v6.0.2", "", "not pinned: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"],
  ["de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6", "not pinned: actions/checkout@v6 # v6.0.2"],
  ["persist-credentials: false", "fetch-depth: 0", "a checkout that keeps its token"],
])("a workflow with another %j is found", (from, to, fault) => {
  expect(GOOD).toContain(from);
  expect(faults(GOOD.replace(from, to))).toEqual([fault]);
});

test("a workflow that runs a pull request's code with the rights of its target is found", () => {
  const text = GOOD.replace("push:", "pull_request_target:").replace(
    "persist-credentials: false",
    "persist-credentials: false\n          ref: ${{ github.event.pull_request.head.sha }}",
  );
  expect(faults(GOOD)).toEqual([]);
  expect(faults(text)).toEqual(["a pull request's code with the rights of its target"]);
});
