#!/usr/bin/env node
// Whether somebody has agreed to dangerous changes: by ALLOW_DANGEROUS=1, or by the label allow-dangerous on the pull request that
// brought the commit. Prints `allow=1` for GITHUB_OUTPUT, or ends with what to do:
//
//   STACK=prod consent.mjs VERDICT COMMIT
import { all, fail, required } from "./github.mjs";

const LABEL = "allow-dangerous";

const [verdict, commit] = process.argv.slice(2);
if (!["none", "changes", "dangerous"].includes(verdict) || !/^[0-9a-f]{7,64}$/.test(commit ?? "")) {
  fail("usage: STACK=prod consent.mjs none|changes|dangerous COMMIT");
}
const stack = required("STACK");
if (verdict !== "dangerous") {
  console.log("allow=");
} else if (process.env.ALLOW_DANGEROUS === "1" || (await isLabelled())) {
  console.log("allow=1");
} else {
  fail(
    `What would change in stack ${stack} is dangerous: see the summary. Nothing was changed.\n` +
      `  With consent: put the label ${LABEL} on the merged pull request and run this job again, or run the workflow deploy by hand with allow-dangerous.`,
  );
}

async function isLabelled() {
  for await (const { merged_at, labels } of all(`/commits/${commit}/pulls`)) {
    if (merged_at && labels.some(({ name }) => name === LABEL)) return true;
  }
  return false;
}
