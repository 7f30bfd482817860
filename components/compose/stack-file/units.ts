import type { Bytes, Nanoseconds } from "./model";

const DURATION_UNITS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** A duration as Go writes it, such as 1m30s or 1.5h; undefined when it is none. */
export function parseDuration(text: string): Nanoseconds | undefined {
  const unsigned = text.replace(/^[-+]/, "");
  const sign = text.startsWith("-") ? -1 : 1;
  if (unsigned === "0") return 0;
  let sum = 0;
  DURATION_PART.lastIndex = 0;
  while (DURATION_PART.lastIndex < unsigned.length || unsigned === "") {
    const [, number, unit = ""] = DURATION_PART.exec(unsigned) ?? [];
    if (number === undefined) return undefined;
    sum += Number(number) * (DURATION_UNITS[unit] ?? NaN);
  }
  return sign * Math.round(sum);
}

const SIZE = /^(\d+\.?\d*|\.\d+) ?(?:([kmgtp])(?:i?b)?|b)?$/i;

/** A size in bytes, such as 50M, 1.5GiB or 64kb, a thousand being 1024; undefined when it is none. */
export function parseSize(text: string): Bytes | undefined {
  const [, number, unit] = SIZE.exec(text) ?? [];
  if (number === undefined) return undefined;
  const power = unit === undefined ? 0 : "kmgtp".indexOf(unit.toLowerCase()) + 1;
  return Math.trunc(Number(number) * 1024 ** power);
}

const CPUS = /^\+?(?:(\d+)(?:\.(\d*))?|\.(\d+))$/;

/** CPUs such as 0.5 in billionths; undefined when it is no number of them or finer than that. */
export function parseCpus(text: string): number | undefined {
  const [, whole = "0", fraction, bare] = CPUS.exec(text) ?? [];
  const digits = (fraction ?? bare ?? "").replace(/0+$/, "");
  if (!CPUS.test(text) || digits.length > 9) return undefined;
  return Number(whole) * 1e9 + Number(digits.padEnd(9, "0"));
}
