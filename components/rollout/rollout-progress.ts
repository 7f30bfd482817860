/** A rollout that takes no longer than this needs no line, in ms. */
const SILENT_AT_FIRST = 3_000;
/** Least time between two lines, in ms: a log file keeps all of them. */
const BETWEEN_CHANGES = 5_000;
/** A line comes at least as often while nothing changes, in ms: some CI systems end a job that says nothing. */
const REPEAT = 15_000;

/** Thins out what a rollout says of itself, for terminals and log files alike: the program can't tell which it is. */
export class RolloutProgress {
  private printedAt = -Infinity;
  private printed = "";
  private readonly startedAt: number;

  /** @param now ms since the epoch. */
  constructor(
    private readonly print: (line: string) => void,
    private readonly now = Date.now,
  ) {
    this.startedAt = now();
  }

  show(line: string): void {
    const now = this.now();
    if (now - this.startedAt < SILENT_AT_FIRST) return;
    if (now - this.printedAt < (line === this.printed ? REPEAT : BETWEEN_CHANGES)) return;
    this.print(line);
    this.printed = line;
    this.printedAt = now;
  }
}
