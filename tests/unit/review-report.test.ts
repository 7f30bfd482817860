import { refusal } from "../../review/approval";
import { readEvents } from "../../review/events";
import { encryptedValues } from "../../review/fingerprint";
import { renderMarkdown } from "../../review/markdown";
import { makeReport, Report } from "../../review/report";

type Values = Record<string, unknown>;
interface State {
  readonly inputs?: Values;
  readonly outputs?: Values;
  readonly parent?: string;
  readonly retainOnDelete?: boolean;
}

const SERVICE = "docker:index/service:Service";
const CONFIG = "docker:index/serviceConfig:ServiceConfig";
const IMAGE = "docker:index/remoteImage:RemoteImage";
const VOLUME = "docker:index/volume:Volume";
const NETWORK = "docker:index/network:Network";
const COMMAND = "command:local:Command";
const BUILD = "swarm-platform:index:ImageBuild";
const COMPONENT = "swarm-platform:index:SwarmService";

const urn = (id: string): string => `urn:pulumi:dev::swarm-platform::${id.replace(" ", "::")}`;

/** Events of one resource: its refresh, if the world is another one than was recorded, and what is planned. */
function events(
  op: string,
  id: string,
  { recorded, is, wanted, diff }: { recorded?: State; is?: State; wanted?: State; diff?: readonly string[] },
): string[] {
  const [type] = id.split(" ");
  const state = (one: State | undefined): object | null =>
    one === undefined
      ? null
      : {
          ...one,
          type,
          urn: urn(id),
          parent: one.parent && urn(one.parent),
          outputs: one.outputs ?? one.inputs,
        };
  const metadata = (step: string, old: State | undefined, now: State | undefined): object => ({
    op: step,
    urn: urn(id),
    old: state(old),
    new: state(now),
    detailedDiff: diff && Object.fromEntries(diff.map((path) => [path, {}])),
  });
  const before = is ?? (op === "create" ? undefined : recorded);
  return [
    { resOutputsEvent: { metadata: metadata("refresh", recorded, before) } },
    { resourcePreEvent: { metadata: metadata(op, before, wanted) } },
    ...(wanted === undefined ? [] : [{ resOutputsEvent: { metadata: metadata(op, before, wanted) } }]),
  ]
    .filter((event) => recorded !== undefined || !JSON.stringify(event).includes('"refresh"'))
    .map((event) => JSON.stringify(event));
}

function service(
  more: {
    replicas?: number;
    container?: Values;
    order?: string;
    ports?: Values[];
    constraints?: string[];
  } = {},
): State {
  const { replicas = 2, container = {}, order = "start-first", ports = [], constraints = [] } = more;
  return {
    parent: `${COMPONENT} web`,
    inputs: {
      mode: { replicated: { replicas } },
      updateConfig: { parallelism: 1, order },
      endpointSpec: { ports },
      taskSpec: {
        containerSpec: { image: "web:1", env: { TZ: "UTC" }, ...container },
        placement: { constraints },
      },
    },
  };
}

const WEB = `${SERVICE} web`;
const DATA = { mounts: [{ type: "volume", source: "dev_data", target: "/data" }] };
const component = (id: string, state: State = { inputs: {} }): string[] =>
  events("same", id, { recorded: state, wanted: state });

function reportOf(lines: readonly string[], basis: Report["basis"] = "live"): Report {
  return makeReport(readEvents([...component(`${COMPONENT} web`), ...lines]), {
    stack: "dev",
    commit: "abc",
    basis,
    basisNote: basis === "live" ? "" : "the engine can't be reached.",
    encrypted: [],
  });
}

const update = (recorded: State, wanted: State, diff: readonly string[], is?: State): Report =>
  reportOf(events("update", WEB, { recorded, wanted, diff, ...(is && { is }) }));

