/**
 * make bench: this project beside its peers, on engines of its own. docs/benchmarks.md tells what is measured.
 *
 *   node --import ./tools/typescript.mjs bench/main.ts               measures; SIZES, RUNS, CASES, CONTENDERS choose
 *   node --import ./tools/typescript.mjs bench/main.ts publish FOLDER...
 *     puts the results and plots of one run, or of several, into docs/bench
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { BenchRun } from "./bench-run";
import { endAllWith } from "./command";
import { CONTENDER_IDS } from "./contenders";
import { BenchEngine } from "./engine";
import { AllOptions, readOptions } from "./options";
import { writeReport } from "./report";
import { joined, read, RESULTS, save } from "./results";

const ROOT = path.resolve(__dirname, "..");
const PUBLISHED = path.join(ROOT, "docs/bench");
const WORK_PREFIX = path.join(os.tmpdir(), "swarm-platform-bench.");
/** In the environment of all that is started: the folder of the run. */
const MARK = "SWARM_PLATFORM_BENCH";

const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);

/** Ends what a run has started, and deletes what it had. */
function cleanUp(work: string): void {
  endAllWith(MARK, work);
  BenchEngine.stopAll(work);
  fs.rmSync(work, { recursive: true, force: true });
}

/** A run that was killed could not clean up after itself. */
function cleanUpStale(): void {
  for (const entry of fs.readdirSync(path.dirname(WORK_PREFIX))) {
    const folder = path.join(path.dirname(WORK_PREFIX), entry);
    const pid = folder.startsWith(WORK_PREFIX) ? folder.slice(WORK_PREFIX.length) : "";
    if (/^\d+$/.test(pid) && !fs.existsSync(`/proc/${pid}`)) cleanUp(folder);
  }
}

async function measure(options: AllOptions): Promise<void> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new Error(
      "it starts engines of its own, which needs Linux and root; run it with sudo, or in a virtual machine",
    );
  }
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt.abort());
  cleanUpStale();
  const work = `${WORK_PREFIX}${process.pid}`;
  process.env[MARK] = work;
  // Compilers and plugins leave files there.
  process.env.TMPDIR = path.join(work, "tmp");
  fs.mkdirSync(process.env.TMPDIR, { recursive: true });
  const folder = path.join(ROOT, "bench/results", new Date().toISOString().slice(0, 19).replaceAll(":", "-"));
  fs.mkdirSync(folder, { recursive: true });
  const run = new BenchRun(options, { work, folder, say, signal: interrupt.signal });
  try {
    await run.measure();
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say("interrupted; what was measured up to now:");
    process.exitCode = 130;
  } finally {
    say("stopping the engine");
    cleanUp(work);
  }
  if (run.results.samples.length > 0 || run.results.platform !== undefined)
    console.log(writeReport(run.results, folder));
  say(`results, plots and the logs of all commands are in ${path.relative(process.cwd(), folder)}/`);
}

async function main([word, ...folders]: readonly string[]): Promise<void> {
  if (word === undefined) return measure(readOptions(process.env, CONTENDER_IDS));
  if (word !== "publish" || folders.length === 0) throw new Error("usage: main.ts [publish FOLDER...]");
  // docs/bench itself may be one of them.
  const results = joined(folders.map((folder) => read(path.join(folder, RESULTS))));
  fs.rmSync(PUBLISHED, { recursive: true, force: true });
  fs.mkdirSync(PUBLISHED, { recursive: true });
  save(path.join(PUBLISHED, RESULTS), results);
  console.log(writeReport(results, PUBLISHED));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
