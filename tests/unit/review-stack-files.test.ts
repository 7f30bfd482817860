import { readEvents } from "../../review/events";
import { makeReport, Report } from "../../review/report";

type Values = Readonly<Record<string, unknown>>;
interface State {
  readonly inputs: Values;
  readonly retainOnDelete?: boolean;
}

const STACK = "urn:pulumi:dev::swarm-platform::swarm-platform:index:ComposeStack::shop";
const CODE = { __provider: "exports.handler = () => 0;" };
const NAMESPACE = { "com.docker.stack.namespace": "shop" };

const secret = (ciphertext: string): object => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  ciphertext,
});

/** A step of `Service web`, say, as Pulumi's events tell it. */
function step(
  op: string,
  id: string,
  states: { recorded?: State; is?: State; wanted?: State },
  diff: readonly string[] = [],
): string[] {
  const [kind = "", key = ""] = id.split(" ");
  const type = `pulumi-nodejs:dynamic/compose:${kind}`;
  const urn = `urn:pulumi:dev::swarm-platform::swarm-platform:index:ComposeStack$${type}::shop-${key}`;
  const state = (one: State | undefined): object | null =>
    one === undefined
      ? null
      : { ...one, inputs: { ...one.inputs, ...CODE }, outputs: one.inputs, type, urn, parent: STACK };
  const { recorded, is = recorded, wanted } = states;
  const metadata = (of: string, old: State | undefined, now: State | undefined): object => ({
    metadata: {
      op: of,
      urn,
      old: state(old),
      new: state(now),
      detailedDiff: Object.fromEntries(diff.map((path) => [path, {}])),
    },
  });
  return [
    ...(recorded === undefined ? [] : [{ resOutputsEvent: metadata("refresh", recorded, is) }]),
    { resourcePreEvent: metadata(op, is, wanted) },
    ...(wanted === undefined ? [] : [{ resOutputsEvent: metadata(op, is, wanted) }]),
  ].map((event) => JSON.stringify(event));
}

const BASE: Values = {
  Name: "shop_web",
  Labels: { "com.docker.stack.image": "nginx:1", ...NAMESPACE },
  ContainerLabels: NAMESPACE,
  Image: "nginx:1",
  Env: { LOG: "info", TZ: "UTC" },
  Mode: { Replicated: { Replicas: 2 } },
  Networks: [{ Target: "shop_default", Aliases: ["web"] }],
  EndpointSpec: {},
  Placement: {},
  Privileges: {},
  Resources: {},
};
const service = (more: Values = {}): State => ({ inputs: { ...BASE, ...more } });
const file = (fields: Values): State => ({ inputs: { Labels: NAMESPACE, ...fields } });

const reportOf = (lines: readonly string[]): Report =>
  makeReport(readEvents(lines), {
    stack: "dev",
    commit: "abc",
    basis: "live",
    basisNote: "",
    encrypted: [],
  });
const update = (wanted: Values, was: Values = {}, diff: readonly string[] = []): Report =>
  reportOf(step("update", "Service web", { recorded: service(was), wanted: service(wanted) }, diff));