describe("what changes of a service", () => {
  test.each([
    ["replicas", service({ replicas: 3 }), "mode.replicated.replicas", "2", "3", "running tasks stay"],
    [
      "env TZ",
      service({ container: { env: { TZ: "Asia/Tokyo" } } }),
      "taskSpec.containerSpec.env.TZ",
      "UTC",
      "Asia/Tokyo",
      "restarts 2 tasks, one by one, new before old",
    ],
    [
      "arguments",
      service({ container: { args: ["-v", "x"] } }),
      "taskSpec.containerSpec.args",
      "none",
      "-v x",
      "restarts 2 tasks, one by one, new before old",
    ],
    [
      "placement",
      service({ constraints: ["node.role==worker"] }),
      "taskSpec.placement.constraints[0]",
      "none",
      "node.role==worker",
      "no task restarts",
    ],
    [
      "image",
      service({ container: { image: "r.example.com/team/web:2@sha256:0123456789abcdef" } }),
      "taskSpec.containerSpec.image",
      "web:1",
      "web:2@0123456789ab",
      "restarts 2 tasks, one by one, new before old",
    ],
  ])("%s", (field, wanted, path, from, to, tasks) => {
    const { services, verdict } = update(service(), wanted, [path]);
    expect(services).toMatchObject([
      { name: "web", operation: "update", tasks, changes: [{ field, from, to, cause: "wanted" }] },
    ]);
    expect(verdict).toBe("changes");
  });

  test("a limit is told in its unit", () => {
    const limit = (memoryBytes: number): State => {
      const { inputs, ...rest } = service();
      const taskSpec = { ...(inputs?.taskSpec as Values), resources: { limits: { memoryBytes } } };
      return { ...rest, inputs: { ...inputs, taskSpec } };
    };
    const { services } = update(limit(2 ** 26), limit(2 ** 27), ["taskSpec.resources.limits.memoryBytes"]);
    expect(services[0]?.changes).toMatchObject([{ field: "memory limit", from: "64 MiB", to: "128 MiB" }]);
  });

  test("with two variables or more any update restarts the tasks", () => {
    const env = { env: { A: "1", B: "2" } };
    const { services } = update(service({ container: env }), service({ container: env, replicas: 3 }), [
      "mode.replicated.replicas",
    ]);
    expect(services[0]?.tasks).toBe("restarts 3 tasks, one by one, new before old");
  });

  test("one task that stops before the next one starts is away for a moment, and nothing worse", () => {
    const alone = { replicas: 1, order: "stop-first" };
    const { interruptions, verdict } = update(
      service(alone),
      service({ ...alone, container: { args: ["x"] } }),
      ["taskSpec.containerSpec.args"],
    );
    expect(interruptions).toMatchObject([
      { where: "web", message: expect.stringContaining("nobody answers for a moment") as string },
    ]);
    expect(verdict).toBe("changes");
  });

  test("a closed port is said", () => {
    const ports = [{ publishedPort: 80, targetPort: 80, protocol: "tcp", publishMode: "host" }];
    const { interruptions } = update(service({ ports }), service(), ["endpointSpec.ports"]);
    expect(interruptions).toContainEqual({ where: "web", message: "no longer answers at port 80/tcp" });
  });
});

test("a secret is told as changed, whatever the provider read back", () => {
  const login = (value: unknown): State => service({ container: { env: { LOGIN: value } } });
  const hidden = (ciphertext: string): object => ({
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    ciphertext,
  });
  const report = update(
    login(hidden("one")),
    login(hidden("two")),
    ["taskSpec.containerSpec.env.LOGIN"],
    login("hush"),
  );
  expect(report.services[0]?.changes).toMatchObject([{ field: "env LOGIN", to: "changed" }]);
  expect(JSON.stringify(report) + renderMarkdown(report)).not.toContain("hush");
});

