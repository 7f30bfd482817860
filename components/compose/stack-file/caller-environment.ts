import * as path from "node:path";
import { parseEnv } from "node:util";
import { readText, reason } from "./environment-reader";
import { type Findings, wholeFile } from "./faults";
import type { Variables } from "./variables";

/**
 * The variables that stack files are filled in with: those that the caller gives, then those of its files, the later first. A file .env that
 * lies beside the stack file is not read unless it is named, as docker stack deploy does it and other than docker compose.
 *
 * @param folder that the names of envFiles are relative to.
 * @param stackFolder of the stack files.
 */
export function callerVariables(
  env: Readonly<Record<string, string>>,
  envFiles: readonly string[],
  folder: string,
  stackFolder: string,
  findings: Findings,
): Variables {
  const variables = new Map<string, string | undefined>();
  for (const name of envFiles) {
    const text = readText(path.resolve(folder, name));
    if (typeof text === "string") {
      for (const [key, value] of Object.entries(parseEnv(text))) variables.set(key, value);
    } else {
      findings.fault(wholeFile(name), {
        path: "",
        problem: `can't be read: ${reason(text)}`,
        cure: `make ${path.resolve(folder, name)}, or correct envFiles`,
      });
    }
  }
  for (const [key, value] of Object.entries(env)) variables.set(key, value);
  return {
    lookup: (name) => variables.get(name),
    hint: (name) => {
      const beside = path.join(stackFolder, ".env");
      const text = readText(beside);
      if (typeof text !== "string" || !Object.hasOwn(parseEnv(text), name)) return undefined;
      return `name ${beside} in envFiles, it has ${name} and is not read by itself, as with docker stack deploy; or set it in env`;
    },
  };
}
