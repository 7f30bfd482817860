import { Secret } from "@pulumi/policy";
import * as path from "node:path";
import { unusedWaivers, violations, Violation } from "../../policy/judge";
import { Properties } from "../../policy/properties";
import { renderRules } from "../../policy/rules-table";
import { imageParts, RULES } from "../../policy/rules";
import type { Settings } from "../../policy/settings";
import { hasSocket, subjectOf } from "../../policy/subject";
import { tableIn } from "../support/config-table";
import { PROJECT_DIR } from "../support/project";

const DIGEST = `sha256:${"5".repeat(64)}`;
/** As the engine sends a text that it does not know yet. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SERVICE = "docker:index/service:Service";
const CONTAINER = "docker:index/container:Container";
const NETWORK = "docker:index/network:Network";
const IMAGE = "docker:index/remoteImage:RemoteImage";
const CONFIG = "docker:index/serviceConfig:ServiceConfig";
const VOLUME = "docker:index/volume:Volume";

type Values = Readonly<Record<string, unknown>>;

/** A service that obeys all rules, but for what differs: in its container, its task, itself. */
function service(container: Values = {}, task: Values = {}, own: Values = {}): [string, Values] {
  return [
    SERVICE,
    {
      name: "prod_web",
      labels: [{ label: "com.docker.stack.namespace", value: "prod" }],
      mode: { replicated: { replicas: 2 } },
      taskSpec: {
        containerSpec: {
          image: `nginx:1.26.3@${DIGEST}`,
          healthcheck: { tests: ["CMD", "true"] },
          readOnly: true,
          capDrops: ["ALL"],
          user: "101:101",
          ...container,
        },
        resources: { limits: { memoryBytes: 2 ** 26, nanoCpus: 1e9 } },
        logDriver: { name: "json-file", options: { "max-size": "10m" } },
        ...task,
      },
      ...own,
    },
  ];
}

/** A container that obeys all rules that it can: it is never two. */
function container(more: Values = {}): [string, Values] {
  return [
    CONTAINER,
    {
      name: "tool",
      image: `nginx@${DIGEST}`,
      memory: 64,
      cpus: "0.5",
      healthcheck: { tests: ["CMD", "true"] },
      mustRun: false,
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      user: "nobody",
      logDriver: "local",
      ...more,
    },
  ];
}

const SETTINGS: Settings = {
  production: true,
  levels: {},
  allow: {},
  waivers: [],
  stackFiles: "mandatory",
};
const ALLOW = { "published-ports": ["web"], "docker-socket": ["web"] };
const mounts = (...list: Values[]): Values => ({ mounts: list });
const bind = (source: unknown): Values => mounts({ type: "bind", source, target: "/x", readOnly: true });
const env = (value: Values): Values => ({ env: value });
const port = (...ports: Values[]): Values => ({ endpointSpec: { ports } });
const network = (more: Values): [string, Values] => [NETWORK, { name: "n", driver: "overlay", ...more }];
const config = (text: string): [string, Values] => [
  CONFIG,
  { name: "conf", data: Buffer.from(text).toString("base64") },
];

const SERVICES = ["web"];

function judge([type, props]: [string, Values], settings: Partial<Settings> = {}, secrets = {}): Violation[] {
  const subject = subjectOf(type, "resource", new Properties(props), undefined);
  if (subject === undefined) return [];
  return violations(subject, { ...SETTINGS, ...settings }, { stackSecrets: secrets });
}

interface Case {
  /** What breaks the rule, with a part of what is said. */
  readonly bad: readonly (readonly [name: string, resource: [string, Values], says: string])[];
  readonly good: readonly (readonly [
    name: string,
    resource: [string, Values],
    settings?: Partial<Settings>,
  ])[];
}

const KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc";
const healthcheck = (tests: unknown): Values => ({ healthcheck: { tests } });
const replicas = (mode: unknown): Values => ({ mode });
const limits = (more: Values): Values => ({ resources: { limits: more } });
const WEB_IMAGE = 'image = "';

