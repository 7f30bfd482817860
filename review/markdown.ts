import type { Change, Drift, ImageChange, OtherChange, ServiceChange, TextChange } from "./changes";
import type { Warned } from "./dangers";
import type { Report } from "./report";

/** Characters that GitHub takes for a comment, less what its poster puts around it. */
export const COMMENT_LIMIT = 65_536 - 536;
/** Entries of each list in the summary; all of them are further down. */
const SUMMARY = 6;
/** Longest value that is shown. */
const LONGEST = 160;

/** Something that is shown as a whole, or as its first lines. */
interface Block {
  readonly open: readonly string[];
  readonly lines: readonly string[];
  readonly close: readonly string[];
}

interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

/**
 * The report as GitHub shows it: what a phone's screen holds first, all else behind a click.
 *
 * @param limit characters at most; what does not fit is told to be elsewhere.
 * @param elsewhere where it is, such as a file's name.
 */
export function renderMarkdown(report: Report, limit = Infinity, elsewhere = ""): string {
  const head = summary(report);
  const foot = ["", footer(report)];
  const all = changesSection(report);
  const sections = [pictureSection(report), all, ...noteSections(report)].filter(
    ({ blocks }) => blocks.length > 0,
  );
  const note = `_Cut here: the rest is in ${elsewhere}._`;
  const frame = ({ title }: Section): string[] => ["", ...opening(title), "", note, "", "</details>"];
  let room = limit - size([...head, ...foot, ...sections.flatMap(frame)]);
  const bodies = new Map<Section, string[]>();
  // What is long, such as the lines of a new config, takes no room from the rest.
  for (const section of [...sections.filter((one) => one !== all), all]) {
    const { lines, cut } = fitting(section, room);
    room -= size(lines);
    bodies.set(section, cut ? [...lines, note, ""] : lines);
  }
  const body = sections.flatMap((section) => [
    "",
    ...opening(section.title),
    ...(bodies.get(section) ?? []),
    "</details>",
  ]);
  return [...head, ...body, ...foot, ""].join("\n");
}

/** As much of a section as there is room for, in whole blocks and lines. */
function fitting({ blocks }: Section, room: number): { readonly lines: string[]; readonly cut: boolean } {
  const lines: string[] = [];
  for (const { open, lines: own, close } of blocks) {
    let left = room - size([...lines, ...open, ...close, ""]);
    const first = own.findIndex((line) => (left -= line.length + 1) < 0);
    const fits = first < 0 ? own : own.slice(0, first);
    if (fits.length > 0) lines.push(...open, ...fits, ...close, "");
    if (first >= 0) return { lines, cut: true };
  }
  return { lines, cut: false };
}

function opening(title: string): string[] {
  return [`<details><summary>${title}</summary>`, ""];
}

/** Characters of lines, their ends included. */
function size(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}

// ---------------------------------------------------------------- what is seen first

function summary(report: Report): string[] {
  const { stack, basis, basisNote, dangers, interruptions, drift, errors, services, other } = report;
  const plain = other.filter((one) => one.changes.length === 0 && one.texts.length === 0);
  const apart = unusedImages(report);
  const lines = [
    ...(basis === "live" ? [] : [`> **Not compared with the swarm itself:** ${basisNote}`, ""]),
    `### ${TITLES[report.verdict]} ${code(stack)}: ${headline(report)}`,
    "",
    ...some(errors, (error) => `- ${text(error, 400)}`),
    ...some(dangers, (danger) => `- 🛑 ${warned(danger)}`),
    ...some(interruptions, (one) => `- ⚠️ ${warned(one)}`),
    ...some(services, serviceLine),
    ...some(apart, (image) => `- image **${text(image.name)}** ${imageWords(image)}`),
    ...some(
      other.filter((one) => !plain.includes(one)),
      otherLine,
    ),
    ...plainLines(plain),
  ];
  if (lines.at(-1) !== "") lines.push("");
  if (report.verdict === "failed") return [...lines, policyLine(report)];
  if (drift.length === 0) {
    return [...lines, `Drift: ${basis === "live" ? "none" : "not looked for"}. ${policyLine(report)}`];
  }
  return [...lines, "Drift, which up puts right:", "", ...some(drift, driftLine), "", policyLine(report)];
}

/** What needs no more than its name, by what happens to it. */
function plainLines(others: readonly OtherChange[]): string[] {
  return (["create", "update", "replace", "delete"] as const).flatMap((operation) => {
    const names = others.filter((one) => one.operation === operation).map(nameOf);
    if (names.length === 0) return [];
    const shown = names.slice(0, 2 * SUMMARY).join(", ");
    return [
      `- ${PAST[operation]}: ${shown}${names.length > 2 * SUMMARY ? ` and ${names.length - 2 * SUMMARY} more` : ""}`,
    ];
  });
}

