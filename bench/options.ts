import { Case, CASES, Options } from "./cases";
import { LEAST_SERVICES } from "./scene";

const MOST_SERVICES = 4000; // the addresses of a contender's network
const DEFAULTS = { SIZES: "5,10,50,200,1000", RUNS: "5", CASES: CASES.join(",") };

export interface AllOptions extends Options {
  /** Ids; empty for all. */
  readonly contenders: readonly string[];
}

/**
 * Reads SIZES, RUNS, CASES and CONTENDERS from the environment.
 *
 * @throws RangeError naming all that is wrong.
 */
export function readOptions(
  env: Readonly<Record<string, string | undefined>>,
  contenders: readonly string[],
): AllOptions {
  const faults: string[] = [];
  const list = (name: string, text: string, allowed: readonly string[]): string[] => {
    const items = words(text);
    const unknown = items.filter((item) => !allowed.includes(item));
    if (unknown.length > 0)
      faults.push(`${name}=${text}: no ${unknown.join(", ")}; allowed: ${allowed.join(",")}`);
    return items;
  };
  const sizes = words(env.SIZES || DEFAULTS.SIZES).map(Number);
  if (!sizes.every((size) => Number.isInteger(size) && size >= LEAST_SERVICES && size <= MOST_SERVICES)) {
    const allowed = `whole numbers from ${LEAST_SERVICES} to ${MOST_SERVICES}, such as ${DEFAULTS.SIZES}`;
    faults.push(`SIZES=${env.SIZES}; allowed: ${allowed}`);
  }
  const runs = Number(env.RUNS || DEFAULTS.RUNS);
  if (!Number.isInteger(runs) || runs < 1) faults.push(`RUNS=${env.RUNS}; allowed: a whole number from 1`);
  const cases = list("CASES", env.CASES || DEFAULTS.CASES, CASES) as Case[];
  const chosen = list("CONTENDERS", env.CONTENDERS ?? "", contenders);
  if (faults.length > 0) throw new RangeError(faults.join("\n"));
  return { sizes, runs, cases, contenders: chosen };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
