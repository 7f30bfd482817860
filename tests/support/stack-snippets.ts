import type { Files } from "./stack-file";

/** A stack that docker stack deploy takes, for a comparison of what both make of it. */
export interface Snippet {
  readonly name: string;
  readonly files: Files;
  readonly env?: Readonly<Record<string, string>>;
}

/** A service of one image with further lines, each indented as if it were at the top. */
function service(lines: string, rest = ""): string {
  return `services:\n  web:\n    image: busybox:1.35\n${lines.replace(/^(?=.)/gm, "    ")}\n${rest}`;
}

const snippet = (name: string, files: Files, env?: Snippet["env"]): Snippet => ({
  name,
  files,
  ...(env && { env }),
});

const DECLARED = `
networks: {back: {}, front: {}}
volumes: {data: {}, d: {}}
configs: {conf: {file: ./conf}, other: {file: ./conf}}
secrets: {key: {file: ./key}, other: {file: ./key}}
`;
const declared = (lines: string) => ({
  "stack.yml": service(lines, DECLARED),
  conf: "a",
  key: "b",
});
const merged = (base: string, later: string) => ({
  "stack.yml": service(base, DECLARED),
  "later.yml": `services:\n  web:\n${later.replace(/^(?=.)/gm, "    ")}\n`,
  conf: "a",
  key: "b",
});

