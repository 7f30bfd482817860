import * as fs from "node:fs";
import * as path from "node:path";
import type { Moment } from "../../load/k6";
import { loadSvg } from "../../load/plot";
import { LoadResult, milliseconds, terminalText, writeReport } from "../../load/report";
import { tempFolder } from "../support/temp";

const times = { p50: 2.04, p90: 9.5, p95: 14, p99: 21.8, max: 1571.2 };
const moment = (at: number, more: Partial<Moment> = {}): Moment => ({
  ...{ at, users: at * 10, requestsPerSecond: at * 9, failedPerSecond: 0, times },
  ...more,
});
const MIB = 1024 * 1024;
const RESULT: LoadResult = {
  stack: "dev",
  baseUrl: "http://127.0.0.1:6767",
  users: 20,
  duration: 6,
  began: "2026-01-02T03:04:05.678Z",
  interrupted: false,
  machine: { cores: 2, loadBefore: 0.123 },
  outcome: { requests: 66, requestsPerSecond: 9.53, failed: 0, reasons: [], times },
  moments: [moment(1), moment(2)],
  services: [
    {
      ...{ service: "dev_web", tasks: 2, cpu: { mean: 10, most: 20 } },
      ...{ memory: { mean: 8 * MIB, most: 16 * MIB }, limit: 64 * MIB, received: 1024, sent: 0 },
    },
  ],
  unseen: [],
};
const FAILED: LoadResult = {
  ...RESULT,
  interrupted: true,
  outcome: {
    ...RESULT.outcome,
    failed: 12,
    reasons: [
      { reason: "status 503", count: 10 },
      { reason: "request timeout", count: 2 },
    ],
  },
  services: [],
  unseen: ["node n2, with 1 task, is left out: its engine is not known here"],
};
const report = (result: LoadResult, files: Record<string, string> = {}): string => {
  const folder = tempFolder(files);
  writeReport(result, folder);
  expect(JSON.parse(fs.readFileSync(path.join(folder, "summary.json"), "utf8"))).toEqual(result);
  expect(fs.readFileSync(path.join(folder, "load.svg"), "utf8")).toContain("20 users in 6 s on stack dev");
  return fs.readFileSync(path.join(folder, "report.md"), "utf8");
};

test("the terminal shows requests and services", () => {
  expect(terminalText(RESULT).split("\n")).toEqual([
    "REQUESTS  REQUESTS/s  FAILED  P50     P90     P95      P99      MAX",
    "66        9.5         0       2.0 ms  9.5 ms  14.0 ms  21.8 ms  1571 ms",
    "",
    expect.stringMatching(/^SERVICE +TASKS +CPU % MEAN/),
    expect.stringMatching(/^dev_web +2 +10\.0 +20\.0 +8\.0 MiB +16\.0 MiB +64\.0 MiB +25\.0 %/),
  ]);
});

test("it ends with what was left out, and why requests failed", () => {
  expect(terminalText(FAILED).split("\n\n").slice(1)).toEqual([
    "node n2, with 1 task, is left out: its engine is not known here",
    "12 of 66 requests failed: 10 times status 503, 2 times request timeout.",
  ]);
});

test("the report has the same as tables, the plot, and k6's page where there is one", () => {
  const text = report(RESULT, { "k6.html": "" });
  expect(text).toContain("2026-01-02 03:04 UTC: 20 users came in the course of 6 s");
  expect(text).toContain("2 cores, load average 0.1 before");
  expect(text).toContain("| 66 | 9.5 | 0 | 2.0 ms | 9.5 ms | 14.0 ms | 21.8 ms | 1571 ms |");
  expect(text).toContain(
    "| dev_web | 2 | 10.0 | 20.0 | 8.0 MiB | 16.0 MiB | 64.0 MiB | 25.0 % | 1.0 KiB | 0 B |",
  );
  expect(text).toContain("](load.svg)");
  expect(text).toContain("[k6.html](k6.html)");
  expect(text).not.toContain("REASON");
  expect(report(RESULT)).not.toContain("k6.html");
});

test("failures, an interrupt and what was left out are in the report", () => {
  const text = report(FAILED);
  expect(text).toContain("**It was interrupted**");
  expect(text).toContain("| REASON | FAILED |\n| --- | --- |\n| status 503 | 10 |\n| request timeout | 2 |");
  expect(text).toContain("- node n2, with 1 task, is left out");
  expect(text).not.toContain("## Services");
});

test.each([
  [0, "0.0 ms"],
  [99.94, "99.9 ms"],
  [99.96, "100 ms"],
  [100, "100 ms"],
])("%d ms", (value, shown) => expect(milliseconds(value)).toBe(shown));

describe("the plot", () => {
  test("has a line for each percentile, for users and for requests, in words too", () => {
    const svg = loadSvg("a < b", [moment(1), moment(2)]);
    expect(svg).toContain('<title id="title">a &lt; b</title>');
    expect(svg).toContain("users: from 10 to 20; requests/s: from 9 to 18.");
    expect(svg.match(/<polyline/g)).toHaveLength(5);
    expect(svg).not.toContain("failed/s");
    expect(svg).not.toContain("NaN");
  });

  test("has one for failures where there are some, and shows times of nothing as short ones", () => {
    const none = { p50: 0, p90: 0, p95: 0, p99: 0, max: 0 };
    const svg = loadSvg("x", [moment(1, { failedPerSecond: 3, times: none }), moment(2)]);
    expect(svg.match(/<polyline/g)).toHaveLength(6);
    expect(svg).toContain("p50: from 0.1 to 2.04");
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  test("is one without an answer, too", () => {
    for (const all of [[], [moment(1, { times: undefined, requestsPerSecond: 0 })]])
      expect(loadSvg("x", all)).not.toMatch(/NaN|Infinity/);
  });
});
