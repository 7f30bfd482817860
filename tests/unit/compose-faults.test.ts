import { faultsOf, load, type Files } from "../support/stack-file";

const service = (lines: string) =>
  `services:\n  web:\n    image: nginx\n${lines.replace(/^(?=.)/gm, "    ")}\n`;

describe("one fault, with its place and what to do", () => {
  test.each<[string, Files, string]>([
    // YAML
    [
      "a tab",
      "services:\n\tweb: {image: x}\n",
      "stack.yml:2:1: a tab indents this line; do: indent with spaces",
    ],
    [
      "a tab further down",
      "services:\n  web:\n    image: x\n\tuser: y\n",
      "stack.yml:4:1: a tab indents this line",
    ],
    [
      "a quote that is not closed",
      'services:\n  web: {image: "x}\n',
      "stack.yml:2:16: not YAML: Missing closing",
    ],
    [
      "wrong indentation",
      "services:\n  web:\n    image: x\n   user: y\n",
      "stack.yml:4:1: not YAML: All mapping items must start at the same column; do: give what belongs together the same number of spaces",
    ],
    [
      "a key below a value",
      "services:\n  web: x\n    image: y\n",
      "not YAML: Nested mappings are not allowed",
    ],
    [
      "a key twice",
      service("user: a\nuser: b"),
      "stack.yml:5:5: services.web.user is given twice, first on line 4; do: keep one of them",
    ],
    [
      "a service twice",
      "services:\n  a: {image: x}\n  a: {image: y}\n",
      "stack.yml:3:3: services.a is given twice, first on line 2",
    ],
    [
      "no such anchor",
      "services: {web: *base}",
      'stack.yml:1:17: services.web = "*base" there is no such anchor',
    ],
    [
      "an anchor in itself",
      "services: {web: &a {image: x, labels: *a}}",
      "services.web.labels the anchor contains an alias to itself",
    ],
    [
      "a merge of a text",
      service("<<: x"),
      "stack.yml:4:5: services.web.<< merges something else than mappings",
    ],
    [
      "a number as a key",
      service("labels: {1: x}"),
      'services.web.labels = "1" as a key is no text; do: quote it: "1":',
    ],
    ["an empty file", "# nothing\n", "stack.yml: the file is empty"],
    ["a list at the top", "- a\n", "stack.yml:1:1: the top of the file is a list"],
    [
      "many aliases",
      `x-0: &a0 {a: b}\n${Array.from({ length: 20 }, (_, i) => `x-${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]\n`).join("")}services: {}`,
      "aliases make more than 500000 values",
    ],
    // keys
    [
      "a typo",
      service("enviroment: {A: b}"),
      "stack.yml:4:5: services.web.enviroment is not known here; allowed: the Compose Specification's 95 keys, and x-...; do: did you mean environment?",
    ],
    [
      "a typo in deploy",
      service("deploy: {replica: 2}"),
      "stack.yml:4:14: services.web.deploy.replica is not known here; allowed: endpoint_mode, labels, mode, placement, replicas, resources, restart_policy, rollback_config, update_config; do: did you mean replicas?",
    ],
    ["a key of deploy", service("replicas: 2"), "do: replicas belongs under services.web.deploy"],
    [
      "a key of placement",
      service("deploy: {constraints: [a]}"),
      "do: constraints belongs under services.web.deploy.placement",
    ],
    [
      "a key of limits",
      service("deploy: {resources: {memory: 5M}}"),
      "do: memory belongs under services.web.deploy.resources.limits",
    ],
    [
      "a key of restart_policy",
      service("deploy: {restart_policy: {}, max_attempts: 3}"),
      "do: max_attempts belongs under services.web.deploy.restart_policy",
    ],
    [
      "a service's key at the top",
      "services: {web: {image: x}}\nhealthcheck: {}\n",
      "stack.yml:2:1: healthcheck is not known here; allowed: configs, include, jobs, models, name, networks, secrets, services, version, volumes; do: healthcheck belongs under services.<service>",
    ],
    ["a section inside a service", service("services: {}"), "services.web.services is not known here"],
    [
      "a name with a space",
      "services: {my web: {image: x}}",
      "services.my web is not known here; allowed: names of letters, digits, and the signs . _ -",
    ],
    [
      "a key of a port",
      service("ports: [{target: 80, publish: 80}]"),
      "services.web.ports.0.publish is not known here; allowed: app_protocol, host_ip, mode, name, protocol, published, target; do: did you mean published?",
    ],
    // types
    [
      "a number for a version",
      `version: 3.8\n${service("")}`,
      'stack.yml:1:1: version = "3.8" is a number; allowed: text; do: quote it: "3.8"',
    ],
    ["a text for a service", "services: {web: nginx}", 'services.web = "nginx" is text; allowed: a mapping'],
    [
      "an empty service",
      "services:\n  web:\n",
      "stack.yml:2:3: services.web is empty; allowed: a mapping; do: give it a value, or delete the key",
    ],
    ["an empty section", "services:\n", "stack.yml:1:1: services is empty; allowed: a mapping"],
    [
      "an empty environment",
      service("environment:"),
      "stack.yml:4:5: services.web.environment is empty; allowed: a mapping or a list",
    ],
    [
      "a mapping for a command",
      service("command: {a: b}"),
      "services.web.command is a mapping; allowed: text or a list",
    ],
    [
      "a number for an image",
      "services: {web: {image: 5}}",
      'services.web.image = "5" is a number; allowed: text; do: quote it: "5"',
    ],
    [
      "a number in a command",
      service("command: [sleep, 5]"),
      'services.web.command.1 = "5" is a number; allowed: text; do: quote it: "5"',
    ],
    ["a text for a boolean", service("tty: maybe"), 'services.web.tty = "maybe"; allowed: true or false'],
    [
      "a list in an environment",
      service("environment: {A: [b]}"),
      "services.web.environment.A is a list; allowed:",
    ],
    [
      "words for replicas",
      service("deploy: {replicas: two}"),
      'services.web.deploy.replicas = "two"; allowed: a whole number, 0 or more',
    ],
    [
      "a variable for replicas",
      service("deploy: {replicas: '${A:-two}'}"),
      'services.web.deploy.replicas = "${A:-two}" is "two"; allowed: a whole number, 0 or more',
    ],
    // values
    [
      "a duration without a unit",
      service("stop_grace_period: '10'"),
      'services.web.stop_grace_period = "10"; allowed: a duration with units h, m, s, ms, us or ns, such as 1m30s; do: add the unit: 10s',
    ],
    ["days", service("stop_grace_period: 1d"), 'services.web.stop_grace_period = "1d"; allowed: a duration'],
    [
      "a negative duration",
      service("deploy: {update_config: {delay: -5s}}"),
      'services.web.deploy.update_config.delay = "-5s"; allowed: a duration',
    ],
    [
      "a short interval",
      service("healthcheck: {interval: 1us}"),
      'services.web.healthcheck.interval = "1us"; allowed: 0, or at least 1ms',
    ],
    [
      "a size",
      service("deploy: {resources: {limits: {memory: 5X}}}"),
      'services.web.deploy.resources.limits.memory = "5X"; allowed: bytes with a unit of b, k, m, g or t, such as 512M, at least 4M',
    ],
    ["too little memory", service("deploy: {resources: {limits: {memory: 1M}}}"), "at least 4M"],
    [
      "CPUs",
      service("deploy: {resources: {limits: {cpus: '0.0001'}}}"),
      'cpus = "0.0001"; allowed: CPUs, at least 0.001, such as 0.5',
    ],
    [
      "a port out of range",
      service("ports: ['70000:80']"),
      'stack.yml:4:13: services.web.ports.0 = "70000:80"; allowed: [address:][published:]target',
    ],
    ["port ranges of two lengths", service("ports: ['1-3:1-2']"), "do: give both ranges the same length"],
    ["a protocol", service("ports: ['80:80/icmp']"), 'services.web.ports.0 = "80:80/icmp"; allowed'],
    ["a name for an address", service("ports: ['localhost:80:80']"), "do: write an IP address, or none"],
    [
      "a long port without target",
      service("ports: [{published: 80}]"),
      "services.web.ports.0 has no target; do: add target:",
    ],
    [
      "a range as published",
      service("ports: [{target: 80, published: 8080-8090}]"),
      'services.web.ports.0.published = "8080-8090"; allowed: one port',
    ],
    [
      "a mode of a port",
      service("ports: [{target: 80, mode: hsot}]"),
      'services.web.ports.0.mode = "hsot"; allowed: ingress, host',
    ],
    [
      "a mode of deploy",
      service("deploy: {mode: globl}"),
      'services.web.deploy.mode = "globl"; allowed: replicated, global, replicated-job, global-job',
    ],
    [
      "an endpoint mode",
      service("deploy: {endpoint_mode: vipp}"),
      'services.web.deploy.endpoint_mode = "vipp"; allowed: vip, dnsrr',
    ],
    [
      "a failure action",
      service("deploy: {update_config: {failure_action: stop}}"),
      'failure_action = "stop"; allowed: pause, continue, rollback',
    ],
    [
      "an order",
      service("deploy: {update_config: {order: first}}"),
      'order = "first"; allowed: start-first, stop-first',
    ],
    [
      "a condition",
      service("deploy: {restart_policy: {condition: always}}"),
      'condition = "always"; allowed: none, on-failure, any',
    ],
    [
      "a ratio",
      service("deploy: {update_config: {max_failure_ratio: 2}}"),
      'max_failure_ratio = "2"; allowed: a number from 0 to 1',
    ],
    [
      "a constraint",
      service("deploy: {placement: {constraints: [node.role=manager]}}"),
      'services.web.deploy.placement.constraints.0 = "node.role=manager"; allowed: a comparison with == or !=',
    ],
    [
      "a restart",
      service("restart: sometimes"),
      'stack.yml:4:5: services.web.restart = "sometimes"; allowed: always, unless-stopped, on-failure[:number] or no',
    ],
    [
      "an image",
      "services: {web: {image: 'Nginx:1'}}",
      'services.web.image = "Nginx:1"; allowed: [registry/]repository[:tag][@digest], the repository in lower case',
    ],
    [
      "a health check",
      service("healthcheck: {test: [curl, x]}"),
      'services.web.healthcheck.test starts with "curl"; allowed: a list that starts with CMD, CMD-SHELL or NONE, or a text that a shell runs; do: write ["CMD", "curl", "x"]',
    ],
    [
      "a health check that is disabled",
      service("healthcheck: {test: [CMD, x], disable: true}"),
      "services.web.healthcheck.disable is true, and there is a test",
    ],
    [
      "a quote in a command",
      service("command: echo 'x"),
      'services.web.command = "echo \'x"; allowed: a command whose quotes are closed',
    ],
    [
      "a mount",
      service("volumes: ['/a::/b']"),
      'services.web.volumes.0 = "/a::/b"; allowed: [source:]target[:options]',
    ],
    [
      "a bind without source",
      service("volumes: [{type: bind, target: /x}]"),
      "services.web.volumes.0 is of type bind and has no source",
    ],
    [
      "a tmpfs with source",
      service("volumes: [{type: tmpfs, source: a, target: /x}]"),
      "services.web.volumes.0.source is given for a tmpfs",
    ],
    [
      "options of another type",
      service("volumes: [{type: bind, source: /a, target: /x, volume: {nocopy: true}}]"),
      "services.web.volumes.0.volume has options of volume, and the type is bind",
    ],
    [
      "a ulimit",
      service("ulimits: {nofile: {soft: 5, hard: 2}}"),
      "services.web.ulimits.nofile has a soft limit of 5 above the hard one of 2",
    ],
    [
      "a host",
      service("extra_hosts: [db]"),
      'services.web.extra_hosts.0 = "db"; allowed: name=address or name:address',
    ],
    [
      "two credential specs",
      service("credential_spec: {file: a, registry: b}"),
      "services.web.credential_spec has file and registry",
    ],
    [
      "a mode of a config",
      { "stack.yml": `${service("configs: [{source: c, mode: '999'}]")}configs: {c: {file: c}}`, c: "x" },
      'services.web.configs.0.mode = "999"; allowed: permissions in octal',
    ],
    [
      "replicas of a global service",
      service("deploy: {mode: global, replicas: 2}"),
      "stack.yml:4:28: services.web.deploy.replicas is given, and the mode is global",
    ],
    [
      "an update of a job",
      service("deploy: {mode: replicated-job, update_config: {}}"),
      "services.web.deploy.update_config is given for a job",
    ],
    [
      "no image",
      "services: {web: {user: a}}",
      "stack.yml:1:12: services.web has no image; do: add image:, or build:",
    ],
    [
      "a Dockerfile inside",
      "services: {web: {build: {dockerfile_inline: FROM a}}}",
      "services.web.build.dockerfile_inline is not possible here; do: write it into a file",
    ],
    [
      "sources elsewhere",
      "services: {web: {build: 'https://example.org/a.git'}}",
      'services.web.build = "https://example.org/a.git"; allowed: a folder; do: clone that repository',
    ],
    ["no service", "networks: {a: {}}", "stack.yml: services there are none"],
    // variables
    [
      "a variable that is not set",
      "services: {web: {image: 'nginx:${TAG}'}}",
      "stack.yml:1:25: services.web.image variable TAG is not set; do: set TAG in env, or write ${TAG:-default} for a default (${TAG-} for an empty text)",
    ],
    [
      "a required variable",
      service("user: ${WHO:?who runs it}"),
      "stack.yml:4:11: services.web.user variable WHO is not set: who runs it",
    ],
    [
      "a variable that the .env beside has",
      { "stack.yml": service("user: $WHO"), ".env": "WHO=me" },
      "it has WHO and is not read by itself, as with docker stack deploy",
    ],
    ["no variable", service("user: a$1"), "services.web.user $1 is no variable; do: write ${NAME}"],
    ["a brace that is not closed", service("user: '${A'"), "services.web.user ${A is no variable"],
    // files
    [
      "an env_file that is missing",
      service("env_file: [x.env]"),
      'stack.yml:4:16: services.web.env_file.0 = "x.env" can\'t be read: there is no such file',
    ],
    [
      "an env_file with a space in a name",
      { "stack.yml": service("env_file: x.env"), "x.env": "A=1\nB C=2" },
      "x.env:2:1: services.web.env_file line 2 of x.env has a space in the variable's name",
    ],
    [
      "a config's file that is missing",
      `${service("")}configs: {c: {file: ./no.conf}}`,
      'configs.c.file = "./no.conf" can\'t be read: there is no such file',
    ],
    [
      "a secret's file that is a folder",
      `${service("")}secrets: {c: {file: .}}`,
      'secrets.c.file = "." can\'t be read: it is a folder',
    ],
    [
      "an empty secret",
      { "stack.yml": `${service("")}secrets: {c: {file: c}}`, c: "" },
      "secrets.c is empty; allowed: from 1 to 511999 bytes",
    ],
    [
      "a big config",
      { "stack.yml": `${service("")}configs: {c: {file: c}}`, c: "x".repeat(1_024_000) },
      "configs.c has 1024000 bytes; allowed: from 1 to 1023999 bytes",
    ],
    [
      "a secret of nothing",
      `${service("")}secrets: {c: {}}`,
      "secrets.c says nowhere what its content is; allowed: one of file, environment, driver, external: true",
    ],
    [
      "a config of two things",
      `${service("")}configs: {c: {file: a, content: b}}`,
      "configs.c has file and content",
    ],
    [
      "a secret of a variable",
      `${service("")}secrets: {c: {environment: TOKEN}}`,
      'secrets.c.environment = "TOKEN": the variable is not set; do: set TOKEN in env',
    ],
    [
      "an external volume with a driver",
      `${service("")}volumes: {v: {external: true, driver: x}}`,
      "volumes.v.driver is given for an external volume",
    ],
    [
      "two names",
      `${service("")}networks: {n: {external: {name: a}, name: b}}`,
      "networks.n.external has a name, and so has the item itself",
    ],
    // between the parts
    [
      "a network",
      `${service("networks: [bakc]")}networks: {back: {}}`,
      'stack.yml:4:16: services.web.networks = "bakc" is no network of the files; allowed: back; do: did you mean back?',
    ],
    [
      "a volume",
      service("volumes: ['data:/x']"),
      'services.web.volumes = "data" is no volume of the files; allowed: none, there are no volumes; do: add data: to the top-level volumes section',
    ],
    ["a config", service("configs: [c]"), 'services.web.configs = "c" is no config of the files'],
    ["a secret", service("secrets: [{source: c}]"), 'services.web.secrets = "c" is no secret of the files'],
    [
      "a config of a credential spec",
      service("credential_spec: {config: c}"),
      'stack.yml:4:23: services.web.credential_spec.config = "c" is no config',
    ],
    [
      "a dependency",
      service("depends_on: [db]"),
      'stack.yml:4:18: services.web.depends_on = "db" is no service of the files; allowed: web',
    ],
    [
      "a service that depends on itself",
      service("depends_on: [web]"),
      'services.web.depends_on = "web" closes a circle: web -> web',
    ],
    [
      "a circle",
      "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: {c: {condition: service_started}}}, c: {image: x, depends_on: [a]}}",
      'services.c.depends_on = "a" closes a circle: a -> b -> c -> a',
    ],
    [
      "a port twice in a service",
      service("ports: ['80:80', '80:81']"),
      'services.web.ports = "80/tcp" is published by this service itself, too, on stack.yml:4:13',
    ],
    [
      "a port of two services",
      "services:\n  a: {image: x, ports: ['80:80']}\n  b: {image: x, ports: ['80:81']}\n",
      'stack.yml:3:25: services.b.ports = "80/tcp" is published by service a, too, on stack.yml:2:25; do: publish one of them on another port',
    ],
    [
      "a port of the swarm and of a node",
      "services: {a: {image: x, ports: ['80:80']}, b: {image: x, ports: [{target: 80, published: 80, mode: host}]}}",
      "in mode ingress, and a port of mode ingress is taken on every node",
    ],
    [
      "an ingress port without virtual addresses",
      service("deploy: {endpoint_mode: dnsrr}\nports: ['80:80']"),
      'stack.yml:4:14: services.web.deploy.endpoint_mode = "dnsrr" has no ingress ports, and port 80 on stack.yml:5:13 is one',
    ],
    [
      "a target of two configs",
      {
        "stack.yml": `${service("configs: [{source: c, target: /x}, {source: d, target: /x}]")}configs: {c: {file: c}, d: {file: c}}`,
        c: "x",
      },
      'services.web.configs = "/x" is the target of a config on stack.yml:4:15, too',
    ],
    [
      "a target of two mounts",
      service("volumes: ['/a:/x', '/b:/x']"),
      'services.web.volumes = "/x" is the target of a mount on stack.yml:4:15, too',
    ],
    // what can't be
    [
      "extends",
      service("extends: {service: x}"),
      "services.web.extends is not possible on a swarm, docker stack deploy refuses it; do: put what is common under x-common",
    ],
    ["volumes_from", service("volumes_from: [x]"), "services.web.volumes_from is not possible on a swarm"],
    [
      "include",
      `${service("")}include: [x.yml]`,
      "include is not possible here, docker stack deploy refuses it; do: name each file in files:",
    ],
    [
      "version 2",
      `version: "2.4"\n${service("")}`,
      'stack.yml:1:1: version = "2.4" is a format for one machine, which docker stack deploy does not take; allowed: 3 to 3.13',
    ],
    [
      "a version that there is not",
      `version: "3.x"\n${service("")}`,
      'stack.yml:1:1: version = "3.x"; allowed: 3 to 3.13',
    ],
  ])("%s", (_, files, expected) => {
    const faults = faultsOf(files);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(expected);
  });
});

