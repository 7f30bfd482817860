import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { CONFIG_KEYS, loadConfig, parseConfig, PlatformConfig } from "../../config";
import { selfSigned } from "../support/certificates";
import { renderConfigTable, tableIn } from "../support/config-table";
import { declaredConfig, PROJECT_DIR, stackConfig } from "../support/project";

const parse = (
  settings: Record<string, string> = {},
  stack = "dev",
  dockerHost: string | undefined = undefined,
): PlatformConfig => parseConfig({ ...stackConfig(), ...settings }, stack, dockerHost);

/** Message of what a function throws. */
function faultOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(pulumi.RunError.isInstance(error)).toBe(true);
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

const one = (line: string): string =>
  `The configuration of stack dev has 1 fault; nothing was changed.\n  - ${line}`;
const PORT = "a whole number from 1 to 65535";
const REPLICAS = "a whole number from 0 to 100, or unmanaged";
const NODES =
  "by host name: host (unix://, tcp:// or ssh://), role (manager or worker), advertiseAddress, labels, availability (active, " +
  'pause or drain), such as {"node1":{"host":"ssh://root@10.0.0.11","role":"manager","labels":{"disk":"ssd"}}}';
const OCCASION = "at most 64 letters, digits and signs, such as a date, or empty";
const MEMORY = "a whole number from 6 to 1048576";
const IMAGE = "an image with a tag other than latest, such as nginx:1.26.3";
const SUBNET = "an IPv4 subnet of at least 8 addresses, such as 10.0.9.0/24";

/** Key, value, what is allowed. */
const KAFKA_BROKERS =
  "1, 3 or 5: controllers vote, and an even number tolerates no more losses than the odd one below it";
const KAFKA_NODES =
  'a list of machines by host name, with the address that clients outside use, such as [{"node":"node1","address":"10.0.0.11"}]';
const KAFKA_TOPICS =
  'a list of topics, such as [{"name":"orders","partitions":6,"config":{"retention.ms":"86400000"}}]';
const KAFKA_SETTINGS = 'broker properties and their values, such as {"log.retention.hours":"24"}';
const REGISTRY =
  "host[:port][/path] in lower case, without a scheme, such as registry.example.com/team; or address (host[:port]), " +
  "namespace (path), auth (username and password) and insecure (true or false); or builtin; or empty";
