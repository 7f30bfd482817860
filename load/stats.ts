/**
 * make stats: what the services of a stack use while they run, each with all its tasks on all nodes (docs/load.md).
 *
 *   node --import ./tools/typescript.mjs load/stats.ts     DURATION in seconds; STACK, default dev
 *
 * A terminal shows it until Ctrl-C, or for DURATION, and ends with mean and maximum. Elsewhere it is one table: with DURATION
 * that of mean and maximum, without that of the moment. Exit codes: 0, 1 where the swarm can't be asked, 2 a wrong value.
 */
import { table } from "../tools/table";
import { readStatsDuration } from "./options";
import { INTERVAL, Look, Sampler } from "./sampler";
import { subjectOf } from "./subject";
import { summarize, summaryRows, usageRows } from "./usage";

const CLEAR = "\x1b[H\x1b[2J\x1b[3J";

async function main(stack: string): Promise<void> {
  const duration = readStatsDuration(process.env);
  const subject = subjectOf(stack);
  const isTerminal = process.stdout.isTTY;
  const end = new AbortController();
  process.on("SIGINT", () => end.abort());
  const seconds = duration ?? (isTerminal ? undefined : INTERVAL / 1000);
  if (seconds !== undefined) setTimeout(() => end.abort(), seconds * 1000).unref();

  const looks: Look[] = [];
  const began = Date.now();
  for await (const look of new Sampler(subject).looks(end.signal)) {
    looks.push(look);
    if (!isTerminal) continue;
    const time = new Date().toISOString().slice(11, 19);
    console.log(
      `${CLEAR}Stack ${stack} at ${time} UTC; CPU in percent of one core; Ctrl-C ends.\n\n${text(look)}`,
    );
  }
  const last = looks.at(-1);
  if (last === undefined) return;
  if (looks.every(({ usage, unseen }) => usage.length + unseen.length === 0))
    console.log(`Stack ${stack} has no services on ${subject.host}. Deploy it with: make up`);
  else if (seconds !== duration) console.log(text(last));
  else {
    const usage = summarize(looks.map((look) => look.usage));
    const over = `Over ${Math.round((Date.now() - began) / 1000)} s:`;
    console.log([...(isTerminal ? ["", over] : [over]), withUnseen(summaryRows(usage), last)].join("\n"));
  }
}

function text(look: Look): string {
  return withUnseen(usageRows(look.usage), look);
}

function withUnseen(rows: string[][], { unseen }: Look): string {
  return [table(rows), ...unseen].join("\n");
}

const stack = process.env.STACK || "dev";
main(stack).catch((error: unknown) => {
  console.error(`stack ${stack}: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(error instanceof RangeError ? 2 : 1);
});