/** Single files. */
export const SNIPPETS: readonly Snippet[] = [
  snippet("the least", "services: {web: {image: nginx}}"),
  snippet(
    "words of YAML 1.1",
    service("environment: {A: yes, B: No, C: on, D: 'off', E: y, F: ~, G: null, H: Null}"),
  ),
  snippet(
    "numbers as text",
    service("labels: {a: 010, b: 0o10, c: 0x1F, d: 1_000, e: 1.10, f: 1e3, g: 1e21, h: .5, i: 5., j: +5}"),
  ),
  snippet(
    "more numbers as text",
    service("labels: {a: 08, b: 1e6, c: 123456789.5, d: 0.00001, e: -0.0, f: -0x10, g: 0b11, h: 1__0}"),
  ),
  snippet(
    "numbers too long for a machine",
    service(
      "labels: {a: 12345678901234567890, b: 9223372036854775808, c: -9223372036854775809, d: 0xFFFFFFFFFFFFFFFFF}",
    ),
  ),
  snippet(
    "what is no number",
    service("labels: {a: 22:22, b: 1.2.3, c: 0o8, d: '010', e: \"1e3\", f: 2001-02-30, g: 1e400, h: 0x}"),
  ),
  snippet(
    "points in time",
    service(
      "labels: {a: 2001-01-01, b: 2001-1-2 3:4:5, c: 2001-12-14T21:59:43.10-05:00, d: 2001-12-14T21:59:43Z, e: '2001-01-01'}",
    ),
  ),
  snippet(
    "tags of types",
    service("labels: {a: !!str 010, b: !!int '7', c: !!float 7, d: !!binary aGk=, e: !foo 12}"),
  ),
  snippet(
    "texts over several lines",
    service('labels:\n  a: |\n    one\n    two\n  b: >-\n    one\n    two\n  c: "one\n    two"\n'),
  ),
  snippet("unicode", service("labels: {größe: '☃', 名前: 値}\nenvironment: ['MÜSLI=ja']")),
  snippet(
    "lines end as on Windows",
    service("environment:\n  A: b\n  C: |\n    x\n    y").replaceAll("\n", "\r\n"),
  ),
  snippet("a mark of the byte order", `\uFEFF${service("tty: true")}`),
  snippet("several documents", `${service("tty: true")}\n---\nservices: {db: {image: x}}\n`),
  snippet("a document's start and directive", `%YAML 1.1\n---\n${service("labels: {a: 010}")}\n...\n`),
  snippet(
    "anchors in x- fields",
    `x-base: &base\n  image: nginx\n  labels: {a: "1", b: "1"}\nx-env: &env {A: "1"}\nservices:\n  web:\n    <<: *base\n    labels: {b: "2"}\n    environment: *env\n  db: *base\n`,
  ),
  snippet(
    "several mappings merged",
    `x-a: &a {image: a, user: a}\nx-b: &b {image: b, hostname: b}\nservices:\n  web:\n    <<: [*a, *b]\n    user: own\n`,
  ),
  snippet(
    "a merge of a merge",
    `x-a: &a {image: a}\nx-b: &b\n  <<: *a\n  user: b\nservices:\n  web:\n    <<: *b\n`,
  ),
  snippet(
    "x- fields everywhere",
    `x-top: 1\nservices:\n  web: {image: x, x-own: {a: b}}\nnetworks: {back: {x-own: 1}}\nvolumes: {v: {x-own: 1}}\n`,
  ),
  snippet(
    "an empty top-level item",
    service("volumes: ['data:/data']\nnetworks: [back]", "volumes:\n  data:\nnetworks:\n  back:\n"),
  ),
  snippet(
    "variables",
    service(
      "labels: {a: $A, b: '${A}', c: '${B:-x}', d: '${B-x}', e: '${E:-x}', f: '${E-x}', g: '${A:?no}', h: '${A?no}', i: $$A, j: 'a$${A}b', k: '${A}${B:-}-$A'}",
    ),
    { A: "1", E: "" },
  ),
  snippet(
    "variables in lower case, and defaults with signs",
    service("labels: {a: '${a_1:-http://x:80/y?z}', b: '${_u:-a b}', c: '${N:-}'}"),
  ),
  snippet(
    "variables become numbers",
    declared(
      "healthcheck: {retries: '${N}', disable: '${F}'}\ndeploy: {replicas: '${N}', update_config: {parallelism: '${N}', max_failure_ratio: '${R}'}}\ntty: '${T}'\nports: [{target: '${P}', published: '${P}'}, '${P}1:${P}']\nulimits: {nofile: '${P}', nproc: {soft: '${N}', hard: '${P}'}}\nvolumes: [{type: volume, source: data, target: /d, read_only: '${Y}'}]\nconfigs: [{source: conf, mode: '${M}'}]",
    ),
    { N: "3", F: "off", R: "0.5", T: "yes", P: "808", Y: "Y", M: "288" },
  ),
  snippet("variables stay in keys", service("labels: {'$A': b, '${A}c': d}"), { A: "1" }),
  snippet("a variable's value is not read again", service("labels: {a: $A}"), { A: "$B ${C} : # x" }),
  snippet("an environment as a list", service("environment: ['A=1', 'B=', 'C', 'D=a=b', 'E= x ', 'F']"), {
    C: "outer",
    B: "filled",
  }),
  snippet("an environment as a mapping", service("environment: {A: 1, B: '', C: , D: 1.50, E: 'true'}"), {
    C: "outer",
    B: "filled",
  }),
  snippet("labels as a list", service("labels: ['a=1', 'b', 'c=d=e', 'd=']\ndeploy: {labels: ['x.y=z']}")),
  snippet(
    "env_file",
    {
      "stack.yml": service("env_file: [one.env, ./two.env]\nenvironment: {C: own}"),
      "one.env": "\uFEFF# note\n\nA=1\n  B = 2\n".replace("B = ", "B= "),
      "two.env": 'A="quoted"\r\nC=file\nD\nE=\nF=a b #c\nG\n',
    },
    { D: "outer", E: "filled" },
  ),
  snippet("one env_file", { "stack.yml": service("env_file: one.env"), "one.env": "A=1\nA=2" }),
  snippet(
    "commands as text",
    service('command: sh -c \'echo "a b"\' x\\ y "c \\" d" # no\nentrypoint: /entry.sh --flag="x y"'),
  ),
  snippet("commands as lists", service("command: ['a b', '$$HOME', '']\nentrypoint: [sh, -c]")),
  snippet("a command of several lines", service("command: |\n  sh -c\n  'echo hi'\n")),
  snippet(
    "ports, short",
    service(
      "ports: ['80', 8081, '8082:80', '53:53/udp', '53:53/tcp', '9000-9002:9000-9002', '9100-9102:91', '1000:1000/SCTP', '3000-3001', '0:70', ':71']",
    ),
  ),
  snippet("ports whose text sorts otherwise", service("ports: ['8-11:98-101']")),
  snippet(
    "ports with addresses",
    service(
      "ports: ['127.0.0.1:80:80', '0.0.0.0:81:81', '[::1]:82:82', '127.0.0.1::83', '127.0.0.1:84-85:84-85/udp']",
    ),
  ),
  snippet(
    "ports, long",
    service(
      "ports: [{target: 80}, {target: 81, published: 81, protocol: udp, mode: host}, {target: 82, published: 0}]",
    ),
  ),
  snippet("sexagesimal ports", service("ports:\n  - 22:22\n  - 3306:3306\n")),
  snippet(
    "mounts, short",
    declared(
      "volumes: ['/anonymous', 'data:/a', 'data:/b:ro', './x:/c', '../y:/d:ro,rslave', '/abs:/e:rw', '~/z:/f', 'data:/g:nocopy', '.:/h', 'C:\\x:/i', '/v:/j:z', 'data:/k:ro,nocopy']",
    ),
    { HOME: "/home/me" },
  ),
  snippet("short mounts that look like drives", service("volumes: ['d:/data', '/a']", "volumes: {d: {}}")),
  snippet(
    "mounts, long",
    declared(
      "volumes: [{type: bind, source: ./x, target: /a, read_only: true, bind: {propagation: rshared}}, {type: volume, source: data, target: /b, volume: {nocopy: true}}, {type: volume, target: /c}, {type: tmpfs, target: /d, tmpfs: {size: 1000}}, {type: tmpfs, target: /e}, {type: bind, source: /x, target: /f, consistency: cached}, {type: npipe, source: '\\\\.\\pipe\\x', target: '\\\\.\\pipe\\x'}]",
    ),
  ),
  snippet("networks as a list", declared("networks: [front, back]")),
  snippet(
    "networks as a mapping",
    declared("networks:\n  back: {aliases: [a, b], driver_opts: {x: 1, y: z}}\n  front:\n"),
  ),
  snippet(
    "configs and secrets",
    declared(
      "configs: [conf, {source: other, target: /etc/o, uid: '1', gid: '2', mode: 0440}]\nsecrets: [key, {source: other, mode: 0o400}, {source: key, target: second}]",
    ),
  ),
  snippet("a decimal mode", declared("configs: [{source: conf, mode: 440}]")),
  snippet(
    "health checks",
    `services:\n  a: {image: x, healthcheck: {test: curl -f http://x || exit 1, interval: 1m30s, timeout: 500ms, retries: 0, start_period: 0s}}\n  b: {image: x, healthcheck: {test: [CMD, a, b]}}\n  c: {image: x, healthcheck: {disable: true}}\n  d: {image: x, healthcheck: {test: [NONE]}}\n  e: {image: x, healthcheck: {interval: 1h}}\n  f: {image: x, healthcheck: {}}\n  g: {image: x, healthcheck: {test: []}}\n`,
  ),
  snippet(
    "deploy",
    service(
      "deploy:\n  mode: replicated\n  replicas: 0\n  endpoint_mode: VIP\n  labels: {a: 1}\n  update_config: {parallelism: 0, delay: 10s, failure_action: rollback, monitor: 1m, max_failure_ratio: 0.1, order: start-first}\n  rollback_config: {order: stop-first}\n  restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 2m}\n  resources: {limits: {cpus: '0.50', memory: 50M, pids: 100}, reservations: {cpus: '0.25', memory: 1.5gb, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}\n  placement: {constraints: ['node.role == manager', 'node.labels.x!=y'], preferences: [{spread: node.labels.zone}], max_replicas_per_node: 2}",
    ),
  ),
  snippet("an empty deploy", service("deploy:")),
  snippet(
    "modes",
    "services:\n  a: {image: x, deploy: {mode: global}}\n  b: {image: x, deploy: {mode: replicated-job, replicas: 3}}\n  c: {image: x, deploy: {mode: global-job}}\n",
  ),
  snippet(
    "an empty update_config",
    service(
      "deploy: {update_config: {}, rollback_config: {}, restart_policy: {}, resources: {limits: {}, reservations: {}}}",
    ),
  ),
  snippet(
    "restart",
    `services:\n${["always", "'no'", "on-failure:3", "on-failure", "unless-stopped"].map((restart, i) => `  s${i}: {image: x, restart: ${restart}}\n`).join("")}`,
  ),
  snippet(
    "the rest of a service",
    service(
      "hostname: h\ndomainname: d\nuser: '1000:1000'\nworking_dir: /w\ntty: true\nstdin_open: true\nread_only: true\ninit: false\nstop_signal: SIGUSR1\nstop_grace_period: 1m30s\ncap_add: [net_admin, ALL]\ncap_drop: [CAP_CHOWN, chown, mknod]\nsysctls: {net.core.somaxconn: 1024}\ndns: 8.8.8.8\ndns_search: [a.b, c.d]\nisolation: default\nlogging: {driver: json-file, options: {max-size: 10m, max-file: 3, x: }}\ntmpfs: /run\nextra_hosts: ['a:1.2.3.4', 'b=::1', 'c:[::1]', 'd:host-gateway']\nulimits: {nofile: 1024, nproc: {soft: 1, hard: -1}}\nshm_size: 64M\ncredential_spec: {file: x.json}",
    ),
  ),
  snippet(
    "other forms of the rest",
    service(
      "sysctls: ['net.core.somaxconn=1', 'a=b']\ndns: [8.8.8.8, 1.1.1.1]\ndns_search: a.b\nextra_hosts: {b: 1.2.3.4, a: '::1'}\nlogging: {options: {a: b}}\ntmpfs: [/run, /tmp]",
    ),
  ),
  snippet(
    "what Swarm has not",
    service(
      "container_name: x\nprivileged: true\ndevices: ['/dev/x:/dev/x']\nlinks: [db]\nnetwork_mode: host\npid: host\nipc: host\nsecurity_opt: ['no-new-privileges']\nuserns_mode: host\nmac_address: '02:42:ac:11:65:43'\ncgroup_parent: x\nexternal_links: [y]\nexpose: [80, '81']",
    ),
  ),
  snippet(
    "networks",
    service(
      "",
      "networks:\n  a: {driver: overlay, attachable: true, internal: true, driver_opts: {encrypted: '', mtu: 1400}, labels: [x=y], ipam: {driver: default, config: [{subnet: 10.1.0.0/24}]}}\n  b: {external: true}\n  c: {external: {name: other}}\n  d: {external: true, name: named}\n  e: {name: 'own-${N}'}\n  f: {ipam: {}}\n",
    ),
    { N: "1" },
  ),
  snippet(
    "volumes",
    service(
      "",
      "volumes:\n  a: {driver: local, driver_opts: {type: nfs, o: addr=1, n: 1}, labels: {x: }}\n  b: {external: true}\n  c: {external: {name: other}}\n  d: {name: own}\n  e: {external: false}\n",
    ),
  ),
  snippet(
    "configs and secrets at the top",
    {
      "stack.yml": service(
        "",
        "configs:\n  a: {file: ./conf, labels: {x: y}, template_driver: golang, name: own}\n  b: {external: true}\n  c: {external: {name: other}}\nsecrets:\n  a: {file: sub/../key, name: 'key-${N}'}\n  b: {external: true, name: z}\n  c: {driver: vault, driver_opts: {path: a}}\n",
      ),
      conf: "a",
      key: "b",
      "sub/x": "",
    },
    { N: "1" },
  ),
  snippet("a binary config", {
    "stack.yml": service("", "configs: {a: {file: bin}}"),
    bin: "\u0000\u0001\u00ff",
  }),
  snippet(
    "names that objects have of their own",
    "services: {__proto__: {image: x, labels: {constructor: a, __proto__: b}}, toString: {image: y}}",
  ),
  snippet("a version", `version: "3.7"\n${service("tty: true")}`),
  snippet(
    "images",
    `services:\n${["a", "a:b", "h:5000/a/b:c", "h.io/a@sha256:" + "0".repeat(64), "localhost/a_b", "a/b--c"].map((image, i) => `  s${i}: {image: '${image}'}\n`).join("")}`,
  ),
];

