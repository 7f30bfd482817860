import type { Report } from "./report";

/** Differences that are named; more of them say nothing more. */
const NAMED = 10;

/**
 * Why what was approved must not be deployed now; undefined when it may be.
 *
 * @param allowDangerous whether somebody has agreed to dangerous changes.
 */
export function refusal(approved: Report, now: Report, allowDangerous: boolean): string | undefined {
  if (approved.basis !== "live") {
    return `the approved report was not compared with the swarm itself (${approved.basis}); do: make report where the engine can be reached. Nothing was changed.`;
  }
  if (now.verdict === "failed")
    return `the preview fails now:\n${now.errors.join("\n")}\nNothing was changed.`;
  if (approved.fingerprint !== now.fingerprint) {
    return [
      `what would change now is not what was approved (${approved.fingerprint} then, ${now.fingerprint} now).`,
      ...difference("no longer", approved.changes, now.changes),
      ...difference("now too", now.changes, approved.changes),
      ...(approved.changes.join("\n") === now.changes.join("\n")
        ? ["  the value of a secret in the stack's file"]
        : []),
      "Nothing was changed. Do: make report, have it reviewed, then make up with that one.",
    ].join("\n");
  }
  if (now.dangers.length > 0 && !allowDangerous) {
    return [
      "the approved changes are dangerous:",
      ...now.dangers.map(({ where, message }) => `  ${where} ${message}`),
      "Nothing was changed. With consent: ALLOW_DANGEROUS=1 make up ...",
    ].join("\n");
  }
  return undefined;
}

function difference(what: string, these: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  const own = these.filter((line) => !known.has(line));
  const lines = own.slice(0, NAMED).map((line) => `  ${what}: ${line}`);
  return own.length > NAMED ? [...lines, `  ${what}: ... and ${own.length - NAMED} more`] : lines;
}
