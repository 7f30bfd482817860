import * as fs from "node:fs";
import * as path from "node:path";
import { DockerAnswers, runTool, ToolRun } from "../support/fake-docker";
import { tempFolder } from "../support/temp";

/** The parts of a resource in a state that matter here. */
interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly parent?: string;
  readonly provider?: string;
  readonly dependencies?: readonly string[];
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly delete?: boolean;
  readonly pendingReplacement?: boolean;
  readonly retainOnDelete?: boolean;
}

interface Deployment {
  readonly resources: readonly Resource[];
  readonly pending_operations?: readonly { readonly type: string; readonly resource: Resource }[];
}

const urn = (type: string, name: string): string => `urn:pulumi:dev::swarm-platform::${type}::${name}`;
const SERVICE = "docker:index/service:Service";
const NETWORK = "docker:index/network:Network";
const CONFIG = "docker:index/serviceConfig:ServiceConfig";
const SECRET = "docker:index/secret:Secret";
const OURS = { "com.docker.stack.namespace": "dev" };

const resource = (type: string, name: string, more: Partial<Resource> = {}): Resource => ({
  urn: urn(type, name),
  type,
  parent: STACK.urn,
  ...more,
});
const STACK: Resource = { urn: urn("pulumi:pulumi:Stack", "dev"), type: "pulumi:pulumi:Stack" };
const ENGINE = resource("pulumi:providers:docker", "engine", { id: "provider-id" });
/** A resource of the docker provider; without an id it is one that is being made. */
const object = (type: string, name: string, more: Partial<Resource> = {}): Resource =>
  resource(type, name, {
    provider: `${ENGINE.urn}::provider-id`,
    inputs: {
      name: `dev_${name}`,
      labels: Object.entries(OURS).map(([label, value]) => ({ label, value })),
    },
    ...more,
  });
const swarmCommand = (seen: string, more: Partial<Resource> = {}): Resource =>
  resource("command:local:Command", "swarm", {
    inputs: { create: "sh components/swarm/swarm-init.sh", environment: { SWARM_SEEN: seen } },
    ...more,
  });

const WRITTEN = "2026-01-02T10:00:10Z";
const SWARM = {
  LocalNodeState: "active",
  ControlAvailable: true,
  Cluster: { ID: "cluster1", CreatedAt: "2026-01-02T10:00:11.5Z" },
};
const INFO = "info --format {{json .Swarm}}";
const ONE_SHOTS =
  "service ls --format {{.Name}} --filter label=swarm-platform.one-shot=true " +
  "--filter label=com.docker.stack.namespace=dev";
const READY: DockerAnswers = {
  [INFO]: JSON.stringify(SWARM),
  "node ls --quiet": "node1\n",
  [ONE_SHOTS]: "",
};

/** What `docker KIND inspect` prints. */
const inspected = (id: string, name: string, more: object = {}): string =>
  JSON.stringify([
    { ID: id, CreatedAt: "2026-01-02T10:00:00Z", Spec: { Name: name, Labels: OURS }, ...more },
  ]);
const inspectedNetwork = (id: string, name: string, more: object = {}): string =>
  JSON.stringify([{ Id: id, Name: name, Created: "2026-01-02T10:00:00Z", Labels: OURS, ...more }]);
const missing = (what: string): { fails: string } => ({ fails: `Error: No such ${what}` });

interface Before {
  readonly began: string;
  readonly ended: string;
  readonly resources: readonly Resource[];
}

interface Mended extends ToolRun {
  /** Undefined when nothing was to be mended. */
  readonly state: Deployment | undefined;
}

function mend(
  deployment: Deployment,
  answers: DockerAnswers,
  { operation = "up", before }: { operation?: string; before?: Before } = {},
): Mended {
  const file = path.join(tempFolder(), "before");
  if (before !== undefined) {
    fs.writeFileSync(
      file,
      `${before.began}\n${JSON.stringify({ version: 3, deployment: { resources: before.resources } })}\n`,
    );
    fs.utimesSync(file, new Date(before.ended), new Date(before.ended));
  }
  const stdin = JSON.stringify({ version: 3, deployment: { manifest: { time: WRITTEN }, ...deployment } });
  const run = runTool(
    "mend-state.mjs",
    [operation, "dev", file],
    { ...READY, ...answers },
    { stdin, env: { SWARM_PATIENCE: "700" } },
  );
  const state =
    run.stdout === "" ? undefined : (JSON.parse(run.stdout) as { deployment: Deployment }).deployment;
  return { ...run, state };
}