function nameOf({ kind, name }: OtherChange): string {
  return kind === name ? text(kind) : `${text(kind)} **${text(name)}**`;
}

const TITLES: Readonly<Record<Report["verdict"], string>> = {
  none: "✅",
  changes: "🟡",
  dangerous: "🛑",
  failed: "❌",
};

/** Images that no service changes for, such as one that tests alone run. */
function unusedImages({ images, services }: Report): ImageChange[] {
  const changed = new Set(services.map(({ name }) => name));
  return images.filter(({ usedBy }) => !usedBy.some((name) => changed.has(name)));
}

function headline(report: Report): string {
  const { verdict, services, other, dangers } = report;
  if (verdict === "none") return "no change";
  if (verdict === "failed") return "the preview failed";
  const counted = (["create", "update", "replace", "delete"] as const).flatMap((operation) => {
    const count = services.filter((service) => service.operation === operation).length;
    return count === 0 ? [] : `${count} service${count > 1 ? "s" : ""} ${PAST[operation]}`;
  });
  const rest = other.length + unusedImages(report).length;
  if (rest > 0) counted.push(`${rest} other change${rest > 1 ? "s" : ""}`);
  return `${dangers.length > 0 ? "**DANGEROUS**, " : ""}${counted.join(", ") || "small changes"}`;
}

const PAST: Readonly<Record<ServiceChange["operation"], string>> = {
  create: "created",
  update: "updated",
  replace: "replaced",
  delete: "deleted",
};

/** The first of a list, and how many more there are. */
function some<T>(list: readonly T[], line: (entry: T) => string): string[] {
  const lines = list.slice(0, SUMMARY).map(line);
  return list.length > SUMMARY ? [...lines, `- ... and ${list.length - SUMMARY} more below`] : lines;
}

function warned({ where, message }: Warned): string {
  return `**${text(where)}** ${text(message, 400)}`;
}

function serviceLine({ name, operation, changes, image, tasks, texts }: ServiceChange): string {
  const words = [
    ...(image === undefined ? [] : [`image ${imageWords(image)}`]),
    ...changes.slice(0, SUMMARY).map(changeWords),
    ...(changes.length > SUMMARY ? [`${changes.length - SUMMARY} more`] : []),
    ...(changes.some(({ field }) => field.startsWith("config ")) || texts.length === 0
      ? []
      : [texts.map((one) => `config ${code(one.name)}`).join(", ")]),
  ];
  const what = operation === "update" ? "" : ` ${PAST[operation]}`;
  return `- **${text(name)}**${what}${words.length === 0 ? "" : `: ${words.join("; ")}`}<br>${tasks}`;
}

function imageWords({ from, to, files, because }: ImageChange): string {
  const tags = from === undefined || from === to ? code(to) : `${code(from)} → ${code(to)}`;
  const reasons = [
    ...(files ?? [])
      .slice(0, SUMMARY)
      .map(({ path, change }) => `${code(path)}${change === "changed" ? "" : ` ${change}`}`),
    ...((files?.length ?? 0) > SUMMARY ? [`${(files?.length ?? 0) - SUMMARY} more files`] : []),
    ...because.map((reason) => text(reason)),
    ...(files === undefined && from !== undefined && because.length === 0 ? [UNRECORDED] : []),
  ];
  return reasons.length === 0 ? tags : `${tags}, because of ${reasons.join(", ")}`;
}

const UNRECORDED = "sources that the last `up` did not record";

function changeWords({ field, from, to, cause }: Change): string {
  const values = from === "" ? text(to) : `${code(from)} → ${code(to)}`;
  return `${text(field)} ${values}${cause === "drift" ? " (drift)" : ""}`;
}

function otherLine(other: OtherChange): string {
  const { operation, changes, texts } = other;
  const words = [
    ...changes.slice(0, SUMMARY).map(changeWords),
    ...(texts.length > 0 ? ["its lines are below"] : []),
  ];
  return `- ${nameOf(other)} ${PAST[operation]}${words.length === 0 ? "" : `: ${words.join("; ")}`}`;
}

function driftLine({ where, field, recorded, found }: Drift): string {
  if (field === "") return `- **${text(where)}** is gone, and is made anew`;
  return `- **${text(where)}** ${text(field)}: found ${code(found)}, last ${code("up")} left ${code(recorded)}`;
}

function policyLine({ policies, verdict, basis }: Report): string {
  const failed = policies.filter(({ level, waived }) => level === "mandatory" && !waived).length;
  const waived = policies.filter((one) => one.waived).length;
  const advice = policies.length - failed - waived;
  if (basis !== "live") return "Policies: not run.";
  if (policies.length === 0)
    return verdict === "failed" ? "Policies: not known." : "Policies: nothing found.";
  const words = [
    ...(failed > 0 ? [`**${failed} broken**`] : []),
    ...(advice > 0 ? [`${advice} advised`] : []),
    ...(waived > 0 ? [`${waived} waived`] : []),
  ];
  return `Policies: ${words.join(", ")}.`;
}

