import * as fs from "node:fs";
import * as path from "node:path";
import { parseConfig } from "../../config";
import { scaffold, Scaffold, Wish } from "../../tools/stack-scaffold";
import { asRaw, declaredKeys, effective, settingsIn } from "../../tools/stack-file";
import { PROJECT_DIR } from "../support/project";

const read = (file: string): string => fs.readFileSync(path.join(PROJECT_DIR, file), "utf8");
const DECLARED = declaredKeys(read("Pulumi.yaml"));
const STACKS = { dev: settingsIn(read("Pulumi.dev.yaml")), prod: settingsIn(read("Pulumi.prod.yaml")) };
const NODES = "q1=ssh://root@10.1.0.1,q2=ssh://root@10.1.0.2,q3=ssh://root@10.1.0.3,q4=ssh://root@q4";
const SECURE = { secure: "v1:bm9uY2U=:aGVsbG8=" };

const make = (wish: Partial<Wish> = {}, more: Record<string, Record<string, unknown>> = {}): Scaffold =>
  scaffold({ name: "staging", from: "dev", given: {}, ...wish }, { ...STACKS, ...more }, DECLARED);
const settings = (made: Scaffold): Record<string, unknown> => ({ ...settingsIn(made.text) });

test("the file of another environment passes the program's checks, whatever it begins with", () => {
  const wishes: readonly Partial<Wish>[] = [
    {},
    { from: "prod", given: { nodes: NODES } },
    { from: "prod", given: { host: "ssh://root@q" } },
  ];
  for (const wish of wishes) {
    const raw = asRaw(effective(DECLARED, settingsIn(make(wish).text)));
    expect(() => parseConfig(raw, "staging", raw.host || undefined)).not.toThrow();
  }
});

test("on the same engine it has what the engine needs, and a subnet and ports of its own", () => {
  expect(settings(make())).toEqual({
    ...STACKS.dev,
    ...{ networkSubnet: "10.0.10.0/24", networkGateway: "10.0.10.1" },
    ...{ edgePort: 8180, accountPort: 6867, edgeTlsPort: 8543, kafkaPort: 9194, registryPort: 5543 },
  });
});

test("ports and subnet clash with nobody's, the next brokers' ports included", () => {
  const made = settings(
    make(
      {},
      {
        a: { networkSubnet: "10.0.8.0/21", edgePort: 8180 },
        b: { networkSubnet: "10.0.16.0/24", kafkaPort: 9292, kafkaBrokers: 3 },
      },
    ),
  );
  expect(made).toMatchObject({ networkSubnet: "10.0.17.0/24", edgePort: 8380, kafkaPort: 9394 });
});

test("what is given stays, and the rest makes room", () => {
  expect(
    settings(make({ given: { edgePort: "80", networkSubnet: "10.9.0.0/24", routing: "mesh" } })),
  ).toMatchObject({
    ...{
      edgePort: 80,
      accountPort: 6867,
      networkSubnet: "10.9.0.0/24",
      networkGateway: "10.9.0.1",
      routing: "mesh",
    },
  });
});

test("several machines get roles, brokers and a registry", () => {
  const { text, notes } = make({ from: "dev", given: { nodes: NODES, kafkaBrokers: "3" } });
  expect(settingsIn(text)).toMatchObject({
    nodes: {
      q1: { host: "ssh://root@10.1.0.1", role: "manager", advertiseAddress: "10.1.0.1" },
      q3: { role: "manager" },
      q4: { host: "ssh://root@q4", role: "worker" },
    },
    externalAddress: "10.1.0.1",
    registry: "builtin",
    kafkaNodes: [
      { node: "q1", address: "10.1.0.1" },
      { node: "q2", address: "10.1.0.2" },
      { node: "q3", address: "10.1.0.3" },
    ],
  });
  expect(settingsIn(text)).not.toHaveProperty("advertiseAddress");
  expect(notes).toEqual(["registry is builtin: every node must get the built images from one"]);
});

test("machines of the other environment are not taken over", () => {
  const text = make({ from: "prod", given: { host: "ssh://root@10.1.0.1" } }).text;
  expect(text).not.toMatch(/10\.0\.0\.1\d|node1/);
  expect(settingsIn(text)).not.toHaveProperty("kafkaBrokers");
});

test("secrets are not taken over, encrypted or in clear, and the command for each is told", () => {
  const { text, notes } = make(
    { from: "it" },
    {
      it: {
        kafkaUsers: { alice: SECURE, bob: "hunter22" },
        registry: { address: "r:5000", auth: { username: "u", password: SECURE } },
        edgeTls: "provided",
        edgeTlsCertificate: "PEM",
        edgeTlsKey: SECURE,
      },
    },
  );
  expect(text).not.toMatch(/secure|v1:|hunter|PEM|alice/);
  expect(settingsIn(text)).toMatchObject({ registry: { address: "r:5000" }, edgeTls: "generated" });
  expect(notes).toEqual([
    "The registry's login was not copied: pulumi config set --path registry.auth.username u --stack staging",
    "edgeTls is generated: the certificate of it is for it",
    "A secret was not copied: pulumi config set --secret --path 'kafkaUsers.alice' --stack staging",
    "A secret was not copied: pulumi config set --secret --path 'kafkaUsers.bob' --stack staging",
    "A secret was not copied: pulumi config set --secret --path 'registry.auth.password' --stack staging",
  ]);
});

test.each<[string, Partial<Wish>, RegExp]>([
  [
    "a name that can't be a prefix",
    { name: "My_Stack" },
    /^NAME = "My_Stack"; allowed: 1 to 28 characters of a-z, 0-9 and -, starting with a letter: it is the prefix/,
  ],
  ["no name", { name: "" }, /^NAME = ""; allowed/],
  ["a path", { name: "../dev" }, /^NAME = "..\/dev"; allowed/],
  [
    "one that is there",
    { name: "prod" },
    /^NAME = "prod": Pulumi.prod.yaml is there already, and stays as it is$/,
  ],
  ["an unknown origin", { from: "test" }, /^FROM = "test": no such stack; allowed: dev, prod$/],
  [
    "a typo",
    { given: { rooting: "host" } },
    /^rooting = "host": not a key of the configuration, perhaps routing;/,
  ],
  [
    "no word where it runs",
    { from: "prod" },
    /^nothing says where staging is to run, and prod has machines of its own;.*host=ssh:\/\/root@10\.0\.0\.11$/,
  ],
  [
    "nodes that are none",
    { given: { nodes: "q1" } },
    /^nodes = "q1"; allowed: host names with their engines/,
  ],
  ["half of an object", { given: { nodes: "{q1" } }, /^nodes = "{q1": begins as JSON and is none$/],
  ["another's namespace", { given: { namespace: "dev" } }, /^namespace = "dev": stack dev has it;/],
  [
    "what the program refuses",
    { given: { routing: "bridge" } },
    /routing = "bridge"; allowed: mesh or host;/,
  ],
  ["ports that clash with each other", { given: { edgePort: "80", accountPort: "80" } }, /clash/],
])("refuses %s", (_what, wish, message) => {
  expect(() => make(wish)).toThrow(message);
});
