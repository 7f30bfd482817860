import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as readline from "node:readline";
import { text } from "node:stream/consumers";
import type { LoadOptions } from "./options";

const SCRIPT = path.join(__dirname, "users.mjs");
/** Of the messages of a k6 that failed, so many are told. */
const LAST_MESSAGES = 5;

export interface Run {
  /** Ends the users early, in an orderly way; the second time at once. */
  readonly interrupt: () => void;
  /** @throws Error with what k6 said, when it could not run. */
  readonly ended: Promise<Outcome>;
}

/** All requests of a run. */
export interface Outcome {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly failed: number;
  /** How often requests failed for which reason, the most frequent first. */
  readonly reasons: readonly Reason[];
  readonly times: Times;
}

export interface Reason {
  readonly reason: string;
  readonly count: number;
}

/** Percentiles of the requests that did not fail: from the beginning of the question to the end of the answer, in ms. */
export interface Times {
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** A second of a run, or more where it is long. */
export interface Moment {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly users: number;
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  /** Undefined where no good answer came. */
  readonly times?: Times;
}

/**
 * Starts the users.
 *
 * @param files record: where {@link moments} gather while it runs; page: where k6's own page about it will be.
 * @param certificates file of authorities to trust beside those of the machine.
 */
export function run(
  { baseUrl, users, duration }: LoadOptions & { readonly baseUrl: string },
  files: { readonly record: string; readonly page: string },
  certificates?: string,
): Run {
  const { child, ended } = start(
    {
      BASE_URL: baseUrl,
      USERS: String(users),
      DURATION: String(duration),
      K6_WEB_DASHBOARD: "true",
      K6_WEB_DASHBOARD_PORT: "-1", // no server
      K6_WEB_DASHBOARD_PERIOD: "1s",
      K6_WEB_DASHBOARD_RECORD: files.record,
      K6_WEB_DASHBOARD_EXPORT: files.page,
    },
    certificates,
  );
  return { interrupt: () => void child.kill("SIGINT"), ended };
}

/** Asks once, as a user of the run would; gives the reason when that fails. */
export async function probe(baseUrl: string, certificates?: string): Promise<string | undefined> {
  const { ended } = start({ BASE_URL: baseUrl, USERS: "" }, certificates);
  return (await ended).reasons[0]?.reason;
}

function start(variables: Readonly<Record<string, string>>, certificates: string | undefined) {
  const env = {
    ...process.env,
    ...variables,
    K6_NO_USAGE_REPORT: "true",
    ...(certificates !== undefined && { SSL_CERT_FILE: certificates }),
  };
  const args = ["run", "--quiet", "--no-color", "--log-format=json", "--address=", SCRIPT];
  // In a group of its own: a terminal's Ctrl-C is handed on, once.
  const child = spawn("k6", args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const counts = new Map<string, number>();
  const messages: string[] = [];
  readline.createInterface(child.stderr).on("line", (line) => {
    const { message, isOfUser } = parseLog(line);
    if (isOfUser) counts.set(message, (counts.get(message) ?? 0) + 1);
    else messages.splice(0, messages.push(message) - LAST_MESSAGES);
  });
  const code = new Promise<number | null>((resolve, reject) => {
    child.on("error", ({ message }) =>
      reject(new Error(`k6 can't be started: ${message}; do: tools/bootstrap.sh load brings it`)),
    );
    child.on("close", resolve);
  });
  const finished = async (): Promise<Outcome> => {
    const [stdout, status] = await Promise.all([text(child.stdout), code]);
    // With an interrupt it has a summary too.
    if (stdout === "") throw new Error(`k6 ended with ${status}:\n  ${messages.join("\n  ")}`);
    return parseSummary(stdout, counts);
  };
  return { child, ended: finished() };
}

/** A line of k6's log; those of users are what load/users.mjs says of failed requests. */
export function parseLog(line: string): { readonly message: string; readonly isOfUser: boolean } {
  try {
    const { msg = "", source, error } = JSON.parse(line) as { msg?: string; source?: string; error?: string };
    return { message: error === undefined ? msg : `${msg}: ${error}`, isOfUser: source === "console" };
  } catch {
    return { message: line, isOfUser: false };
  }
}

type Values = Readonly<Record<string, number>>;

/** @param json what k6 hands to handleSummary */
export function parseSummary(json: string, reasons: ReadonlyMap<string, number>): Outcome {
  const { metrics } = JSON.parse(json) as { metrics: Readonly<Record<string, { readonly values: Values }>> };
  const value = (metric: string, key: string): number => metrics[metric]?.values[key] ?? 0;
  return {
    requests: value("http_reqs", "count"),
    requestsPerSecond: value("http_reqs", "rate"),
    // A rate "passes" where it is true.
    failed: value("http_req_failed", "passes"),
    reasons: [...reasons]
      .map(([reason, count]) => ({ reason, count }))
      .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)),
    times: timesOf((key) => value("answered", key)),
  };
}

function timesOf(value: (key: string) => number): Times {
  return {
    p50: value("med"),
    p90: value("p(90)"),
    p95: value("p(95)"),
    p99: value("p(99)"),
    max: value("max"),
  };
}

/** What has been recorded so far; nothing before k6 has begun. */
export function moments(record: string): Moment[] {
  return fs.existsSync(record) ? parseRecord(fs.readFileSync(record, "utf8")) : [];
}

/**
 * Reads what k6's dashboard records (github.com/grafana/xk6-dashboard, dashboard/record.go): events as lines of JSON. A
 * `snapshot` has the values since the one before, an array for each metric known by then, sorted by name; `param` tells which
 * value is which.
 */
export function parseRecord(record: string): Moment[] {
  const types = new Map<string, string>();
  let aggregates: Readonly<Record<string, readonly string[]>> = {};
  let begin = 0;
  const found: Moment[] = [];
  // The last line may not be whole yet.
  for (const line of record.split("\n").slice(0, -1)) {
    const { event, data } = JSON.parse(line) as { event: string; data: unknown };
    if (event === "param") ({ aggregates } = data as { aggregates: typeof aggregates });
    if (event === "start") [[begin]] = data as [[number]];
    if (event === "metric")
      for (const [name, { type }] of Object.entries(data as Record<string, { type: string }>))
        types.set(name, type);
    if (event === "snapshot") {
      const rows = data as readonly (readonly number[])[];
      const names = [...types.keys()].sort();
      const value = (name: string, key: string): number | undefined =>
        rows[names.indexOf(name)]?.[aggregates[types.get(name) ?? ""]?.indexOf(key) ?? -1];
      found.push(momentOf(value, begin, found.at(-1)));
    }
  }
  return found;
}

function momentOf(
  value: (metric: string, key: string) => number | undefined,
  begin: number,
  before: Pick<Moment, "at" | "users"> = { at: 0, users: 0 },
): Moment {
  const at = ((value("time", "value") ?? begin) - begin) / 1000;
  // Not k6's rate, which takes every period for as long as it should have been.
  const requestsPerSecond = at > before.at ? (value("http_reqs", "count") ?? 0) / (at - before.at) : 0;
  return {
    at,
    // k6 counts them once a second, which may fall into the next period.
    users: value("vus", "value") ?? before.users,
    requestsPerSecond,
    failedPerSecond: requestsPerSecond * (value("http_req_failed", "rate") ?? 0),
    ...(value("answered", "med") !== undefined && {
      times: timesOf((key) => value("answered", key) ?? 0),
    }),
  };
}
