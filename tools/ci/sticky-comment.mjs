#!/usr/bin/env node
// Writes a file of Markdown as the one comment about KEY on a pull request: the first time a new comment, then the same one.
//
//   PULL_REQUEST=7 sticky-comment.mjs KEY FILE
import { readFileSync } from "node:fs";
import { all, fail, fitting, github, marker, own, required } from "./github.mjs";

const [key, file] = process.argv.slice(2);
if (!/^[\w -]+$/.test(key ?? "") || file === undefined)
  fail("usage: PULL_REQUEST=7 sticky-comment.mjs KEY FILE");
const number = required("PULL_REQUEST");
if (!/^\d+$/.test(number)) fail(`PULL_REQUEST=${number} is no number.`);

const body = fitting(`${marker(key)}\n${readFileSync(file, "utf8")}`);
const there = await own(all(`/issues/${number}/comments`), key);
if (there === undefined) {
  const { html_url } = await github("POST", `/issues/${number}/comments`, { body });
  console.log(`commented: ${html_url}`);
} else if (there.body === body) {
  console.log(`unchanged: ${there.html_url}`);
} else {
  await github("PATCH", `/issues/comments/${there.id}`, { body });
  console.log(`updated: ${there.html_url}`);
}
