import { parse } from "yaml";
import { nearest } from "../components/nearest";
import type { Level } from "./rules";

/** Why one service need not obey one rule. */
export interface Waiver {
  readonly rule: string;
  /** Name inside the environment, in which * stands for any text. */
  readonly service: string;
  readonly reason: string;
}

/** What the rules are told for one stack. */
export interface Settings {
  readonly production: boolean;
  /** Levels that are not the rule's own. */
  readonly levels: Readonly<Record<string, Level | "off">>;
  /** Services that a rule lets, by rule. */
  readonly allow: Readonly<Record<string, readonly string[]>>;
  readonly waivers: readonly Waiver[];
  /** The highest level that a rule has for what stack files declare. */
  readonly stackFiles: Level | "off";
}

/** The rules of which the settings speak. */
export interface RuleNames {
  readonly all: readonly string[];
  /** Those that let the services which are listed. */
  readonly listed: readonly string[];
}

type Values = Readonly<Record<string, unknown>>;

/** The highest first. */
const LEVELS = ["mandatory", "advisory", "off"];
const SECTION = ["levels", "allow", "waivers", "stackFiles"];
const TOP = ["development", ...SECTION, "stacks"];
const WAIVER = ["rule", "service", "reason"];

/**
 * Reads the text of settings.yaml for one stack.
 *
 * @returns all faults at once, each with the place, the value, what is allowed.
 */
export function readSettings(
  text: string,
  stack: string,
  rules: RuleNames,
): Settings | { readonly faults: string[] } {
  let content: unknown;
  try {
    content = parse(text) ?? {};
  } catch (error) {
    return { faults: [`is not YAML: ${(error as Error).message.split("\n")[0]}`] };
  }
  const faults = settingsFaults(content, rules);
  if (faults.length > 0) return { faults };
  const { development = [], stacks = {}, ...common } = content as SettingsFile;
  const own = Object.entries(stacks).flatMap(([name, section]) =>
    matches(name, stack) ? [section ?? {}] : [],
  );
  const sections = [common, ...own];
  return {
    production: !development.some((name) => matches(name, stack)),
    levels: Object.assign({}, ...sections.map(({ levels }) => levels)) as Settings["levels"],
    allow: Object.fromEntries(
      rules.listed.map((rule) => [rule, sections.flatMap(({ allow }) => allow?.[rule] ?? [])]),
    ),
    waivers: sections.flatMap(({ waivers }) => waivers ?? []),
    stackFiles: sections.flatMap(({ stackFiles }) => stackFiles ?? []).pop() ?? "mandatory",
  };
}

interface Section {
  readonly levels?: Settings["levels"];
  readonly allow?: Settings["allow"];
  readonly waivers?: Settings["waivers"];
  /** @default mandatory */
  readonly stackFiles?: Settings["stackFiles"];
}

interface SettingsFile extends Section {
  readonly development?: readonly string[];
  readonly stacks?: Readonly<Record<string, Section | null>>;
}

/** The level that a rule has for a service of the program, or of a stack file. */
export function levelOf(
  { name, level }: { readonly name: string; readonly level: Level },
  { levels, stackFiles }: Pick<Settings, "levels" | "stackFiles">,
  inStackFile: boolean,
): Level | "off" {
  const own = levels[name] ?? level;
  return inStackFile && LEVELS.indexOf(stackFiles) > LEVELS.indexOf(own) ? stackFiles : own;
}

