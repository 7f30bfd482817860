import * as fs from "node:fs";
import * as path from "node:path";
import { moments, parseLog, parseRecord, parseSummary, probe } from "../../load/k6";
import { PROJECT_DIR } from "../support/project";
import { tempFolder } from "../support/temp";

/** As k6 1.8.1 records it; metrics that it learns of later change the places of the others. */
const PARAM = {
  event: "param",
  data: {
    period: 1000,
    aggregates: {
      counter: ["count", "rate"],
      gauge: ["value"],
      rate: ["rate"],
      trend: ["avg", "max", "med", "min", "p(90)", "p(95)", "p(99)"],
    },
  },
};
const TYPES = { answered: "trend", http_req_failed: "rate", http_reqs: "counter", vus: "gauge" };
const metrics = (types: Record<string, string>) => ({
  event: "metric",
  data: Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }])),
});
const text = (...events: object[]): string => events.map((one) => `${JSON.stringify(one)}\n`).join("");
const RECORD = text(
  PARAM,
  metrics({ time: "gauge" }),
  { event: "start", data: [[1000]] },
  metrics(TYPES),
  { event: "cumulative", data: [[0, 0, 0, 0, 0, 0, 0], [0], [9, 9], [2000], [9]] },
  { event: "snapshot", data: [[9, 40, 5, 1, 20, 25, 38], [0.5], [30, 30], [2000], [7]] },
  metrics({ data_sent: "counter" }),
  // Late: 2 s instead of one.
  { event: "snapshot", data: [[9, 50, 6, 1, 21, 26, 48], [100, 100], [0], [60, 60], [4000], [14]] },
);

test("a record becomes moments, each by the time that it really took", () => {
  expect(parseRecord(RECORD)).toEqual([
    {
      at: 1,
      users: 7,
      requestsPerSecond: 30,
      failedPerSecond: 15,
      times: { p50: 5, p90: 20, p95: 25, p99: 38, max: 40 },
    },
    {
      at: 3,
      users: 14,
      requestsPerSecond: 30,
      failedPerSecond: 0,
      times: { p50: 6, p90: 21, p95: 26, p99: 48, max: 50 },
    },
  ]);
});

test("users that were not counted in a period are those of the one before", () => {
  const again = { event: "snapshot", data: [[], [], [0], [], [5000], []] };
  expect(parseRecord(RECORD + text(again)).at(-1)).toEqual({
    ...{ at: 4, users: 14, requestsPerSecond: 0, failedPerSecond: 0 },
  });
});

test("what is being written is not read, and before the begin there is nothing", () => {
  const record = path.join(tempFolder(), "record");
  expect(moments(record)).toEqual([]);
  fs.writeFileSync(record, RECORD.slice(0, -20));
  expect(moments(record)).toHaveLength(1);
});

test("a second without an answer has no times", () => {
  const silent = text(
    PARAM,
    metrics({ time: "gauge", vus: "gauge" }),
    { event: "start", data: [[0]] },
    { event: "snapshot", data: [[1000], [3]] },
  );
  expect(parseRecord(silent)).toEqual([{ at: 1, users: 3, requestsPerSecond: 0, failedPerSecond: 0 }]);
});

test("the summary has all requests, and the reasons by their number", () => {
  const values = (of: object) => ({ values: of });
  const json = JSON.stringify({
    metrics: {
      http_reqs: values({ count: 340, rate: 9.5 }),
      http_req_failed: values({ rate: 0.03, passes: 12, fails: 328 }),
      answered: values({ med: 2, "p(90)": 3, "p(95)": 4, "p(99)": 5, max: 6 }),
    },
  });
  const reasons = new Map([
    ["request timeout", 2],
    ["status 503", 9],
    ["EOF", 1],
  ]);
  expect(parseSummary(json, reasons)).toEqual({
    requests: 340,
    requestsPerSecond: 9.5,
    failed: 12,
    reasons: [
      { reason: "status 503", count: 9 },
      { reason: "request timeout", count: 2 },
      { reason: "EOF", count: 1 },
    ],
    times: { p50: 2, p90: 3, p95: 4, p99: 5, max: 6 },
  });
  expect(parseSummary('{"metrics":{}}', new Map())).toMatchObject({ requests: 0, failed: 0 });
});

test("what users say is told from what k6 says", () => {
  expect(parseLog('{"level":"error","msg":"status 503","source":"console"}')).toEqual({
    message: "status 503",
    isOfUser: true,
  });
  expect(parseLog('{"level":"warning","msg":"Request Failed","error":"Get x: EOF"}')).toEqual({
    message: "Request Failed: Get x: EOF",
    isOfUser: false,
  });
  expect(parseLog("panic: oh")).toEqual({ message: "panic: oh", isOfUser: false });
});

test("a k6 that can't run is a fault with its last words", async () => {
  const folder = tempFolder({ k6: `#!/bin/sh\necho '{"msg":"unknown flag: --quiet"}' >&2\nexit 255\n` });
  fs.chmodSync(path.join(folder, "k6"), 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${folder}:${before}`;
  try {
    await expect(probe("http://127.0.0.1:1")).rejects.toThrow("k6 ended with 255:\n  unknown flag: --quiet");
  } finally {
    process.env.PATH = before;
  }
});

test("one version of k6: that which is built is that which is asked for", () => {
  const file = (name: string): string => fs.readFileSync(path.join(PROJECT_DIR, name), "utf8");
  const built = /^\tgo\.k6\.io\/k6 v(\S+)/m.exec(file("tools/offline/k6/go.mod"))?.[1];
  expect(/^export K6_VERSION_WANTED=(.+)$/m.exec(file("tools/env.sh"))?.[1]).toBe(built);
});

test("the users ask for the accounts that there are", () => {
  const file = (name: string): string => fs.readFileSync(path.join(PROJECT_DIR, name), "utf8");
  const [service, users] = [file("services/accountservice/store.go"), file("load/users.mjs")];
  const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
  expect(number(users, /FIRST_ACCOUNT = (\d+)/)).toBe(number(service, /firstAccount += (\d+)/));
  expect(number(users, /ACCOUNTS = (\d+)/)).toBe(number(service, /seededAccounts += (\d+)/));
});
