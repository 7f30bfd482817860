import { FACTS, Step } from "./cases";

/** Seconds that a step takes beside what it measures: looks at the swarm, files. */
const OVERHEAD = 0.3;
/** Seconds of a step of which nothing is known. */
const UNKNOWN = 10;

/**
 * Seconds that the given steps will take, by those that were made: of the same size, else of the nearest smaller one and
 * as much more as there are more services, which is too much for most.
 */
export function expectedSeconds(
  steps: readonly Step[],
  made: readonly (Step & { readonly seconds: number })[],
): number {
  const known = new Map<string, { readonly size: number; readonly seconds: number }[]>();
  for (const { contender, case: one, size, seconds } of made) {
    const key = `${contender} ${one}`;
    known.set(key, [...(known.get(key) ?? []), { size, seconds }]);
  }
  return steps.reduce((sum, { contender, case: one, size }) => {
    const similar = (known.get(`${contender} ${one}`) ?? []).filter((other) => other.size <= size);
    const nearest = similar.toSorted((a, b) => a.size - b.size).at(-1);
    const seconds = nearest === undefined ? UNKNOWN : nearest.seconds * Math.sqrt(size / nearest.size);
    return sum + seconds + OVERHEAD;
  }, 0);
}

/** `[ 12/450, 0:03:10, ends about 08:40] 50 services, run 2 of 5: title, contender` */
export function progressLine(
  step: Step,
  { done, all, elapsed, ends }: { done: number; all: number; elapsed: number; ends: Date },
  { runs, title }: { runs: number; title: string },
): string {
  const count = `${String(done).padStart(String(all).length)}/${all}`;
  return (
    `[${count}, ${clock(elapsed)}, ends about ${ends.toISOString().slice(11, 16)} UTC] ` +
    `${step.size} services, run ${step.run} of ${runs}: ${FACTS[step.case].title}: ${title}`
  );
}

/** `h:mm:ss` */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** `1.23 s` or `345 MiB`. */
export function valueText(value: number, unit: "s" | "MiB"): string {
  return unit === "s" ? `${value.toFixed(2)} s` : `${value.toFixed(0)} MiB`;
}
