// Prints the labels com.docker.stack.namespace by which the stack's objects are found on the swarm (STACK, default dev), one a
// line: its own, then those of its stack files.
//   node --import ./tools/typescript.mjs tools/namespaces.mjs
import { existsSync, readFileSync } from "node:fs";
import { stack } from "./docker-cli.mjs";
import { namespacesOf, settingsIn } from "./stack-file.ts";

const file = `Pulumi.${stack}.yaml`;
console.log(namespacesOf(stack, existsSync(file) ? settingsIn(readFileSync(file, "utf8")) : {}).join("\n"));
