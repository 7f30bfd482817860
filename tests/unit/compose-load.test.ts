import type { Service, StackFile } from "../../components/compose/stack-file/model";
import { load, type Files } from "../support/stack-file";

const service = (lines: string) =>
  `services:\n  web:\n    image: nginx\n${lines.replace(/^(?=.)/gm, "    ")}\n`;

function web(stack: StackFile): Service {
  const found = stack.services.get("web");
  if (found === undefined) throw new Error("no service web");
  return found;
}

describe("what docker stack deploy does not take, and the Compose Specification does", () => {
  test.each<[string, string, Partial<Service>]>([
    [
      "booleans in an environment",
      "environment: {A: true, B: FALSE}",
      { environment: { A: "true", B: "false" } },
    ],
    [
      "a quoted number of replicas",
      "deploy: {replicas: '3'}",
      { deploy: expect.objectContaining({ replicas: 3 }) as Service["deploy"] },
    ],
    ["words for booleans", "tty: yes\nread_only: 'on'", { tty: true, readOnly: true }],
    ["groups", "group_add: [1000, video]", { groups: ["1000", "video"] }],
    ["options of name resolution", "dns_opt: [ndots:1]", { dnsOptions: ["ndots:1"] }],
    [
      "several addresses of a host",
      "extra_hosts: {a: [1.1.1.1, '::1']}",
      {
        extraHosts: [
          { host: "a", address: "1.1.1.1" },
          { host: "a", address: "::1" },
        ],
      },
    ],
    [
      "a published port as text",
      "ports: [{target: '80', published: '8080'}]",
      { ports: [expect.objectContaining({ target: 80, published: 8080 }) as Service["ports"][0]] },
    ],
    [
      "permissions as text",
      "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 64m, mode: '01777'}}]",
      {
        mounts: [
          expect.objectContaining({ tmpfs: { size: 67_108_864, mode: 0o1777 } }) as Service["mounts"][0],
        ],
      },
    ],
    [
      "a bind without what is mounted below it",
      "volumes: [{type: bind, source: /a, target: /b, bind: {recursive: disabled}}]",
      { mounts: [expect.objectContaining({ bind: { nonRecursive: true } }) as Service["mounts"][0]] },
    ],
    [
      "an image as a mount",
      "volumes: [{type: image, source: 'data:1', target: /b, image: {subpath: a}}]",
      {
        mounts: [
          expect.objectContaining({
            type: "image",
            source: "data:1",
            image: { subpath: "a" },
          }) as Service["mounts"][0],
        ],
      },
    ],
    [
      "dependencies with conditions",
      "depends_on: {web2: {condition: service_healthy}}",
      { dependsOn: [expect.objectContaining({ service: "web2" }) as Service["dependsOn"][0]] },
    ],
    ["an empty command", "command:", {}],
    ["scale", "scale: 4", { deploy: expect.objectContaining({ replicas: 4 }) as Service["deploy"] }],
    [
      "limits beside deploy",
      "cpus: 0.5\nmem_limit: 64m\npids_limit: 10\nmem_reservation: 32m",
      {
        deploy: expect.objectContaining({
          limits: { nanoCpus: 5e8, memory: 67_108_864, pids: 10 },
          reservations: { memory: 33_554_432, genericResources: [] },
        }) as Service["deploy"],
      },
    ],
    [
      "CPUs as a number",
      "deploy: {resources: {limits: {cpus: 1.5}}}",
      { deploy: expect.objectContaining({ limits: { nanoCpus: 15e8 } }) as Service["deploy"] },
    ],
  ])("%s", (_, lines, expected) => {
    expect(web(load(`${service(lines)}  web2: {image: x}\n`).stack)).toMatchObject(expected);
  });

  test("contents of configs and secrets", () => {
    const { stack, folder } = load(
      {
        "stack.yml": `${service("")}configs: {a: {content: "x \${A}"}, b: {environment: A}, c: {file: ./f}}\nsecrets: {s: {environment: A}}`,
        f: "file",
      },
      { A: "value" },
    );
    const text = (data: Uint8Array | undefined) => Buffer.from(data ?? []).toString();
    expect([...stack.configs.values()].map(({ data, from }) => [text(data), from])).toEqual([
      ["x value", { kind: "content" }],
      ["value", { kind: "environment", variable: "A" }],
      ["file", { kind: "file", path: `${folder}/f` }],
    ]);
    expect(text(stack.secrets.get("s")?.data)).toBe("value");
  });

  test("env_files that need not be there, and files of labels", () => {
    const { stack } = load({
      "stack.yml": service(
        "env_file: [{path: no.env, required: false}, {path: a.env}]\nlabel_file: l\nlabels: {b: own}",
      ),
      "a.env": "A=1",
      l: "a=file\nb=file",
    });
    expect(web(stack)).toMatchObject({ environment: { A: "1" }, labels: { a: "file", b: "own" } });
  });

  test("networks", () => {
    const { stack } = load(
      `${service("")}networks: {n: {enable_ipv6: true, ipam: {options: {a: b}, config: [{subnet: 10.0.0.0/24, gateway: 10.0.0.1, ip_range: 10.0.0.0/25, aux_addresses: {h: 10.0.0.5}}]}}}`,
    );
    expect(stack.networks.get("n")).toMatchObject({
      enableIpv6: true,
      ipam: {
        options: { a: "b" },
        config: [
          {
            subnet: "10.0.0.0/24",
            gateway: "10.0.0.1",
            ipRange: "10.0.0.0/25",
            auxAddresses: { h: "10.0.0.5" },
          },
        ],
      },
    });
  });

  test("a build", () => {
    const { stack, folder } = load(
      "services: {web: {build: {context: ./web, dockerfile: D, args: [A=1, B], target: t}}, other: {build: .}}",
    );
    expect(web(stack).build).toMatchObject({
      context: `${folder}/web`,
      dockerfile: "D",
      args: { A: "1", B: null },
      target: "t",
    });
    expect(stack.services.get("other")?.build?.context).toBe(folder);
  });

  test("nested variables, and other words where one is set", () => {
    const labels =
      "labels: {a: '${A:-${B:-c}}', b: '${A:-x${C}y}', c: '${C:+is set}', d: '${A:+no}', e: '${E+empty}', f: '${E:+no}', g: '$C-suffix', h: '${C:?not-set}'}";
    const { stack } = load(service(labels), { A: "", C: "1", E: "" });
    expect(web(stack).labels).toEqual({
      a: "c",
      b: "x1y",
      c: "is set",
      d: "",
      e: "empty",
      f: "",
      g: "1-suffix",
      h: "1",
    });
  });
});