const BAD: [string, string, string][] = [
  ["host", "10.0.0.1:2375", "unix:///path, tcp://host:port or ssh://user@host, or empty"],
  ["host", "tcp://10.0.0.1", "unix:///path, tcp://host:port or ssh://user@host, or empty"],
  ["namespace", "Dev", "1 to 28 characters of a-z, 0-9 and -, starting with a letter, or empty"],
  ["namespace", "a".repeat(29), "1 to 28 characters of a-z, 0-9 and -, starting with a letter, or empty"],
  ["networkName", "a b", "1 to 60 characters of A-Z, a-z, 0-9, _, . and -, or empty"],
  ["networkSubnet", "10.0.9.1/24", SUBNET],
  ["networkSubnet", "10.0.9.0/30", SUBNET],
  ["networkSubnet", "10.0.9.0/33", SUBNET],
  ["networkSubnet", "10.0.256.0/24", SUBNET],
  ["networkSubnet", "", SUBNET],
  ["networkGateway", "10.0.9", "an IPv4 address, such as 10.0.9.1"],
  ["networkGateway", "10.0.8.1", "an address inside networkSubnet 10.0.9.0/24, not its first or last"],
  ["networkGateway", "10.0.9.0", "an address inside networkSubnet 10.0.9.0/24, not its first or last"],
  ["networkGateway", "10.0.9.255", "an address inside networkSubnet 10.0.9.0/24, not its first or last"],
  ["networkEncrypted", "yes", "true or false"],
  ["networkAttachable", "1", "true or false"],
  ["networkCheck", "warn", "true or false"],
  ["routing", "bridge", "mesh or host"],
  ["advertiseAddress", "10.0.0.300", "an IPv4 address, or the name of a network interface, or empty"],
  ["advertiseAddress", "a name", "an IPv4 address, or the name of a network interface, or empty"],
  ["swarmAddressPool", "10.20.0.1/16", "an IPv4 subnet, such as 10.20.0.0/16, or empty"],
  ["externalAddress", "http://edge", "a host name or an IPv4 address, without a port, or empty"],
  ["externalAddress", "edge.example.com:80", "a host name or an IPv4 address, without a port, or empty"],
  ["timezone", "Mars/Olympus", "an IANA time zone, such as Asia/Shanghai or UTC"],
  ["timezone", "+08:00", "an IANA time zone, such as Asia/Shanghai or UTC"],
  ["registry", "https://registry.example.com", REGISTRY],
  ["registryImage", "registry", IMAGE],
  ["registryPort", "0", PORT],
  ["registryNode", "a node", "the host name of a node (docker node ls), or empty"],
  ["goImage", "golang", IMAGE],
  ["nginxImage", "nginx:latest", IMAGE],
  ["kafkaImage", `apache/kafka:latest@sha256:${"0".repeat(64)}`, IMAGE],
  ["keptImages", "0", "a whole number from 1 to 20"],
  ["keptImages", "21", "a whole number from 1 to 20"],
  ["edgePort", "0", PORT],
  ["edgePort", "65536", PORT],
  ["accountPort", "http", PORT],
  ["accountPort", "8080", "a port that edgePort does not use"],
  ["kafkaPort", "6767", "a port that accountPort does not use"],
  ["edgeTls", "on", "off or generated or provided"],
  ["edgeTlsPort", "0", PORT],
  ["edgeHstsSeconds", "a year", "a whole number from 0 to 100000000, or empty"],
  ["nginxReplicas", "-1", "a whole number from 0 to 100, global or unmanaged"],
  ["accountserviceReplicas", "101", REPLICAS],
  ["quotesserviceReplicas", "1.5", REPLICAS],
  ["nginxMemoryMiB", "5", MEMORY],
  ["accountserviceMemoryMiB", "64MiB", MEMORY],
  ["quotesserviceMemoryMiB", "", MEMORY],
  ["kafkaPort", "8080", "a port that edgePort does not use"],
  ["kafkaBrokers", "2", KAFKA_BROKERS],
  ["kafkaNodes", '["node1"]', KAFKA_NODES],
  ["kafkaNodes", '[{"node":"node1","adress":"10.0.0.1"}]', KAFKA_NODES],
  ["kafkaTopics", '{"name":"orders"}', KAFKA_TOPICS],
  ["kafkaSettings", '["log.retention.hours"]', KAFKA_SETTINGS],
  ["kafkaMemoryMiB", "383", "a whole number from 384 to 1048576"],
  ["rolloutTimeoutSeconds", "9", "a whole number from 10 to 3600"],
  ["rolloutTimeoutSeconds", "3601", "a whole number from 10 to 3600"],
  ["nodes", "node1", NODES],
  ["nodes", '{"node1":{"label":{"disk":"ssd"}}}', NODES],
  ["nodes", '{"node1":{"availability":"off"}}', NODES],
  ["nodes", '{"node1":{"labels":{"a b":"c"}}}', NODES],
  ["nodes", '{"no de":{}}', NODES],
  ["nodes", '{"node1":{"host":"10.0.0.11"}}', NODES],
  ["nodes", '{"node1":{"role":"leader"}}', NODES],
  ["nodes", '{"node1":{"advertiseAddress":"10.0.0"}}', NODES],
  ["platform", "no", "true or false"],
  ["rotateJoinTokens", "a\nb", OCCASION],
  ["rotateRootCa", "a".repeat(65), OCCASION],
  ["autolock", "on", "true or false"],
  ["allowReplace", "kafka; nginx", "names of services, separated by commas, or empty"],
  ["purgeData", "True", "true or false"],
];

test.each([
  '{"address":"https://r","auth":{"username":"me","password":"hunter2"}}',
  '{"address":"r","user":"me","password":"hunter2"}',
  '{"address":"r","password":"hunter2"',
])("a registry's login is not shown: %s", (registry) => {
  expect(faultOf(() => parse({ registry }))).toBe(
    "The configuration of stack dev has 1 fault; nothing was changed.\n" +
      `  - registry = "[secret]"; allowed: ${REGISTRY}; do: pulumi config set registry <value>`,
  );
});

test("a bad value of a secret is not shown", () => {
  expect(faultOf(() => parse({ kafkaUsers: '{"alice":"short"}' }))).toBe(
    one(
      'kafkaUsers = "[secret]"; allowed: names with passwords of at least 8 characters, as secrets;' +
        " do: pulumi config set kafkaUsers <value>",
    ),
  );
});

