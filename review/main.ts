// Writes a report of what a deployment would change, or compares the world with an approved one; see tools/report.sh.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { refusal } from "./approval";
import { readEvents } from "./events";
import { encryptedValues } from "./fingerprint";
import { commitOf, goldenPreview, ProgramFault, recordedPreview } from "./graph-preview";
import { COMMENT_LIMIT, renderMarkdown } from "./markdown";
import type { Preview } from "./preview";
import { makeReport } from "./report";
import type { Basis, Report } from "./report";

const EXIT: Readonly<Record<Report["verdict"], number>> = { none: 0, failed: 1, changes: 2, dangerous: 3 };
const BASES: readonly Basis[] = ["live", "recorded", "graph"];
/** How long the engine may take to say that it is there, in ms: a login by ssh included. */
const ENGINE_PATIENCE = 20_000;
/** Events of a large platform are some MB. */
const OUTPUT_LIMIT = 1024 * 1024 * 1024;

class Fault extends Error {}

/** What there is to compare with, and what the comparison said. */
interface Compared {
  readonly basis: Basis;
  readonly basisNote: string;
  readonly preview: Preview;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof Fault || error instanceof ProgramFault)) throw error;
  console.error(`report: ${error.message}`);
  process.exitCode = 1;
}

function main(): number {
  const { stack, basis, against, approved } = options();
  const file = `Pulumi.${stack}.yaml`;
  if (!existsSync(file))
    throw new Fault(`stack "${stack}": there is no ${file}; allowed: a stack with a file`);
  const before = approved === undefined ? undefined : readApproved(approved, stack);
  const compared = compare(stack, approved === undefined ? basis : "live", against);
  const encrypted = encryptedValues(readFileSync(file, "utf8"));
  const { preview, ...origin } = compared;
  const report = makeReport(preview, { stack, commit: commitOf(), encrypted, ...origin });

  if (before !== undefined) {
    const refused = refusal(before, report, process.env.ALLOW_DANGEROUS === "1");
    if (refused === undefined) return 0;
    console.error(`stack ${stack}: ${refused}`);
    return 1;
  }
  const folder = `.reports/${stack}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/report.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(`${folder}/full.md`, renderMarkdown(report));
  writeFileSync(
    `${folder}/report.md`,
    renderMarkdown(report, COMMENT_LIMIT, "full.md, an artifact of this run"),
  );
  console.error(`stack ${stack}: ${report.verdict}; the report is ${folder}/report.md`);
  if (report.verdict === "failed") for (const line of faultsOf(report)) console.error(`  - ${line}`);
  return EXIT[report.verdict];
}

/** What has to be mended first. */
function faultsOf({ policies, errors }: Report): string[] {
  const broken = policies.filter(({ level, waived }) => level === "mandatory" && waived === undefined);
  return [...broken.map(({ rule, message }) => `${rule}: ${message}`), ...errors];
}

function options(): { stack: string; basis?: Basis; against?: string; approved?: string } {
  const { values } = parse();
  const { basis } = values;
  if (basis !== undefined && !BASES.includes(basis as Basis)) {
    throw new Fault(
      `--basis "${basis}"; allowed: ${BASES.join(", ")}; without it, the first of them that can be had`,
    );
  }
  return { ...values, stack: values.stack || process.env.STACK || "dev", basis: basis as Basis | undefined };
}

function parse() {
  const text = { type: "string" } as const;
  try {
    return parseArgs({ options: { stack: text, basis: text, against: text, approved: text } });
  } catch (error) {
    throw new Fault(`${(error as Error).message}; usage: head -3 tools/report.sh`);
  }
}

function compare(stack: string, wanted: Basis | undefined, against: string | undefined): Compared {
  if (wanted === "live" || (wanted === undefined && hasEngine())) {
    return { basis: "live", basisNote: "", preview: livePreview(stack) };
  }
  const host = process.env.DOCKER_HOST ?? "";
  const why = wanted === undefined ? `the engine at ${host} can't be reached from here. ` : "";
  const state = wanted === "graph" ? undefined : recordedState(stack);
  if (state !== undefined) {
    const note = `${why}Compared with what the last up recorded: what was changed by hand does not show, nor do new values of secrets.`;
    return { basis: "recorded", basisNote: note, preview: recordedPreview(stack, state) };
  }
  if (wanted === "recorded")
    throw new Fault(`stack ${stack} has no recorded state here; do: make up, or --basis graph`);
  const golden = goldenPreview(stack, against);
  const note =
    `${why}${wanted === undefined ? "Nor is there a recorded state. " : ""}Compared with ${golden.what}: ` +
    "what is deployed may be something else.";
  return { basis: "graph", basisNote: note, preview: golden.preview };
}

function hasEngine(): boolean {
  const { status } = spawnSync("docker", ["version"], { stdio: "ignore", timeout: ENGINE_PATIENCE });
  return status === 0;
}

/** Runs the preview as make does; what it has to say beside its events goes to the user. */
function livePreview(stack: string): Preview {
  const { status, stdout } = spawnSync("tools/stack.sh", ["report"], {
    encoding: "utf8",
    maxBuffer: OUTPUT_LIMIT,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, STACK: stack },
  });
  const preview = readEvents(stdout.split("\n"));
  if (status === 0) return preview;
  const errors =
    preview.errors.length > 0 ? preview.errors : ["the preview did not run; the log of this run says why"];
  return { ...preview, errors };
}

/** What `pulumi stack export` prints; undefined where there is nothing. */
function recordedState(stack: string): string | undefined {
  const { status, stdout } = spawnSync("pulumi", ["stack", "export", "--stack", stack], {
    encoding: "utf8",
    maxBuffer: OUTPUT_LIMIT,
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (status !== 0) return undefined;
  const { deployment } = JSON.parse(stdout) as { deployment?: { resources?: readonly unknown[] } };
  return (deployment?.resources?.length ?? 0) > 0 ? stdout : undefined;
}

function readApproved(file: string, stack: string): Report {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch (error) {
    throw new Fault(
      `APPROVED = ${file}: ${(error as Error).message}; allowed: the report.json of make report`,
    );
  }
  if (report.stack !== stack) {
    throw new Fault(`APPROVED = ${file} is of stack ${report.stack}; allowed: one of ${stack}`);
  }
  return report;
}
