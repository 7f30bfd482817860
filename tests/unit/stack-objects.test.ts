import { differences, Kind, objectsOf } from "../support/stack-objects";

const SIDES = { left: "A", right: "B" };
const LABELS = { "com.docker.stack.namespace": "site" };

/** What an engine says of a stack of one service, in `docker inspect`'s form. `at` makes ids and what the swarm picks. */
function engineWith(at: number, hash = ""): Record<Kind, object[]> {
  const id = (kind: string): string => `${kind}${at}`;
  return {
    service: [
      {
        ID: id("service"),
        Version: { Index: at },
        CreatedAt: `${at}`,
        Spec: {
          Name: "site_web",
          Labels: LABELS,
          TaskTemplate: {
            ContainerSpec: {
              Image: "busybox:1.35@sha256:1",
              Configs: [{ ConfigID: id("config"), ConfigName: `site_conf${hash}`, File: { Name: "/conf" } }],
              Secrets: [{ SecretID: id("secret"), SecretName: `site_key${hash}`, File: { Name: "key" } }],
              Mounts: [{ Type: "volume", Source: "data" }, { Type: "volume" }],
            },
            Networks: [{ Target: id("network"), Aliases: ["web"] }],
          },
          Mode: { Replicated: { Replicas: 2 } },
        },
        Endpoint: { Spec: { Mode: "vip" }, VirtualIPs: [{ NetworkID: id("network"), Addr: `${at}` }] },
      },
      { ID: "other", Spec: { Name: "other_web", Labels: { "com.docker.stack.namespace": "other" } } },
    ],
    network: [
      {
        Id: id("network"),
        Name: "site_default",
        Labels: LABELS,
        IPAM: { Config: [{ Subnet: `198.18.${at}.0/24`, Gateway: `198.18.${at}.1` }] },
        Options: { "com.docker.network.driver.overlay.vxlanid_list": String(4096 + at) },
      },
    ],
    config: [
      {
        ID: id("config"),
        CreatedAt: `${at}`,
        Spec: { Name: `site_conf${hash}`, Labels: LABELS, Data: "YQ==" },
      },
    ],
    secret: [{ ID: id("secret"), Spec: { Name: `site_key${hash}`, Labels: LABELS } }],
    volume: [
      { Name: "data", Labels: null, Mountpoint: `/${at}/data` },
      { Name: "others", Labels: null },
    ],
  };
}

/** The differences when a second engine with the same stack has another value at a path; undefined takes it away. */
function changed(path: string, value: unknown): string[] {
  const raw = engineWith(2, "-0123456789ab-1");
  const keys = path.split("/");
  const last = keys.pop() ?? "";
  const holder = keys.reduce((inner, key) => inner[key] as typeof inner, raw as Record<string, unknown>);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return differences(objectsOf("site", engineWith(1)), objectsOf("site", raw), SIDES);
}

const CONTAINER = "service/0/Spec/TaskTemplate/ContainerSpec";
const VXLAN = "com.docker.network.driver.overlay.vxlanid_list";

test("a stack's objects are those with its label, and the volumes that its services mount", () => {
  expect(Object.keys(objectsOf("site", engineWith(1, "-0123456789ab"))).sort()).toEqual([
    "config site_conf",
    "network site_default",
    "secret site_key",
    "service site_web",
    "volume data",
  ]);
});

test("ids, times, addresses that the swarm picks and names that rotate are no difference", () => {
  expect(changed("volume/0/Mountpoint", "/elsewhere")).toEqual([]);
});

test("a volume of a service without tasks is none yet", () => {
  const [early, late] = [engineWith(1), engineWith(1)].map((raw) => {
    Object.assign((raw.service[0] as { Spec: object }).Spec, { Mode: { Replicated: { Replicas: 0 } } });
    return raw;
  });
  late?.volume.splice(0);
  expect(objectsOf("site", early!)).toEqual(objectsOf("site", late!));
});

test.each<[string, string, unknown, string[]]>([
  [
    "a value",
    "service/0/Spec/Mode/Replicated/Replicas",
    3,
    ["service site_web: Spec.Mode.Replicated.Replicas: A has 2, B has 3"],
  ],
  [
    "a field more",
    "service/0/Spec/Labels",
    { ...LABELS, ours: "" },
    ['service site_web: Spec.Labels.ours: A has nothing, B has ""'],
  ],
  [
    "a field less",
    "service/0/Spec/TaskTemplate/Networks/0/Aliases",
    undefined,
    ['service site_web: Spec.TaskTemplate.Networks[0].Aliases: A has ["web"], B has nothing'],
  ],
  [
    "another network",
    "service/0/Spec/TaskTemplate/Networks/0/Target",
    "else",
    ['service site_web: Spec.TaskTemplate.Networks[0].Target: A has "network site_default", B has "else"'],
  ],
  [
    "another config",
    `${CONTAINER}/Configs/0/ConfigName`,
    "site_other",
    [
      'service site_web: Spec.TaskTemplate.ContainerSpec.Configs[0].ConfigName: A has "site_conf", B has "site_other"',
    ],
  ],
  ["content", "config/0/Spec/Data", "Yg==", ['config site_conf: Spec.Data: A has "YQ==", B has "Yg=="']],
  [
    "a subnet that was asked for",
    "network/0/IPAM/Config/0",
    { Subnet: "172.30.0.0/24", Gateway: "172.30.0.1" },
    [
      'network site_default: IPAM.Config[0].Gateway: A has "given by the swarm", B has "172.30.0.1"',
      'network site_default: IPAM.Config[0].Subnet: A has "given by the swarm", B has "172.30.0.0/24"',
    ],
  ],
  [
    "a VXLAN id that was asked for",
    `network/0/Options/${VXLAN}`,
    "71001",
    [`network site_default: Options.${VXLAN}: A has "1 given by the swarm", B has "71001"`],
  ],
  [
    "an object more and one less",
    "secret/0/Spec/Name",
    "site_token",
    [
      "secret site_key: A makes it, B does not",
      "secret site_token: B makes it, A does not",
      'service site_web: Spec.TaskTemplate.ContainerSpec.Secrets[0].SecretID: A has "secret site_key", B has "secret site_token"',
    ],
  ],
  [
    "a volume more, with the stack's label",
    "volume/2",
    { Name: "site_unused", Labels: LABELS },
    ["volume site_unused: B makes it, A does not"],
  ],
])("%s is a difference", (_name, path, value, lines) => expect(changed(path, value)).toEqual(lines));
