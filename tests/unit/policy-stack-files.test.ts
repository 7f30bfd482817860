import { Secret } from "@pulumi/policy";
import { convertNetwork, convertService, convertVolume } from "../../components/compose/convert";
import { typeOf } from "../../components/compose/engine-resource";
import { unusedWaivers, violations, Violation } from "../../policy/judge";
import { Properties } from "../../policy/properties";
import { RULES } from "../../policy/rules";
import type { Settings } from "../../policy/settings";
import { subjectOf } from "../../policy/subject";
import { load } from "../support/stack-file";

const DIGEST = `sha256:${"5".repeat(64)}`;
/** As the engine sends a text that it does not know yet. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SETTINGS: Settings = {
  production: true,
  levels: {},
  allow: {},
  waivers: [],
  stackFiles: "mandatory",
};

type Values = Readonly<Record<string, unknown>>;

/** Obeys all rules; what differs breaks one. */
const OBEDIENT: Values = {
  image: `nginx:1.26.3@${DIGEST}`,
  healthcheck: { test: ["CMD", "true"] },
  read_only: true,
  cap_drop: ["ALL"],
  user: "101:101",
  logging: { driver: "json-file", options: { "max-size": "10m" } },
};
const LIMITS = { memory: "64M", cpus: "0.5" };
const deploy = (more: Values = {}): Values => ({
  replicas: 2,
  resources: { limits: LIMITS },
  ...more,
});

/** What is said of a stack file, which is JSON here. */
function judge(
  web: Values,
  others: Values = {},
  settings: Partial<Settings> = {},
  edit: (fields: Values) => Values = (fields) => fields,
): Violation[] {
  const text = JSON.stringify({
    services: { web: { ...OBEDIENT, deploy: deploy(), ...web } },
    networks: { default: { driver_opts: { encrypted: "" } } },
    ...others,
  });
  const { stack: file } = load(text);
  const declared: [string, string, Values][] = [
    ...[...file.services].map(([key, one]): [string, string, Values] => [
      typeOf("Service"),
      key,
      edit(convertService({ namespace: "shop", file }, one, one.image ?? "")),
    ]),
    ...[...file.networks].map(([key, one]): [string, string, Values] => [
      typeOf("Network"),
      key,
      convertNetwork("shop", key, one),
    ]),
    ...[...file.volumes.values()].map((one): [string, string, Values] => [
      typeOf("Volume"),
      one.key,
      convertVolume("shop", one),
    ]),
    ...[...file.configs].map(([key, { data }]): [string, string, Values] => [
      typeOf("Config"),
      key,
      { Name: `shop_${key}-0123456789ab`, Text: Buffer.from(data ?? []).toString("utf8") },
    ]),
  ];
  return declared.flatMap(([type, key, fields]) => {
    const props = new Properties({ ...fields, __provider: "exports.password = 'x'" });
    const subject = subjectOf(type, `shop-${key}`, props, "shop");
    return subject === undefined
      ? []
      : violations(subject, { ...SETTINGS, ...settings }, { stackSecrets: {} });
  });
}

const said = (...args: Parameters<typeof judge>): string[] =>
  judge(...args).map(({ rule, message }) => `${rule}: ${message}`);

test("a stack file that obeys passes without a word", () => expect(said({})).toEqual([]));

type Case = readonly [web: Values, says: string, others?: Values];

const BAD: Readonly<Record<string, readonly Case[]>> = {
  "image-tag": [[{ image: "nginx" }, 'shop/web: image = "nginx" (without a tag)']],
  "memory-limit": [
    [
      { deploy: deploy({ resources: { limits: { cpus: "0.5" } } }) },
      "shop/web: memory limit not set; allowed: above 0; set deploy.resources.limits.memory",
    ],
  ],
  "health-check": [
    [{ healthcheck: undefined }, "shop/web: healthcheck not set;"],
    [{ healthcheck: { disable: true } }, 'shop/web: healthcheck = ["NONE"];'],
  ],
  "plain-secrets": [
    [{ environment: { DB_PASSWORD: "hunter2" } }, "shop/web: in clear: env DB_PASSWORD (a secret"],
    [{ command: ["run", "--token", "hunter2"] }, "shop/web: in clear: args[2] (token)"],
    [{ entrypoint: ["run", "--token=hunter2"] }, "shop/web: in clear: command[1] (token)"],
    [{ deploy: deploy({ labels: { "api-key": "hunter2" } }) }, "in clear: label api-key"],
    [{ labels: { "api-key": "hunter2" } }, "in clear: container label api-key"],
    [{ healthcheck: { test: ["CMD", "x", "--password", "hunter2"] } }, "in clear: healthcheck[3] (password)"],
    [
      { configs: ["conf"] },
      "shop/conf: in clear: data (a private key); make it one of its secrets",
      { configs: { conf: { content: "-----BEGIN PRIVATE KEY-----" } } },
    ],
  ],
  "docker-socket": [
    [{ volumes: ["/var/run/docker.sock:/s:ro"] }, "shop/web: mount of /var/run/docker.sock; allowed: for no"],
    [
      { volumes: ["host:/x"], deploy: deploy() },
      "shop/web: mount of /run",
      { volumes: { host: { driver_opts: { type: "none", o: "bind", device: "/run" } } } },
    ],
    [
      { volumes: ["host:/x"] },
      "shop/host: mount of /run",
      { volumes: { host: { driver_opts: { type: "none", o: "bind", device: "/run" } } } },
    ],
  ],
  "published-ports": [
    [
      { ports: ["8080:80", "53:53/udp"] },
      "shop/web: published ports = 53/udp, 8080/tcp; allowed: for no service; take ports away",
    ],
    [{ networks: ["host"] }, "all (network host)", { networks: { host: { external: true } } }],
  ],
  "network-encryption": [
    [
      {},
      'shop/back: encrypted = false; allowed: true; set driver_opts: { encrypted: "" }',
      { networks: { back: {}, default: { driver_opts: { encrypted: "" } } } },
    ],
  ],
  "image-digest": [
    [{ image: "nginx:1.26.3" }, 'shop/web: image = "nginx:1.26.3"; allowed: one with a digest'],
  ],
  replicas: [
    [
      { deploy: deploy({ replicas: 1 }) },
      "shop/web: replicas = 1; allowed: 2 or more, or global; set deploy.replicas",
    ],
    [{ deploy: { resources: { limits: LIMITS } } }, "shop/web: replicas = 1;"],
    // Read only, it keeps nothing.
    [{ deploy: deploy({ replicas: 1 }), volumes: ["/srv:/srv:ro"] }, "shop/web: replicas = 1;"],
  ],
  "cpu-limit": [
    [
      { deploy: deploy({ resources: { limits: { memory: "64M" } } }) },
      "shop/web: CPU limit not set; allowed: above 0; set deploy.resources.limits.cpus",
    ],
  ],
  "read-only-root": [
    [{ read_only: false }, "shop/web: readOnly = false; allowed: true; set read_only: true"],
  ],
  "dropped-capabilities": [
    [
      { cap_drop: ["NET_RAW"] },
      "shop/web: dropped capabilities = CAP_NET_RAW; allowed: ALL; set cap_drop: [ALL]",
    ],
  ],
  "non-root-user": [[{ user: "0:0" }, 'shop/web: user = "0:0"']],
  "log-rotation": [
    [{ logging: undefined }, "shop/web: log driver not set; allowed: with max-size; set logging:"],
    [{ logging: { options: { labels: "a" } } }, "shop/web: log driver not set;"],
    [{ logging: { driver: "json-file" } }, "shop/web: log driver = json-file without max-size"],
  ],
};