describe("drift", () => {
  const scaled = service({ replicas: 5 });
  const path = ["mode.replicated.replicas"];

  test("is told apart from what is wanted", () => {
    const { drift, services, verdict } = update(service(), service(), path, scaled);
    expect(drift).toEqual([{ where: "web", field: "replicas", recorded: "2", found: "5" }]);
    expect(services[0]?.changes).toMatchObject([{ from: "5", to: "2", cause: "drift" }]);
    expect(verdict).toBe("changes");
  });

  test("of a field that is changed too shows as both", () => {
    const { drift, services } = update(service(), service({ replicas: 3 }), path, scaled);
    expect(drift).toEqual([{ where: "web", field: "replicas", recorded: "2", found: "5" }]);
    expect(services[0]?.changes).toMatchObject([{ from: "5", to: "3", cause: "wanted", recorded: "2" }]);
  });

  test("something that is gone is made anew", () => {
    const gone = [
      JSON.stringify({
        resOutputsEvent: {
          metadata: {
            op: "refresh",
            urn: urn(WEB),
            old: { ...service(), type: SERVICE, urn: urn(WEB) },
            new: null,
          },
        },
      }),
      ...events("create", WEB, { wanted: service() }),
    ];
    expect(reportOf(gone).drift).toEqual([{ where: "web", field: "", recorded: "there", found: "gone" }]);
  });

  test("what a command has seen is drift, without its moment", () => {
    const topics = (SEEN: string): State => ({
      parent: "swarm-platform:index:KafkaCluster kafka",
      inputs: { environment: { "topic orders": "3 partitions", SEEN } },
    });
    const { drift, other } = reportOf([
      ...component("swarm-platform:index:KafkaCluster kafka"),
      ...events("update", `${COMMAND} kafka-cluster`, {
        recorded: topics("as wanted"),
        wanted: topics("orders: retention.ms=1 (2026-01-02T03:04:05.678Z)"),
        diff: ["environment.SEEN"],
      }),
    ]);
    expect(other).toMatchObject([{ kind: "Kafka", name: "kafka" }]);
    expect(drift).toEqual([
      { where: "Kafka kafka", field: "as it is", recorded: "as wanted", found: "orders: retention.ms=1" },
    ]);
  });
});

describe("an image", () => {
  const build = (tag: string, sources?: Values): string[] => [
    ...events("same", `${BUILD} web`, {
      recorded: {
        inputs: {},
        outputs: { ...(sources && { sources: { "web/a.go": "1", "web/b.go": "1" } }) },
      },
      wanted: { inputs: {}, outputs: { sources: sources ?? { "web/a.go": "2" } } },
    }),
    ...events("replace", `${IMAGE} web`, {
      recorded: { parent: `${BUILD} web`, inputs: { name: "web:1" } },
      wanted: { parent: `${BUILD} web`, inputs: { name: `web:${tag}` } },
      diff: ["name"],
    }),
    ...events("update", WEB, {
      recorded: service(),
      wanted: service({ container: { image: `web:${tag}` } }),
      diff: ["taskSpec.containerSpec.image"],
    }),
  ];

  test("is told with the files that made it another one", () => {
    const { services } = reportOf(build("2", { "web/a.go": "2", "web/c.go": "1" }));
    expect(services[0]?.changes).toEqual([]);
    expect(services[0]?.image).toEqual({
      name: "web",
      from: "1",
      to: "2",
      files: [
        { path: "web/a.go", change: "changed" },
        { path: "web/b.go", change: "removed" },
        { path: "web/c.go", change: "added" },
      ],
      because: [],
      usedBy: ["web"],
    });
  });

  test("of an up that recorded no files says so", () => {
    const report = reportOf(build("2"));
    expect(report.services[0]?.image?.files).toBeUndefined();
    expect(renderMarkdown(report)).toContain("did not record");
  });

  test("that is the same although files are recorded for the first time is no change", () => {
    const lines = events("same", `${BUILD} web`, {
      recorded: { inputs: {}, outputs: { reference: "web:1" } },
      wanted: { inputs: {}, outputs: { reference: "web:1", sources: { "web/a.go": "1" } } },
    });
    expect(reportOf(lines)).toMatchObject({ verdict: "none", images: [], services: [], changes: [] });
  });
});

test("a config shows the lines that change", () => {
  const config = (text: string): State => ({
    parent: `${COMPONENT} web`,
    inputs: { name: `dev_web-conf-${text.length}`, data: Buffer.from(text).toString("base64") },
  });
  const used = (name: string): State =>
    service({ container: { configs: [{ fileName: "/etc/nginx.conf", configName: name, configId: name }] } });
  const report = reportOf([
    ...events("replace", `${CONFIG} web-conf`, {
      recorded: config("listen 80;\nroot /a;\n"),
      wanted: config("listen 80;\nroot /other;\n"),
      diff: ["data", "name"],
    }),
    ...events("update", WEB, {
      recorded: used("old"),
      wanted: used("new"),
      diff: ["taskSpec.containerSpec.configs[0].configName"],
    }),
  ]);
  expect(report.services[0]?.texts).toEqual([
    { name: "web-conf", diff: [" listen 80;", "-root /a;", "+root /other;"] },
  ]);
  expect(report.services[0]?.changes).toMatchObject([{ field: "config /etc/nginx.conf", to: "+1 -1 lines" }]);
  expect(renderMarkdown(report)).toContain("```diff\n listen 80;\n-root /a;\n+root /other;\n```");
});