const creating = (made: Resource) => ({ type: "creating", resource: made });
const changes = ({ calls }: ToolRun): string[] =>
  calls.filter((call) => !/^(info|node|\w+ (inspect|ls)) /.test(call));

test("leaves a state alone that tells the truth", () => {
  const deployment = { resources: [STACK, ENGINE, object(NETWORK, "network", { id: "n1" })] };
  expect(mend(deployment, {})).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

test("leaves the state of a stack alone that was never deployed", () => {
  expect(mend({} as Deployment, {})).toMatchObject({ code: 0, stdout: "", stderr: "" });
});

describe("another manager than the state knows", () => {
  const through = (host: string): Resource => ({ ...ENGINE, inputs: { host }, outputs: { host } });
  const state = (stdout: string, host: string): Deployment => ({
    resources: [STACK, through(host), swarmCommand("present", { outputs: { stdout } })],
  });

  test("is the one that is spoken to, in the same swarm", () => {
    const result = mend(state("initialised cluster1", "ssh://root@lost"), {});
    expect(result.stderr).toBe(
      "stack dev: the swarm is spoken to through unix:///run/test.sock now; it was ssh://root@lost.\n",
    );
    expect(result.state?.resources[1]).toEqual(through("unix:///run/test.sock"));
  });

  test.each([
    ["in another swarm is none of this state's", "initialised cluster0", "ssh://root@lost"],
    ["that it knows already is no news", "adopted cluster1", "unix:///run/test.sock"],
  ])("%s", (_what, stdout, host) => {
    expect(mend(state(stdout, host), {})).toMatchObject({ stdout: "", stderr: "" });
  });
});

describe("one-shot tasks that a killed operation left", () => {
  const answers: DockerAnswers = {
    [ONE_SHOTS]: "dev_topics\ndev_tool\n",
    "service rm dev_topics": "",
    "service rm dev_tool": "",
  };

  test.each(["up", "destroy", "refresh"])("are removed before %s, and the state stays", (operation) => {
    const result = mend({ resources: [STACK] }, answers, { operation });
    expect(result).toMatchObject({ code: 0, stdout: "" });
    expect(result.stderr).toBe(
      "stack dev: service dev_topics was left running by an operation that was killed; removed.\n" +
        "stack dev: service dev_tool was left running by an operation that was killed; removed.\n",
    );
    expect(changes(result)).toEqual(["service rm dev_topics", "service rm dev_tool"]);
  });

  test("stay while a preview looks", () => {
    const result = mend({ resources: [STACK] }, answers, { operation: "preview" });
    expect(result).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(changes(result)).toEqual([]);
  });
});

describe("what was being made when an operation was killed", () => {
  const deployment = (...made: Resource[]): Deployment => ({
    resources: [STACK, ENGINE],
    pending_operations: made.map(creating),
  });

  test.each([
    ["network", NETWORK, inspectedNetwork("full-id", "dev_x")],
    ["service", SERVICE, inspected("full-id", "dev_x")],
    ["config", CONFIG, inspected("full-id", "dev_x")],
    ["secret", SECRET, inspected("full-id", "dev_x")],
  ])("a %s that is there is taken into the state", (kind, type, answer) => {
    const made = object(type, "x");
    const result = mend(deployment(made), { [`${kind} inspect dev_x`]: answer });
    expect(result.stderr).toBe(
      `stack dev: ${kind} dev_x was made by an operation that was killed; taken into the state.\n`,
    );
    expect(result.state?.resources).toEqual([
      STACK,
      ENGINE,
      { ...made, id: "full-id", outputs: { ...made.inputs, id: "full-id" } },
    ]);
    expect(result.state).not.toHaveProperty("pending_operations");
    expect(changes(result)).toEqual([]);
  });

  test("what a stack file declares is taken too, if it is that stack's", () => {
    const Name = "shop_web";
    const Labels = { "com.docker.stack.namespace": "shop" };
    const made = resource("pulumi-nodejs:dynamic/compose:Service", "shop-web", { inputs: { Name, Labels } });
    const there = (labels: object): DockerAnswers => ({
      "service inspect shop_web": JSON.stringify([{ ID: "s1", Spec: { Name, Labels: labels } }]),
    });
    const result = mend(deployment(made), there({ ...Labels, more: "1" }));
    expect(result.state?.resources[2]).toEqual({ ...made, id: "s1", outputs: { ...made.inputs, id: "s1" } });
    const other = mend(deployment(made), there({ "com.docker.stack.namespace": "other" }));
    expect(other.state?.resources).toEqual([STACK, ENGINE]);
    expect(other.stderr).toContain("service shop_web was about to be made");
  });

  test("a preview shows the same state", () => {
    const answers = { "service inspect dev_web": inspected("s1", "dev_web") };
    const result = mend(deployment(object(SERVICE, "web")), answers);
    expect(result.state?.resources[2]).toMatchObject({ id: "s1" });
    const preview = mend(deployment(object(SERVICE, "web")), answers, { operation: "preview" });
    expect(preview.state).toEqual(result.state);
  });

  test("what is not there is forgotten", () => {
    const made = [object(NETWORK, "network"), object("docker:index/remoteImage:RemoteImage", "tool")];
    const result = mend(deployment(...made), { "network inspect dev_network": missing("network") });
    expect(result.state?.resources).toEqual([STACK, ENGINE]);
    expect(result.stderr.split("\n")).toEqual([
      "stack dev: network dev_network was about to be made when an operation was killed; to be made now.",
      "stack dev: RemoteImage dev_tool was being made when an operation was killed; what is left of that is to be done.",
      "",
    ]);
  });

  test("somebody else's object under that name is not taken", () => {
    const theirs = inspectedNetwork("n1", "dev_network", { Labels: {} });
    const result = mend(deployment(object(NETWORK, "network")), { "network inspect dev_network": theirs });
    expect(result.state?.resources).toEqual([STACK, ENGINE]);
  });

  test("an engine that fails meanwhile is no proof that something is gone", () => {
    const result = mend(deployment(object(NETWORK, "network")), {
      "network inspect dev_network": { fails: "Cannot connect to the Docker daemon" },
    });
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toBe(
      "stack dev: the Docker engine at unix:///run/test.sock says: Cannot connect to the Docker daemon\n" +
        "  Mend that, then run it again.\n",
    );
  });

  test("a new version stands before the old one, which is to be deleted, and before what needs it", () => {
    const old = object(CONFIG, "conf", { id: "old" });
    const web = object(SERVICE, "web", { id: "s1", dependencies: [old.urn] });
    const answers = { "config inspect dev_conf": inspected("new", "dev_conf") };
    const result = mend(
      {
        resources: [STACK, ENGINE, old, web],
        pending_operations: [creating(object(CONFIG, "conf"))],
      },
      answers,
    );
    const shown = result.state?.resources.map(
      ({ id, delete: gone }) => `${id}${gone ? " to be deleted" : ""}`,
    );
    expect(shown).toEqual(["undefined", "provider-id", "old to be deleted", "new", "s1"]);
  });

  test("takes the place of what was deleted to make room for it", () => {
    const old = object(NETWORK, "network", { id: "old", pendingReplacement: true });
    const result = mend(
      { resources: [STACK, ENGINE, old], pending_operations: [creating(object(NETWORK, "network"))] },
      { "network inspect dev_network": inspectedNetwork("new", "dev_network") },
    );
    expect(result.state?.resources.map(({ id }) => id)).toEqual([undefined, "provider-id", "new"]);
  });
});

describe("a swarm that was being made when an operation was killed", () => {
  const resumed = (seen: string): Mended =>
    mend({ resources: [STACK], pending_operations: [creating(swarmCommand(seen))] }, {});

  test("is this stack's own when it came then", () => {
    const result = resumed("none at 2026-01-02T10:00:05Z");
    expect(result.stderr).toContain("the swarm cluster1 was made by an operation that was killed");
    expect(result.state?.resources[1]).toMatchObject({
      urn: urn("command:local:Command", "swarm"),
      id: expect.stringMatching(/^swarm[0-9a-f]{8}$/) as string,
      outputs: { stdout: "initialised cluster1", stderr: "", create: "sh components/swarm/swarm-init.sh" },
    });
  });

  test.each([
    ["came before that", "none at 2026-01-02T10:00:12Z"],
    ["was there all the time", "present"],
  ])("is not when it %s", (_what, seen) => {
    expect(resumed(seen).state?.resources).toEqual([STACK]);
  });

  test("is not when it came long after", () => {
    const late = { ...SWARM, Cluster: { ID: "cluster1", CreatedAt: "2026-01-02T10:01:11Z" } };
    const result = mend(
      { resources: [STACK], pending_operations: [creating(swarmCommand("none at 2026-01-02T10:00:05Z"))] },
      { [INFO]: JSON.stringify(late) },
    );
    expect(result.state?.resources).toEqual([STACK]);
  });

  test("keeps its place in the state when it was made in the place of one that had vanished", () => {
    const old = swarmCommand("present", { id: "swarm0", outputs: { stdout: "initialised cluster0" } });
    const result = mend(
      {
        resources: [STACK, old],
        pending_operations: [
          { type: "updating", resource: swarmCommand("none at 2026-01-02T10:00:05Z", { id: "swarm0" }) },
        ],
      },
      {},
    );
    expect(result.state?.resources).toEqual([
      STACK,
      expect.objectContaining({
        id: "swarm0",
        outputs: expect.objectContaining({ stdout: "initialised cluster1" }) as object,
      }),
    ]);
  });
});

test("a service that was being updated when an operation was killed stays as the refresh will find it", () => {
  const web = object(SERVICE, "web", { id: "s1" });
  const result = mend(
    { resources: [STACK, ENGINE, web], pending_operations: [{ type: "updating", resource: web }] },
    {},
  );
  expect(result.stderr).toBe(
    "stack dev: service dev_web was in the middle of updating when an operation was killed; what is left of that is to be done.\n",
  );
  expect(result.state?.resources).toEqual([STACK, ENGINE, web]);
  expect(result.state).not.toHaveProperty("pending_operations");
  expect(changes(result)).toEqual([]);
});

test("with the swarm gone, so is all that depended on it; the rest stays", () => {
  const swarm = swarmCommand("present", { id: "swarm0" });
  const component = resource("swarm-platform:index:SwarmService", "web", { dependencies: [swarm.urn] });
  const web = object(SERVICE, "web", { id: "s1", parent: component.urn });
  const image = object("docker:index/remoteImage:RemoteImage", "tool", { id: "i1" });
  const gone = { [INFO]: JSON.stringify({ LocalNodeState: "inactive", ControlAvailable: false }) };
  const result = mend({ resources: [STACK, ENGINE, image, swarm, component, web] }, gone);
  expect(result.stderr).toBe(
    "stack dev: the engine at unix:///run/test.sock is in no swarm any more, and all that this stack had in it is gone.\n",
  );
  expect(result.state?.resources).toEqual([STACK, ENGINE, image]);
  // Nothing to say about a stack that had nothing in a swarm.
  expect(mend({ resources: [STACK, ENGINE, image] }, gone)).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "",
  });
});