test("what the files do not give is not there", () => {
  const { place, places, ...fields } = web(load(service("")).stack);
  expect([...places.keys()]).toEqual(["image"]);
  expect(fields).toEqual({
    key: "web",
    image: "nginx",
    deploy: { mode: "replicated", labels: {}, constraints: [], preferences: [] },
    networks: [{ network: "default", place, aliases: [] }],
    environment: {},
    labels: {},
    capAdd: [],
    capDrop: [],
    sysctls: {},
    ulimits: [],
    extraHosts: [],
    ports: [],
    mounts: [],
    configs: [],
    secrets: [],
    dependsOn: [],
  });
});

test("everything has its place", () => {
  const { stack } = load({
    "stack.yml":
      "services:\n  web:\n    image: x\n    deploy:\n      replicas: 2\n    ports:\n      - '80:80'\nnetworks:\n  n: {}\n",
    "later.yml": "services:\n  web:\n    ports:\n      - '81:81'\n    user: a\n",
  });
  const { place, places, ports } = web(stack);
  expect(place).toEqual({ file: "later.yml", line: 2, column: 3 });
  expect(places.get("deploy.replicas")).toEqual({ file: "stack.yml", line: 5, column: 7 });
  expect(places.get("user")).toEqual({ file: "later.yml", line: 5, column: 5 });
  expect(ports.map((port) => port.place)).toEqual([
    { file: "stack.yml", line: 7, column: 9 },
    { file: "later.yml", line: 4, column: 9 },
  ]);
  expect(stack.networks.get("n")?.place).toEqual({ file: "stack.yml", line: 9, column: 3 });
});

