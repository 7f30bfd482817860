import { PolicyPack } from "@pulumi/policy";
import type { Policies, ReportViolation } from "@pulumi/policy";
import { getStack, runtime } from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { unusedWaivers, violations } from "./judge";
import type { Violation } from "./judge";
import { Properties } from "./properties";
import {
  OF_STACK_FILES,
  SETTINGS,
  settingsText,
  UNUSED_WAIVER,
  unusedText,
  violationText,
  WAIVED,
  waivedText,
} from "./report";
import { RULES } from "./rules";
import { levelOf, readSettings } from "./settings";
import { stackSecrets } from "./stack-secrets";
import { subjectOf } from "./subject";

const stack = getStack();
/** An `up` must be stopped before the resource is made; a preview tells all at its end, where it is read. */
const preview = runtime.isDryRun();

// Pulumi runs a pack in its own folder.
const settings = readSettings(readFileSync("settings.yaml", "utf8"), stack, {
  all: RULES.map(({ name }) => name),
  listed: RULES.filter(({ listed }) => listed).map(({ name }) => name),
});
const context = { stackSecrets: ownSecrets() };
/** By URN of the resource. */
const found = new Map<string, readonly Violation[]>();
/** Names of all services. */
const asked = new Set<string>();

function ownSecrets(): Record<string, string> {
  let file: string;
  try {
    file = readFileSync(`../Pulumi.${stack}.yaml`, "utf8");
  } catch {
    return {};
  }
  return stackSecrets(file, JSON.parse(process.env.PULUMI_CONFIG ?? "{}") as Record<string, string>);
}

/** A policy that reports what `results` gives of each resource. */
function policy(
  name: string,
  enforcementLevel: "mandatory" | "advisory",
  results: (urn: string) => readonly string[],
): Policies[number] {
  // Pulumi puts the description before each message.
  const common = { name, description: "", enforcementLevel };
  if (preview) return { ...common, validateStack: (_, report) => everywhere(results, report) };
  return { ...common, validateResource: ({ urn }, report) => results(urn).forEach((text) => report(text)) };
}

function everywhere(results: (urn: string) => readonly string[], report: ReportViolation): void {
  for (const urn of found.keys()) results(urn).forEach((text) => report(text, urn));
}

const broken = (
  urn: string,
  wanted: (one: Violation) => boolean,
  text: (one: Violation) => string,
): string[] => (found.get(urn) ?? []).filter(wanted).map(text);

// A policy has one level: where a rule has another one for stack files, it is two.
const rules = RULES.flatMap((rule) => {
  if ("faults" in settings) return [];
  const own = levelOf(rule, settings, false);
  const ofFiles = levelOf(rule, settings, true);
  const names = new Map([
    [ofFiles, `${rule.name}${OF_STACK_FILES}`],
    [own, rule.name],
  ]);
  return [...names].flatMap(([level, name]) => {
    if (level === "off") return [];
    const wanted = (one: Violation): boolean =>
      one.rule === rule.name && one.level === level && one.waived === undefined;
    return [policy(name, level, (urn) => broken(urn, wanted, violationText))];
  });
});

new PolicyPack("swarm-platform", {
  policies: [
    {
      // Remediations alone are told which values are secrets. This one changes nothing.
      name: "read",
      description: "Reads the resources for the rules.",
      enforcementLevel: "remediate",
      remediateResource: ({ urn, type, name, props, opts }) => {
        const subject = subjectOf(type, name, new Properties(props), opts.parent?.split("::").pop());
        if (subject === undefined || "faults" in settings) return;
        if (subject.is === "workload") asked.add(subject.name);
        found.set(urn, violations(subject, settings, context));
      },
    },
    ...rules,
    {
      name: SETTINGS,
      description: "",
      enforcementLevel: "mandatory",
      // The first resource of all.
      validateResource: ({ type }, report) => {
        if ("faults" in settings && type === "pulumi:pulumi:Stack") report(settingsText(settings.faults));
      },
    },
    policy(WAIVED, "advisory", (urn) => broken(urn, ({ waived }) => waived !== undefined, waivedText)),
    {
      name: UNUSED_WAIVER,
      description: "",
      enforcementLevel: "advisory",
      validateStack: (_, report) => {
        if ("faults" in settings) return;
        unusedWaivers(settings, [...found.values()].flat(), asked).forEach((waiver) =>
          report(unusedText(waiver)),
        );
      },
    },
  ],
});
