// Docker commands beside each other, streams to and from them, and one interrupt for all: what tools/volumes.mjs stands on.
import { spawn } from "node:child_process";
import { pipeline } from "node:stream/promises";
import { DockerFault } from "./docker-cli.mjs";

/** A sentence for the user, with what to do. */
export class Refusal extends Error {}

const interrupted = new AbortController();
/** Aborted when the user interrupts; the streams end then. */
export const interrupt = interrupted.signal;

/** @param say called at the first signal. */
export function onInterrupt(say) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (!interrupt.aborted) say();
      interrupted.abort();
    });
  }
}

/** Ends not with the terminal's Ctrl-C, which is for this program to handle. */
function program(name, args) {
  const child = spawn(name, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (piece) => (stderr += piece));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new DockerFault(stderr.trim().split("\n").pop() || `${name} ended with ${code}`));
    });
  });
  return { child, ended };
}

/** Output of a short command. @throws DockerFault */
export async function command(name, ...args) {
  const { child, ended } = program(name, args);
  let stdout = "";
  child.stdout.on("data", (piece) => (stdout += piece));
  child.stdin.end();
  await ended;
  return stdout.trim();
}

/** Asks the manager. */
export function docker(...args) {
  return command("docker", ...args);
}

/** Asks the engine of a node. */
export function on(host, ...args) {
  return command("docker", "--host", host, ...args);
}

/** A docker command to stream to or from; it ends with an interrupt. */
export function stream(host, ...args) {
  const { child, ended } = program("docker", ["--host", host, ...args]);
  const kill = () => child.kill();
  interrupt.addEventListener("abort", kill);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended: ended.finally(() => interrupt.removeEventListener("abort", kill)),
  };
}

export function lines(text) {
  return text.split("\n").filter(Boolean);
}

/** Streams to or from a docker command, to the end of both. */
export async function through(cp, ...streams) {
  const [piped, ended] = await Promise.allSettled([pipeline(...streams, { signal: interrupt }), cp.ended]);
  // Whichever fails first breaks the other's pipe.
  const isBroken = ["EPIPE", "ERR_STREAM_PREMATURE_CLOSE"].includes(piped.reason?.code);
  if (piped.status === "rejected" && !(isBroken && ended.status === "rejected")) throw piped.reason;
  if (ended.status === "rejected") throw ended.reason;
}

/** Waits for all, also when one fails: nothing must be at work on the data any more. */
export async function all(works) {
  const results = await Promise.allSettled(works);
  const failed = results.find(({ status }) => status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
