import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import type { Sample } from "./cases";
import type { PlatformResults } from "./platform/platform-run";

/** Name of the file in the folder of a run. */
export const RESULTS = "results.json";

export interface Results {
  readonly machine: Machine;
  /** ISO 8601, UTC. */
  readonly began: string;
  /** Absent while it runs, and where it was interrupted. */
  ended?: string;
  readonly contenders: readonly ContenderFacts[];
  /** Why a contender did not take part. */
  readonly skipped: Record<string, string>;
  readonly failures: string[];
  readonly samples: Sample[];
  /** Absent where that part was not measured. */
  platform?: PlatformResults;
}

export interface ContenderFacts {
  readonly id: string;
  readonly title: string;
  /** Command lines, by case; several where they differ by size. */
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Before it began, over one minute. */
  readonly load: number;
  /** By name, such as `docker engine`. */
  readonly versions: Record<string, string>;
}

export function describeMachine(versions: Record<string, string>): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    load: Math.round((os.loadavg()[0] ?? 0) * 10) / 10,
    versions,
  };
}

/** First line that a program prints, or why there is none. */
export function versionOf(program: string, ...args: string[]): string {
  try {
    return (
      execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0] ??
      ""
    );
  } catch (error) {
    return `unknown (${error instanceof Error ? error.message.split("\n")[0] : String(error)})`;
  }
}

/** Whole or not at all, so that an interrupt leaves the measurements that were made. */
export function save(file: string, results: Results): void {
  const { samples, ...rest } = results;
  const head = JSON.stringify(rest, undefined, 2).replace(/\n\}$/, "");
  const lines = samples.map((sample) => `    ${JSON.stringify(sample)}`);
  fs.writeFileSync(`${file}.part`, `${head},\n  "samples": [\n${lines.join(",\n")}\n  ]\n}\n`);
  fs.renameSync(`${file}.part`, file);
}

export function read(file: string): Results {
  return JSON.parse(fs.readFileSync(file, "utf8")) as Results;
}

/**
 * The report of several runs on one machine: a later one replaces the sizes, and the platform, that it measured, too.
 *
 * @throws Error when the machines or versions differ, since figures of different ones can't be compared.
 */
export function joined(runs: readonly Results[]): Results {
  const [first, ...others] = runs as [Results, ...Results[]];
  return others.reduce((all, run) => {
    // Not every part has all programs.
    const facts = ({ machine }: Results, other: Results): string =>
      JSON.stringify({
        ...machine,
        load: undefined,
        versions: Object.entries(machine.versions)
          .filter(([name]) => name in other.machine.versions)
          .sort(),
      });
    const [one, another] = [facts(all, run), facts(run, all)];
    if (one !== another) {
      throw new Error(
        `the runs of ${all.began} and ${run.began} are of different machines or versions: ${one}, ${another}`,
      );
    }
    const sizes = new Set(run.samples.map(({ size }) => size));
    const began = [all.began, run.began].sort();
    const ended = [all.ended, run.ended].sort();
    return {
      machine: {
        ...all.machine,
        load: Math.max(all.machine.load, run.machine.load),
        versions: { ...all.machine.versions, ...run.machine.versions },
      },
      began: began[0] as string,
      ...(ended.includes(undefined) ? {} : { ended: ended[1] }),
      contenders: joinedContenders([...all.contenders, ...run.contenders]),
      skipped: { ...all.skipped, ...run.skipped },
      failures: [...all.failures, ...run.failures],
      samples: [...all.samples.filter(({ size }) => !sizes.has(size)), ...run.samples],
      platform: run.platform ?? all.platform,
    };
  }, first);
}

/** Each once, with the command lines of all sizes. */
function joinedContenders(contenders: readonly ContenderFacts[]): ContenderFacts[] {
  const byId = new Map<string, ContenderFacts>();
  for (const one of contenders) {
    const commands: Record<string, readonly string[]> = { ...byId.get(one.id)?.commands };
    for (const [name, lines] of Object.entries(one.commands)) {
      commands[name] = [...new Set([...(commands[name] ?? []), ...lines])];
    }
    byId.set(one.id, { ...one, commands });
  }
  return [...byId.values()];
}