// ---------------------------------------------------------------- what is behind a click

function changesSection(report: Report): Section {
  const { services, other } = report;
  const blocks: Block[] = [];
  for (const service of services) {
    const { name, operation, changes, tasks, texts } = service;
    blocks.push(
      listBlock(`**${text(name)}** ${PAST[operation]}, ${tasks}`, [
        ...changes.map((one) => `- ${changeWords(one)}`),
        ...(service.image === undefined ? [] : imageLines(service.image)),
      ]),
      ...texts.map(textBlock),
    );
  }
  for (const image of unusedImages(report)) {
    blocks.push(listBlock(`image **${text(image.name)}**`, imageLines(image)));
  }
  for (const one of other) {
    const { operation, changes, texts } = one;
    const title = `${nameOf(one)} ${PAST[operation]}`;
    blocks.push(
      listBlock(
        title,
        changes.map((one) => `- ${changeWords(one)}`),
      ),
      ...texts.map(textBlock),
    );
  }
  return { title: "All changes", blocks };
}

function imageLines({ from, to, files, because, usedBy }: ImageChange): string[] {
  return [
    `- image ${from === undefined || from === to ? code(to) : `${code(from)} → ${code(to)}`}`,
    ...(files ?? []).map(({ path, change }) => `  - ${code(path)} ${change}`),
    ...because.map((reason) => `  - ${text(reason)}`),
    ...(usedBy.length > 1 ? [`  - used by ${usedBy.map((one) => text(one)).join(", ")}`] : []),
  ];
}

function listBlock(title: string, lines: readonly string[]): Block {
  return { open: [], lines: [title, ...(lines.length > 0 ? ["", ...lines] : [])], close: [] };
}

function textBlock({ name, diff }: TextChange): Block {
  return fenced("diff", diff, [`${code(name)}:`, ""]);
}

function fenced(language: string, lines: readonly string[], before: readonly string[] = []): Block {
  const longest = Math.max(
    2,
    ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map(({ length }) => length)),
  );
  const fence = "`".repeat(longest + 1);
  return { open: [...before, `${fence}${language}`], lines, close: [fence] };
}

/** All of it or nothing: half a picture can't be drawn. */
function pictureSection(report: Report): Section {
  const whole = report.picture.join("\n");
  return { title: "Picture", blocks: report.picture.length > 0 ? [fenced("mermaid", [whole])] : [] };
}

function noteSections({ policies, warnings, drift, dangers, interruptions, errors }: Report): Section[] {
  const long = <T>(title: string, list: readonly T[], line: (entry: T) => string, from: number): Section => ({
    title: `${title} (${list.length})`,
    blocks: list.length > from ? [{ open: [], lines: list.map(line), close: [] }] : [],
  });
  return [
    long("Errors", errors, (one) => `- ${text(one, 2000)}`, SUMMARY),
    long("Dangers", [...dangers, ...interruptions], (one) => `- ${warned(one)}`, SUMMARY),
    long("Drift", drift, driftLine, SUMMARY),
    long(
      "Policies",
      policies,
      ({ rule, level, service, message, waived }) => {
        const who = service === undefined ? "" : ` **${text(service)}**`;
        const why = waived === undefined ? "" : `, waived because: ${text(waived, 300)}`;
        return `- ${text(level)} ${code(rule)}${who}: ${text(message, 600)}${why}`;
      },
      0,
    ),
    long("Warnings", warnings, (one) => `- ${text(one, 1000)}`, 0),
  ];
}

function footer({ commit, basis, fingerprint }: Report): string {
  const against = { live: "the live swarm", recorded: "the recorded state", graph: "the golden graph" }[
    basis
  ];
  return `<sub>${text(commit)} against ${against}, fingerprint ${code(fingerprint)}</sub>`;
}

// ---------------------------------------------------------------- text

/** A value as code: nothing in it is Markdown. */
function code(value: string): string {
  const line = shortened(value.replace(/\s+/g, " ").replaceAll("`", "'"), LONGEST);
  return line.trim() === "" ? "(empty)" : `\`${line}\``;
}

/** Words in which nothing is Markdown, HTML or the mention of somebody. */
function text(value: string, longest = LONGEST): string {
  return shortened(value.replace(/\s+/g, " ").trim(), longest)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll("@", "&#64;")
    .replace(/[*_`[\]|~\\]/g, "\\$&");
}

function shortened(value: string, longest: number): string {
  return value.length <= longest ? value : `${value.slice(0, longest - 3)}...`;
}