describe("a change of a stack file's service is told in words", () => {
  const ROLLING = "restarts 2 tasks, one by one";
  const port = { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "ingress" };
  const mount = { Type: "volume", Source: "shop_data", Target: "/data", VolumeOptions: {} };
  const cases: [string, Values, string, string, string][] = [
    ["image", { Image: "r.example.com/a/nginx:2@sha256:0123456789abcdef" }, "nginx:1", "nginx:2@0123456789ab", ROLLING],
    ["env LOG", { Env: { LOG: "debug", TZ: "UTC" } }, "info", "debug", ROLLING],
    ["replicas", { Mode: { Replicated: { Replicas: 3 } } }, "2", "3", "running tasks stay"],
    ["memory limit", { Resources: { Limits: { MemoryBytes: "1GiB" } } }, "none", "1024 MiB", ROLLING],
    ["CPU limit", { Resources: { Limits: { NanoCPUs: 500_000_000 } } }, "none", "0.5 CPU", ROLLING],
    ["memory reservation", { Resources: { Reservations: { MemoryBytes: "64MiB" } } }, "none", "64 MiB", ROLLING],
    ["arguments", { Args: ["-v", "x"] }, "none", "-v x", ROLLING],
    ["command", { Command: ["sh"] }, "none", "sh", ROLLING],
    ["health check", { Healthcheck: { Test: ["CMD", "true"] } }, "none", "CMD true", ROLLING],
    ["placement", { Placement: { Constraints: ["node.role==worker"] } }, "none", "node.role==worker", "no task restarts"],
    ["mounts", { Mounts: [mount] }, "none", "volume shop_data at /data", ROLLING],
    ["published ports", { EndpointSpec: { Ports: [port] } }, "none", "8080 to 80/tcp (ingress)", ROLLING],
    ["network", { Networks: [{ Target: "shop_back_of_the_house", Aliases: ["web"] }] }, "shop_default as web", "shop_back_of_the_house as web", ROLLING],
    ["update config parallelism", { UpdateConfig: { Parallelism: 2 } }, "none", "2", "no task restarts"],
    ["labels", { Labels: { a: "b", ...NAMESPACE } }, "com.docker.stack.namespace=shop", "a=b, com.docker.stack.namespace=shop", "no task restarts"],
    // What the docker provider has no field for.
    ["ulimits", { Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }] }, "none", "name=nofile, soft=1, hard=2", ROLLING],
    ["init", { Init: true }, "none", "true", ROLLING],
  ]; // prettier-ignore
  test.each(cases)("%s", (field, wanted, from, to, tasks) => {
    const { services, other, verdict } = update(wanted);
    expect(services).toMatchObject([
      { name: "shop/web", operation: "update", changes: [{ field, from, to }] },
    ]);
    expect(services[0]?.changes).toHaveLength(1);
    expect({ tasks: services[0]?.tasks, other, verdict }).toEqual({ tasks, other: [], verdict: "changes" });
  });

  test("what means the same to the engine is none of it", () => {
    const { services } = update({ Env: {}, TTY: false, EndpointSpec: { Mode: "vip" } });
    expect(services[0]?.changes.map(({ field }) => field)).toEqual(["env LOG", "env TZ"]);
  });

  test("a job runs again, whatever is changed, and nobody calls it", () => {
    const job = { Mode: { ReplicatedJob: { MaxConcurrent: 3, TotalCompletions: 3 } } };
    const { services, interruptions } = update({ ...job, Labels: { a: "b" } }, job);
    expect(services[0]?.tasks).toBe("runs 3 tasks to the end once more");
    const gone = reportOf(step("delete", "Service web", { recorded: service({ Mode: { GlobalJob: {} } }) }));
    expect([...interruptions, ...gone.interruptions]).toEqual([]);
    const made = reportOf(step("create", "Service web", { wanted: service({ Mode: { GlobalJob: {} } }) }));
    expect(made.services[0]?.tasks).toBe("runs a task on each node to the end");
  });

  test("a secret's new value is told as changed, and is never shown", () => {
    const lines = step(
      "update",
      "Service web",
      {
        recorded: service({ Env: { KEY: secret("one"), DB_PASSWORD: "hush-by-name" } }),
        is: service({ Env: { KEY: "hush", DB_PASSWORD: "hush-by-name" } }),
        wanted: service({ Env: { KEY: secret("two"), DB_PASSWORD: "hush-by-name" } }),
      },
      ["Env.KEY"],
    );
    const report = reportOf(lines);
    expect(report.services[0]?.changes).toMatchObject([{ field: "env KEY", to: "changed" }]);
    expect(report.changes).toEqual([expect.stringContaining('env.KEY: "[secret]" -> "[secret]"')]);
    expect(JSON.stringify(report)).not.toMatch(/hush|__provider|exports/);
    const log = (LOG: string) => service({ Env: { KEY: secret("one"), LOG } });
    const other = reportOf(
      step("update", "Service web", { recorded: log("a"), wanted: log("b") }, ["Env.LOG"]),
    );
    expect(other.services[0]?.changes.map(({ field }) => field)).toEqual(["env LOG"]);
  });

  test("what is not known until up shows as that", () => {
    const { services } = update({ Image: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" });
    expect(services[0]?.changes).toMatchObject([{ field: "image", to: "[known after up]" }]);
  });
});

test("drift is told apart: where, what was left, what was found", () => {
  const hand = { Mode: { Replicated: { Replicas: 5 } }, UpdateStatus: "update paused" };
  const { drift } = reportOf(
    step("update", "Service web", { recorded: service(), is: service(hand), wanted: service() }),
  );
  expect(drift).toEqual([
    { where: "shop/web", field: "replicas", recorded: "2", found: "5" },
    { where: "shop/web", field: "update status", recorded: "none", found: "update paused" },
  ]);
});