test("a file that is missing does not hide the faults of the others", () => {
  const folder = load("services: {web: {image: x}}").folder;
  expect(folder).not.toBe("");
  const faults = faultsOf({
    "a.yml": "services: {web: {image: x, usr: a}}",
    "b.yml": "services: {web: {image: X}}",
  });
  expect(faults).toEqual([
    expect.stringMatching(/^a.yml:1:28: services.web.usr is not known here/),
    expect.stringMatching(/^b.yml:1:25: services.web.image = "X"; allowed/),
  ]);
});

test("a version 1 file is told as what it is today", () => {
  const [fault, ...others] = faultsOf(
    "web:\n  build: .\n  dockerfile: Web.Dockerfile\n  links:\n    - db\n    - db:store\n  ports: ['80:80']\n  environment:\n    A: ${B}\n" +
      "db:\n  image: postgres\n  mem_limit: 512m\n  log_driver: syslog\n  volumes: ['data:/var/lib']\n",
  );
  expect(others).toEqual([]);
  expect(fault).toMatchInlineSnapshot(`
   "stack.yml:1:1: the file is of version 1, with services at its top, which docker stack deploy does not take; do: write it as

         services:
           web:
             build:
               context: .
               dockerfile: Web.Dockerfile
             ports:
               - 80:80
             environment:
               A: \${B}
           db:
             image: postgres
             volumes:
               - data:/var/lib
             logging:
               driver: syslog
             networks:
               default:
                 aliases:
                   - store
             deploy:
               resources:
                 limits:
                   memory: 512m
         volumes:
           data: {}
   "
  `);
});