/** Every rule both ways. */
const CASES: Readonly<Record<string, Case>> = {
  "image-tag": {
    bad: [
      [
        "no tag",
        service({ image: "nginx" }),
        `web: ${WEB_IMAGE}nginx" (without a tag); allowed: a tag other`,
      ],
      ["latest", service({ image: "nginx:latest" }), "(whose tag moves)"],
      ["the port of a registry is no tag", service({ image: "localhost:5000/nginx" }), "(without a tag)"],
      ["latest of a registry", service({ image: "localhost:5000/a/nginx:latest" }), "(whose tag moves)"],
      ["of a container", container({ image: "nginx" }), "tool: image"],
      ["that is pulled or built", [IMAGE, { name: "golang" }], "resource: image"],
    ],
    good: [
      ["a tag", service({ image: "nginx:1.26.3" }), { production: false }],
      ["a registry with a port", service({ image: "localhost:5000/nginx:1" }), { production: false }],
      ["a digest alone", service({ image: `nginx@${DIGEST}` })],
      ["a tag and a digest", service({ image: `localhost:5000/nginx:1@${DIGEST}` })],
      ["latest, which a digest keeps from moving", service({ image: `nginx:latest@${DIGEST}` })],
      ["an image's id", container({ image: DIGEST })],
      ["not known yet", service({ image: UNKNOWN })],
      ["not known yet, and a secret", service({ image: new Secret(UNKNOWN) })],
      ["not known yet in all of the task", service({}, {}, { taskSpec: UNKNOWN })],
    ],
  },
  "memory-limit": {
    bad: [
      ["none", service({}, { resources: {} }), "web: memory limit not set; allowed: above 0; set memoryMiB"],
      ["no resources", service({}, { resources: undefined }), "memory limit not set"],
      ["zero", service({}, limits({ memoryBytes: 0, nanoCpus: 1 })), "memory limit = 0"],
      ["of a container", container({ memory: undefined }), "tool: memory limit not set"],
    ],
    good: [
      ["set", service()],
      ["of a container", container()],
      ["not known yet", service({}, limits({ memoryBytes: UNKNOWN, nanoCpus: 1 }))],
    ],
  },
  "health-check": {
    bad: [
      ["none", service({ healthcheck: undefined }), "web: healthcheck not set"],
      ["NONE", service(healthcheck(["NONE"])), 'healthcheck = ["NONE"]'],
      ["empty", service(healthcheck([])), "healthcheck not set"],
      ["of a container", container({ healthcheck: undefined, mustRun: true }), "tool: healthcheck not set"],
    ],
    good: [
      ["a command", service()],
      ["one that runs to its end", service(healthcheck(["NONE"]), { restartPolicy: { condition: "none" } })],
      ["a container that runs to its end", container({ healthcheck: undefined })],
      ["not known yet", service({ healthcheck: UNKNOWN })],
    ],
  },
  "plain-secrets": {
    bad: [
      [
        "by its name",
        service(env({ DB_PASSWORD: "x1" })),
        "in clear: env DB_PASSWORD (a secret, as its name says)",
      ],
      ["by its name, in one word", service(env({ PGPASSWORD: "x1" })), "env PGPASSWORD"],
      ["by its name, numbered", service(env({ API_KEY_2: "x1" })), "env API_KEY_2"],
      ["by its name, in camel case", service(env({ clientSecret: "x1" })), "env clientSecret"],
      ["a number", service(env({ DB_PASSWORD: 12345678 })), "env DB_PASSWORD"],
      ["a Pulumi secret", service(env({ A: new Secret("x") })), "env A (a Pulumi secret)"],
      [
        "all variables as one Pulumi secret",
        service(env(new Secret({ A: "x" }) as never)),
        "env (a Pulumi secret)",
      ],
      [
        "a Pulumi secret that is not known yet",
        service(env({ A: new Secret(UNKNOWN) })),
        "env A (a Pulumi secret)",
      ],
      [
        "several at once",
        service(env({ A: new Secret("x"), TOKEN: "y" })),
        "env A (a Pulumi secret), env TOKEN (",
      ],
      [
        "an address with a password",
        service(env({ DB: "postgres://me:hunter2@db/x" })),
        "env DB (an address with",
      ],
      [
        "a connection string",
        service(env({ DB: "Server=db;User=sa;Password=hunter2;" })),
        "env DB (a connection",
      ],
      ["a private key", service(env({ CERT: KEY })), "env CERT (a private key)"],
      ["a token of a known form", service(env({ A: `ghp_${"a".repeat(36)}` })), "a token of a source host"],
      ["a join token", service(env({ A: `SWMTKN-1-${"a".repeat(50)}-b` })), "a join token of a swarm"],
      ["a flag and its value", service({ args: ["--db-password", "hunter2"] }), "args[1] (db-password)"],
      ["a flag with its value", service({ args: ["-v", "--token=hunter2"] }), "args[1] (token)"],
      [
        "inside a command",
        service({ commands: ["sh", "-c", "curl -u x https://me:pw1@h/"] }),
        "command[2] (an addr",
      ],
      [
        "in a health check",
        service(healthcheck(["CMD", "ping", "--password=x1"])),
        "healthcheck[2] (password)",
      ],
      ["in a label", service({}, {}, { labels: [{ label: "api.token", value: "x1" }] }), "label api.token"],
      ["of a container", container({ envs: ["A=1", "DB_PASSWORD=x1"] }), "tool: in clear: env DB_PASSWORD"],
      [
        "a build argument",
        [IMAGE, { name: "a:1", build: { buildArgs: { NPM_TOKEN: "x1" } } }],
        "build argument NPM",
      ],
      ["a key in a config", config(KEY), "conf: in clear: data (a private key)"],
      ["a secret as a config", [CONFIG, { name: "c", data: new Secret("eA==") }], "data (a Pulumi secret)"],
    ],
    good: [
      ["the path of a file", service(env({ DB_PASSWORD_FILE: "/run/secrets/db", TOKEN: "/run/secrets/t" }))],
      [
        "what only speaks of one",
        service(env({ TOKEN_TTL: "300", PASSWORD_MIN_LENGTH: "8", KEYBOARD: "x" })),
      ],
      ["a switch", service(env({ REQUIRE_TOKEN: "true", PASSWORD: "" }))],
      ["the working folder", service(env({ PWD: "/srv", COMPASS: "north" }))],
      ["what a shell puts in", service({ commands: ["sh", "-c", "psql postgres://me:$PASSWORD@db"] })],
      ["what Swarm puts in", service(env({ TOKEN: "{{.Task.ID}}" }))],
      [
        "an address without one",
        service(env({ URL: "http://me@h:80/", BROKERS: "INTERNAL://kafka-1:19092" })),
      ],
      ["a flag before another", service({ args: ["--ask-password", "--verbose"] })],
      ["a config that speaks of passwords", config("password = see /run/secrets/db\nuri: http://h/")],
      ["not known yet", service({ env: UNKNOWN, args: UNKNOWN, commands: [UNKNOWN] })],
      ["a value not known yet", service(env({ DB_PASSWORD: UNKNOWN }))],
    ],
  },
  "docker-socket": {
    bad: [
      [
        "the socket",
        service(bind("/var/run/docker.sock")),
        "web: mount of /var/run/docker.sock; allowed: for no service",
      ],
      ["its folder", service(bind("/var/run/")), "mount of /var/run/"],
      ["a container's volume", container({ volumes: [{ hostPath: "/run/docker.sock" }] }), "tool: mount of"],
      [
        "a volume that leads there",
        service(mounts({ type: "volume", volumeOptions: { driverOptions: { device: "/run" } } })),
        "mount of /run",
      ],
      [
        "a volume of its own",
        [VOLUME, { name: "v", driverOpts: { device: "/run/docker.sock" } }],
        "v: mount of",
      ],
    ],
    good: [
      ["a listed service", service(bind("/var/run/docker.sock")), { allow: ALLOW }],
      ["another file", service(bind("/etc/localtime"))],
      ["a volume", [VOLUME, { name: "v" }]],
      ["not known yet", service(bind(UNKNOWN))],
      ["mounts not known yet", service({ mounts: UNKNOWN })],
      ["of a container, not known yet", container({ volumes: UNKNOWN })],
    ],
  },
  "published-ports": {
    bad: [
      [
        "a port",
        service({}, {}, port({ targetPort: 80, publishedPort: 8080, protocol: "udp" })),
        "web: published ports = 8080/udp; allowed: for no service; add a route",
      ],
      ["one that Swarm chooses", service({}, {}, port({ targetPort: 80 })), "published ports = 80/tcp"],
      [
        "a number not known yet",
        service({}, {}, port({ targetPort: UNKNOWN })),
        "published ports = unknown/tcp",
      ],
      ["the host's network", service({}, { networksAdvanceds: [{ name: "host" }] }), "all (network host)"],
      ["of a container", container({ ports: [{ internal: 80, external: 81 }] }), "published ports = 81/tcp"],
      ["all of a container", container({ publishAllPorts: true, ports: UNKNOWN }), "all (publishAllPorts)"],
      ["a container on the host's network", container({ networkMode: "host" }), "all (networkMode host)"],
    ],
    good: [
      ["none", service({}, {}, port())],
      ["a listed service", service({}, {}, port({ targetPort: 80 })), { allow: ALLOW }],
      ["not known yet", service({}, {}, { endpointSpec: UNKNOWN })],
    ],
  },
  "network-encryption": {
    bad: [
      ["without the option", network({}), "n: encrypted = false; allowed: true"],
      [
        "another option",
        network({ options: { "com.docker.network.driver.mtu": "1400" } }),
        "encrypted = false",
      ],
      [
        "asked for by label, as the program does",
        network({
          options: { encrypted: "" },
          labels: [{ label: "swarm-platform.encrypted", value: "false" }],
        }),
        "encrypted = false",
      ],
    ],
    good: [
      ["with the option", network({ options: { encrypted: "" } })],
      ["a bridge", network({ driver: "bridge" })],
      ["no production", network({}), { production: false }],
      ["not known yet", network({ options: UNKNOWN })],
      ["a driver not known yet", network({ driver: UNKNOWN })],
    ],
  },
  "image-digest": {
    bad: [
      [
        "a tag alone",
        service({ image: "nginx:1.26.3" }),
        `${WEB_IMAGE}nginx:1.26.3"; allowed: one with a digest`,
      ],
      ["of a container", container({ image: "nginx:1.26.3" }), "tool: image"],
    ],
    good: [
      ["a digest", service()],
      ["no production", service({ image: "nginx:1.26.3" }), { production: false }],
      ["what is built", [IMAGE, { name: "a:1" }]],
      ["not known yet", service({ image: UNKNOWN })],
    ],
  },
  replicas: {
    bad: [
      [
        "one",
        service({}, {}, replicas({ replicated: { replicas: 1 } })),
        "web: replicas = 1; allowed: 2 or more, or",
      ],
      ["none", service({}, {}, replicas({ replicated: { replicas: 0 } })), "replicas = 0"],
      ["not set", service({}, {}, replicas(undefined)), "replicas = 1"],
      ["a folder that it only reads", service(bind("/etc"), {}, replicas(undefined)), "replicas = 1"],
      ["a container that goes on running", container({ mustRun: true }), "tool: one container"],
    ],
    good: [
      ["two", service()],
      ["global", service({}, {}, replicas({ global: true }))],
      ["it keeps data", service(mounts({ type: "volume", source: "data" }), {}, replicas(undefined))],
      ["it keeps data in a folder", service(mounts({ type: "bind", source: "/d" }), {}, replicas(undefined))],
      ["it runs to its end", service({}, { restartPolicy: { condition: "none" } }, replicas(undefined))],
      ["no production", service({}, {}, replicas(undefined)), { production: false }],
      ["a container that runs to its end", container()],
      ["not known yet", service({}, {}, replicas({ replicated: { replicas: UNKNOWN } }))],
      ["whether it keeps data is not known yet", service({ mounts: UNKNOWN }, {}, replicas(undefined))],
    ],
  },
  "cpu-limit": {
    bad: [
      ["none", service({}, limits({ memoryBytes: 1 })), "web: CPU limit not set; allowed: above 0; set cpus"],
      ["zero", service({}, limits({ memoryBytes: 1, nanoCpus: 0 })), "CPU limit = 0"],
      ["of a container", container({ cpus: undefined }), "tool: CPU limit not set"],
    ],
    good: [
      ["set", service()],
      ["of a container", container()],
      ["a container's quota", container({ cpus: undefined, cpuQuota: 50_000 })],
      ["not known yet", service({}, limits({ memoryBytes: 1, nanoCpus: UNKNOWN }))],
    ],
  },
  "read-only-root": {
    bad: [
      ["not set", service({ readOnly: undefined }), "web: readOnly = false; allowed: true"],
      ["of a container", container({ readOnly: false }), "tool: readOnly = false"],
    ],
    good: [
      ["set", service()],
      ["of a container", container()],
      ["not known yet", service({ readOnly: UNKNOWN })],
    ],
  },
  "dropped-capabilities": {
    bad: [
      ["none", service({ capDrops: undefined }), "web: dropped capabilities = none; allowed: ALL"],
      ["one", service({ capDrops: ["CAP_NET_RAW"] }), "dropped capabilities = CAP_NET_RAW"],
      ["of a container", container({ capabilities: {} }), "tool: dropped capabilities = none"],
      ["a privileged container", container({ privileged: true }), "tool: privileged = true; allowed: false"],
    ],
    good: [
      ["all", service()],
      ["all but one that is added", service({ capAdds: ["CAP_NET_BIND_SERVICE"] })],
      ["of a container", container()],
      ["not known yet", service({ capDrops: [UNKNOWN] })],
    ],
  },
  "non-root-user": {
    bad: [
      ["not set", service({ user: undefined }), "web: user not set; allowed: another than root"],
      ["root", service({ user: "root:nginx" }), 'user = "root:nginx"'],
      ["its number", service({ user: "0" }), 'user = "0"'],
      ["of a container", container({ user: "" }), "tool: user not set"],
    ],
    good: [
      ["another", service()],
      ["by name", service({ user: "rooter" })],
      ["of a container", container()],
      ["not known yet", service({ user: UNKNOWN })],
    ],
  },
  "log-rotation": {
    bad: [
      [
        "the engine's default",
        service({}, { logDriver: undefined }),
        "web: log driver not set; allowed: with max-size",
      ],
      [
        "files without an end",
        service({}, { logDriver: { name: "json-file" } }),
        "= json-file without max-size",
      ],
      [
        "of a container",
        container({ logDriver: "json-file" }),
        "tool: log driver = json-file without max-size",
      ],
    ],
    good: [
      ["with a size", service()],
      ["a driver that rotates", service({}, { logDriver: { name: "local" } })],
      ["a driver without files", service({}, { logDriver: { name: "journald" } })],
      ["of a container", container()],
      ["not known yet", service({}, { logDriver: UNKNOWN })],
    ],
  },
};