describe("what happens otherwise than the file says", () => {
  test.each<[string, Files, string]>([
    [
      "a key that Swarm has not",
      service("privileged: true"),
      "4 services.web.privileged: Swarm has no privileged, it is left out: the containers are not privileged; cap_add: gives single capabilities",
    ],
    [
      "a container's name",
      service("container_name: x"),
      "4 services.web.container_name: Swarm has no container_name",
    ],
    ["tmpfs", service("tmpfs: /run"), "docker stack deploy leaves it out too"],
    [
      "restart: always",
      service("restart: always"),
      "4 services.web.restart: restart: always is taken as deploy.restart_policy.condition: any, as docker stack deploy does",
    ],
    [
      "restart: no",
      service('restart: "no"'),
      'restart: "no" does not keep Swarm from restarting the service',
    ],
    [
      "restart: on-failure",
      service("restart: on-failure:3"),
      "is taken as deploy.restart_policy: {condition: on-failure, max_attempts: 3}",
    ],
    [
      "a condition",
      `${service("depends_on: {db: {condition: service_healthy}}")}  db: {image: x}\n`,
      "4 services.web.depends_on.db.condition: Swarm knows no conditions",
    ],
    [
      "an address of a port",
      service("ports: ['127.0.0.1:80:80']"),
      "4 services.web.ports.0: Swarm publishes a port on all addresses of a node",
    ],
    [
      "an address on a network",
      `${service("networks: {n: {ipv4_address: 10.0.0.5}}")}networks: {n: {}}`,
      "services.web.networks.n.ipv4_address: ipv4_address is left out: the swarm chooses the address",
    ],
    [
      "a volume of one letter",
      service("volumes: ['v:/v']"),
      "services.web.volumes.0: v: is read as a drive of Windows",
    ],
    ["an option of a mount", service("volumes: ['/a:/a:z']"), "services.web.volumes.0: option z is left out"],
    [
      "a decimal mode",
      { "stack.yml": `${service("configs: [{source: c, mode: 440}]")}configs: {c: {file: c}}`, c: "x" },
      "440 is read as a decimal number, which are the permissions 0670, also with docker stack deploy; write 0440",
    ],
    [
      "an empty entrypoint",
      service("entrypoint: []"),
      "services.web.entrypoint: an empty one does not clear that of the image",
    ],
    [
      "a date",
      service("labels: {a: 2024-05-01}"),
      '2024-05-01 without quotes is read as a point in time, "2024-05-01 00:00:00 +0000 UTC"',
    ],
    [
      "several documents",
      `${service("")}---\nservices: {}\n`,
      "the file has 2 documents, and the first alone is read",
    ],
    ["a stack's name", `name: x\n${service("")}`, "1 name: the stack's name is given where it is declared"],
    [
      "limits beside deploy",
      service("mem_limit: 64m"),
      "mem_limit is taken as deploy.resources.limits.memory; docker stack deploy refuses it",
    ],
    [
      "a default that docker reads otherwise",
      service("labels: {a: '${A:-${B:-c}}'}"),
      "docker stack deploy reads in another way the variables of ${A:-${B:-c}}",
    ],
    [
      "a variable that docker refuses",
      service("labels: {a: '${A:+c}'}"),
      "docker stack deploy refuses the variables of ${A:+c}",
    ],
    [
      "an option of a build",
      "services: {web: {build: {context: ., no_cache: true}}}",
      "services.web.build.no_cache: no_cache of a build is left out",
    ],
    [
      "files of two versions",
      { "a.yml": `version: "3.7"\n${service("")}`, "b.yml": "services: {web: {user: a}}" },
      "docker stack deploy refuses them together",
    ],
    [
      "a false that does not count",
      { "a.yml": service("tty: true"), "b.yml": "services: {web: {tty: false}}" },
      "1 services.web.tty: = false does not replace what the file before has",
    ],
    [
      "a test that is appended",
      {
        "a.yml": service("healthcheck: {test: [CMD, a]}"),
        "b.yml": "services: {web: {healthcheck: {test: [CMD, b]}}}",
      },
      "services.web.healthcheck.test: is appended to that of the file before",
    ],
    [
      "a port that is lost",
      { "a.yml": service("ports: ['53:53/tcp', '53:53/udp']"), "b.yml": "services: {web: {tty: true}}" },
      "4 services.web.ports: this item replaces that of a.yml:4:13",
    ],
    [
      "a profile",
      `${service("")}  debug: {image: x, profiles: [debug]}\n`,
      "services.debug.profiles: the service is left out: it is of profile debug alone",
    ],
  ])("%s", (_, files, expected) => {
    expect(load(files).notices).toEqual([expect.stringContaining(expected)]);
  });

  test("nothing is said of what happens as the file says", () => {
    expect(
      load(`version: "3.8"\nx-a: 2024-05-01\n${service("ports: ['80:80']\nlabels: {a: b}\nx-own: 1")}`)
        .notices,
    ).toEqual([]);
  });
});

describe("!override and !reset", () => {
  const base = service(
    "ports: ['80:80', '81:81']\nlabels: {a: x, b: y}\nhealthcheck: {test: [CMD, a]}\ntty: true",
  );
  const later = (lines: string) => ({
    "a.yml": base,
    "b.yml": `services:\n  web:\n${lines.replace(/^(?=.)/gm, "    ")}\n`,
  });

  test("a list in the place of that of the files before", () => {
    const { stack } = load(later("ports: !override ['90:90']\nhealthcheck: {test: !override [CMD, b]}"));
    expect(web(stack).ports.map(({ published }) => published)).toEqual([90]);
    expect(web(stack).healthcheck).toEqual({ test: ["CMD", "b"] });
  });

  test("nothing in the place of it", () => {
    const { stack } = load(later("ports: !reset []\nlabels: {a: !reset null}\ntty: !reset false"));
    expect(web(stack)).toMatchObject({ ports: [], labels: { b: "y" } });
    expect(web(stack)).not.toHaveProperty("tty");
  });
});

test("a profile is deployed when it is asked for", () => {
  const files = `${service("")}  debug: {image: x, profiles: [debug, other]}\n`;
  expect([...load(files, {}, { profiles: ["debug"] }).stack.services.keys()]).toEqual(["debug", "web"]);
  expect([...load(files).stack.services.keys()]).toEqual(["web"]);
});

test("files of variables, of which the later and what the caller gives win", () => {
  const files = {
    "stack.yml": service("labels: {a: $A, b: $B, c: $C}"),
    ".env": 'A="one"\nB=one # note\nC=one',
    "prod.env": "export B='two'\nC=two",
  };
  expect(web(load(files, { C: "own" }, { envFiles: [".env", "prod.env"] }).stack).labels).toEqual({
    a: "one",
    b: "two",
    c: "own",
  });
});

test("variables come from the caller alone", () => {
  expect(process.env.PATH).toBeDefined();
  expect(() => load(service("user: $PATH"))).toThrow("variable PATH is not set");
});