test.each([
  '{"name":"site"}',
  '[{"name":"site"}]',
  '[{"name":"site","files":[]}]',
  '[{"name":"my site","files":["a.yml"]}]',
  '[{"name":"site","files":["a.yml"],"enviroment":{}}]',
  '[{"name":"site","files":["a.yml"]},{"name":"site","files":["b.yml"]}]',
])("a bad list of stacks, which may hold secrets, is not shown: %s", (stacks) => {
  expect(faultOf(() => parse({ stacks }))).toMatch(
    /1 fault; nothing was changed\.\n {2}- stacks = "\[secret\]"; allowed: a list of stacks, each with a name of its own/,
  );
});

test("stacks have defaults, and know which of their variables must not be seen", () => {
  const stacks = '[{"name":"site","files":["a.yml"],"env":{"TAG":1.2,"PASSWORD":"hunter2"}}]';
  expect(parseConfig({ ...stackConfig(), stacks }, "dev", undefined, () => ["PASSWORD"]).stacks).toEqual([
    {
      name: "site",
      files: ["a.yml"],
      env: { TAG: "1.2", PASSWORD: "hunter2" },
      envFiles: [],
      profiles: [],
      resolveImages: "",
      secretValues: ["hunter2"],
      purgeData: false,
    },
  ]);
});

test("the builtin registry needs the platform's network", () => {
  expect(faultOf(() => parse({ platform: "false", registry: "builtin" }))).toBe(
    one(
      'registry = "builtin"; allowed: a registry elsewhere, or empty, where platform is false;' +
        " do: pulumi config set registry <value>",
    ),
  );
});

test("brokers on one machine have a port each, which nobody else has", () => {
  expect(faultOf(() => parse({ kafkaBrokers: "3", kafkaPort: "8079" }))).toBe(
    one(
      'kafkaPort = "8079"; allowed: the first of 3 ports that edgePort is not among;' +
        " do: pulumi config set kafkaPort <value>",
    ),
  );
  const nodes = JSON.stringify(["a", "b", "c"].map((node) => ({ node })));
  expect(parse({ kafkaBrokers: "3", kafkaPort: "8079", kafkaNodes: nodes }).kafka.externalPort).toBe(8079);
});

test.each(BAD)('%s = "%s" names key, value, what is allowed and what to do', (key, value, allowed) => {
  const shown = value === "" ? "not set" : `= "${value}"`;
  expect(faultOf(() => parse({ [key]: value }))).toBe(
    one(`${key} ${shown}; allowed: ${allowed}; do: pulumi config set ${key} <value>`),
  );
});

test("each key has at least one bad value above", () => {
  const below = ["kafkaUsers", "stacks", "edgeTlsCertificate", "edgeTlsKey"];
  const keys = new Set([...BAD.map(([key]) => key), ...below]);
  expect(CONFIG_KEYS.filter((key) => !keys.has(key))).toEqual([]);
});

