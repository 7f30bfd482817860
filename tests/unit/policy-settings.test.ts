import * as fs from "node:fs";
import * as path from "node:path";
import { readPolicyEvent, settingsText, unusedText, violationText, waivedText } from "../../policy/report";
import { RULES } from "../../policy/rules";
import { levelOf, matches, readSettings, Settings } from "../../policy/settings";
import { stackSecrets } from "../../policy/stack-secrets";
import { PROJECT_DIR } from "../support/project";

const RULE_NAMES = { all: ["health-check", "published-ports"], listed: ["published-ports"] };

function faultsOf(text: string): readonly string[] {
  const result = readSettings(text, "dev", RULE_NAMES);
  return "faults" in result ? result.faults : [];
}

function read(text: string, stack: string): Settings {
  const result = readSettings(text, stack, RULE_NAMES);
  if ("faults" in result) throw new Error(result.faults.join("\n"));
  return result;
}

const FILE = `
development: [dev, "pr-*"]
levels: { health-check: advisory }
stackFiles: advisory
allow: { published-ports: [nginx] }
waivers:
  - { rule: health-check, service: a, reason: r }
stacks:
  prod:
    levels: { health-check: "off" }
    stackFiles: mandatory
    allow: { published-ports: [metrics] }
    waivers:
      - { rule: health-check, service: b, reason: s }
  empty:
`;

test("what is said for all stacks counts for each, and a stack's own besides", () => {
  expect(read(FILE, "dev")).toEqual({
    production: false,
    levels: { "health-check": "advisory" },
    allow: { "published-ports": ["nginx"] },
    waivers: [{ rule: "health-check", service: "a", reason: "r" }],
    stackFiles: "advisory",
  });
  expect(read(FILE, "prod")).toMatchObject({
    production: true,
    levels: { "health-check": "off" },
    stackFiles: "mandatory",
    allow: { "published-ports": ["nginx", "metrics"] },
    waivers: [{ service: "a" }, { service: "b" }],
  });
});

test.each([
  ["pr-12", false],
  ["staging", true],
  ["predev", true],
])("%s is production: %s", (stack, production) => expect(read(FILE, stack).production).toBe(production));

test("without anything said, every stack is production and nothing is let", () => {
  expect(read("", "dev")).toEqual({
    production: true,
    levels: {},
    allow: { "published-ports": [] },
    waivers: [],
    stackFiles: "mandatory",
  });
});

test("all faults are told at once, a name that is nearly one with that", () => {
  expect(
    faultsOf(`
developmnt: [dev]
levels: { heath-check: mandatory, health-check: warn }
allow: { health-check: [a], published-ports: nginx }
waivers:
  - { rule: helth-check, service: "*", reason: " ", until: 2027 }
  - {}
stacks:
  prod: { waiver: [] }
  qa: 7
`),
  ).toEqual([
    "developmnt is no key; allowed: development, levels, allow, waivers, stackFiles, stacks, perhaps development",
    "levels: heath-check is no rule; allowed: health-check, published-ports, perhaps health-check",
    'levels.health-check = "warn"; allowed: mandatory, advisory, off',
    "allow: health-check is no rule with a list; allowed: published-ports",
    'allow.published-ports = "nginx"; allowed: a list of names',
    "waivers[0].until is no key; allowed: rule, service, reason",
    "waivers[0]: helth-check is no rule; allowed: health-check, published-ports, perhaps health-check",
    'waivers[0].service = "*"; allowed: a name, in which * stands for any text',
    'waivers[0].reason = " "; allowed: why it need not obey',
    "waivers[1].rule not set; allowed: one of health-check, published-ports",
    "waivers[1].service not set; allowed: the name of a service, such as web",
    "waivers[1].reason not set; allowed: why it need not obey",
    "stacks.prod.waiver is no key; allowed: levels, allow, waivers, stackFiles, perhaps waivers",
    "stacks.qa = 7; allowed: the keys levels, allow, waivers, stackFiles",
  ]);
});