test("every rule is tested both ways", () => {
  expect(Object.keys(CASES).sort()).toEqual(RULES.map(({ name }) => name).sort());
  for (const { bad, good } of Object.values(CASES)) {
    expect(bad.length).toBeGreaterThan(0);
    expect(good.length).toBeGreaterThan(0);
  }
});

describe.each(Object.entries(CASES))("%s", (rule, { bad, good }) => {
  const level = RULES.find(({ name }) => name === rule)?.level;

  test.each(bad)("is broken by: %s", (_, resource, says) => {
    const found = judge(resource).filter((one) => one.rule === rule);
    expect(found.map((one) => [one.level, one.message])).toEqual([[level, expect.stringContaining(says)]]);
  });

  const obeyed = good.map(([name, resource, settings]) => ({ name, resource, settings }));
  test.each(obeyed)("is obeyed by: $name", ({ resource, settings }) => {
    expect(judge(resource, settings).filter((one) => one.rule === rule)).toEqual([]);
  });
});

test("a service and a container that obey everything have no violation", () => {
  expect(judge(service())).toEqual([]);
  expect(judge(container())).toEqual([]);
});

test("nothing that is not known is held against a service", () => {
  const nothing = service(
    {},
    {},
    { taskSpec: UNKNOWN, endpointSpec: UNKNOWN, mode: UNKNOWN, labels: UNKNOWN },
  );
  expect(judge(nothing)).toEqual([]);
});