describe("https at the edge", () => {
  const provided = { edgeTls: "provided", edgePort: "80", edgeTlsPort: "443" };

  test("a certificate and its key that are missing are both named, with what to do", () => {
    const fault = faultOf(() => parse(provided));
    expect(fault.split("\n").slice(1)).toEqual([
      "  - edgeTlsCertificate is not set; allowed with edgeTls provided: the server's certificate in PEM, followed by" +
        " those that signed it; do: pulumi config set edgeTlsCertificate < chain.pem",
      "  - edgeTlsKey is not set; allowed with edgeTls provided: the certificate's private key in PEM, unencrypted;" +
        " do: pulumi config set --secret edgeTlsKey < key.pem",
    ]);
  });

  test("a key of another certificate is a fault that does not show it", async () => {
    const [one, other] = [await selfSigned(), await selfSigned()];
    const fault = faultOf(() =>
      parse({ ...provided, edgeTlsCertificate: one.certificate, edgeTlsKey: other.key }),
    );
    expect(fault).toContain("  - edgeTlsKey does not belong to the certificate of CN=test;");
    expect(fault).not.toContain(other.key.split("\n")[1]);
  });

  test("its port is nobody else's", () => {
    expect(faultOf(() => parse({ edgeTls: "generated", edgeTlsPort: "8080" }))).toBe(
      one(
        'edgeTlsPort = "8080"; allowed: a port that edgePort does not use; do: pulumi config set edgeTlsPort <value>',
      ),
    );
    expect(parse({ edgeTlsPort: "8080" }).nginx.tls).toBeUndefined();
  });

  test("browsers are bound to https for a year where all of it is usual, else not unless told", async () => {
    const { certificate, key } = await selfSigned();
    const pair = { edgeTlsCertificate: certificate, edgeTlsKey: key };
    const seconds = (settings: Record<string, string>): number | undefined =>
      parse(settings).nginx.tls?.hstsSeconds;
    expect(seconds({ ...provided, ...pair })).toBe(31_536_000);
    expect(seconds({ ...provided, ...pair, edgeHstsSeconds: "0" })).toBe(0);
    expect(seconds({ ...provided, ...pair, edgePort: "8080" })).toBe(0);
    expect(seconds({ ...provided, ...pair, edgeTlsPort: "8443" })).toBe(0);
    expect(seconds({ ...provided, edgeTls: "generated" })).toBe(0);
    expect(seconds({ edgeTls: "generated", edgeHstsSeconds: "60" })).toBe(60);
  });
});

test("the edge may have one task on each node", () => {
  expect(parse({ nginxReplicas: "global" }).nginx.replicas).toBe("global");
});

test("an unknown key is named with the one that was probably meant", () => {
  expect(faultOf(() => parse({ edgeport: "80" }))).toBe(
    one(
      'edgeport = "80": not a key of this project; allowed: the keys in Pulumi.yaml, perhaps edgePort;' +
        " do: pulumi config rm edgeport",
    ),
  );
});

test("an unknown key that resembles none is named alone", () => {
  expect(faultOf(() => parse({ colour: "red" }))).toBe(
    one(
      'colour = "red": not a key of this project; allowed: the keys in Pulumi.yaml; do: pulumi config rm colour',
    ),
  );
});

test("a key that every object has is unknown too", () => {
  expect(faultOf(() => parse({ toString: "1" }))).toContain('toString = "1": not a key of this project');
});

test("a stack whose name can't be a prefix asks for one", () => {
  expect(faultOf(() => parse({}, "Team_1"))).toBe(
    "The configuration of stack Team_1 has 1 fault; nothing was changed.\n" +
      "  - namespace: the stack's name \"Team_1\" can't be a prefix of service names;" +
      " allowed: 1 to 28 characters of a-z, 0-9 and -, starting with a letter, or empty;" +
      " do: pulumi config set namespace <prefix>",
  );
  expect(parse({ namespace: "team" }, "Team_1").namespace).toBe("team");
});

test.each([
  [undefined, "unix:///var/run/docker.sock"],
  ["unix:///run/other.sock", "unix:///run/other.sock"],
])("a host that the image builder does not follow is a fault, with DOCKER_HOST %s", (dockerHost, builder) => {
  const host = "ssh://admin@manager.example.com";
  expect(faultOf(() => parse({ host }, "dev", dockerHost))).toBe(
    one(
      `host = "${host}": images would be built on ${builder}, the engine of DOCKER_HOST;` +
        ` allowed: the same engine for both; do: export DOCKER_HOST=${host}`,
    ),
  );
  expect(parse({ host }, "dev", host).host).toBe(host);
});

test("all faults are reported together, those between keys too", () => {
  const message = faultOf(() =>
    parse({ routing: "bridge", edgeport: "1", kafkaPort: "8080", networkGateway: "10.1.0.1", timezone: "" }),
  );
  expect(message.split("\n").map((line) => /^ {2}- (\w+)/.exec(line)?.[1] ?? line)).toEqual([
    "The configuration of stack dev has 5 faults; nothing was changed.",
    "edgeport",
    "routing",
    "timezone",
    "networkGateway",
    "kafkaPort",
  ]);
});

test("a faulty key takes no part in faults between keys", () => {
  expect(faultOf(() => parse({ networkSubnet: "10.0.9.1/24" }))).toContain("has 1 fault;");
  expect(faultOf(() => parse({ edgePort: "0", accountPort: "0" }))).toContain("has 2 faults;");
});

