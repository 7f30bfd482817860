import * as fs from "node:fs";
import * as path from "node:path";
import { pipes, table } from "../tools/table";
import { Case, CASES, FACTS } from "./cases";
import { plotSvg, Series } from "./plot";
import { PlatformTable, platformTables, platformTargets } from "./platform/platform-report";
import type { Results } from "./results";
import { MOST_WITH_TASKS } from "./scene";
import { summary, Summary } from "./statistics";
import { targets } from "./targets";

/** Writes a report in Markdown and a plot of each case into the folder. @returns what a terminal shows. */
export function writeReport(results: Results, folder: string): string {
  const plots = CASES.flatMap((one) => {
    const series = seriesOf(results, one);
    // A single size has no slope.
    if (series.every(({ points }) => points.length < 2)) return [];
    const { title, unit } = FACTS[one];
    const name = `${one}.svg`;
    fs.writeFileSync(path.join(folder, name), plotSvg({ title, unit, series }));
    return [`![${title}](${name})`];
  });
  fs.writeFileSync(path.join(folder, "README.md"), markdown(results, plots));
  return [
    ...sizesOf(results).map(
      (size) => `${size} services: ${howToRead(results, size)}\n${table(rowsOf(results, size))}`,
    ),
    ...tablesOf(results).map(({ title, rows }) => `${title}\n${table(rows)}`),
    ...(results.platform?.printed ?? []).map(({ title, text }) => `${title}\n${text}`),
    ...skippedLines(results),
    table([["TARGET", "MEASURED", ""], ...targetRows(results)]),
  ].join("\n\n");
}

function howToRead({ samples }: Results, size: number): string {
  const runs = Math.max(...samples.filter((one) => one.size === size).map(({ run }) => run));
  return runs === 1 ? "one run" : `median (least-most) of ${runs} runs in turns`;
}

const SLOPES = `Up to ${MOST_WITH_TASKS} services have a task each, whose start counts; beyond that there is none.`;

function markdown(results: Results, plots: readonly string[]): string {
  const { machine, began, contenders } = results;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name}: ${version}`);
  return [
    "# What was measured",
    `${began.slice(0, 10)}, ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ${machine.kernel}, load before: ` +
      `${machine.load}. ${versions.join("; ")}. How it is measured: docs/benchmarks.md. All figures: results.json.`,
    ...(results.ended === undefined ? ["The run was interrupted: what it had measured until then."] : []),
    ...sizesOf(results).flatMap((size) => [
      `## ${size} services`,
      `${howToRead(results, size)}.`,
      pipes(rowsOf(results, size)),
    ]),
    ...(plots.length > 0 ? ["## Slopes", SLOPES, ...plots] : []),
    ...tablesOf(results).flatMap(({ title, rows }) => [`## ${title}`, pipes(rows)]),
    ...(results.platform?.printed ?? []).flatMap(({ title, text }) => [`## ${title}`, text]),
    "## Targets",
    pipes([["target", "measured", ""], ...targetRows(results)]),
    "## Commands",
    ...contenders.map(({ title, commands }) =>
      [`${title}:`, "", ...Object.entries(commands).map(([one, lines]) => `- ${one}: ${quoted(lines)}`)].join(
        "\n",
      ),
    ),
    ...skippedLines(results),
  ]
    .join("\n\n")
    .concat("\n");
}

function quoted(lines: readonly string[]): string {
  return lines.map((line) => `\`${line}\``).join("; ");
}

function tablesOf({ platform }: Results): PlatformTable[] {
  return platform === undefined ? [] : platformTables(platform);
}

/** Those of the parts that were measured. */
function targetRows({ samples, platform }: Results): string[][] {
  return [
    ...(samples.length > 0 ? targets(samples) : []),
    ...(platform === undefined ? [] : platformTargets(platform)),
  ].map((one) => [one.target, one.measured, one.verdict]);
}

function skippedLines({ skipped, failures, platform }: Results): string[] {
  return [
    ...Object.entries(skipped).map(([id, reason]) => `Not measured: ${id}, because ${reason}`),
    ...(platform?.skipped ?? []).map((what) => `Not measured: ${what}`),
    ...failures.map((failure) => `Failed: ${failure}`),
  ];
}

function sizesOf({ samples }: Results): number[] {
  return [...new Set(samples.map(({ size }) => size))].sort((a, b) => a - b);
}

function summaryOf({ samples }: Results, contender: string, one: Case, size: number): Summary | undefined {
  const values = samples
    .filter((sample) => sample.contender === contender && sample.case === one && sample.size === size)
    .map(({ value }) => value);
  return values.length === 0 ? undefined : summary(values);
}

/** A row of each case, a column of each contender. */
function rowsOf(results: Results, size: number): string[][] {
  const contenders = results.contenders.filter(({ id }) =>
    CASES.some((one) => summaryOf(results, id, one, size) !== undefined),
  );
  const rows = CASES.flatMap((one) => {
    const cells = contenders.map(({ id }) => cell(summaryOf(results, id, one, size), FACTS[one].unit));
    return cells.every((text) => text === "") ? [] : [[FACTS[one].title, ...cells]];
  });
  return [["", ...contenders.map(({ title }) => title)], ...rows];
}

function cell(of: Summary | undefined, unit: "s" | "MiB"): string {
  if (of === undefined) return "";
  const digits = unit === "s" ? 2 : 0;
  const text = (value: number): string => value.toFixed(digits);
  return of.count === 1
    ? `${text(of.median)} ${unit}`
    : `${text(of.median)} ${unit} (${text(of.least)}-${text(of.most)})`;
}

function seriesOf(results: Results, one: Case): Series[] {
  // Times to the end of a rollout may be below zero, which no logarithmic axis has.
  if (one === "gate") return [];
  return results.contenders.flatMap(({ id, title }) => {
    const points = sizesOf(results).flatMap((x) => {
      const of = summaryOf(results, id, one, x);
      return of === undefined ? [] : [{ x, ...of }];
    });
    return points.length === 0 ? [] : [{ id, title, points }];
  });
}
