import { RULES } from "./rules";
import type { Context, Level, Rule } from "./rules";
import { levelOf, matches } from "./settings";
import type { Settings, Waiver } from "./settings";
import type { Subject } from "./subject";

/** That a resource breaks a rule. */
export interface Violation {
  readonly rule: string;
  readonly level: Level;
  /** Name of the resource inside the environment. */
  readonly service: string;
  /** What, its value, what is allowed, what to do. */
  readonly message: string;
  /** Why it may; undefined when it may not. */
  readonly waived?: string;
  /** The waiver of the settings that says so. */
  readonly waiver?: Waiver;
}

/** All rules that a resource breaks, those that are waived too. */
export function violations(subject: Subject, settings: Settings, context: Context): Violation[] {
  return RULES.flatMap((rule) => {
    const level = levelOf(rule, settings, subject.inStackFile);
    if (level === "off" || (rule.production && !settings.production)) return [];
    if (settings.allow[rule.name]?.some((pattern) => matches(pattern, subject.name))) return [];
    const waiver = settings.waivers.find(
      (one) => one.rule === rule.name && matches(one.service, subject.name),
    );
    const waived = waiver?.reason ?? subject.waived[rule.name];
    return rule.check(subject, context).map((found) => ({
      rule: rule.name,
      level,
      service: subject.name,
      message: `${subject.name}: ${found}; ${advice(rule, subject, settings)}`,
      ...(waived !== undefined && { waived }),
      ...(waiver !== undefined && { waiver }),
    }));
  });
}

function advice(rule: Rule, { inStackFile }: Subject, { allow }: Settings): string {
  const { name, listed } = rule;
  const cure = inStackFile ? (rule.cureInStackFile ?? rule.cure) : rule.cure;
  if (!listed) return cure;
  const services = allow[name] ?? [];
  const allowed = services.length === 0 ? "for no service" : `for ${services.join(", ")}`;
  return `allowed: ${allowed}; ${cure} in policy/settings.yaml (allow: ${name})`;
}

/**
 * Waivers that no violation needs. Those for services of the program itself are not told where it has stack files alone,
 * nor those for stack files where it has none.
 *
 * @param asked all services that were asked about.
 */
export function unusedWaivers(
  settings: Settings,
  found: readonly Violation[],
  asked: Iterable<string>,
): Waiver[] {
  const isInStackFile = (name: string): boolean => name.includes("/");
  const sorts = new Set([...asked].map(isInStackFile));
  return settings.waivers.filter(
    (waiver) => sorts.has(isInStackFile(waiver.service)) && !found.some((one) => one.waiver === waiver),
  );
}