test("other resources are nobody's business", () => {
  expect(judge(["command:local:Command", { environment: { TOKEN: "x" } }])).toEqual([]);
});

test("a secret is never quoted", () => {
  const texts = CASES["plain-secrets"]?.bad.flatMap(([, resource]) => judge(resource)) ?? [];
  expect(JSON.stringify(texts)).not.toMatch(/hunter2|x1|BEGIN|ghp_a|SWMTKN-1-a|pw1/);
});

test("the stack's own secrets are found wherever they are, however they came there", () => {
  const secrets = { "kafkaUsers.alice": "correct horse", pin: "1234" };
  const found = (values: Values): string[] =>
    judge(service(env(values)), {}, secrets).map(({ message }) => message);
  expect(found({ LOGIN: "alice:correct horse" })).toEqual([
    expect.stringContaining("env LOGIN (the stack's secret kafkaUsers.alice)"),
  ]);
  expect(found({ CODE: "1234" })).toEqual([expect.stringContaining("the stack's secret pin")]);
  // A few letters are in anything.
  expect(found({ PORT: "12345" })).toEqual([]);
});

describe("the name of a service", () => {
  const named = (own: Values): string | undefined =>
    judge(service({ image: "x" }, {}, own)).find(({ rule }) => rule === "image-tag")?.service;

  test("is that inside the environment", () => expect(named({})).toBe("web"));
  test("is its own where it is in none", () => expect(named({ labels: [] })).toBe("prod_web"));
  test("is the resource's while it is not known", () => expect(named({ name: UNKNOWN })).toBe("resource"));
});