describe("a config or secret", () => {
  const config = (Name: string, Text: unknown): State => file({ Name, Text });
  const mounting = (ConfigName: string): State =>
    service({ Configs: [{ ConfigName, File: { Name: "/page", UID: "0", GID: "0", Mode: "0444" } }] });
  const token = (SecretName: string): State =>
    service({ Secrets: [{ SecretName, File: { Name: "token", UID: "0", GID: "0", Mode: "0400" } }] });

  test("that is rotated is told with each service that mounts it, and with its lines", () => {
    const report = reportOf([
      ...step("replace", "Config page", { recorded: config("shop_page-1", "a\nb\n"), wanted: config("shop_page-2", "a\nc\n") }),
      ...step("update", "Service web", { recorded: mounting("shop_page-1"), wanted: mounting("shop_page-2") }),
      ...step("update", "Service api", { recorded: mounting("shop_page-1"), wanted: mounting("shop_page-2") }),
      ...step("update", "Service db", { recorded: mounting("shop_other-1"), wanted: mounting("shop_other-2") }),
    ]); // prettier-ignore
    const texts = [{ name: "shop/page", diff: [" a", "-b", "+c"] }];
    const changes = [{ field: "config /page", from: "", to: "+1 -1 lines", cause: "wanted" }];
    expect(report.services).toMatchObject([
      { name: "shop/api", texts, changes },
      { name: "shop/db", texts: [], changes: [{ field: "config /page", from: "shop_other-1" }] },
      { name: "shop/web", texts, changes },
    ]);
    expect(report.other).toEqual([]);
  });

  test("of no service that changes is told by itself", () => {
    const { other } = reportOf([
      ...step("create", "Config page", { wanted: config("shop_page-1", "a\n") }),
      ...step("delete", "Secret token", { recorded: file({ Name: "shop_token-1", Text: secret("x") }) }),
      ...step("same", "Service web", { recorded: mounting("shop_page-1"), wanted: mounting("shop_page-1") }),
    ]);
    expect(other).toMatchObject([
      { kind: "config", name: "shop/page", operation: "create", texts: [{ diff: ["+a"] }] },
      { kind: "secret", name: "shop/token", operation: "delete" },
    ]);
  });

  test("whose labels alone change says that", () => {
    const { other } = reportOf([
      ...step("update", "Secret token", {
        recorded: file({ Name: "shop_token", Text: secret("x") }),
        wanted: file({ Name: "shop_token", Text: secret("y"), Labels: { a: "b" } }),
      }),
    ]);
    expect(other).toMatchObject([{ kind: "secret", changes: [{ field: "labels" }] }]);
    expect(other[0]?.changes).toHaveLength(1);
  });

  test("with secret content shows none of it", () => {
    const report = reportOf([
      ...step("replace", "Secret token", {
        recorded: file({ Name: "shop_token-1", Text: secret("x") }),
        is: file({ Name: "shop_token-1", Text: "hush" }),
        wanted: file({ Name: "shop_token-2", Text: secret("y") }),
      }),
      ...step("replace", "Config conf", {
        recorded: config("shop_conf-1", secret("x")),
        is: config("shop_conf-1", "hush"),
        wanted: config("shop_conf-2", secret("y")),
      }),
      ...step("update", "Service web", { recorded: token("shop_token-1"), wanted: token("shop_token-2") }),
    ]);
    expect(report.services).toMatchObject([{ changes: [{ field: "secret token", to: "changed" }] }]);
    expect(report.other).toMatchObject([{ kind: "config", texts: [{ diff: ["(its content is secret)"] }] }]);
    expect(JSON.stringify(report)).not.toContain("hush");
  });

  test("that is made for the first time has no part of its value in the fingerprint", () => {
    const made = (hash: string): string =>
      reportOf([
        ...step("create", "Secret token", { wanted: file({ Name: `shop_token-${hash}` }) }),
        ...step("update", "Service web", { recorded: service(), wanted: token(`shop_token-${hash}`) }),
      ]).fingerprint;
    expect(made("0123456789ab")).toBe(made("ba9876543210"));
  });
});

