import { spawn } from "node:child_process";
import * as fs from "node:fs";

/** A command of a contender. */
export interface Command {
  /** Program and arguments. */
  readonly argv: readonly string[];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** File that its output is added to. */
  readonly log: string;
}

export interface Outcome {
  /** Milliseconds since the epoch. */
  readonly began: number;
  readonly ended: number;
  /** Largest sum of the resident memory of all its processes, in MiB; undefined when it was not watched. */
  readonly peakMiB: number | undefined;
  /** What it printed. */
  readonly output: string;
}

/** Longest time that any command may take, in ms. */
const LIMIT = 60 * 60_000;
/** Between two looks at the memory, in ms. */
const MEMORY_INTERVAL = 50;
const MIB = 2 ** 20;
const PAGE = 4096;
/** Ticks of Linux in a second of processor time. */
export const TICKS = 100;

/**
 * Runs a command to its end.
 *
 * @param watchMemory costs some time of its own.
 * @throws Error with the end of its output, when it fails or is ended by the signal.
 */
export async function run(command: Command, signal: AbortSignal, watchMemory = false): Promise<Outcome> {
  signal.throwIfAborted();
  const [program = "", ...args] = command.argv;
  fs.appendFileSync(command.log, `\n$ ${command.argv.join(" ")}\n`);
  const before = fs.statSync(command.log).size;
  const output = fs.openSync(command.log, "a");
  const began = Date.now();
  // A group of its own, so that an interrupt at the terminal reaches us alone.
  const child = spawn(program, args, {
    cwd: command.folder,
    env: command.env,
    stdio: ["ignore", output, output],
    detached: true,
  });
  fs.closeSync(output);
  let peak = 0;
  const look = (): void => {
    peak = Math.max(peak, treeMemory(processes(), child.pid ?? 0));
  };
  const watch = watchMemory ? setInterval(look, MEMORY_INTERVAL) : undefined;
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  const limit = setTimeout(end, LIMIT);
  signal.addEventListener("abort", end);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", resolve);
    });
    const ended = Date.now();
    signal.throwIfAborted();
    const said = fs.readFileSync(command.log).subarray(before).toString();
    if (code !== 0) {
      const last = said.trimEnd().split("\n").slice(-15).join("\n");
      throw new Error(`\`${command.argv.join(" ")}\` ended with ${code}:\n${last}`);
    }
    return { began, ended, peakMiB: watchMemory ? peak / MIB : undefined, output: said };
  } finally {
    clearInterval(watch);
    clearTimeout(limit);
    signal.removeEventListener("abort", end);
  }
}

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Name, at most 15 characters. */
  readonly program: string;
  /** Resident memory in bytes. */
  readonly memory: number;
  /** Seconds of processor time. */
  readonly seconds: number;
  /** The same of its children that have ended. */
  readonly secondsOfChildren: number;
}

/** Memory of a process and all that it has started, in bytes. What processes share counts for each of them. */
export function treeMemory(all: readonly Pick<Process, "pid" | "parent" | "memory">[], root: number): number {
  const below = (pid: number): number =>
    all
      .filter(({ parent }) => parent === pid)
      .reduce((sum, child) => sum + child.memory + below(child.pid), 0);
  return (all.find(({ pid }) => pid === root)?.memory ?? 0) + below(root);
}

/** All that run. */
export function processes(): Process[] {
  return fs.readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return [processOf(fs.readFileSync(`/proc/${entry}/stat`, "utf8"))];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

/** A process as /proc/PID/stat has it; its name, in brackets, may hold anything. */
export function processOf(stat: string): Process {
  const end = stat.lastIndexOf(")");
  const fields = stat
    .slice(end + 2)
    .split(" ")
    .map(Number);
  // man proc_pid_stat counts from 1, and has two fields before these.
  const field = (number: number): number => fields[number - 3] ?? 0;
  return {
    pid: parseInt(stat),
    parent: field(4),
    program: stat.slice(stat.indexOf("(") + 1, end),
    memory: field(24) * PAGE,
    seconds: (field(14) + field(15)) / TICKS,
    secondsOfChildren: (field(16) + field(17)) / TICKS,
  };
}

/** Ends all processes that have the variable in their environment, such as plugins of a CLI that was killed. */
export function endAllWith(variable: string, value: string): void {
  for (const entry of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    try {
      const environment = fs.readFileSync(`/proc/${entry}/environ`, "utf8").split("\0");
      if (environment.includes(`${variable}=${value}`)) process.kill(Number(entry), "SIGKILL");
    } catch {
      // it has ended meanwhile
    }
  }
}
