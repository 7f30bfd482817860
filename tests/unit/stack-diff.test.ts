import { diffServices, diffSettings, GraphResource } from "../../tools/stack-diff";
import { asRaw, declaredKeys, effective, leaves, mapSecrets, settingsIn } from "../../tools/stack-file";

const DECLARED = declaredKeys(`
config:
  routing: { type: string, default: mesh }
  kafkaBrokers: { type: integer, default: 1 }
  networkEncrypted: { type: boolean, default: true }
  nodes: { type: object, default: {} }
  kafkaUsers: { type: object, default: {} }
  registry: { default: "" }
`);
/** Encrypted texts of 5 and of 6 bytes. */
const [HUSH, OTHER, LONGER] = ["v1:bm9uY2U=:aGVsbG8=", "v1:ZWxzZQ==:d29ybGQ=", "v1:bm9uY2U=:aGVsbG8h"];

const rows = (from: object, to: object): [string, string, string][] =>
  diffSettings(DECLARED, from as Record<string, unknown>, to as Record<string, unknown>).map((row) => [
    row.what,
    row.from,
    row.to,
  ]);

describe("the settings of two stacks", () => {
  test("are read without the project's prefix, and an empty file sets nothing", () => {
    expect(settingsIn("config:\n  swarm-platform:routing: host\n  aws:region: x\n")).toEqual({
      routing: "host",
      "aws:region": "x",
    });
    expect(settingsIn("# nothing\n")).toEqual({});
    expect(settingsIn("config:\n")).toEqual({});
  });

  test("are the same where one says what is the default, or says it as text", () => {
    expect(rows({ routing: "mesh", networkEncrypted: "true", nodes: {} }, {})).toEqual([]);
    expect(rows({ kafkaBrokers: 3 }, { kafkaBrokers: "3" })).toEqual([]);
  });

  test("show what is a default", () => {
    expect(rows({ routing: "host" }, { kafkaBrokers: 3 })).toEqual([
      ["routing", "host", "mesh (default)"],
      ["kafkaBrokers", "1 (default)", "3"],
    ]);
  });

  test("show of objects only the values that differ", () => {
    const nodes = (disk: string): object => ({ n1: { role: "manager", labels: { "a.b": disk } } });
    expect(rows({ nodes: nodes("ssd") }, { nodes: { ...nodes("hdd"), n2: { role: "worker" } } })).toEqual([
      ['nodes.n1.labels["a.b"]', "ssd", "hdd"],
      ["nodes.n2.role", "-", "worker"],
    ]);
  });

  test.each<[string, unknown, unknown, [string, string] | undefined]>([
    ["one is not set", { alice: { secure: HUSH } }, undefined, ["set", "not set"]],
    [
      "both are the same text in the file",
      { alice: { secure: HUSH } },
      { alice: { secure: HUSH } },
      undefined,
    ],
    [
      "both were encrypted on their own",
      { alice: { secure: HUSH } },
      { alice: { secure: OTHER } },
      ["set", "set, unknown whether it differs"],
    ],
    ["one is longer", { alice: { secure: HUSH } }, { alice: { secure: LONGER } }, ["set", "set, differs"]],
    ["both are in clear", { alice: "hunter22" }, { alice: "hunter23" }, ["set", "set, differs"]],
    [
      "one is in clear",
      { alice: "hunter22" },
      { alice: { secure: HUSH } },
      ["set", "set, unknown whether it differs"],
    ],
  ])("never show a secret: %s", (_what, a, b, cells) => {
    const shown = rows(a === undefined ? {} : { kafkaUsers: a }, b === undefined ? {} : { kafkaUsers: b });
    expect(shown.filter(([what]) => what === "kafkaUsers.alice")).toEqual(
      cells === undefined ? [] : [["kafkaUsers.alice", ...cells]],
    );
    expect(JSON.stringify(shown)).not.toMatch(/hunter|v1:/);
  });

  test("never show a secret inside of what may be seen", () => {
    const registry = (secure: string): object => ({
      address: "r",
      auth: { username: "u", password: { secure } },
    });
    expect(rows({ registry: registry(HUSH) }, { registry: registry(LONGER) })).toEqual([
      ["registry.auth.password", "set", "set, differs"],
    ]);
  });
});