describe("dangerous is", () => {
  const named = (name: string, more: Partial<State> = {}): State => ({ inputs: { name }, ...more });
  const stateful = service({ container: DATA, constraints: ["node.hostname==n1"] });
  const cases: [string, string[], string][] = [
    [
      "a network that is replaced",
      events("replace", `${NETWORK} network`, { recorded: named("a"), wanted: named("b") }),
      "network network",
    ],
    [
      "a volume that is deleted",
      events("delete", `${VOLUME} data`, { recorded: named("dev_data") }),
      "volume dev_data",
    ],
    [
      "data that destroy will delete",
      events("same", `${VOLUME} data`, {
        recorded: named("dev_data", { retainOnDelete: true }),
        wanted: named("dev_data"),
      }),
      "volume dev_data",
    ],
    ["a service with data that goes", events("delete", WEB, { recorded: stateful }), "web"],
    [
      "a service with data that is replaced",
      events("replace", WEB, { recorded: stateful, wanted: stateful }),
      "web",
    ],
    [
      "a service that leaves its data on another node",
      events("update", WEB, {
        recorded: stateful,
        wanted: service({ container: DATA, constraints: ["node.hostname==n2"] }),
        diff: ["taskSpec.placement.constraints[0]"],
      }),
      "web",
    ],
    [
      "a topic that is removed",
      [
        ...component("swarm-platform:index:KafkaCluster kafka"),
        ...events("update", `${COMMAND} kafka-cluster`, {
          recorded: {
            parent: "swarm-platform:index:KafkaCluster kafka",
            inputs: { environment: { "topic orders": "3 partitions" } },
          },
          wanted: {
            parent: "swarm-platform:index:KafkaCluster kafka",
            inputs: { environment: { "topic orders": "removed" } },
          },
          diff: ["environment.topic orders"],
        }),
      ],
      "Kafka topic orders",
    ],
    [
      "a swarm that is left",
      [
        ...component("swarm-platform:index:Swarm swarm"),
        ...events("delete", `${COMMAND} swarm`, {
          recorded: { parent: "swarm-platform:index:Swarm swarm", inputs: {} },
        }),
      ],
      "swarm",
    ],
  ];
  test.each(cases)("%s", (_, lines, where) => {
    const { dangers, verdict } = reportOf(lines);
    expect(dangers.map((one) => one.where)).toEqual([where]);
    expect(verdict).toBe("dangerous");
  });

  const harmless: [string, string[]][] = [
    [
      "a volume that is kept",
      events("delete", `${VOLUME} data`, { recorded: named("dev_data", { retainOnDelete: true }) }),
    ],
    ["a service without data", events("delete", WEB, { recorded: service() })],
  ];
  test.each(harmless)("not %s", (_, lines) => {
    expect(reportOf(lines)).toMatchObject({ dangers: [], verdict: "changes" });
  });
});

describe("the fingerprint", () => {
  const scale = (replicas: number): Report =>
    update(service(), service({ replicas }), ["mode.replicated.replicas"]);

  test("is of what changes, and of nothing else", () => {
    expect(scale(3).fingerprint).toBe(scale(3).fingerprint);
    expect(scale(3).fingerprint).not.toBe(scale(4).fingerprint);
  });

  test("does not know the time", () => {
    const seen = (SEEN: string): Report =>
      reportOf(
        events("update", `${COMMAND} x`, {
          recorded: { inputs: {} },
          wanted: { inputs: { environment: { SEEN } } },
        }),
      );
    expect(seen("off at 2026-01-02T03:04:05.678Z").fingerprint).toBe(
      seen("off at 2026-01-03T00:00:00.000Z").fingerprint,
    );
    expect(seen("off at 2026-01-02T03:04:05.678Z").fingerprint).not.toBe(seen("on").fingerprint);
  });

  test("knows another secret by the way it is encrypted", () => {
    expect(encryptedValues("a:\n  secure: v1:x\nb: { c: { secure: 'v1:y' } }\n")).toEqual(["v1:x", "v1:y"]);
    const preview = readEvents([]);
    const origin = { stack: "dev", commit: "", basis: "live", basisNote: "" } as const;
    const [one, other] = [["v1:x"], ["v1:y"]].map((encrypted) =>
      makeReport(preview, { ...origin, encrypted }),
    );
    expect(one?.fingerprint).not.toBe(other?.fingerprint);
  });

  test("of a secret that is made for the first time has no part of its value", () => {
    const made = (hash: string): Report =>
      reportOf(
        events("create", "docker:index/secret:Secret web-token", {
          wanted: { inputs: { name: `dev_web-token-${hash}` } },
        }),
      );
    expect(made("0123456789ab").fingerprint).toBe(made("ba9876543210").fingerprint);
  });
});