describe("dangerous is", () => {
  const data = { Mounts: [{ Type: "volume", Source: "shop_data", Target: "/data" }] };
  const volume = (Name: string, retainOnDelete: boolean): State => ({ ...file({ Name }), retainOnDelete });
  const network = (Internal: boolean): State => file({ Name: "shop_default", Driver: "overlay", Internal });
  const both = { recorded: service(), wanted: service() };

  const cases: [string, string[], string, RegExp][] = [
    [
      "a network that is replaced, with its services",
      [
        ...step("replace", "Network default", { recorded: network(false), wanted: network(true) }),
        ...step("replace", "Service web", both),
        ...step("same", "Service other", {
          recorded: service({ Networks: [{ Target: "shop_back" }] }),
          wanted: service({ Networks: [{ Target: "shop_back" }] }),
        }),
      ],
      "network shop/default",
      /^is replaced, because Swarm can't change one: shop\/web is removed and made anew with it$/,
    ],
    ["a volume that goes with its data", step("delete", "Volume data", { recorded: volume("shop_data", false) }), "volume shop_data", /with all its data/],
    [
      "a volume of another name",
      step("replace", "Volume data", { recorded: volume("shop_data", true), wanted: volume("other", true) }),
      "volume shop_data",
      /^is replaced by other, which starts empty; its data stays behind$/,
    ],
    ["data that destroy will delete", step("same", "Volume data", { recorded: volume("shop_data", true), wanted: volume("shop_data", false) }), "volume shop_data", /purgeData/],
    ["a service with data that goes", step("delete", "Service web", { recorded: service(data) }), "shop/web", /volume shop_data stays behind/],
    ["a service that leaves its data", step("update", "Service web", { recorded: service(data), wanted: service() }), "shop/web", /no longer uses its data in shop_data/],
    [
      "a service that leaves the node of its data",
      step("update", "Service web", {
        recorded: service({ ...data, Placement: { Constraints: ["node.hostname == n1"] } }),
        wanted: service(data),
      }),
      "shop/web",
      /leaves node n1/,
    ],
  ]; // prettier-ignore
  test.each(cases)("%s", (_, lines, where, message) => {
    const { dangers, verdict } = reportOf(lines);
    expect(dangers).toEqual([{ where, message: expect.stringMatching(message) as string }]);
    expect(verdict).toBe("dangerous");
  });

  test("not a network that no service has any more, and a volume that is kept", () => {
    const { dangers, other } = reportOf([
      ...step("delete", "Network default", { recorded: network(false) }),
      ...step("delete", "Volume data", { recorded: volume("shop_data", true) }),
    ]);
    expect(dangers).toEqual([]);
    expect(other).toMatchObject([
      { kind: "network", name: "shop/default", operation: "delete" },
      { kind: "volume", name: "shop/data", operation: "delete" },
    ]);
  });
});

test("a port that is closed, and a single task that is away, interrupt", () => {
  const one = { Mode: { Replicated: {} } };
  const port = { EndpointSpec: { Ports: [{ PublishedPort: 80, TargetPort: 80, Protocol: "tcp" }] } };
  expect(update(one, { ...one, ...port }).interruptions).toEqual([
    { where: "shop/web", message: expect.stringContaining("nobody answers for a moment") as string },
    { where: "shop/web", message: "no longer answers at port 80/tcp" },
  ]);
});

test("policies name the service as its users do", () => {
  const urn =
    "urn:pulumi:dev::swarm-platform::swarm-platform:index:ComposeStack$pulumi-nodejs:dynamic/compose:Service::shop-web";
  const event = {
    policyEvent: {
      resourceUrn: urn,
      message: "shop/web: no limit",
      policyName: "memory-limit",
      enforcementLevel: "mandatory",
    },
  };
  const lines = step("same", "Service web", { recorded: service(), wanted: service() });
  expect(reportOf([JSON.stringify(event), ...lines]).policies).toMatchObject([
    { rule: "memory-limit", service: "shop/web" },
  ]);
});

test("the picture has them, with what they call in their own networks", () => {
  const on = (network: string, alias: string, more: Values = {}): State =>
    service({ Networks: [{ Target: network, Aliases: [alias] }], ...more });
  const made = (key: string, wanted: State): string[] => step("create", `Service ${key}`, { wanted });
  const { picture } = reportOf([
    ...step("create", "Config page", { wanted: file({ Name: "shop_page-1", Text: "proxy_pass http://web:8080;" }) }),
    ...made("edge", on("shop_a", "edge", {
      Configs: [{ ConfigName: "shop_page-1", File: { Name: "/c" } }],
      EndpointSpec: { Ports: [{ PublishedPort: 80, TargetPort: 80 }, { TargetPort: 81 }] },
    })),
    ...made("other", on("shop_b", "web")),
    ...made("web", on("shop_a", "web", { Mounts: [{ Type: "volume", Source: "d", Target: "/d" }] })),
  ]); // prettier-ignore
  expect(picture).toEqual([
    "flowchart LR",
    '  clients(["clients"])',
    '  subgraph environment ["dev"]',
    '    s0["shop/edge<br/>2 tasks"]',
    '    s1["shop/other<br/>2 tasks"]',
    '    s2[("shop/web<br/>2 tasks")]',
    "  end",
    "  clients -->|80, any| s0",
    "  s0 --> s2",
    expect.stringContaining("classDef created"),
    "  class s0,s1,s2 created",
  ]);
});

test("an approval knows each property that changes", () => {
  const fingerprints = [{ Init: true }, { Init: false, OomScoreAdj: 1 }, { OomScoreAdj: 2 }, {}].map(
    (more) => update({ Image: "nginx:2", ...more }).fingerprint,
  );
  expect(new Set(fingerprints).size).toBe(fingerprints.length);
});
