import type { Level } from "./rules";
import type { Violation } from "./judge";
import type { Waiver } from "./settings";

/** Names of the policies that are no rules. */
export const SETTINGS = "settings";
export const WAIVED = "waived";
export const UNUSED_WAIVER = "unused-waiver";
/** Behind the name of a rule that has another level for stack files. */
export const OF_STACK_FILES = "-of-stack-files";

/** One result of the policies, as reports list it. */
export interface Result {
  /** Name of a rule, or "settings" or "unused-waiver". */
  readonly rule: string;
  readonly level: Level;
  readonly message: string;
  /** Why it may be so; undefined when it may not. */
  readonly waived?: string;
}

/** On a line of its own below Pulumi's, which `preview --diff` does not begin by itself. */
const INDENT = " ".repeat(6);

/** What Pulumi is given of a violation. */
export function violationText({ message }: Violation): string {
  return `${INDENT}${message}`;
}

/** What Pulumi is given of a violation that is waived; {@link readPolicyEvent} takes it apart. */
export function waivedText({ rule, level, message, waived = "" }: Violation): string {
  return `${INDENT}${rule} (${level}), because: ${waived}\n${INDENT}  ${message}`;
}

export function unusedText({ rule, service }: Waiver): string {
  const cure = "take it out of policy/settings.yaml, or put it under the stacks that need it";
  return `${INDENT}the waiver of ${rule} for ${service}: nothing needs it; ${cure}`;
}

export function settingsText(faults: readonly string[]): string {
  const lines = faults.map((fault) => `\n${INDENT}  - ${fault}`);
  return `${INDENT}policy/settings.yaml can't be used, and no rule was asked:${lines.join("")}`;
}

/** Reads one policyEvent of Pulumi's events (sdk/go/common/apitype/events.go). */
export function readPolicyEvent(event: {
  readonly policyName: string;
  readonly enforcementLevel: string;
  readonly message: string;
}): Result {
  const message = event.message.trim();
  const level = event.enforcementLevel === "mandatory" ? "mandatory" : "advisory";
  if (event.policyName === WAIVED) {
    const [, rule, own, waived, text] = /^(\S+) \((\w+)\), because: (.*)\n\s*(.*)$/s.exec(message) ?? [];
    if (rule !== undefined) {
      return { rule, level: own as Level, message: text ?? "", ...(waived !== undefined && { waived }) };
    }
  }
  return { rule: event.policyName.replace(new RegExp(`${OF_STACK_FILES}$`), ""), level, message };
}