describe("after an operation that failed", () => {
  const component = resource("swarm-platform:index:OverlayNetwork", "network");
  const network = object(NETWORK, "network", { id: "n1", parent: component.urn });
  const web = object(SERVICE, "web", { id: "s1" });
  const failed = (...resources: Resource[]): Before => ({
    began: "2026-01-02T10:00:00Z",
    ended: "2026-01-02T10:05:00Z",
    resources,
  });
  const lists = ["service", "config", "secret", "network"].map(
    (kind) => `${kind} ls --quiet --filter label=com.docker.stack.namespace=dev`,
  );
  const NONE_LEFT: DockerAnswers = Object.fromEntries(lists.map((call) => [call, ""]));
  const after = (
    deployment: Deployment,
    before: Before,
    answers: DockerAnswers,
    operation?: string,
  ): Mended => mend(deployment, { ...NONE_LEFT, ...answers }, { before, operation });

  test("what the state lost and the swarm still has under the same id is put back, with what it needs", () => {
    const result = after(
      { resources: [STACK, ENGINE, web] },
      failed(STACK, ENGINE, component, network, web),
      {
        "network inspect n1": inspectedNetwork("n1", "dev_network"),
      },
    );
    expect(result.stderr).toBe(
      "stack dev: network dev_network was lost when the engine went away; taken into the state again.\n",
    );
    expect(result.state?.resources).toEqual([STACK, ENGINE, web, component, network]);
  });

  test("what is really gone stays gone, and what is to stay when deleted is not looked for", () => {
    const kept = object(SECRET, "kept", { id: "k1", retainOnDelete: true });
    const result = after({ resources: [STACK, ENGINE] }, failed(STACK, ENGINE, network, kept), {
      "network inspect n1": missing("network"),
    });
    expect(result).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });

  test("an old version that got lost is to be deleted", () => {
    const now = object(CONFIG, "conf", { id: "new" });
    const result = after(
      { resources: [STACK, ENGINE, now] },
      failed(STACK, ENGINE, object(CONFIG, "conf", { id: "old" })),
      { "config inspect old": inspected("old", "dev_conf") },
    );
    expect(result.state?.resources.slice(2)).toEqual([
      now,
      expect.objectContaining({ id: "old", delete: true }),
    ]);
  });

  describe("what it made without noting it", () => {
    const components = [
      resource("swarm-platform:index:SwarmSecret", "token"),
      resource("swarm-platform:index:SwarmConfig", "conf"),
      resource("swarm-platform:index:SwarmService", "web"),
    ];
    const DURING = "2026-01-02T10:01:00Z";
    /** What the tool removes when there is one object of that kind with that name. */
    const removed = (kind: string, name: string, more: object = {}, operation = "up"): string[] => {
      const found =
        kind === "network"
          ? inspectedNetwork("x", name, { Created: DURING, ...more })
          : inspected("x", name, { CreatedAt: DURING, ...more });
      const answers: DockerAnswers = {
        [`${kind} ls --quiet --filter label=com.docker.stack.namespace=dev`]: "x\n",
        [`${kind} inspect x`]: found,
        [`${kind} rm x`]: "",
      };
      const deployment = { resources: [STACK, ENGINE, ...components] };
      const result = after(deployment, failed(STACK), { ...NONE_LEFT, ...answers }, operation);
      expect(result).toMatchObject({ code: 0, stdout: "" });
      return changes(result).length === 0
        ? []
        : [...changes(result), ...result.stderr.split("\n").filter(Boolean)];
    };
    const ours: readonly [string, string, object][] = [
      ["service", "dev_web", {}],
      ["config", "dev_conf-0123456789ab", {}],
      ["secret", "dev_token-0123456789ab-2", {}],
      ["network", "any", { Labels: { ...OURS, "swarm-platform.encrypted": "true" } }],
    ];

    test.each(ours)("is removed: %s %s", (kind, name, more) => {
      expect(removed(kind, name, more)).toEqual([
        `${kind} rm x`,
        `stack dev: ${kind} ${name} was made by the operation that failed, which did not note it; removed, to be made again.`,
      ]);
    });

    test.each(ours)("stays while a preview looks: %s %s", (kind, name, more) => {
      expect(removed(kind, name, more, "preview")).toEqual([]);
    });

    test.each([
      ["service", "dev_other"],
      ["service", "dev_web2"],
      ["config", "dev_conf"],
      ["config", "dev_token-0123456789ab"],
      ["secret", "dev_mytoken-0123456789ab"],
      ["network", "dev_default"],
    ])("is not what others made in the namespace: %s %s", (kind, name) => {
      expect(removed(kind, name)).toEqual([]);
    });

    test.each(["2026-01-02T09:59:59Z", "2026-01-02T10:05:01Z"])("is not what was made at %s", (at) => {
      expect(removed("service", "dev_web", { CreatedAt: at })).toEqual([]);
    });

    test("is not what the state knows", () => {
      components.push(object(SERVICE, "web", { id: "x" }));
      expect(removed("service", "dev_web")).toEqual([]);
      components.pop();
    });
  });
});

