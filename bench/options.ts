import { Case, CASES, Options } from "./cases";
import { LEAST_SERVICES } from "./scene";

const MOST_SERVICES = 4000; // the addresses of a contender's network
const PARTS = ["services", "platform"] as const;
const DEFAULTS = {
  PARTS: PARTS.join(","),
  SIZES: "5,10,50,200,1000",
  RUNS: "5",
  CASES: CASES.join(","),
  LOAD_SECONDS: "15",
};

export interface AllOptions extends Options {
  readonly parts: readonly (typeof PARTS)[number][];
  /** Ids; empty for all. */
  readonly contenders: readonly string[];
  /** Length of each load on the platform. */
  readonly loadSeconds: number;
  /** Another image of the platform's edge, see {@link PlatformOptions}. */
  readonly otherNginx: string | undefined;
}

/**
 * Reads PARTS, SIZES, RUNS, CASES, CONTENDERS, LOAD_SECONDS and OTHER_NGINX from the environment.
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
  const count = (name: "RUNS" | "LOAD_SECONDS"): number => {
    const value = Number(env[name] || DEFAULTS[name]);
    if (!Number.isInteger(value) || value < 1)
      faults.push(`${name}=${env[name]}; allowed: a whole number from 1`);
    return value;
  };
  const runs = count("RUNS");
  const loadSeconds = count("LOAD_SECONDS");
  const parts = list("PARTS", env.PARTS || DEFAULTS.PARTS, PARTS) as AllOptions["parts"];
  const cases = list("CASES", env.CASES || DEFAULTS.CASES, CASES) as Case[];
  const chosen = list("CONTENDERS", env.CONTENDERS ?? "", contenders);
  if (faults.length > 0) throw new RangeError(faults.join("\n"));
  return {
    parts,
    sizes,
    runs,
    cases,
    contenders: chosen,
    loadSeconds,
    otherNginx: env.OTHER_NGINX || undefined,
  };
}

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