describe("an approval", () => {
  const scale = (replicas: number): Report =>
    update(service(), service({ replicas }), ["mode.replicated.replicas"]);
  const danger = reportOf(events("delete", `${NETWORK} network`, { recorded: { inputs: { name: "a" } } }));

  test("holds as long as the same would change", () => {
    expect(refusal(scale(3), scale(3), false)).toBeUndefined();
  });
  test("is void once something else would, which is named", () => {
    expect(refusal(scale(3), scale(4), true)).toMatch(/no longer: .*2 -> 3\n.*now too: .*2 -> 4/);
  });
  test("of danger needs consent", () => {
    expect(refusal(danger, danger, false)).toContain("ALLOW_DANGEROUS=1");
    expect(refusal(danger, danger, true)).toBeUndefined();
  });
  test("needs the engine, and a preview that works", () => {
    expect(refusal({ ...scale(3), basis: "recorded" }, scale(3), false)).toContain(
      "not compared with the swarm itself",
    );
    expect(refusal(scale(3), { ...scale(3), verdict: "failed", errors: ["no"] }, false)).toContain(
      "fails now",
    );
  });
});

describe("the Markdown", () => {
  test("begins with what it is not, without an engine", () => {
    expect(renderMarkdown(reportOf([], "recorded")).split("\n")[0]).toBe(
      "> **Not compared with the swarm itself:** the engine can't be reached.",
    );
  });

  test("has no markup of a value's own", () => {
    const evil = service({ container: { args: ["`</details>`", "@team", "<img src=x>\n# head"] } });
    const markdown = renderMarkdown(update(service(), evil, ["taskSpec.containerSpec.args"]));
    expect(markdown).toContain("`'</details>' @team <img src=x> # head`");
    const warned = renderMarkdown({ ...reportOf([]), warnings: ["<img> @team *x*"] });
    expect(warned).toContain("- &lt;img> &#64;team \\*x\\*");
  });

  test("shows policies, waived ones too", () => {
    const report = {
      ...reportOf([]),
      policies: [
        { rule: "memory-limit", level: "mandatory", service: "web", message: "no limit" },
        { rule: "healthcheck", level: "advisory", service: "web", message: "none", waived: "sleeps" },
      ],
    };
    const markdown = renderMarkdown(report);
    expect(markdown).toContain("Policies: **1 broken**, 1 waived.");
    expect(markdown).toContain("- mandatory `memory-limit` **web**: no limit");
  });

  test("fits into a comment, and stays whole Markdown", () => {
    const text = Array.from(
      { length: 5000 },
      (_, i) => `location /${i} { proxy_pass http://upstream-${i}; }\n`,
    ).join("");
    const lines = events("create", `${CONFIG} web-conf`, {
      wanted: {
        parent: `${COMPONENT} web`,
        inputs: { name: "x", data: Buffer.from(text).toString("base64") },
      },
    });
    const report = reportOf([...lines, ...events("create", WEB, { wanted: service() })]);
    const cut = renderMarkdown(report, 65_000, "full.md");
    expect(cut.length).toBeLessThanOrEqual(65_000);
    expect(cut.length).toBeGreaterThan(60_000);
    expect(cut).toContain("the rest is in full.md");
    expect(cut.match(/^```/gm)?.length).toBe(4);
    expect(cut.match(/<details>/g)?.length).toBe(cut.match(/<\/details>/g)?.length);
    expect(renderMarkdown(report)).toContain("upstream-4999");
  });
});
