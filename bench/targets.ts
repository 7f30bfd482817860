import type { Case, Sample } from "./cases";
import { median } from "./statistics";

/** What the project wants to reach, and what was measured. */
export interface Target {
  readonly target: string;
  readonly measured: string;
  readonly verdict: "met" | "not met" | "not measured";
}

/** Of OpenTofu's plan with drift check, by number of services. */
const DRIFT_SHARES = [
  [10, 0.9],
  [50, 0.6],
  [200, 0.45],
] as const;
/** Ratios to the bare program, whose code is its resources alone. */
const MOST_OF_BARE = 1.1;
/** Seconds from Swarm's end of a rollout to ours. */
const MOST_AFTER_SWARM = 1;

export function targets(samples: readonly Sample[]): Target[] {
  const of = (contender: string, one: Case, size: number): number =>
    median(
      samples
        .filter((sample) => sample.contender === contender && sample.case === one && sample.size === size)
        .map(({ value }) => value),
    );
  const ratio = (what: string, most: number, [a, aText]: Named, [b, bText]: Named): Target => ({
    target: `${what} <= ${most} x ${bText}`,
    ...judged(a / b, most, `${(a / b).toFixed(2)} x (${aText} ${a.toFixed(2)}, ${bText} ${b.toFixed(2)})`),
  });
  const sizes = [...new Set(samples.map(({ size }) => size))].sort((a, b) => a - b);
  const byMake = sizes.find((size) => !Number.isNaN(of("make", "again", size))) ?? sizes[0];
  const withTasks = sizes.filter((size) => !Number.isNaN(of("ours", "gate", size)));
  return [
    ...["ours", "stacks"].flatMap((id) =>
      [10, 50, 200].map((size) =>
        ratio(
          `preview of ${size}, no drift check, ${id}`,
          MOST_OF_BARE,
          [of(id, "preview", size), id],
          [of("bare", "preview", size), "bare"],
        ),
      ),
    ),
    ...["ours", "stacks"].flatMap((id) =>
      [10, 50, 200].map((size) =>
        ratio(
          `preview of ${size} with drift check at one parallelism, ${id}`,
          MOST_OF_BARE,
          [of(id, "drift", size), id],
          [of("bare", "drift", size), "bare"],
        ),
      ),
    ),
    ...["ours", "stacks"].flatMap((id) =>
      DRIFT_SHARES.map(([size, share]) =>
        ratio(
          `preview of ${size} with drift check, each by its defaults, ${id}`,
          share,
          [of(id, "drift", size), id],
          [of("tofu", "drift", size), "tofu plan"],
        ),
      ),
    ),
    ...["ours", "stacks"].flatMap((id) =>
      withTasks.map((size) => {
        const [gate, converge] = [of(id, "gate", size), of("converge", "gate", size)];
        const beside = Number.isNaN(converge) ? "" : ` (convergeConfig ${converge.toFixed(2)} s)`;
        return {
          target: `rollout gate of ${id}, ${size} services: at most ${MOST_AFTER_SWARM} s after Swarm's own end`,
          ...judged(gate, MOST_AFTER_SWARM, `${gate.toFixed(2)} s${beside}`),
        };
      }),
    ),
    ...withTasks.map((size) => {
      const [ours, stack] = [of("ours", "deploy", size), of("stack", "deploy", size)];
      const most = 1.2 * stack + 3;
      return {
        target: `fresh deploy of ${size} <= 1.2 x stack deploy's honest wait + 3 s`,
        ...judged(
          ours,
          most,
          `${ours.toFixed(2)} s; allowed ${most.toFixed(2)} s (stack deploy ${stack.toFixed(2)} s)`,
        ),
      };
    }),
    ...(byMake === undefined
      ? []
      : [
          ratio(
            `second make up of ${byMake}, bootstrap included`,
            1.3,
            [of("make", "again", byMake), "make up"],
            [of("ours", "again", byMake), "pulumi up"],
          ),
        ]),
    ...["ours", "stacks"].map((id) =>
      ratio(
        `memory of the whole tool at 200, ${id}`,
        MOST_OF_BARE,
        [of(id, "memory", 200), id],
        [of("bare", "memory", 200), "bare"],
      ),
    ),
  ];
}

type Named = readonly [number, string];

export function judged(value: number, most: number, measured: string): Omit<Target, "target"> {
  if (!Number.isFinite(value) || Number.isNaN(most)) return { measured: "", verdict: "not measured" };
  return { measured, verdict: value <= most ? "met" : "not met" };
}
