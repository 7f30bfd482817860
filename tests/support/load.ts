import { ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tempFolder } from "./temp";

/** How long the load goes on before and after a change, in ms. */
const CALM = 6000;
/** When a load ends even if its change hangs, in seconds. */
const LIMIT = 600;

/** What is asked again and again. */
export interface LoadTarget {
  readonly url: string;
  /** Text that a good answer contains. */
  readonly expect: string;
  /** PEM of who signs for an https server. @default those that Node knows */
  readonly ca?: string;
}

/** One request and what came of it. */
export interface LoadSample {
  /** When it was sent, in ms since the epoch. */
  readonly at: number;
  /** URL. */
  readonly target: string;
  /** Until the last byte of its answer, or its fault, in ms. */
  readonly ms: number;
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  /** Asked a second time, because the server closed the kept connection under it. @default false */
  readonly again?: boolean;
  /** Why there is no answer, such as ECONNREFUSED, or what is wrong with it. */
  readonly error?: string;
}

/** What a client saw of a change. */
export interface Measured {
  readonly requests: number;
  readonly lost: number;
  /** Requests that a client has to ask twice, because their kept connection was closed. */
  readonly again: number;
  /** Number of lost requests by reason. */
  readonly faults: Readonly<Record<string, number>>;
  /** Longest outage of one target in ms; lost requests less than a second apart belong to one. */
  readonly outage: number;
  readonly before: Part;
  readonly during: Part;
  readonly after: Part;
}

/** Times of answered requests, in ms. */
export interface Part {
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
}

/** A steady stream of requests in a process of its own, so that it goes on while a test waits for a command. */
export class Load {
  private readonly output = path.join(tempFolder(), "samples");
  private readonly process: ChildProcess;

  /**
   * @param rate requests a second, over all targets in turn.
   * @param seconds when it ends at the latest.
   */
  constructor(targets: readonly LoadTarget[], rate: number, seconds: number) {
    const order = JSON.stringify({ targets, rate, seconds, output: this.output });
    const stdio = ["ignore", "ignore", "inherit"] as const;
    this.process = spawn(process.execPath, [path.join(__dirname, "load-generator.mjs"), order], {
      stdio: [...stdio],
    });
  }

  /** Sends no more, waits for the last answers, and returns all samples in the order of sending. */
  async stop(): Promise<LoadSample[]> {
    if (this.process.exitCode === null) {
      const ended = once(this.process, "exit");
      this.process.kill("SIGTERM");
      await ended;
    }
    const lines = fs.readFileSync(this.output, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as LoadSample).sort((a, b) => a.at - b.at);
  }
}

/**
 * Makes a change under a steady load, and sums up what a client saw of it.
 *
 * @param rate requests a second, over all targets in turn.
 * @throws what the change throws; Error when the load was not steady to the end, since it has shown nothing then.
 */
export async function underLoad(
  targets: readonly LoadTarget[],
  rate: number,
  change: () => void | Promise<void>,
): Promise<Measured> {
  const load = new Load(targets, rate, LIMIT);
  const start = Date.now();
  try {
    await sleep(CALM);
    const from = Date.now();
    await change();
    const to = Date.now();
    await sleep(CALM);
    const seconds = (Date.now() - start) / 1000;
    const result = measure(await load.stop(), from, to);
    if (result.requests <= 0.9 * rate * seconds)
      throw new Error(`only ${result.requests} requests in ${seconds} s, not ${rate} a second`);
    return result;
  } finally {
    await load.stop();
  }
}

/** Sums samples up around a change that lasted between two times, in ms since the epoch. */
export function measure(samples: readonly LoadSample[], from: number, to: number): Measured {
  const lost = samples.filter(isLost);
  const faults: Record<string, number> = {};
  for (const sample of lost) {
    const reason = sample.error ?? `status ${sample.status}`;
    faults[reason] = (faults[reason] ?? 0) + 1;
  }
  const targets = [...new Set(lost.map(({ target }) => target))];
  return {
    requests: samples.length,
    lost: lost.length,
    again: samples.filter(({ again }) => again).length,
    faults,
    outage: Math.max(
      0,
      ...targets.map((target) => longestOutage(lost.filter((one) => one.target === target))),
    ),
    before: part(samples.filter(({ at }) => at < from)),
    during: part(samples.filter(({ at }) => at >= from && at <= to)),
    after: part(samples.filter(({ at }) => at > to)),
  };
}

/** A Markdown table of what changes cost, with times in ms. */
export function renderMeasured(rows: ReadonlyMap<string, Measured>): string {
  const times = ({ p50, p99 }: Part): string => `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
  return [
    "| change | requests | lost | per 10,000 | longest outage | p50 / p99 before | during | after |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...[...rows].map(([name, { requests, lost, outage, before, during, after }]) => {
      const share = Math.round((lost * 10_000) / requests);
      const parts = [before, during, after].map(times);
      return `| ${[name, requests, lost, share, `${outage} ms`, ...parts].join(" | ")} |`;
    }),
  ].join("\n");
}

function isLost({ status, error }: LoadSample): boolean {
  return error !== undefined || status < 200 || status > 299;
}

function longestOutage(lost: readonly LoadSample[]): number {
  let longest = 0;
  let start = 0;
  let last = -Infinity;
  for (const { at } of lost) {
    if (at - last >= 1000) start = at;
    last = at;
    longest = Math.max(longest, last - start);
  }
  return longest;
}

function part(samples: readonly LoadSample[]): Part {
  const times = samples.filter((one) => !isLost(one)).map(({ ms }) => ms);
  times.sort((a, b) => a - b);
  const quantile = (share: number): number => times[Math.floor(times.length * share)] ?? NaN;
  return { requests: samples.length, p50: quantile(0.5), p99: quantile(0.99) };
}
