/**
 * make load: users who ask accountservice, and what the services use meanwhile (docs/load.md).
 *
 *   node --import ./tools/typescript.mjs load/main.ts     USERS, DURATION, BASE_URL; STACK, default dev
 *
 * Exit codes: 0 no request failed, 1 one did or there was no load, 2 a wrong value, 130 interrupted.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { cureOf } from "./cures";
import { Moment, moments, probe, run } from "./k6";
import { LoadOptions, readLoadOptions } from "./options";
import { LoadResult, milliseconds, terminalText, writeReport } from "./report";
import { Look, Sampler } from "./sampler";
import { subjectOf } from "./subject";
import { summarize } from "./usage";

/** Between two lines of progress, in ms. */
const BETWEEN_LINES = 5_000;
const stack = process.env.STACK || "dev";

const say = (line: string): void => console.error(`stack ${stack}: ${line}`);

async function main(): Promise<void> {
  const options = readLoadOptions(process.env);
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "swarm-platform-load."));
  try {
    const { baseUrl, authority } = target(options);
    let certificates: string | undefined;
    if (authority !== undefined) {
      certificates = path.join(work, "ca.pem");
      fs.writeFileSync(certificates, authority);
    }
    const reason = await probe(baseUrl, certificates);
    if (reason !== undefined) {
      const url = `${baseUrl}/accounts/10000`;
      throw new Error(`${url} can't be asked: ${reason}; do: ${cureOf(reason)}. No load was made.`);
    }
    const result = await load({ ...options, baseUrl }, work, certificates);
    process.exitCode = result.interrupted ? 130 : result.outcome.failed > 0 ? 1 : 0;
  } finally {
    fs.rmSync(work, { recursive: true });
  }
}

/** Where the accounts are, and the authority of the environment's own that signs for it. */
function target({ baseUrl }: LoadOptions): { baseUrl: string; authority?: string } {
  if (baseUrl?.startsWith("http:")) return { baseUrl };
  const { accountsUrl, edgeCa } = stackOutputs();
  const url = baseUrl ?? accountsUrl;
  if (url === undefined)
    throw new Error(
      "there is no address to ask: it is not deployed, or has no accountservice; do: make up, or BASE_URL=http://... of an " +
        "accountservice elsewhere. No load was made.",
    );
  return { baseUrl: url, ...(edgeCa !== undefined && { authority: edgeCa }) };
}

/** Those of a stack that is not deployed are none. */
function stackOutputs(): { readonly accountsUrl?: string; readonly edgeCa?: string } {
  try {
    const args = ["stack", "output", "--json", "--stack", stack];
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    return JSON.parse(execFileSync("pulumi", args, { encoding: "utf8", stdio })) as object;
  } catch {
    return {};
  }
}

async function load(
  options: LoadOptions & { readonly baseUrl: string },
  work: string,
  certificates: string | undefined,
): Promise<LoadResult> {
  const began = new Date().toISOString();
  const folder = path.join(".reports", stack, `load-${began.slice(0, 19).replaceAll(":", "-")}Z`);
  fs.mkdirSync(folder, { recursive: true });
  const [loadBefore = 0] = os.loadavg();
  const machine = { cores: os.availableParallelism(), loadBefore };

  say(`${options.users} users come to ${options.baseUrl} in the course of ${options.duration} s`);
  const files = { record: path.join(work, "k6.ndjson"), page: path.join(folder, "k6.html") };
  const { interrupt, ended } = run(options, files, certificates);
  let interrupted = false;
  const onSignal = (): void => {
    interrupted = true;
    interrupt();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const done = new AbortController();
  const watching = watch(done.signal);
  const lines = setInterval(() => {
    const last = moments(files.record).at(-1);
    if (last !== undefined) say(progressLine(last, options.duration));
  }, BETWEEN_LINES);
  try {
    const outcome = await ended;
    done.abort();
    const used = await watching;
    const result: LoadResult = {
      ...{ stack, ...options, began, interrupted, machine, outcome },
      ...{ moments: moments(files.record), ...used },
    };
    writeReport(result, folder);
    console.log(`\n${terminalText(result)}\n`);
    say(`the report is ${folder}/report.md`);
    return result;
  } catch (error) {
    fs.rmSync(folder, { recursive: true });
    throw error;
  } finally {
    clearInterval(lines);
    done.abort();
  }
}

/** What the services use until the signal; that it is not known is no reason for no load. */
async function watch(signal: AbortSignal): Promise<Pick<LoadResult, "services" | "unseen">> {
  try {
    const subject = subjectOf(stack);
    const looks: Look[] = [];
    for await (const look of new Sampler(subject).looks(signal)) looks.push(look);
    const services = summarize(looks.map(({ usage }) => usage));
    const unseen = [...new Set(looks.flatMap((look) => look.unseen))];
    const none = `what the services used is not known: stack ${stack} has none on ${subject.host}; do: set STACK, or DOCKER_HOST`;
    return { services, unseen: services.length + unseen.length === 0 ? [none] : unseen };
  } catch (error) {
    return { services: [], unseen: [`what the services used is not known: ${(error as Error).message}`] };
  }
}

function progressLine(
  { at, users, requestsPerSecond, failedPerSecond, times }: Moment,
  duration: number,
): string {
  const whole = [users, requestsPerSecond, failedPerSecond].map((value) => value.toFixed(0));
  const p95 = times === undefined ? "no answer" : `p95 ${milliseconds(times.p95)}`;
  return `${Math.min(at, duration).toFixed(0)} of ${duration} s: ${whole[0]} users, ${whole[1]} requests/s, ${whole[2]} failed/s, ${p95}`;
}

main().catch((error: unknown) => {
  const { message } = error as Error;
  if (error instanceof RangeError) console.error(message);
  else say(message);
  process.exit(error instanceof RangeError ? 2 : 1);
});
