import { findChanges } from "./changes";
import type { Drift, ImageChange, OtherChange, ServiceChange } from "./changes";
import { findDangers, findInterruptions } from "./dangers";
import type { Warned } from "./dangers";
import { changeLines, fingerprint } from "./fingerprint";
import { picture } from "./picture";
import type { Preview, Violation } from "./preview";

/**
 * Where the present state is known from. live: the engine itself. recorded: what the last `up` left in the state.
 * graph: the golden file of another commit.
 */
export type Basis = "live" | "recorded" | "graph";
export type Verdict = "none" | "changes" | "dangerous" | "failed";

/** report.json: all that the report says, and nothing secret. */
export interface Report {
  readonly stack: string;
  /** Of the code that was previewed; with `+` where it was edited since. */
  readonly commit: string;
  readonly basis: Basis;
  /** What the basis is in words, such as why it is not the engine; empty for live. */
  readonly basisNote: string;
  readonly verdict: Verdict;
  /** Same code, same world: same fingerprint. */
  readonly fingerprint: string;
  readonly services: readonly ServiceChange[];
  readonly images: readonly ImageChange[];
  readonly other: readonly OtherChange[];
  readonly dangers: readonly Warned[];
  /** What clients notice although nothing is lost. */
  readonly interruptions: readonly Warned[];
  readonly drift: readonly Drift[];
  readonly policies: readonly Violation[];
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
  /** What the fingerprint is made of, for people. */
  readonly changes: readonly string[];
  /** Mermaid. */
  readonly picture: readonly string[];
}

/** Where and of what a preview was made. */
export interface Origin {
  readonly stack: string;
  readonly commit: string;
  readonly basis: Basis;
  readonly basisNote: string;
  /** See encryptedValues(). */
  readonly encrypted: readonly string[];
}

export function makeReport(preview: Preview, { encrypted, ...origin }: Origin): Report {
  const changes = findChanges(preview);
  const dangers = findDangers(preview);
  const lines = changeLines(preview);
  const verdict =
    preview.errors.length > 0
      ? "failed"
      : dangers.length > 0
        ? "dangerous"
        : lines.length > 0
          ? "changes"
          : "none";
  return {
    ...origin,
    verdict,
    fingerprint: fingerprint(lines, encrypted),
    services: changes.services,
    images: changes.images,
    other: changes.others,
    dangers,
    interruptions: findInterruptions(changes, preview),
    drift: changes.drift,
    policies: preview.policies,
    warnings: preview.warnings,
    errors: preview.errors,
    changes: lines,
    picture: picture(origin.stack, preview, changes, dangers),
  };
}
