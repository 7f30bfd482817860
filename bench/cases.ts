import { Change, hasTasks } from "./scene";

/** In the order in which each run goes through them. */
export const CASES = [
  "deploy",
  "again",
  "preview",
  "drift",
  "memory",
  "image",
  "env",
  "scale",
  "config",
  "gate",
  "destroy",
] as const;
export type Case = (typeof CASES)[number];

interface CaseFacts {
  readonly title: string;
  readonly unit: "s" | "MiB";
  /** What must be true of the swarm before the clock stops, whether or not the command waits for it. */
  readonly until?: "settled" | "gone";
  /** What is changed before. */
  readonly change?: Change;
}

export const FACTS: Readonly<Record<Case, CaseFacts>> = {
  deploy: { title: "fresh deploy, to ready", unit: "s", until: "settled" },
  again: { title: "second deploy, nothing changed", unit: "s" },
  preview: { title: "preview, no drift check, nothing changed", unit: "s" },
  drift: { title: "preview with drift check, nothing changed", unit: "s" },
  memory: { title: "peak memory of a preview with drift check", unit: "MiB" },
  image: { title: "one image changed, to ready", unit: "s", until: "settled", change: "image" },
  env: { title: "one variable changed, to ready", unit: "s", until: "settled", change: "env" },
  scale: { title: "one service scaled up by one, to ready", unit: "s", until: "settled", change: "scale" },
  config: { title: "one config rotated, to ready", unit: "s", until: "settled", change: "config" },
  gate: { title: "from Swarm's end of a rollout to the end of the wait for it", unit: "s", change: "gate" },
  destroy: { title: "destroy, to gone", unit: "s", until: "gone" },
};

/** What was measured once. */
export interface Sample {
  /** Number of services. */
  readonly size: number;
  /** From 1. */
  readonly run: number;
  readonly case: Case;
  readonly contender: string;
  /** In the case's unit. */
  readonly value: number;
  /** Seconds until the command returned, where the swarm was waited for after that. */
  readonly returned?: number;
}

/** One measurement to make. */
export type Step = Pick<Sample, "size" | "run" | "case" | "contender">;

export interface Options {
  readonly sizes: readonly number[];
  readonly runs: number;
  readonly cases: readonly Case[];
}

/** From this size on there is one run. */
const ONCE = 1000;

/** Whether a case says anything at a size. */
function applies(one: Case, size: number): boolean {
  return one !== "gate" || hasTasks(size);
}

/**
 * All measurements in their order. Within a run all contenders go through a case before the next case begins, and each
 * run begins with another contender, so that whatever else the machine does strikes all alike.
 *
 * @param knows whether a contender has the case at that size.
 */
export function plan(
  { sizes, runs, cases }: Options,
  contenders: readonly string[],
  knows: (contender: string, one: Case, size: number) => boolean,
): Step[] {
  // The others need them.
  const wanted = CASES.filter((one) => cases.includes(one) || one === "deploy" || one === "destroy");
  return sizes.flatMap((size) =>
    Array.from({ length: size >= ONCE ? 1 : runs }, (_, index) => index + 1).flatMap((run) => {
      const first = (run - 1) % contenders.length;
      const order = [...contenders.slice(first), ...contenders.slice(0, first)];
      return wanted
        .filter((one) => applies(one, size))
        .flatMap((one) =>
          order
            .filter((contender) => knows(contender, one, size))
            .map((contender) => ({ size, run, case: one, contender })),
        );
    }),
  );
}
