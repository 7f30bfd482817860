// Prints the labels com.docker.stack.namespace by which the stack's objects are found on the swarm (STACK, default dev), one a
// line: its own, then those of its stack files.
//   node --import ./tools/typescript.mjs tools/namespaces.mjs
import { existsSync, readFileSync } from "node:fs";
import { stack } from "./docker-cli.mjs";
import { asText, settingsIn } from "./stack-file.ts";

const file = `Pulumi.${stack}.yaml`;
const { namespace, stacks } = existsSync(file) ? settingsIn(readFileSync(file, "utf8")) : {};
const ofFiles = JSON.parse(asText(stacks) || "[]").map(({ name }) => name);
console.log([...new Set([asText(namespace) || stack, ...ofFiles])].join("\n"));