test("two services can have one port of their nodes, and one number of two protocols", () => {
  const host = "[{target: 80, published: 80, mode: host}]";
  const { stack } = load(
    `services: {a: {image: x, ports: ${host}}, b: {image: x, ports: ${host}}, c: {image: x, ports: ['53:53', '53:53/udp']}}`,
  );
  expect(stack.services.size).toBe(3);
});

test("a value that is a secret's is not told", () => {
  const faults = faultsOf({
    "stack.yml": "services: {web: {image: x}}\nsecrets: {s: {file: f}}",
    f: "hunter2".repeat(80_000),
  });
  expect(faults.join()).not.toContain("hunter2");
});

test("200 services are read within a moment", () => {
  const services = Array.from(
    { length: 200 },
    (_, i) =>
      `  s${i}:\n    <<: *base\n    environment: {N: "${i}", TAG: "\${TAG}"}\n    ports: ["${10_000 + i}:80"]\n    depends_on: [${i > 0 ? `s${i - 1}` : ""}]\n` +
      `    deploy: {replicas: ${i % 5}, labels: {a: b}, resources: {limits: {memory: 64M}}}\n    healthcheck: {test: [CMD, x], interval: 5s}\n`,
  );
  const files = `x-base: &base\n  image: nginx:\${TAG}\n  labels: {a: b}\n  volumes: ["/a:/a"]\nservices:\n${services.join("")}`;
  load("services: {web: {image: x}}");
  const start = performance.now();
  const { stack } = load(files, { TAG: "1" });
  expect(stack.services.get("s199")?.image).toBe("nginx:1");
  expect(performance.now() - start).toBeLessThan(5000);
});
