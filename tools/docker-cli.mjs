// What the tools beside stack.sh share: who they speak for, and the docker CLI.
import { execFileSync } from "node:child_process";

export const stack = process.env.STACK ?? "dev";
/** By which objects are found that belong together. */
export const NAMESPACE_LABEL = "com.docker.stack.namespace";

/** One line for the user. */
export function say(line) {
  console.error(`stack ${stack}: ${line}`);
}

/** Ends the tool with the reason and what to do. */
export function fail(sentence) {
  say(sentence);
  process.exit(1);
}

/** What docker could not do, in its own words. */
export class DockerFault extends Error {}

/** Runs docker and gives what it printed. @throws DockerFault */
export function docker(...args) {
  try {
    return execFileSync("docker", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  } catch (error) {
    throw new DockerFault(
      String(error.stderr || error.message)
        .trim()
        .split("\n")
        .pop(),
    );
  }
}

/** As {@link docker}, line by line. */
export function dockerLines(...args) {
  return docker(...args)
    .split("\n")
    .filter(Boolean);
}

/** The objects with these names or ids; throws a DockerFault when one is missing. */
export function inspect(kind, ...namesOrIds) {
  return namesOrIds.length > 0 ? JSON.parse(docker(kind, "inspect", ...namesOrIds)) : [];
}

// A fault that nobody expects is told in a sentence, without a stack.
process.on("uncaughtException", (error) => {
  if (!(error instanceof DockerFault)) throw error;
  fail(
    `the Docker engine at ${process.env.DOCKER_HOST} says: ${error.message}\n  Mend that, then run it again.`,
  );
});
