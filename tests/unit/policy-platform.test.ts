import { Secret } from "@pulumi/policy";
import * as fs from "node:fs";
import * as path from "node:path";
import { unusedWaivers, Violation, violations } from "../../policy/judge";
import { Properties } from "../../policy/properties";
import { RULES } from "../../policy/rules";
import { readSettings } from "../../policy/settings";
import { subjectOf } from "../../policy/subject";

const GOLDEN = path.join(__dirname, "golden");
const SETTINGS = path.join(__dirname, "../../policy/settings.yaml");

interface Resource {
  readonly type: string;
  readonly name: string;
  readonly parent?: string;
  readonly inputs: object;
}

/** The resources of a stack's golden graph. */
function resourcesOf(stack: string): Resource[] {
  const text = fs.readFileSync(path.join(GOLDEN, `${stack}.json`), "utf8");
  // What a registry answers to a push is not in it.
  return JSON.parse(text.replace(/<hash>@"/g, `<hash>@sha256:${"5".repeat(64)}"`)) as Resource[];
}

/** A recorded value as a policy pack sees it. */
function marked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== "object" || value === null) return value;
  if ("<secret>" in value) return new Secret(marked(value["<secret>"]));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, marked(one)]));
}

const stacks = fs.readdirSync(GOLDEN).map((file) => path.basename(file, ".json"));

test("there are stacks", () => expect(stacks).toContain("dev"));

// Of the examples, which any docker can deploy, what is advised is not asked.
test.each(stacks)("the stack %s breaks no rule without a reason, and needs each waiver", (stack) => {
  const settings = readSettings(fs.readFileSync(SETTINGS, "utf8"), stack, {
    all: RULES.map(({ name }) => name),
    listed: RULES.filter(({ listed }) => listed).map(({ name }) => name),
  });
  if ("faults" in settings) throw new Error(settings.faults.join("\n"));
  const subjects = resourcesOf(stack).flatMap(
    ({ type, name, parent, inputs }) =>
      subjectOf(type, name, new Properties(marked(inputs)), parent?.split(" ")[1]) ?? [],
  );
  const found = subjects.flatMap((subject) => violations(subject, settings, { stackSecrets: {} }));
  const isExample = ({ service }: Violation): boolean => service.includes("/");
  const broken = found.filter((one) => one.level === "mandatory" || !isExample(one));
  expect(
    broken.filter(({ waived }) => waived === undefined).map(({ rule, message }) => [rule, message]),
  ).toEqual([]);
  const services = subjects.flatMap(({ is, name }) => (is === "workload" ? [name] : []));
  expect(unusedWaivers(settings, found, services)).toEqual([]);
  // The reasons are for advice alone: what is mandatory, the platform does.
  expect(found.filter((one) => !isExample(one)).map(({ level }) => level)).not.toContain("mandatory");
  expect(found.length).toBeGreaterThan(0);
});
