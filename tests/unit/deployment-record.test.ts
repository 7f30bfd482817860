import {
  buildsIn,
  Change,
  changesIn,
  Deployment,
  detailsOf,
  imagesIn,
  inWords,
  losses,
  message,
  previous,
  renamedIn,
  shortList,
  Step,
  stepsIn,
  summary,
  surplus,
  timeName,
} from "../../tools/deployment-record";

const SERVICE = "docker:index/service:Service";
const WEB: Change = { op: "updated", kind: "Service", name: "web" };

/** A deployment of the sources `tree`, which changed a service or nothing. */
const deployed = (time: string, tree: string, changes: readonly Change[] = [WEB]): Deployment => ({
  ...{ time, tree, id: `${time}-id`, operation: "up", who: "someone", uncommitted: false, leftOut: [] },
  changes,
});

const step = (op: string, name: string, more: Partial<Step> = {}): Step => {
  const type = more.type ?? SERVICE;
  return { op, type, urn: `urn:pulumi:dev::swarm-platform::${type}::${name}`, ...more };
};

describe("a rollback returns to", () => {
  const [a, b] = [deployed("1", "A"), deployed("2", "B")];
  const cases: [string, Parameters<typeof previous>[0], string | undefined][] = [
    ["nothing without a record", { done: [], begun: undefined }, undefined],
    ["nothing after the first deployment", { done: [a], begun: undefined }, undefined],
    ["the one before", { done: [b, a], begun: undefined }, "1"],
    ["where it came from after a rollback", { done: [deployed("3", "A"), b, a], begun: undefined }, "2"],
    ["and back again", { done: [deployed("4", "B"), deployed("3", "A"), b, a], begun: undefined }, "3"],
    [
      "what ran before the last change, past an up that changed nothing on the swarm",
      { done: [deployed("3", "C", []), b, a], begun: undefined },
      "1",
    ],
    [
      "other sources, past an up that put right drift",
      { done: [deployed("3", "B"), b, a], begun: undefined },
      "1",
    ],
    ["nothing where no other sources ran", { done: [deployed("2", "A"), a], begun: undefined }, undefined],
    [
      "the last one that ended well, after one that did not",
      { done: [b, a], begun: deployed("3", "C") },
      "2",
    ],
  ];
  test.each(cases)("%s", (_what, deployments, expected) => {
    expect(previous(deployments)?.time).toBe(expected);
  });
});

test("20 deployments are kept", () => {
  const all = Array.from({ length: 22 }, (_, i) => deployed(String(i), "A"));
  expect(surplus(all).map(({ time }) => time)).toEqual(["20", "21"]);
  expect(surplus(all.slice(0, 20))).toEqual([]);
});

test("a record's message is read back as it was written, whatever its title", () => {
  const details = { operation: "up", who: "Zoë\n\n{}", uncommitted: true, leftOut: ["a b"] } as const;
  expect(detailsOf(message("Deployment of stack dev: ~web", details))).toEqual(details);
});

test("a moment's name is fit for a ref", () => {
  expect(timeName(new Date("2026-01-02T10:00:00.123Z"))).toBe("2026-01-02T10-00-00Z");
});

test("steps are read from the event log by their event", () => {
  const lines = [
    { sequence: 1, preludeEvent: {} },
    { sequence: 2, resourcePreEvent: { metadata: step("update", "web") } },
    { sequence: 3, resOutputsEvent: { metadata: step("same", "db") } },
  ];
  const log = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  expect(stepsIn(log, "resourcePreEvent").map(({ op }) => op)).toEqual(["update"]);
  expect(stepsIn(log, "resOutputsEvent").map(({ op }) => op)).toEqual(["same"]);
});

