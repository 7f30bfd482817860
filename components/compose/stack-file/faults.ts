import type { Notice, Place } from "./model";

/** What is wrong at one place of the files. */
export interface Fault {
  /** Dotted path in the file, such as `services.web.ports.0`; empty for the file as a whole. */
  readonly path: string;
  /** As it stands in the file. Never a secret's content. */
  readonly value?: string;
  /** What is the matter, when path and value do not say it. */
  readonly problem?: string;
  readonly allowed?: string;
  readonly cure?: string;
}

/** What was found in the files, in any order. Of one value the first fault counts: others follow from it. */
export class Findings {
  private readonly found: { place: Place; line: string }[] = [];
  private readonly known = new Set<string>();
  private readonly noticesByText = new Map<string, Notice>();

  constructor(private readonly files: readonly string[]) {}

  public fault(place: Place, fault: Fault): void {
    const { file, line, column } = place;
    const ids = [[file, line, column, fault.path].join("\n")];
    if (fault.path !== "") ids.push([file, fault.path, fault.value ?? ""].join("\n"));
    if (!ids.some((id) => this.known.has(id))) this.found.push({ place, line: sentence(place, fault) });
    for (const id of ids) this.known.add(id);
  }

  public notice(notice: Notice): void {
    this.noticesByText.set([notice.file, notice.line, notice.path, notice.text].join("\n"), notice);
  }

  /** One line each, in the order of the files. */
  public faultLines(): string[] {
    return [...this.found].sort((a, b) => this.order(a.place, b.place)).map(({ line }) => line);
  }

  public notices(): Notice[] {
    return [...this.noticesByText.values()].sort((a, b) => this.order(a, b));
  }

  private order(a: Place, b: Place): number {
    return this.files.indexOf(a.file) - this.files.indexOf(b.file) || a.line - b.line || a.column - b.column;
  }
}

/** `file:line:column: path = "value" problem; allowed: ...; do: ...`, without what is not given. */
function sentence(place: Place, { path, value, problem, allowed, cure }: Fault): string {
  const what = [path, value === undefined ? "" : `= ${quote(value)}`, problem ?? ""]
    .filter(Boolean)
    .join(" ");
  return (
    `${showPlace(place)}: ${what}` +
    (allowed === undefined ? "" : `; allowed: ${allowed}`) +
    (cure === undefined ? "" : `; do: ${cure}`)
  );
}

export function showPlace({ file, line, column }: Place): string {
  return line === 0 ? file : `${file}:${line}:${column}`;
}

/** A file as a whole. */
export function wholeFile(file: string): Place {
  return { file, line: 0, column: 0 };
}

const LONGEST = 120;

function quote(value: string): string {
  return JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}...` : value);
}
