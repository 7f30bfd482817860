import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const ROOT = path.resolve(__dirname, "../..");
const SCRIPT = path.join(ROOT, "tools/throwaway-engine.sh");

/** Folder below which everything that e2e tests start keeps its data; tools/test.sh cleans it up. */
export const WORK = process.env.E2E_WORK ?? path.join(os.tmpdir(), "swarm-platform-e2e");

/** A Docker engine of the test's own. */
export interface Engine {
  /** As in DOCKER_HOST. */
  readonly host: string;
  /** IPv4 address that the other engines reach it at. */
  readonly address: string;
  /** Runs the docker CLI against this engine; throws with its output when it fails. */
  docker(...args: string[]): string;
  /** Ends it in an orderly way and starts it again with its data. */
  restart(): void;
  /** Ends it at once, like a power cut; `restart` brings it back. */
  kill(): void;
  stop(): void;
}

/** One in a network namespace of this machine, which reaches its address. */
export interface LocalEngine extends Engine {
  /** Writes a file that the engine alone sees, below /etc/docker. */
  write(file: string, content: string): void;
  /** Takes its network cable out; `heal` puts it in again. */
  cut(): void;
  heal(): void;
  /** Runs a command in its network namespace, such as iptables; throws with its output when it fails. */
  inNetwork(command: string, ...args: string[]): string;
}

/**
 * Starts an engine; `name` is the host name that its swarm shows as the node.
 *
 * @param flags as of tools/throwaway-engine.sh, such as `--disk=300m`.
 */
export function startEngine(name: string, ...flags: readonly string[]): LocalEngine {
  const folder = path.join(WORK, "engines", name);
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  const printed = execFileSync(SCRIPT, ["start", folder, name, ...flags], { encoding: "utf8" });
  const { DOCKER_HOST: host = "", ENGINE_ADDRESS: address = "", NETNS: netns } = facts(printed);
  const run = (command: string): void => {
    execFileSync(SCRIPT, [command, folder], { stdio: ["ignore", "ignore", "inherit"] });
  };
  return {
    host,
    address,
    docker: (...args) =>
      execFileSync("docker", ["--host", host, ...args], { encoding: "utf8", stdio: "pipe" }).trim(),
    write: (file, content) => {
      const own = path.join(folder, "private", file);
      fs.mkdirSync(path.dirname(own), { recursive: true });
      fs.writeFileSync(own, content);
    },
    restart: () => run("restart"),
    kill: () => run("kill"),
    cut: () => run("cut"),
    heal: () => run("heal"),
    inNetwork: (...command) =>
      execFileSync("nsenter", [`--net=/run/netns/${netns}`, ...command], {
        encoding: "utf8",
        stdio: "pipe",
      }).trim(),
    stop: () => run("stop"),
  };
}

/** What a tool printed as lines of NAME=value. */
export function facts(printed: string): Record<string, string | undefined> {
  return Object.fromEntries(printed.split("\n").map((line) => line.split("=", 2) as [string, string]));
}

/** `describe` for tests that start engines; where they can't run they are skipped, and the reason is printed. */
export function describeWithEngines(name: string, tests: () => void): void {
  const reason = whyNoEngines();
  if (reason !== undefined) console.log(`e2e tests are skipped: ${reason}`);
  (reason === undefined ? describe : describe.skip)(name, tests);
}

/** Why e2e tests can't run on this machine; undefined when they can. */
function whyNoEngines(): string | undefined {
  if (process.platform !== "linux") return "throw-away engines need Linux network namespaces";
  if (process.getuid?.() !== 0) return "throw-away engines need root";
  return undefined;
}
