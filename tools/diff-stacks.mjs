#!/usr/bin/env node
// Shows how two environments differ: their configuration with defaults filled in, and what the program makes of it for the
// services. Needs neither an engine nor a passphrase:
//
//   diff-stacks.sh FROM TO
//
// Exit 0 when they are the same, 1 when they differ, 2 when that can't be told.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { diffServices, diffSettings } from "./stack-diff.ts";
import { declaredKeys, settingsIn } from "./stack-file.ts";
import { table } from "./table.ts";

const MOST = 64 * 1024 * 1024;
const [from = "", to = ""] = process.argv.slice(2);

function fault(sentence) {
  console.error(`diff: ${sentence}`);
  process.exit(2);
}

function settingsOf(stack, variable) {
  const file = `Pulumi.${stack}.yaml`;
  if (stack === "") fault(`${variable} is not set; do: make diff FROM=dev TO=prod`);
  if (!existsSync(file)) fault(`${variable} = "${stack}": there is no ${file}`);
  return settingsIn(readFileSync(file, "utf8"));
}

/** All that the program declares for a stack, on an engine that is as the stack says. */
async function graphOf(stack) {
  try {
    const program = ["--import", "./tools/typescript.mjs", "review/graph/print-graph.ts", stack];
    const { stdout } = await promisify(execFile)(process.execPath, program, { maxBuffer: MOST });
    return JSON.parse(stdout).resources;
  } catch (error) {
    const said = String(error.stderr || error.message).trim();
    return fault(`what the program makes of stack ${stack} can't be told:\n${said}`);
  }
}

function show(title, rows, columns) {
  if (rows.length === 0) return;
  console.log(`${title}\n${table([[...columns, from, to], ...rows])}\n`);
}

const declared = declaredKeys(readFileSync("Pulumi.yaml", "utf8"));
const settings = diffSettings(declared, settingsOf(from, "FROM"), settingsOf(to, "TO"));
show(
  "Configuration",
  settings.map((row) => [row.what, row.from, row.to]),
  ["KEY"],
);
const services = diffServices(...(await Promise.all([from, to].map(graphOf))));
show(
  "What that means for the services",
  services.map((row, i) => [
    services[i - 1]?.where === row.where ? "" : row.where,
    row.what,
    row.from,
    row.to,
  ]),
  ["SERVICE", "SETTING"],
);
if (settings.length + services.length === 0) {
  console.log(`${from} and ${to} are the same, but for their names.`);
} else {
  console.log("(default): not set in the stack's file. Names that carry the namespace count as the same.");
  process.exitCode = 1;
}
