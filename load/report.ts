import * as fs from "node:fs";
import * as path from "node:path";
import { pipes, table } from "../tools/table";
import { Moment, Outcome, Times } from "./k6";
import { loadSvg } from "./plot";
import { summaryRows, type UsageSummary } from "./usage";

/** All that is known of a run; its JSON is summary.json. */
export interface LoadResult {
  readonly stack: string;
  readonly baseUrl: string;
  readonly users: number;
  /** Seconds in which the users came. */
  readonly duration: number;
  /** In ISO 8601. */
  readonly began: string;
  readonly interrupted: boolean;
  /** Where it was asked from. */
  readonly machine: { readonly cores: number; readonly loadBefore: number };
  /** Times in ms. */
  readonly outcome: Outcome;
  readonly moments: readonly Moment[];
  /** Bytes, and percent of one core. */
  readonly services: readonly UsageSummary[];
  /** What the services do not include, or why they are not known. */
  readonly unseen: readonly string[];
}

const PLOT = "load.svg";

/** Writes summary.json, the plot and report.md; k6's own page k6.html is there already where the run was long enough. */
export function writeReport(result: LoadResult, folder: string): void {
  const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, name), text);
  write("summary.json", `${JSON.stringify(result, undefined, 2)}\n`);
  write(PLOT, loadSvg(titleOf(result), result.moments));
  write("report.md", markdown(result, fs.existsSync(path.join(folder, "k6.html"))));
}

/** What a terminal shows. */
export function terminalText({ outcome, services, unseen }: LoadResult): string {
  return [
    table(outcomeRows(outcome)),
    ...(services.length > 0 ? [table(summaryRows(services))] : []),
    ...(unseen.length > 0 ? [unseen.join("\n")] : []),
    ...(outcome.failed > 0 ? [failedText(outcome)] : []),
  ].join("\n\n");
}

function markdown(result: LoadResult, hasPage: boolean): string {
  const { stack, baseUrl, users, duration, began, interrupted, machine, outcome, services, unseen } = result;
  return [
    `# ${titleOf(result)}`,
    `Stack ${stack}, ${baseUrl}/accounts/{id}, ${began.slice(0, 16).replace("T", " ")} UTC: ${users} users came in the course of ` +
      `${duration} s, each with a question, its answer and a second of rest until the end. Asked from a machine with ` +
      `${machine.cores} cores, load average ${machine.loadBefore.toFixed(1)} before.`,
    ...(interrupted ? ["**It was interrupted**: this is what there was until then."] : []),
    "## Requests",
    pipes(outcomeRows(outcome)),
    "Times are those of the requests that did not fail, without the making of connections.",
    ...(outcome.failed > 0
      ? [pipes([["REASON", "FAILED"], ...outcome.reasons.map((one) => [one.reason, String(one.count)])])]
      : []),
    `![Response times, requests per second and users](${PLOT})`,
    ...(services.length > 0
      ? [
          "## Services",
          pipes(summaryRows(services)),
          "CPU in percent of one core; `OF LIMIT` is of the most memory.",
        ]
      : []),
    ...(unseen.length > 0 ? [unseen.map((line) => `- ${line}`).join("\n")] : []),
    `All figures: [summary.json](summary.json)${hasPage ? "; k6's own page: [k6.html](k6.html)" : ""}.`,
  ]
    .join("\n\n")
    .concat("\n");
}

function titleOf({ users, duration, stack }: LoadResult): string {
  return `${users} users in ${duration} s on stack ${stack}`;
}

function outcomeRows({ requests, requestsPerSecond, failed, times }: Outcome): string[][] {
  const keys: (keyof Times)[] = ["p50", "p90", "p95", "p99", "max"];
  return [
    ["REQUESTS", "REQUESTS/s", "FAILED", ...keys.map((key) => key.toUpperCase())],
    [
      String(requests),
      requestsPerSecond.toFixed(1),
      String(failed),
      ...keys.map((key) => milliseconds(times[key])),
    ],
  ];
}

/** `3.2 ms`; whole from 100 on. */
export function milliseconds(value: number): string {
  return `${value.toFixed(value >= 99.95 ? 0 : 1)} ms`;
}

/** `12 of 340 requests failed: 10 times status 503, 2 times request timeout.` */
export function failedText({ failed, requests, reasons }: Outcome): string {
  const each = reasons.map(({ reason, count }) => `${count} times ${reason}`).join(", ");
  return `${failed} of ${requests} requests failed: ${each}.`;
}
