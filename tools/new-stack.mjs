#!/usr/bin/env node
// Writes the file of a new environment; what is not given is asked on a terminal:
//
//   new-stack.sh NAME=staging [FROM=dev] [KEY=VALUE ...]     KEY of the configuration, such as host, nodes, routing, registry
//
// The same may be given to make, whose variables of the command line are told by MAKEFLAGS. Exit 1 with the reason, nothing
// written.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import prettier from "prettier";
import { declaredKeys, settingsIn } from "./stack-file.ts";
import { scaffold } from "./stack-scaffold.ts";
import { table } from "./table.ts";

/** Variables of make that are none of the configuration. */
const OTHERS = new Set(["NAME", "FROM", "STACK", "OFFLINE", "SHELL"]);

const stacks = Object.fromEntries(
  readdirSync(".")
    .map((file) => /^Pulumi\.(.+)\.yaml$/.exec(file))
    .filter(Boolean)
    .map(([file, stack]) => [stack, settingsIn(readFileSync(file, "utf8"))]),
);

function given() {
  const [, ofMake = ""] = /(?:^| )-- (.*)$/s.exec(process.env.MAKEFLAGS ?? "") ?? [];
  const names = [...` ${ofMake}`.matchAll(/(?<!\\) ([A-Za-z_]\w*)=/g)].map(([, name]) => name);
  const pairs = process.argv.slice(2).map((pair) => /^(\w+)=(.*)$/s.exec(pair)?.slice(1) ?? [pair, ""]);
  return Object.fromEntries([...names.map((name) => [name, process.env[name] ?? ""]), ...pairs]);
}

/** Asks for what is not given. Enter takes what is in brackets. */
async function answers(values) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ask = async (key, question, usual) => {
    if (values[key] !== undefined) return;
    const answer = (await terminal.question(`${question}${usual === "" ? "" : ` [${usual}]`}: `)).trim();
    if (answer !== "" || OTHERS.has(key)) values[key] = answer || usual;
  };
  await ask("NAME", "Name of the new environment, a-z, 0-9 and -", "");
  await ask("FROM", `Settings of which environment to begin with (${Object.keys(stacks).join(", ")})`, "dev");
  if (values.nodes === undefined) {
    const same = stacks[values.FROM]?.nodes === undefined ? `the same engine as ${values.FROM}` : "";
    await ask(
      "host",
      "Engine of one manager, ssh://user@machine or unix:///path; - for several machines",
      same,
    );
    if (values.host === "-") {
      delete values.host;
      await ask("nodes", "Machines, n1=ssh://user@machine1,n2=ssh://user@machine2, ...", "");
    }
  }
  await ask("routing", "Routing, mesh (needs IPVS in the kernel) or host", `as ${values.FROM}`);
  await ask("registry", "Registry of built images, host[:port][/path] or builtin", `as ${values.FROM}`);
  terminal.close();
}

const values = given();
if (process.stdin.isTTY) await answers(values);
const { NAME: name = "", FROM: from = "dev" } = values;
const settings = Object.fromEntries(Object.entries(values).filter(([key]) => !OTHERS.has(key)));

let made;
try {
  const declared = declaredKeys(readFileSync("Pulumi.yaml", "utf8"));
  made = scaffold({ name, from: from || "dev", given: settings }, stacks, declared);
} catch (error) {
  if (!["WishFault", "RunError"].includes(error.constructor.name)) throw error;
  console.error(
    `new-stack: ${error.message}${error.constructor.name === "WishFault" ? ". Nothing was written." : ""}`,
  );
  process.exit(1);
}
const file = `Pulumi.${name}.yaml`;
const options = await prettier.resolveConfig(file);
writeFileSync(file, await prettier.format(made.text, { ...options, parser: "yaml" }), { flag: "wx" });

console.log(`${file} is written, and has passed the program's own checks.`);
for (const note of made.notes) console.log(`  ${note}`);
const steps = [
  [`make diff FROM=${from || "dev"} TO=${name}`, "how the two differ"],
  [`make preview STACK=${name}`, "what would be made"],
  [`make up STACK=${name}`, "make it"],
  ["make golden", "its graph, which tests compare; then commit both"],
];
console.log(`Next:\n${table(steps).replace(/^/gm, "  ")}`);