describe("a value", () => {
  test("has paths as pulumi config writes them", () => {
    expect(leaves("k", [{ a: 1 }, "b"])).toEqual([
      ["k[0].a", 1],
      ["k[1]", "b"],
    ]);
  });

  test("is handed to the program as text, with any secret the same", () => {
    const settings = effective(DECLARED, {
      kafkaUsers: { alice: { secure: HUSH } },
      registry: { secure: OTHER },
    });
    expect(asRaw(settings)).toMatchObject({
      routing: "mesh",
      kafkaBrokers: "1",
      nodes: "{}",
      kafkaUsers: '{"alice":"a-secret"}',
      registry: "a-secret",
    });
  });

  test("loses its secrets and nothing else", () => {
    expect(mapSecrets({ a: { secure: HUSH }, b: [{ secure: HUSH }, 1], c: null }, () => undefined)).toEqual({
      b: [1],
      c: null,
    });
  });
});

describe("the services of two stacks", () => {
  const service = (stack: string, name: string, inputs: object = {}): GraphResource => ({
    type: "docker:index/service:Service",
    name,
    inputs: {
      name: `${stack}_${name}`,
      labels: [{ label: "com.docker.stack.namespace", value: stack }],
      mode: { replicated: { replicas: 1 } },
      ...inputs,
    },
  });
  const task = (containerSpec: object, limits: object = {}): object => ({
    taskSpec: { containerSpec, resources: { limits } },
  });
  const config = (name: string, data: string): GraphResource => ({
    type: "docker:index/serviceConfig:ServiceConfig",
    name: "conf",
    inputs: { name, data: Buffer.from(data).toString("base64") },
  });
  const differ = (from: GraphResource[], to: GraphResource[]): string[][] =>
    diffServices(from, to).map(({ where, what, from: a, to: b }) => [where, what, a, b]);

  test("are the same where only names carry the namespace", () => {
    const one = (stack: string): GraphResource =>
      service(stack, "web", task({ image: "web:1", mounts: [{ source: `${stack}_data` }], labels: [stack] }));
    expect(differ([one("dev")], [one("prod")])).toEqual([]);
  });

  test("show tasks, limits, ports and images by their names, and anything else by its path", () => {
    const ports = (publishedPort: number, publishMode: string): object => ({
      endpointSpec: { mode: "vip", ports: [{ publishedPort, targetPort: 80, protocol: "tcp", publishMode }] },
    });
    expect(
      differ(
        [
          service("dev", "web", {
            ...task({ image: "web:1@sha256:5", env: { TZ: "UTC" } }, { memoryBytes: 67108864, nanoCpus: 0 }),
            ...ports(8080, "host"),
          }),
        ],
        [
          service("prod", "web", {
            ...task(
              { image: "r/web:1@sha256:6", env: { TZ: "CET" } },
              { memoryBytes: 134217728, nanoCpus: 5e8 },
            ),
            ...ports(80, "ingress"),
            mode: { replicated: { replicas: 3 } },
          }),
        ],
      ),
    ).toEqual([
      ["web", "replicas", "1", "3"],
      ["web", "image", "web:1", "r/web:1"],
      ["web", "env.TZ", "UTC", "CET"],
      ["web", "memory", "64 MiB", "128 MiB"],
      ["web", "CPUs", "no limit", "0.5"],
      ["web", "ports", "8080->80/tcp (host)", "80->80/tcp (ingress)"],
    ]);
  });

  test("show of a file how many lines differ, and of a secret only that it is there", () => {
    const file = (stack: string): object => ({ configName: `${stack}_c`, fileName: "/etc/c" });
    expect(
      differ(
        [service("dev", "web", task({ configs: [file("dev")] })), config("dev_c", "a\nb\nc")],
        [
          service(
            "prod",
            "web",
            task({ configs: [file("prod")], secrets: [{ fileName: "/run/secrets/t" }] }),
          ),
          config("prod_c", "a\nB\nc"),
        ],
      ),
    ).toEqual([
      ["web", "/etc/c", "3 lines, 1 only here", "3 lines, 1 only here"],
      ["web", "secret /run/secrets/t", "-", "set"],
    ]);
  });

  test("show a service that one lacks in a line", () => {
    expect(differ([service("dev", "web")], [service("prod", "api")])).toEqual([
      ["api", "service", "none", "replicas 1"],
      ["web", "service", "replicas 1", "none"],
    ]);
  });

  test("show long values from where they differ", () => {
    const long = (end: string): GraphResource[] => [
      service("dev", "web", task({ args: [`${"x".repeat(80)}${end}`] })),
    ];
    expect(differ(long("1"), long("2"))).toEqual([
      ["web", "args[0]", `...${"x".repeat(22)}1`, `...${"x".repeat(22)}2`],
    ]);
  });
});