describe("what is left empty is derived", () => {
  test("everything from the stack's name", () => {
    expect(parse({}, "prod")).toMatchObject({
      stack: "prod",
      namespace: "prod",
      network: { networkName: "prod_network" },
      host: "unix:///var/run/docker.sock",
      externalAddress: "127.0.0.1",
      advertiseAddress: undefined,
      addressPool: undefined,
      registry: undefined,
      kafka: { externalHost: "127.0.0.1", externalPort: 9094 },
    });
  });

  test.each([
    ["registry.example.com", { address: "registry.example.com", insecure: false }],
    ["localhost:5000/team/a", { address: "localhost:5000", namespace: "team/a", insecure: false }],
    ['{"address":"r:5000","insecure":true}', { address: "r:5000", insecure: true }],
    [
      '{"address":"r","namespace":"team","auth":{"username":"me","password":12345678}}',
      { address: "r", namespace: "team", auth: { username: "me", password: "12345678" }, insecure: false },
    ],
  ])("a registry, short or long: %s", (registry, expected) => {
    expect(parse({ registry })).toMatchObject({ registry: expected, builtinRegistry: undefined });
  });

  test("a registry of its own, which every engine reaches at its own loopback", () => {
    expect(parse({ registry: "builtin" })).toMatchObject({
      registry: { address: "127.0.0.1:5443", insecure: false },
      builtinRegistry: { image: "registry:2.8.3", port: 5443, node: undefined },
    });
    expect(parse({ registry: "builtin", registryPort: "5000", registryNode: "node2" })).toMatchObject({
      registry: { address: "127.0.0.1:5000" },
      builtinRegistry: { port: 5000, node: "node2" },
    });
  });

  test("its port is one of the node's only when there is such a registry", () => {
    expect(parse({ registryPort: "8080" }).builtinRegistry).toBeUndefined();
    expect(faultOf(() => parse({ registry: "builtin", registryPort: "8080" }))).toContain(
      "a port that edgePort does not use",
    );
  });

  test("the network's name from the namespace", () => {
    expect(parse({ namespace: "team" }).network.networkName).toBe("team_network");
    expect(parse({ namespace: "team", networkName: "shared" }).network.networkName).toBe("shared");
  });

  test("the external address from an advertised address, not from an interface", () => {
    expect(parse({ advertiseAddress: "10.1.2.3" }).externalAddress).toBe("10.1.2.3");
    expect(parse({ advertiseAddress: "eth0" }).externalAddress).toBe("127.0.0.1");
    const given = parse({ advertiseAddress: "10.1.2.3", externalAddress: "edge.example.com" });
    expect(given.externalAddress).toBe("edge.example.com");
    expect(given.kafka.externalHost).toBe("edge.example.com");
  });

  test("the host from DOCKER_HOST", () => {
    expect(parse({}, "dev", "tcp://10.0.0.9:2376").host).toBe("tcp://10.0.0.9:2376");
  });
});

test("numbers and truth values come out as such", () => {
  expect(
    parse({ networkEncrypted: "false", purgeData: "true", nginxReplicas: "0", edgePort: "80" }),
  ).toMatchObject({
    network: { encrypted: false, attachable: false },
    kafka: { purgeData: true },
    nginx: { replicas: 0, edgePort: 80, memoryMiB: 64 },
  });
});

test("an autoscaler may own a number of tasks", () => {
  expect(parse({ quotesserviceReplicas: "unmanaged" }).quotesservice.replicas).toBe("unmanaged");
});

test("nodes come out with all that they may have, and what looks like a number as text", () => {
  expect(parse({ nodes: '{"node1":{"labels":{"rack":3}},"node2":{"availability":"drain"}}' }).nodes).toEqual({
    node1: { labels: { rack: "3" }, availability: "active" },
    node2: { labels: {}, availability: "drain" },
  });
});

test("a machine that is made to join is a worker unless it is said to be a manager", () => {
  const nodes = { a: { host: "ssh://a", role: "manager" }, b: { host: "ssh://b" }, c: {} };
  const parsed = parse({ nodes: JSON.stringify(nodes) }).nodes;
  expect(Object.values(parsed).map(({ role }) => role)).toEqual(["manager", "worker", undefined]);
});

test("consent to replacements is a list", () => {
  expect(parse().allowReplace).toEqual([]);
  expect(parse({ allowReplace: "kafka,database" }).allowReplace).toEqual(["kafka", "database"]);
});