/** Several files. */
export const MERGES: readonly Snippet[] = [
  snippet("single values", merged("user: a\nhostname: a", "user: b\nworking_dir: /b")),
  snippet(
    "empty values do not count",
    merged(
      "tty: true\nuser: a\nstop_grace_period: 5s\ninit: true\nlabels: {a: x}\nenvironment: {A: x}",
      "tty: false\nuser: ''\nstop_grace_period: 0s\ninit: false\nlabels: {a: ''}\nenvironment: {A: ''}",
    ),
  ),
  snippet(
    "counts of zero count",
    merged(
      "deploy: {replicas: 2, update_config: {parallelism: 2, delay: 1s}, restart_policy: {max_attempts: 3}}\nhealthcheck: {test: x, retries: 3}",
      "deploy: {replicas: 0, update_config: {parallelism: 0}, restart_policy: {max_attempts: 0}}\nhealthcheck: {retries: 0}",
    ),
  ),
  snippet(
    "variables and labels by name",
    merged(
      "environment: {A: 1, B: 1}\nlabels: [a=1, b=1]\nsysctls: {a: 1}",
      "environment: [B=2, C=2]\nlabels: {b: 2, c: }\nsysctls: {a: '', b: 1}",
    ),
  ),
  snippet("a command is replaced", merged("command: [a, b]\nentrypoint: [x]", "command: c\nentrypoint: []")),
  snippet(
    "lists are joined",
    merged(
      "dns: [1.1.1.1]\ncap_add: [A]\ncap_drop: [C]\nextra_hosts: ['a:1.1.1.1']\ndeploy: {placement: {constraints: ['node.role == manager'], preferences: [{spread: node.labels.a}]}}",
      "dns: [2.2.2.2]\ncap_add: [B]\ncap_drop: [A]\nextra_hosts: ['a:2.2.2.2']\ndeploy: {placement: {constraints: ['node.labels.x == y'], preferences: [{spread: node.labels.b}]}}",
    ),
  ),
  snippet(
    "a health check's test is joined",
    merged("healthcheck: {test: [CMD, a], interval: 5s}", "healthcheck: {test: [CMD, b], timeout: 3s}"),
  ),
  snippet(
    "ports by what they publish",
    merged("ports: ['80:80', '81:81']", "ports: ['80:8080', '82:82/udp']"),
  ),
  snippet(
    "ports of one number are lost",
    merged("ports: ['53:53/tcp', '53:53/udp', '8080', '8081']", "tty: true"),
  ),
  snippet("ports of the later file alone", merged("tty: true", "ports: ['9:9', '1:1']")),
  snippet(
    "mounts by their target",
    merged("volumes: ['data:/b', './x:/a']", "volumes: [{type: tmpfs, target: /b}, 'data:/c']"),
  ),
  snippet(
    "configs and secrets by their source",
    merged(
      "configs: [other, conf]\nsecrets: [{source: key, target: one}, {source: key, target: two}]",
      "configs: [{source: conf, target: /x}]\nsecrets: [other]",
    ),
  ),
  snippet(
    "networks",
    merged(
      "networks: {back: {aliases: [a], driver_opts: {x: y}}, front: }",
      "networks: {back: {aliases: [b]}, front: {aliases: [c]}}",
    ),
  ),
  snippet(
    "networks that lose their aliases",
    merged("networks: {back: {aliases: [a]}}", "networks: {back: {}}"),
  ),
  snippet("networks named alone", merged("networks: {back: {aliases: [a]}}", "networks: [back, front]")),
  snippet(
    "logging of the same driver",
    merged("logging: {driver: json-file, options: {a: 1, b: 1}}", "logging: {options: {b: 2}}"),
  ),
  snippet(
    "logging of another driver",
    merged("logging: {driver: json-file, options: {a: 1}}", "logging: {driver: syslog}"),
  ),
  snippet(
    "limits of processes",
    merged(
      "ulimits: {nofile: 1, nproc: {soft: 1, hard: 2}}",
      "ulimits: {nofile: {soft: 3, hard: 4}, core: 5}",
    ),
  ),
  snippet(
    "resources",
    merged(
      "deploy: {resources: {limits: {cpus: '1', memory: 50M}}}",
      "deploy: {resources: {limits: {memory: 60M}, reservations: {memory: 10M}}, mode: replicated, labels: {a: b}}",
    ),
  ),
  snippet("services of either", {
    "stack.yml": "services: {a: {image: x}}",
    "b.yml": "services: {b: {image: y}}",
    "c.yml": "services: {a: {image: z}, b: {user: u}}",
  }),
  snippet("items at the top are replaced as a whole", {
    "stack.yml": service(
      "",
      "networks: {n: {driver: overlay, labels: {a: b}}}\nvolumes: {v: {driver: x, labels: {a: b}}}\nconfigs: {c: {file: conf, labels: {a: b}}}",
    ),
    "later.yml":
      "services: {web: {user: a}}\nnetworks: {n: {attachable: true}}\nvolumes: {v: }\nconfigs: {c: {external: true}}",
    conf: "x",
  }),
  snippet("an env_file of each", {
    "stack.yml": service("env_file: one.env\nenvironment: {A: own}"),
    "later.yml": "services: {web: {env_file: two.env}}",
    "one.env": "A=1\nB=1",
    "two.env": "A=2\nB=2",
  }),
  snippet("paths of files in another folder", {
    "stack.yml": service("volumes: ['./a:/a']"),
    "sub/later.yml": "services: {web: {volumes: ['./b:/b'], env_file: x.env}}",
    "x.env": "A=1",
  }),
];