/** Whether a name is meant by a pattern, in which * stands for any text. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
}

function settingsFaults(content: unknown, rules: RuleNames): string[] {
  if (!isMap(content)) return [`= ${JSON.stringify(content)}; allowed: the keys ${TOP.join(", ")}`];
  const { development, stacks = {} } = content;
  return [
    ...unknownKeys("", content, TOP),
    ...(development === undefined ? [] : patternFaults("development", development)),
    ...sectionFaults("", content, rules),
    ...(isMap(stacks)
      ? Object.entries(stacks).flatMap(([name, section]) => ownFaults(`stacks.${name}`, section ?? {}, rules))
      : [`stacks = ${JSON.stringify(stacks)}; allowed: settings by name of the stack`]),
  ];
}

function ownFaults(place: string, section: unknown, rules: RuleNames): string[] {
  if (!isMap(section))
    return [`${place} = ${JSON.stringify(section)}; allowed: the keys ${SECTION.join(", ")}`];
  return [...unknownKeys(`${place}.`, section, SECTION), ...sectionFaults(`${place}.`, section, rules)];
}

function sectionFaults(
  place: string,
  { levels = {}, allow = {}, waivers = [], stackFiles = "mandatory" }: Values,
  rules: RuleNames,
): string[] {
  const faults: string[] = [];
  if (!LEVELS.includes(stackFiles as string)) {
    faults.push(`${place}stackFiles = ${JSON.stringify(stackFiles)}; allowed: ${LEVELS.join(", ")}`);
  }
  if (!isMap(levels)) faults.push(`${place}levels = ${JSON.stringify(levels)}; allowed: a level by rule`);
  for (const [rule, level] of Object.entries(isMap(levels) ? levels : {})) {
    faults.push(...unknownName(`${place}levels`, "rule", rule, rules.all));
    if (!LEVELS.includes(level as string)) {
      faults.push(`${place}levels.${rule} = ${JSON.stringify(level)}; allowed: ${LEVELS.join(", ")}`);
    }
  }
  if (!isMap(allow))
    faults.push(`${place}allow = ${JSON.stringify(allow)}; allowed: lists of services by rule`);
  for (const [rule, services] of Object.entries(isMap(allow) ? allow : {})) {
    faults.push(...unknownName(`${place}allow`, "rule with a list", rule, rules.listed));
    faults.push(...patternFaults(`${place}allow.${rule}`, services));
  }
  if (!Array.isArray(waivers)) {
    return [
      ...faults,
      `${place}waivers = ${JSON.stringify(waivers)}; allowed: a list of ${WAIVER.join(", ")}`,
    ];
  }
  return [...faults, ...waivers.flatMap((waiver, i) => waiverFaults(`${place}waivers[${i}]`, waiver, rules))];
}

function waiverFaults(place: string, waiver: unknown, rules: RuleNames): string[] {
  if (!isMap(waiver)) return [`${place} = ${JSON.stringify(waiver)}; allowed: ${WAIVER.join(", ")}`];
  const { rule, service, reason } = waiver;
  const faults = unknownKeys(`${place}.`, waiver, WAIVER);
  if (typeof rule !== "string") faults.push(`${place}.rule not set; allowed: one of ${rules.all.join(", ")}`);
  else faults.push(...unknownName(place, "rule", rule, rules.all));
  if (service === undefined)
    faults.push(`${place}.service not set; allowed: the name of a service, such as web`);
  else faults.push(...patternFaults(`${place}.service`, [service]));
  if (typeof reason !== "string" || reason.trim() === "") {
    faults.push(
      `${place}.reason ${reason === undefined ? "not set" : `= ${JSON.stringify(reason)}`}; allowed: why it need not obey`,
    );
  }
  return faults;
}

/** A list of names; one of stars alone would mean all, which is what levels are for. */
function patternFaults(place: string, names: unknown): string[] {
  if (!Array.isArray(names)) return [`${place} = ${JSON.stringify(names)}; allowed: a list of names`];
  return names
    .filter((name) => typeof name !== "string" || !/[^*]/.test(name))
    .map((name) => `${place} = ${JSON.stringify(name)}; allowed: a name, in which * stands for any text`);
}

function unknownKeys(place: string, map: Values, known: readonly string[]): string[] {
  return Object.keys(map).flatMap((key) => unknownName(place, "key", key, known));
}

function unknownName(place: string, kind: string, name: string, known: readonly string[]): string[] {
  if (known.includes(name)) return [];
  const near = nearest(name, known);
  const meant = near === undefined ? "" : `, perhaps ${near}`;
  const inside = place.endsWith(".") || place === "" ? `${place}${name}` : `${place}: ${name}`;
  return [`${inside} is no ${kind}; allowed: ${known.join(", ")}${meant}`];
}

function isMap(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
