import { parse } from "yaml";
import { freeSlots, PORTS, publishedPorts, stackFile } from "../../tools/ci/slots";
import { DockerAnswers, runTool, ToolRun } from "../support/fake-docker";

const POOLS = { subnets: "10.64.0.0/16", firstPort: 20_000 };
const NOTHING = { subnets: [], ports: [] };
const first = (pullRequest: number, taken: Parameters<typeof freeSlots>[2]): number | undefined =>
  freeSlots(pullRequest, POOLS, taken)[0]?.number;

describe("slots", () => {
  test("a pull request's own number comes first, and all others after it", () => {
    const slots = freeSlots(7, POOLS, NOTHING);
    expect(slots[0]).toEqual({ number: 7, firstPort: 20_070, subnet: "10.64.7.0/24", gateway: "10.64.7.1" });
    expect(slots).toHaveLength(256);
    expect(new Set(slots.map(({ subnet }) => subnet)).size).toBe(256);
    expect(first(255, NOTHING)).toBe(255);
    expect(first(256, NOTHING)).toBe(0);
  });

  test.each([
    ["the same subnet", { subnets: ["10.64.7.0/24"], ports: [] }, 8],
    ["a part of it", { subnets: ["10.64.7.128/25"], ports: [] }, 8],
    ["one that contains it", { subnets: ["10.64.4.0/22"], ports: [] }, 8],
    ["one beside it", { subnets: ["10.64.6.0/24", "10.64.8.0/24"], ports: [] }, 7],
    ["the first of its ports", { subnets: [], ports: [20_070] }, 8],
    ["the last of its ports", { subnets: [], ports: [20_079] }, 8],
    ["the next port", { subnets: [], ports: [20_080, 20_069] }, 7],
  ])("others have %s", (_what, taken, expected) => {
    expect(first(7, taken)).toBe(expected);
  });

  test("none is free, and pools that are none", () => {
    expect(first(7, { subnets: ["10.0.0.0/8"], ports: [] })).toBeUndefined();
    expect(() => freeSlots(7, { ...POOLS, subnets: "10.64.0.0/24" }, NOTHING)).toThrow(
      "EPHEMERAL_SUBNETS=10.64.0.0/24; allowed: a /16 such as 10.64.0.0/16.",
    );
    expect(() => freeSlots(7, { ...POOLS, firstPort: 64_000 }, NOTHING)).toThrow(
      "EPHEMERAL_PORTS=64000; allowed: a port from 1024 to 62975.",
    );
  });

  test("what docker ps shows of ports", () => {
    expect(publishedPorts("0.0.0.0:8080-8081->80-81/tcp, [::]:53->53/udp, 9000/tcp")).toEqual([
      8080, 8081, 53,
    ]);
    expect(publishedPorts("80/tcp")).toEqual([]);
  });
});

describe("the stack's file", () => {
  const slot = freeSlots(7, POOLS, NOTHING)[0]!;
  const written = (base: string): unknown => (parse(stackFile(base, slot)) as { config: unknown }).config;

  test("has the other stack's settings, with a place of its own, without nodes and keys", () => {
    const base = `config:
  swarm-platform:routing: host
  swarm-platform:edgePort: 8080
  swarm-platform:nodes: { n1: { host: ssh://n1 } }
  swarm-platform:autolock: true
  swarm-platform:namespace: development
encryptionsalt: v1:abc
`;
    expect(written(base)).toEqual({
      "swarm-platform:routing": "host",
      "swarm-platform:networkSubnet": "10.64.7.0/24",
      "swarm-platform:networkGateway": "10.64.7.1",
      "swarm-platform:edgePort": 20_070,
      "swarm-platform:accountPort": 20_071,
      "swarm-platform:edgeTlsPort": 20_072,
      "swarm-platform:registryPort": 20_073,
      "swarm-platform:kafkaPort": 20_074,
      "swarm-platform:keptImages": 20,
      "swarm-platform:purgeData": true,
    });
    expect(PORTS).toBeGreaterThanOrEqual(4 + 5); // five brokers
    expect(Object.keys(written("") as object)).toHaveLength(9);
  });

  test("secrets of another stack are refused by name", () => {
    expect(() =>
      written("config: { 'p:kafkaUsers': { alice: { secure: AAAB } }, 'p:edgeTlsKey': { secure: x } }"),
    ).toThrow("it has secrets (p:kafkaUsers, p:edgeTlsKey), which another stack can't read;");
  });
});