test.each([
  ["- a list", /^= \["a list"\]; allowed: the keys/],
  ["a: [", /^is not YAML: /],
  ["waivers: yes", /^waivers = "yes"; allowed: a list of rule, service, reason/],
  ["stacks: [prod]", /^stacks = \["prod"\]; allowed: settings by name of the stack/],
  ["levels: [a]", /^levels = \["a"\]; allowed: a level by rule/],
  ["allow: 1", /^allow = 1; allowed: lists of services by rule/],
  ["stackFiles: warn", /^stackFiles = "warn"; allowed: mandatory, advisory, off$/],
  ["waivers: [1]", /^waivers\[0\] = 1; allowed: rule, service, reason/],
])("%s is a fault", (text, says) => expect(faultsOf(text)).toEqual([expect.stringMatching(says)]));

test("the project's own settings have no fault", () => {
  const text = fs.readFileSync(path.join(PROJECT_DIR, "policy/settings.yaml"), "utf8");
  const all = RULES.map(({ name }) => name);
  const listed = RULES.filter((rule) => rule.listed).map(({ name }) => name);
  expect(readSettings(text, "prod", { all, listed })).toMatchObject({ production: true });
  expect(readSettings(text, "dev", { all, listed })).toMatchObject({ production: false });
});

test.each([
  ["mandatory", "mandatory", "mandatory"],
  ["mandatory", "advisory", "advisory"],
  ["mandatory", "off", "off"],
  ["advisory", "mandatory", "advisory"],
  ["off", "advisory", "off"],
] as const)(
  "a rule that is %s, for stack files at most %s, is %s for these",
  (level, stackFiles, expected) => {
    const rule = { name: "health-check", level: "mandatory" } as const;
    const settings = { levels: { "health-check": level }, stackFiles };
    expect(levelOf(rule, settings, true)).toBe(expected);
    expect(levelOf(rule, settings, false)).toBe(level);
  },
);

test.each([
  ["kafka-*", "kafka-1", true],
  ["kafka-*", "kafka", false],
  ["web", "web2", false],
  ["a.b", "axb", false],
])("%s means %s: %s", (pattern, name, means) => expect(matches(pattern, name)).toBe(means));

describe("what Pulumi is given", () => {
  const violation = {
    rule: "health-check",
    level: "mandatory",
    service: "web",
    message: "web: healthcheck not set; allowed: a program",
  } as const;
  // Pulumi puts the description, which is empty, on a line before.
  const event = (policyName: string, enforcementLevel: string, text: string) =>
    readPolicyEvent({ policyName, enforcementLevel, message: `\n${text}` });

  test("of a violation is read from its events again", () => {
    expect(event("health-check", "mandatory", violationText(violation))).toEqual({
      rule: "health-check",
      level: "mandatory",
      message: violation.message,
    });
  });

  test("of a waived one too, with its reason and its own rule and level", () => {
    const text = waivedText({ ...violation, waived: "it answers (nothing), because: so" });
    expect(text).toBe(
      "      health-check (mandatory), because: it answers (nothing), because: so\n" +
        "        web: healthcheck not set; allowed: a program",
    );
    expect(event("waived", "advisory", text)).toEqual({
      rule: "health-check",
      level: "mandatory",
      message: violation.message,
      waived: "it answers (nothing), because: so",
    });
  });

  test("of an unused waiver names it and what to do", () => {
    expect(event("unused-waiver", "advisory", unusedText({ ...violation, reason: "r" }))).toEqual({
      rule: "unused-waiver",
      level: "advisory",
      message:
        "the waiver of health-check for web: nothing needs it; take it out of policy/settings.yaml, or put it under the " +
        "stacks that need it",
    });
  });

  test("of faulty settings has a line for each fault", () => {
    expect(settingsText(["a", "b"])).toBe(
      "      policy/settings.yaml can't be used, and no rule was asked:\n        - a\n        - b",
    );
  });
});

test("the stack's secrets are those that its file marks, with their values", () => {
  const file = `
config:
  swarm-platform:edgeTlsKey: { secure: AAA }
  swarm-platform:edgePort: 80
  swarm-platform:kafkaUsers:
    alice: { secure: BBB }
    bob: public
  swarm-platform:gone: { secure: CCC }
`;
  const config = {
    "swarm-platform:edgeTlsKey": "the key",
    "swarm-platform:edgePort": "80",
    "swarm-platform:kafkaUsers": '{"alice":"hunter2","bob":"public"}',
  };
  expect(stackSecrets(file, config)).toEqual({ edgeTlsKey: "the key", "kafkaUsers.alice": "hunter2" });
  expect(stackSecrets("", {})).toEqual({});
});