const typeOf = (value: unknown): string => {
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
};

describe("Pulumi.yaml", () => {
  test("declares exactly the keys that are checked", () => {
    expect(Object.keys(declaredConfig())).toEqual(CONFIG_KEYS);
  });

  test("gives each key a type, a default of that type and a description", () => {
    for (const [key, declared] of Object.entries(declaredConfig())) {
      // Without a type it may be a text or an object.
      const type = key === "registry" ? [] : ["type"];
      const items = declared.type === "array" ? ["items"] : [];
      expect([key, Object.keys(declared)]).toEqual([key, [...type, ...items, "default", "description"]]);
      if (type.length > 0) expect([key, declared.type]).toEqual([key, typeOf(declared.default)]);
      expect(declared.description).toMatch(/^[A-Za-z].+\.$/);
    }
  });

  test("has defaults without a fault", () => {
    expect(parse().routing).toBe("mesh");
  });
});

test("Pulumi.prod.yaml parses: several machines, a registry, https, mesh routing and an encrypted overlay", () => {
  const prod = parseConfig(stackConfig("prod"), "prod", "ssh://root@10.0.0.11");
  expect(Object.values(prod.nodes).map(({ role }) => role)).toEqual([
    ...["manager", "manager", "manager"],
    ...["worker", "worker"],
  ]);
  expect(prod).toMatchObject({
    host: "ssh://root@10.0.0.11",
    routing: "mesh",
    network: { encrypted: true },
    registry: { address: "127.0.0.1:5443" },
    kafka: { brokers: 3 },
  });
  expect(Object.keys(prod.nodes)).toEqual(expect.arrayContaining(prod.kafka.nodes.map(({ node }) => node)));
});

test("the README shows Pulumi.prod.yaml as it is", () => {
  const [readme, file] = ["README.md", "Pulumi.prod.yaml"].map((name) =>
    fs.readFileSync(path.join(PROJECT_DIR, name), "utf8"),
  );
  expect(readme).toContain(`\`\`\`yaml\n${file}\`\`\`\n`);
});

test("Pulumi.dev.yaml parses: one machine, its own swarm", () => {
  expect(parseConfig(stackConfig("dev"), "dev", undefined)).toMatchObject({
    routing: "host",
    network: { encrypted: false },
    advertiseAddress: "127.0.0.1",
    externalAddress: "127.0.0.1",
  });
});

test("the README's table of keys says what Pulumi.yaml says", () => {
  const wanted = renderConfigTable(declaredConfig());
  expect(tableIn(path.join(PROJECT_DIR, "README.md"), "config", wanted)).toBe(wanted);
});

describe("loadConfig", () => {
  const saved = { ...process.env };
  afterEach(() => {
    process.env = { ...saved };
  });

  const configure = async (extra: Record<string, string>): Promise<void> => {
    const unused = { call: () => ({}), newResource: () => ({ id: undefined, state: {} }) };
    await pulumi.runtime.setMocks(unused, "swarm-platform", "dev");
    const own = Object.entries(stackConfig("dev")).map(([key, value]) => [`swarm-platform:${key}`, value]);
    pulumi.runtime.setAllConfig({ ...(Object.fromEntries(own) as Record<string, string>), ...extra });
  };

  test("reads the stack's own keys and leaves those of providers alone", async () => {
    await configure({ "docker:host": "unix:///elsewhere" });
    delete process.env.DOCKER_HOST;
    expect(loadConfig()).toEqual(parseConfig(stackConfig("dev"), "dev", undefined));
  });

  test("takes DOCKER_HOST as set only when it says something", async () => {
    await configure({});
    process.env.DOCKER_HOST = "";
    expect(loadConfig().host).toBe("unix:///var/run/docker.sock");
    process.env.DOCKER_HOST = "unix:///run/other.sock";
    expect(loadConfig().host).toBe("unix:///run/other.sock");
  });

  test.each([
    ["/etc/docker", "/etc/docker/config.json"],
    ["", path.join(os.homedir(), ".docker/config.json")],
  ])("finds the docker CLI's file where the CLI does, with DOCKER_CONFIG %j", async (folder, file) => {
    await configure({});
    process.env.DOCKER_CONFIG = folder;
    expect(loadConfig().dockerConfigFile).toBe(file);
  });
});