test("each rule has its case", () => expect(Object.keys(BAD)).toEqual(RULES.map(({ name }) => name)));

describe.each(Object.entries(BAD))("%s", (rule, cases) => {
  test.each(cases.map((one) => ({ one })))("$one", ({ one: [web, says, others] }) => {
    const all = said(web, others);
    expect(all.filter((text) => text.startsWith(`${rule}: `) && text.includes(says))).toHaveLength(1);
  });
});

describe("not held against a stack file", () => {
  const GOOD: readonly (readonly [string, Values, Values?])[] = [
    ["that a job has neither a health check nor a second task", { healthcheck: undefined, deploy: deploy({ mode: "replicated-job", replicas: 1 }) }],
    ["nor one on each node", { healthcheck: undefined, deploy: deploy({ mode: "global-job", replicas: undefined }) }],
    ["that runs to its end", { healthcheck: undefined, deploy: deploy({ replicas: 1, restart_policy: { condition: "none" } }) }],
    ["a single task that keeps data", { deploy: deploy({ replicas: 1 }), volumes: ["data:/data"] }, { volumes: { data: {} } }],
    ["a global service", { deploy: deploy({ mode: "global", replicas: undefined }) }],
    ["rotation without a driver's name", { logging: { options: { "max-size": "10m" } } }],
    ["the path of a secret", { environment: { DB_PASSWORD_FILE: "/run/secrets/db", DB_PASSWORD: "/run/secrets/db" } }],
  ]; // prettier-ignore
  test.each(GOOD.map((one) => ({ one })))("$one.0", ({ one: [, web, others] }) =>
    expect(said(web, others)).toEqual([]),
  );
});

test("a Pulumi secret is found wherever it is, and what is not known yet is held against nobody", () => {
  const edit = (fields: Values): Values => ({
    ...fields,
    Env: { GREETING: new Secret("hello"), LATER: UNKNOWN },
    Image: UNKNOWN,
    Labels: UNKNOWN,
    Placement: UNKNOWN,
    Mode: UNKNOWN,
    Mounts: UNKNOWN,
  });
  expect(said({}, {}, {}, edit)).toEqual([
    expect.stringMatching(
      /^plain-secrets: shop\/web: in clear: env GREETING \(a Pulumi secret\); make it one/,
    ),
  ]);
});

describe("waivers", () => {
  const waivers = [
    { rule: "read-only-root", service: "shop/*", reason: "it writes to /srv" },
    { rule: "cpu-limit", service: "shop/api", reason: "r" },
    { rule: "cpu-limit", service: "nginx", reason: "r" },
  ];

  test("are by stack and service; one for services that there are none of is not told as unused", () => {
    const found = judge({ read_only: false }, {}, { waivers });
    expect(found.map(({ rule, service, waived }) => [rule, service, waived])).toEqual([
      ["read-only-root", "shop/web", "it writes to /srv"],
    ]);
    const settings = { ...SETTINGS, waivers };
    expect(unusedWaivers(settings, found, ["shop/web"])).toEqual([waivers[1]]);
    expect(unusedWaivers(settings, found, ["web"])).toEqual([waivers[2]]);
    expect(unusedWaivers(settings, found, ["web", "shop/web"])).toEqual(waivers.slice(1));
  });

  test("may be in the file itself, for the health check", () => {
    const labels = { "swarm-platform.no-health-check": "it answers nothing" };
    const found = judge({ healthcheck: undefined, deploy: deploy({ labels }) });
    expect(found.map(({ rule, waived }) => [rule, waived])).toEqual([["health-check", "it answers nothing"]]);
  });

  test("lists of services know them too", () => {
    const allow = { "published-ports": ["*/web"] };
    expect(said({ ports: ["80:80"] }, {}, { allow })).toEqual([]);
  });
});