describe("settings", () => {
  const broken = service({ readOnly: false, healthcheck: undefined });
  const rulesOf = (settings: Partial<Settings>): string[] =>
    judge(broken, settings).map(({ rule, level, waived }) => `${rule} ${level} ${waived}`);

  test("a level may be another, or off", () => {
    expect(rulesOf({ levels: { "read-only-root": "mandatory", "health-check": "off" } })).toEqual([
      "read-only-root mandatory undefined",
    ]);
  });

  test("a waiver keeps a violation, with its reason", () => {
    const waivers = [{ rule: "health-check", service: "w*", reason: "it answers nothing" }];
    expect(rulesOf({ waivers })).toEqual([
      "health-check mandatory it answers nothing",
      "read-only-root advisory undefined",
    ]);
  });

  test("a waiver of another service or rule waives nothing, and is told as unused", () => {
    const waivers = [
      { rule: "health-check", service: "api", reason: "r" },
      { rule: "memory-limit", service: "web", reason: "r" },
      { rule: "health-check", service: "web", reason: "r" },
    ];
    const settings = { ...SETTINGS, waivers };
    expect(unusedWaivers(settings, judge(broken, settings), SERVICES)).toEqual(waivers.slice(0, 2));
  });

  test("a component's own waiver of the health check counts", () => {
    const labels = [{ label: "swarm-platform.no-health-check", value: "it answers nothing" }];
    expect(judge(service({ healthcheck: undefined }, {}, { labels })).map(({ waived }) => waived)).toEqual([
      "it answers nothing",
    ]);
  });

  test("the services that a rule lets are named", () => {
    const [found] = judge(service({}, {}, port({ targetPort: 80 })), {
      allow: { "published-ports": ["a", "b-*"] },
    });
    expect(found?.message).toBe(
      "web: published ports = 80/tcp; allowed: for a, b-*; add a route to the edge (components/edge/edge.ts), " +
        "or list the service in policy/settings.yaml (allow: published-ports)",
    );
  });
});

test.each([
  ["nginx", {}],
  ["nginx:1", { tag: "1" }],
  ["localhost:5000/nginx", {}],
  ["localhost:5000/a/nginx:1-b", { tag: "1-b" }],
  [`nginx@${DIGEST}`, { digest: DIGEST }],
  [`r.example.com:443/nginx:1@${DIGEST}`, { tag: "1", digest: DIGEST }],
  [DIGEST, { digest: DIGEST }],
])("%s has its tag and digest", (image, parts) => expect(imageParts(image)).toEqual(parts));

test.each([
  ["/var/run/docker.sock", true],
  ["/run/../var/run//docker.sock", true],
  ["/run/containerd/containerd.sock", true],
  ["/", true],
  ["/var/run/", true],
  ["/var/lib/data", false],
  ["/etc/docker.sock.d", false],
])("%s leads to a socket: %s", (source, leads) => expect(hasSocket(source)).toBe(leads));

test("the docs have the table of the rules", () => {
  const wanted = renderRules();
  expect(tableIn(path.join(PROJECT_DIR, "docs/policies.md"), "rules", wanted)).toBe(wanted);
});
