import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { golden, programGraph } from "../../review/graph/program-graph";
import { PROJECT_DIR } from "../../review/graph/stack-config";
import { expectGolden } from "../support/golden";

const git = (...args: string[]): string => execFileSync("git", args, { cwd: PROJECT_DIR, encoding: "utf8" });
const STACKS = git("ls-files", "Pulumi.*.yaml").match(/(?<=^Pulumi\.).*(?=\.yaml$)/gm) ?? [];

test("there are stacks", () => expect(STACKS).toEqual(expect.arrayContaining(["dev", "prod"])));

// After a change on purpose: make golden.
test.each(STACKS)("stack %s is exactly its golden graph", async (stack) => {
  expectGolden(path.join(__dirname, `golden/${stack}.json`), golden(await programGraph(stack)));
});

test("a graph has nothing that differs from one run to the next", async () => {
  const graphs = [golden(await programGraph("prod")), golden(await programGraph("prod"))];
  expect(graphs[0]).toEqual(graphs[1]);
});
