import { median, summary } from "../statistics";
import { judged, Target } from "../targets";
import { PlatformResults, platformSeconds } from "./platform-run";

/** A table, header first. */
type Rows = readonly (readonly string[])[];

export interface PlatformTable {
  readonly title: string;
  readonly rows: Rows;
}

/** What accountservice aims at, alone on two cores. */
const AIM = { rate: 50_000, p99: 10, memoryMiB: 20, imageMB: 10 };

export function platformTables(results: PlatformResults): PlatformTable[] {
  const ways = [...new Set(results.loads.map(({ way }) => way))];
  const tables: PlatformTable[] = [
    { title: "The platform of stack dev, median (least-most)", rows: timeRows(results) },
    {
      title: "Loads on accountservice: 64 connections, metrics and events on; medians",
      rows: [
        ["", "requests/s", "p50", "p99", "failed"],
        ...ways.map((way) => {
          const of = (key: "rate" | "p50" | "p99" | "failed"): number =>
            median(results.loads.filter((one) => one.way === way).map((one) => one[key]));
          return [way, of("rate").toFixed(0), ms(of("p50")), ms(of("p99")), of("failed").toFixed(0)];
        }),
      ],
    },
    { title: "Who used the processors during these loads, in cores; medians", rows: coreRows(results, ways) },
    {
      title: "Images",
      rows: [["", "MB"], ...Object.entries(results.images).map(([name, size]) => [name, size.toFixed(1)])],
    },
  ];
  return tables.filter(({ rows }) => rows.length > 1);
}

function coreRows({ loads }: PlatformResults, ways: readonly string[]): Rows {
  const users = [...new Set(loads.flatMap(({ cores }) => Object.keys(cores)))].sort();
  const rows = ways.map((way) => {
    const of = loads.filter((one) => one.way === way);
    return [way, ...users.map((user) => median(of.map(({ cores }) => cores[user] ?? 0)).toFixed(2))];
  });
  return [["", ...users], ...rows];
}

function timeRows({ samples }: PlatformResults): Rows {
  const columns = ["pulumi up", "make up", "docker stack deploy"] as const;
  const titles = { deploy: "fresh deploy, images present, to ready", again: "again, nothing changed" };
  const rows = (["deploy", "again"] as const).map((what) => [
    titles[what],
    ...columns.map((by) => {
      const values = samples.filter((one) => one.what === what && one.by === by).map(({ value }) => value);
      const { median: middle, least, most } = summary(values);
      return values.length === 0 ? "" : `${middle.toFixed(2)} s (${least.toFixed(2)}-${most.toFixed(2)})`;
    }),
  ]);
  return [["", ...columns], ...rows.filter((cells) => cells.slice(1).some(Boolean))];
}

export function platformTargets(results: PlatformResults): Target[] {
  const ours = platformSeconds(results, "deploy", "pulumi up");
  const stack = platformSeconds(results, "deploy", "docker stack deploy");
  const most = 1.2 * stack + 3;
  const make = platformSeconds(results, "again", "make up");
  const plain = platformSeconds(results, "again", "pulumi up");
  const direct = results.loads.filter(({ way }) => way === "direct");
  const rate = median(direct.map((one) => one.rate));
  const p99 = median(direct.map((one) => one.p99));
  const { after = NaN } = results.memory;
  const image = results.images.accountservice ?? NaN;
  return [
    {
      target: "fresh deploy of the dev platform <= 1.2 x stack deploy's honest wait + 3 s",
      ...judged(
        ours,
        most,
        `${ours.toFixed(2)} s; allowed ${most.toFixed(2)} s (stack deploy ${stack.toFixed(2)} s)`,
      ),
    },
    {
      target: "second make up of the dev platform <= 1.3 x pulumi up",
      ...judged(
        make / plain,
        1.3,
        `${(make / plain).toFixed(2)} x (${make.toFixed(2)} s, ${plain.toFixed(2)} s)`,
      ),
    },
    {
      target: `accountservice: at least ${AIM.rate} requests/s`,
      ...judged(-rate, -AIM.rate, `${rate.toFixed(0)} requests/s`),
    },
    { target: `accountservice: p99 at most ${AIM.p99} ms`, ...judged(p99, AIM.p99, ms(p99)) },
    {
      target: `accountservice: at most ${AIM.memoryMiB} MiB resident after the loads`,
      ...judged(after, AIM.memoryMiB, `${after.toFixed(1)} MiB (idle ${results.memory.idle?.toFixed(1)})`),
    },
    {
      target: `accountservice: image of at most ${AIM.imageMB} MB`,
      ...judged(image, AIM.imageMB, `${image.toFixed(1)} MB`),
    },
  ];
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