const LABEL = "swarm-platform.ephemeral";
const SWARM: DockerAnswers = {
  "info --format {{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}": "active true\n",
  "info --format {{.SystemTime}}": "2026-01-03T12:00:00.5Z\n",
};
const config = (Name: string, stack: string, CreatedAt: string, content: object = {}): object => ({
  CreatedAt,
  Spec: { Name, Labels: { [LABEL]: stack }, Data: Buffer.from(JSON.stringify(content)).toString("base64") },
});
const slot = { firstPort: 20_070, subnet: "10.64.7.0/24", gateway: "10.64.7.1", number: 7 };
const configs = (...list: object[]): DockerAnswers => ({
  ...SWARM,
  [`config ls --quiet --filter label=${LABEL}`]: list.map((_one, i) => `c${i}\n`).join(""),
  [`config inspect ${list.map((_one, i) => `c${i}`).join(" ")}`]: JSON.stringify(list),
});
const ephemeral = (args: string, answers: DockerAnswers, env: Record<string, string> = {}): ToolRun =>
  runTool("ci/ephemeral.mjs", args.split(" ").filter(Boolean), answers, { env });

describe("environments", () => {
  const claim = config("ephemeral-7", "pr-7", "2026-01-01T00:00:00Z", { pullRequest: 7, slot, ttlHours: 48 });

  test("are listed with what is left of their time", () => {
    const other = config("ephemeral-9", "pr-9", "2026-01-01T00:00:00Z", {
      pullRequest: 9,
      slot: { ...slot, firstPort: 20_090, subnet: "10.64.9.0/24" },
      ttlHours: 48,
    });
    const renewed = config("ephemeral-7-renewed", "pr-7", "2026-01-03T00:00:00.5Z");
    const { code, stdout } = ephemeral("list", configs(other, claim, renewed));
    expect([code, stdout]).toEqual([
      0,
      `STACK  LAST UP  LEFT     PORTS   SUBNET
pr-7   12.0 h   36.0 h   20070+  10.64.7.0/24
pr-9   60.0 h   is over  20090+  10.64.9.0/24
`,
    ]);
    expect(ephemeral("list", configs()).stdout).toBe("There is no ephemeral environment.\n");
  });

  test("that have time left are not swept, and what has no claim is never touched", () => {
    const young = { ...claim, CreatedAt: "2026-01-03T00:00:00Z" };
    const { code, stderr, calls } = ephemeral("sweep", configs(young));
    expect([code, stderr.split("\n").at(-2)]).toEqual([
      0,
      "ephemeral: no environment is older than its time to live.",
    ]);
    const down = ephemeral("down 8", configs(claim));
    expect([down.code, down.stderr]).toEqual([
      0,
      expect.stringContaining("there is no environment pr-8; nothing to do."),
    ]);
    expect([...calls, ...down.calls].filter((call) => !/^(info|config (ls|inspect)) /.test(call))).toEqual(
      [],
    );
  });

  test("a namespace of somebody else's is not taken", () => {
    const has = (kind: string, name = ""): DockerAnswers => ({
      [`${kind} ls --filter label=com.docker.stack.namespace=pr-8 --format {{.Name}}`]: name,
    });
    const nothing = { ...has("service"), ...has("network"), ...has("config"), ...has("secret") };
    const volumes = (names: string): DockerAnswers => ({ "volume ls --format {{.Name}}": names });
    const refused = (answers: DockerAnswers): ToolRun =>
      ephemeral("up 8", { ...configs(claim), ...nothing, ...answers });
    const data = refused(volumes("pr-80_data\npr-8_data\n"));
    expect([data.code, data.stderr]).toEqual([
      1,
      expect.stringContaining("ephemeral: volume pr-8_data is there already"),
    ]);
    const { code, stderr, calls } = refused({ ...volumes(""), ...has("service", "pr-8_web\n") });
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("service pr-8_web is there already, and no ephemeral environment's;"),
    ]);
    expect(calls.filter((call) => / (create|rm) /.test(call))).toEqual([]);
  });

  test.each(["", "up", "up 0", "up x", "up 7;id", "down 7 8", "sweep 7", "remove 7"])(
    "%j is answered with what is allowed",
    (args) => {
      const { code, stderr, calls } = ephemeral(args, SWARM);
      expect([code, calls]).toEqual([1, []]);
      expect(stderr).toMatch(/usage: ephemeral\.sh|allowed: 1 to 9999999/);
    },
  );

  test("need a swarm that is there", () => {
    const { code, stderr } = ephemeral("up 7", {
      "info --format {{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}": "inactive false\n",
    });
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("manages no swarm (inactive); these environments share one"),
    ]);
  });
});