describe("refuses, before a refresh could take it for everything being gone, an engine", () => {
  const refused = (answers: DockerAnswers): Mended => mend({ resources: [STACK] }, answers);
  const state = (swarm: object): DockerAnswers => ({ [INFO]: JSON.stringify(swarm) });

  test.each([
    [
      "that does not answer",
      { [INFO]: { fails: "Cannot connect to the Docker daemon at unix:///run/test.sock." } },
      "the Docker engine at unix:///run/test.sock does not answer: Cannot connect to the Docker daemon",
    ],
    [
      "whose swarm has no leader",
      { "node ls --quiet": { fails: "The swarm does not have a leader." } },
      "can't manage its swarm: it has no leader.",
    ],
    [
      "whose swarm is locked",
      state({ LocalNodeState: "locked", ControlAvailable: false }),
      "can't manage its swarm: it is locked.",
    ],
    [
      "that does not find the other managers",
      state({ LocalNodeState: "pending", ControlAvailable: false }),
      "can't manage its swarm: it is pending.",
    ],
    [
      "that is a worker",
      state({ LocalNodeState: "active", ControlAvailable: false }),
      "can't manage its swarm: it is a worker.",
    ],
    [
      "with a broken swarm",
      state({ LocalNodeState: "error", ControlAvailable: false, Error: "certificate expired" }),
      "can't manage its swarm: it is error (certificate expired).",
    ],
  ])("%s", (_what, answers, sentence) => {
    const result = refused(answers);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toContain(sentence);
    expect(result.stderr).toContain("Nothing was changed.");
  });
});
