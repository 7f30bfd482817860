import * as fs from "node:fs";
import { processes, TICKS } from "../command";

/** Who uses the processors during a load, by the name of its process; whoever is not here is among the others. */
const USERS: readonly (readonly [RegExp, string])[] = [
  [/^accountservice$/, "accountservice"],
  [/^nginx$/, "nginx"],
  [/^java$/, "Kafka"],
  [/^(dockerd|docker-proxy|containerd.*)$/, "engine"],
];
const OTHERS = "others";

/** Seconds of processor time that each has used up to now. */
function used(): Map<string, number> {
  const all = new Map<string, number>();
  const add = (user: string, seconds: number): void => void all.set(user, (all.get(user) ?? 0) + seconds);
  for (const { pid, program, seconds, secondsOfChildren } of processes()) {
    add(USERS.find(([name]) => name.test(program))?.[1] ?? OTHERS, seconds);
    // The command that makes the load has ended by the time of the second look.
    if (pid === process.pid) add("wrk", secondsOfChildren);
  }
  // man proc_stat: user, nice, system, idle, iowait, irq, softirq.
  const [, , , , , irq = 0, softirq = 0] = (fs.readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "")
    .split(/\s+/)
    .slice(1)
    .map(Number);
  add("interrupts", (irq + softirq) / TICKS);
  return all;
}

/** Runs something. @returns its result, and how many cores each program has used meanwhile. */
export async function withCores<T>(
  action: () => Promise<T>,
): Promise<{ result: T; cores: Record<string, number> }> {
  const [before, began] = [used(), Date.now()];
  const result = await action();
  const seconds = (Date.now() - began) / 1000;
  const cores = [...used()].map(([user, now]) => [user, (now - (before.get(user) ?? 0)) / seconds] as const);
  return { result, cores: Object.fromEntries(cores.map(([user, share]) => [user, Math.max(0, share)])) };
}