test("images are those of the components after the update, not what the refresh found", () => {
  const of = (reference: string) => ({ new: { outputs: { reference } } });
  const [build, pull] = ["ImageBuild", "ImagePull"].map((name) => ({ type: `swarm-platform:index:${name}` }));
  expect(
    imagesIn([
      step("refresh", "web", { ...build, ...of("web:1") }),
      step("refresh", "gone", { ...pull, ...of("gone:1") }),
      step("update", "web", build),
      step("update", "web", { ...build, ...of("web:2") }),
      step("same", "nginx", { ...pull, ...of("nginx:1@sha256:5") }),
      step("update", "edge", of("no image")),
    ]),
  ).toEqual([
    { reference: "web:2", built: true },
    { reference: "nginx:1@sha256:5", built: false },
  ]);
});

test("what counts as a change is what the engine or a command does", () => {
  const component = { type: "swarm-platform:index:SwarmService" };
  expect(
    changesIn([
      step("refresh", "web"),
      step("same", "db"),
      step("update", "web"),
      step("create", "new", component),
      step("update", "engine", { type: "pulumi:providers:docker" }),
      step("create-replacement", "net", { type: "docker:index/network:Network" }),
      step("replace", "net", { type: "docker:index/network:Network" }),
      step("delete-replaced", "net", { type: "docker:index/network:Network" }),
      step("delete", "old"),
      step("create", "push", { type: "command:local:Command" }),
    ]),
  ).toEqual([
    WEB,
    { op: "replaced", kind: "Network", name: "net" },
    { op: "deleted", kind: "Service", name: "old" },
    { op: "created", kind: "Command", name: "push" },
  ]);
});

test("images that would be built are told from those that are pulled", () => {
  const type = "docker:index/remoteImage:RemoteImage";
  expect(
    buildsIn([
      step("create", "a", { type, new: { inputs: { name: "a:1", build: {} } } }),
      step("create-replacement", "b", { type, new: { inputs: { name: "b:1", build: {} } } }),
      step("replace", "b", { type, new: { inputs: { name: "b:1", build: {} } } }),
      step("create", "nginx", { type, new: { inputs: { name: "nginx:1" } } }),
      step("same", "c", { type, new: { inputs: { name: "c:1", build: {} } } }),
    ]),
  ).toEqual(["a:1", "b:1"]);
});

test("a name that is made under one URN and deleted under another is found", () => {
  const steps = [
    step("create", "web", { new: { inputs: { name: "dev_web" } } }),
    step("delete", "frontend", { old: { outputs: { name: "dev_web" } } }),
    step("create", "new", { new: { inputs: { name: "dev_new" } } }),
    step("delete", "old", { old: { outputs: { name: "dev_old" } } }),
  ];
  expect(renamedIn(steps)).toEqual(["service dev_web"]);
  expect(renamedIn(steps.slice(1))).toEqual([]);
});

test.each<[readonly Change[], string]>([
  [[], "nothing"],
  [[WEB], "~web"],
  [[{ op: "created", kind: "Network", name: "n" }], "1 other"],
  [
    [
      { op: "created", kind: "Service", name: "a" },
      { op: "deleted", kind: "ServiceConfig", name: "c" },
      { op: "replaced", kind: "Service", name: "b" },
    ],
    "+a ±b 1 more",
  ],
])("changes %j show as %s", (changes, expected) => {
  expect(summary(changes)).toBe(expected);
});

test("changes are told by what is done, and what is lost for a time on its own", () => {
  const changes: Change[] = [
    WEB,
    { op: "replaced", kind: "RemoteImage", name: "tool" },
    { op: "replaced", kind: "Service", name: "db" },
    { op: "updated", kind: "Service", name: "api" },
  ];
  expect(inWords(changes)).toBe("replaced: RemoteImage tool, Service db; updated: Service web, Service api");
  expect(losses(changes)).toEqual([changes[2]]);
});

test("of changed files those that are deployed come first", () => {
  expect(shortList(["README.md", "tests/a.ts", "config.ts"])).toBe("config.ts +2");
  expect(shortList(["b", "a"], 2)).toBe("a, b");
  expect(shortList([])).toBe("");
});
