/** What wrk has measured. */
export interface Load {
  /** Answers a second. */
  readonly rate: number;
  /** Of the time to an answer, in ms. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that were no success, and connections without one. */
  readonly failed: number;
}

/** Threads and connections of a load. */
export const WRK = ["wrk", "-t2", "-c64", "--latency"] as const;

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** @param output of `wrk --latency`. @throws Error when that is of no known form. */
export function parseWrk(output: string): Load {
  const time = (share: number): number => {
    const [, value, unit = ""] = new RegExp(`^ +${share}%\\s+([\\d.]+)(us|ms|s|m)$`, "m").exec(output) ?? [];
    return Number(value) * (MILLISECONDS[unit] ?? NaN);
  };
  const errors = /^ +Socket errors: (.*)$/m.exec(output)?.[1] ?? "";
  const load = {
    rate: Number(/^Requests\/sec: +([\d.]+)$/m.exec(output)?.[1]),
    p50: time(50),
    p99: time(99),
    failed:
      Number(/^ +Non-2xx or 3xx responses: (\d+)$/m.exec(output)?.[1] ?? 0) +
      [...errors.matchAll(/\d+/g)].reduce((sum, [count]) => sum + Number(count), 0),
  };
  if (Object.values(load).some(Number.isNaN)) throw new Error(`no output of wrk:\n${output}`);
  return load;
}
