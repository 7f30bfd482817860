#!/usr/bin/env node
// Keeps one issue for each stack that somebody has changed by hand: opens it, updates it, closes it when all is as declared.
//
//   STACK=prod drift-issue.mjs FOLDER      with report.json and report.md of the stack
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { all, fail, fitting, github, marker, own, required, runUrl } from "./github.mjs";

const LABEL = "drift";

const [folder] = process.argv.slice(2);
const stack = required("STACK");
if (folder === undefined) fail("usage: STACK=prod drift-issue.mjs FOLDER");
const key = `drift of ${stack}`;
const { drift, basis, commit } = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
if (!Array.isArray(drift) || basis !== "live") {
  fail(
    `The report of stack ${stack} was not made against the live engine (basis: ${basis}), so it can't tell drift.`,
  );
}
const there = await own(all(`/issues?state=open&labels=${LABEL}`), key);
const seen = `Seen at commit ${commit}${runUrl() ? ` by [this run](${runUrl()})` : ""}.`;

if (drift.length > 0) {
  const title = `Drift in stack ${stack}: ${drift.length} ${drift.length === 1 ? "change" : "changes"} by hand`;
  const body = fitting(
    `${marker(key)}
Stack ${stack} on the swarm is not as the program declares it. Deploying main again (workflow \`deploy\`, or \`make up STACK=${stack}\`)
puts it right; what is to stay must be written into the program or into \`Pulumi.${stack}.yaml\`. ${seen} This issue closes itself.

${readFileSync(join(folder, "report.md"), "utf8")}`,
  );
  if (there === undefined) {
    const { html_url } = await github("POST", "/issues", { title, body, labels: [LABEL] });
    console.log(`opened: ${html_url}`);
  } else {
    await github("PATCH", `/issues/${there.number}`, { title, body });
    console.log(`updated: ${there.html_url}`);
  }
} else if (there !== undefined) {
  await github("POST", `/issues/${there.number}/comments`, {
    body: `Stack ${stack} is as declared again. ${seen}`,
  });
  await github("PATCH", `/issues/${there.number}`, { state: "closed", state_reason: "completed" });
  console.log(`closed: ${there.html_url}`);
} else {
  console.log(`stack ${stack} is as declared.`);
}
