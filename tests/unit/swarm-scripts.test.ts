import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_DIR } from "../support/project";
import { tempFolder } from "../support/temp";

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Arguments of each call of docker. */
  readonly calls: string[][];
}

/** How a docker command answers: with text, or with an exit code. */
type Answers = Readonly<Record<string, string | number>>;

/** Runs a script of components/swarm/ with a docker that answers as told; what it is not told fails. */
function run(
  script: string,
  answers: Answers,
  environment: Record<string, string> = {},
  args: readonly string[] = [],
): Run {
  const cases = Object.entries(answers).map(([args, answer]) => {
    const does =
      typeof answer === "number" ? `echo refused >&2; exit ${answer}` : `printf '%s' ${quoted(answer)}`;
    return `${quoted(args)}) ${does} ;;`;
  });
  const folder = tempFolder({
    calls: "",
    docker: `#!/bin/sh
printf '<%s>' "$@" >>"$(dirname "$0")/calls"
echo >>"$(dirname "$0")/calls"
case "$*" in
${cases.join("\n")}
*) echo "unexpected: docker $*" >&2; exit 64 ;;
esac
`,
  });
  fs.chmodSync(path.join(folder, "docker"), 0o755);
  const { status, stdout, stderr } = spawnSync("sh", [path.join("components/swarm", script), ...args], {
    cwd: PROJECT_DIR,
    encoding: "utf8",
    env: { PATH: `${folder}:${process.env.PATH}`, DOCKER_HOST: "unix:///run/test.sock", ...environment },
  });
  const calls = fs.readFileSync(path.join(folder, "calls"), "utf8").split("\n").filter(Boolean);
  return { code: status, stdout, stderr, calls: calls.map((line) => line.slice(1, -1).split("><")) };
}

const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;

const CLUSTER = "info --format {{.Swarm.Cluster.ID}}";

describe("swarm-init.sh", () => {
  const STATE = "info --format {{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}";
  const init = (state: string, environment: Record<string, string> = {}, answers: Answers = {}): Run =>
    run("swarm-init.sh", { [STATE]: `${state}\n`, [CLUSTER]: "cluster1\n", ...answers }, environment);
  const changes = ({ calls }: Run): string[][] => calls.filter(([first]) => first !== "info");

  test("initialises a swarm where there is none", () => {
    const result = init("inactive false", {}, { "swarm init": "Swarm initialized: ...\n" });
    expect(result).toMatchObject({ code: 0, stdout: "initialised cluster1\n", stderr: "" });
    expect(changes(result)).toEqual([["swarm", "init"]]);
  });

  test("passes address and pool on as one word each", () => {
    const result = init(
      "inactive false",
      { ADVERTISE_ADDRESS: "10.0.0.1", ADDRESS_POOL: "10.20.0.0/16" },
      { "swarm init --advertise-addr 10.0.0.1 --default-addr-pool 10.20.0.0/16": "" },
    );
    expect(result.code).toBe(0);
    expect(changes(result)).toEqual([
      ["swarm", "init", "--advertise-addr", "10.0.0.1", "--default-addr-pool", "10.20.0.0/16"],
    ]);
  });

  test("passes an address alone", () => {
    const address = { ADVERTISE_ADDRESS: "eth0" };
    expect(init("inactive false", address, { "swarm init --advertise-addr eth0": "" }).code).toBe(0);
  });

  test("fails with docker's own words when a swarm can't be initialised, and claims nothing", () => {
    expect(init("inactive false", {}, { "swarm init": 1 })).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "refused\n",
    });
  });

  test("adopts a swarm that was there", () => {
    const result = init("active true");
    expect(result).toMatchObject({ code: 0, stdout: "adopted cluster1\n" });
    expect(changes(result)).toEqual([]);
  });

  test.each([
    ["its own swarm stays its own", "initialised cluster1", "initialised cluster1\n"],
    ["an adopted one stays adopted", "adopted cluster1", "adopted cluster1\n"],
    ["another one that stands in its place is adopted", "initialised cluster0", "adopted cluster1\n"],
  ])("run again: %s", (_what, before, after) => {
    const result = init("active true", { PULUMI_COMMAND_STDOUT: before });
    expect(result).toMatchObject({ code: 0, stdout: after });
    expect(changes(result)).toEqual([]);
  });

  test("run again on an engine whose swarm is gone: makes a new one", () => {
    const result = init(
      "inactive false",
      { PULUMI_COMMAND_STDOUT: "initialised cluster0" },
      { "swarm init": "" },
    );
    expect(result.stdout).toBe("initialised cluster1\n");
  });

  test.each(["active false", "pending false", "locked false", "error false"])(
    "refuses an engine that is %s",
    (state) => {
      const result = init(state);
      expect(result).toMatchObject({
        code: 1,
        stdout: "",
        stderr: `The engine at unix:///run/test.sock is in a swarm that it can't manage (${state}); see: docker info\n`,
      });
      expect(changes(result)).toEqual([]);
    },
  );

  test("fails when the engine does not answer", () => {
    expect(run("swarm-init.sh", { [STATE]: 1 })).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("swarm-leave.sh", () => {
  const OURS = { PULUMI_COMMAND_STDOUT: "initialised cluster1" };
  const LISTS = {
    service: "service ls --format {{.Name}}",
    config: "config ls --format {{.Name}}",
    secret: "secret ls --format {{.Name}}",
    network: "network ls --filter scope=swarm --format {{.Name}}",
    node: "node ls --format {{if not .Self}}{{.Hostname}}{{end}}",
  };
  const EMPTY: Answers = {
    "info --format {{.Swarm.LocalNodeState}}": "active\n",
    [CLUSTER]: "cluster1\n",
    [LISTS.service]: "",
    [LISTS.config]: "",
    [LISTS.secret]: "",
    [LISTS.network]: "ingress\n",
    // One line for each node; the own one's is empty.
    [LISTS.node]: "\n",
    "swarm leave --force": "Node left the swarm.\n",
  };
  const leave = (answers: Answers = {}, environment: Record<string, string> = OURS): Run =>
    run("swarm-leave.sh", { ...EMPTY, ...answers }, environment);
  const left = ({ calls }: Run): boolean => calls.some((call) => call.join(" ") === "swarm leave --force");

  test("leaves the swarm that it made and that is empty", () => {
    const result = leave();
    expect(result).toMatchObject({ code: 0, stdout: "Left the swarm cluster1.\n", stderr: "" });
    expect(left(result)).toBe(true);
  });

  test("has nothing to do without a swarm", () => {
    const result = leave({ "info --format {{.Swarm.LocalNodeState}}": "inactive\n" });
    expect(result).toMatchObject({ code: 0, stdout: "No swarm to leave: the engine is in none.\n" });
    expect(left(result)).toBe(false);
  });

  test.each(["adopted cluster1", "initialised cluster0", ""])(
    "stays in a swarm that it did not make: %j",
    (claim) => {
      const result = leave({}, { PULUMI_COMMAND_STDOUT: claim });
      expect(result).toMatchObject({
        code: 0,
        stdout: "The swarm cluster1 stays: this environment did not make it.\n",
      });
      expect(left(result)).toBe(false);
    },
  );

  test("stays when it knows of no claim", () => {
    expect(left(leave({}, {}))).toBe(false);
  });

  test.each([
    ["service", "theirs\n", "  service theirs\n"],
    ["config", "a\nb\n", "  config a\n  config b\n"],
    ["secret", "theirs\n", "  secret theirs\n"],
    ["network", "ingress\ntheirs\n", "  network theirs\n"],
    ["network", "my-ingress\ningress\n", "  network my-ingress\n"],
    ["node", "\nworker-1\n", "  node worker-1\n"],
  ] as const)("stays while a foreign %s lives in it, and names it", (kind, list, named) => {
    const result = leave({ [LISTS[kind]]: list });
    expect(result).toMatchObject({
      code: 0,
      stdout: `The swarm cluster1 stays: it holds what this environment did not make.\n${named}`,
    });
    expect(left(result)).toBe(false);
  });

  test("names everything foreign at once", () => {
    const result = leave({
      [LISTS.service]: "s\n",
      [LISTS.network]: "n\ningress\n",
      [LISTS.node]: "worker-1\n\n",
    });
    expect(result.stdout.split("\n").slice(1)).toEqual(["  service s", "  network n", "  node worker-1", ""]);
  });

  test.each(Object.keys(LISTS) as (keyof typeof LISTS)[])(
    "stays, and fails, when it can't list each %s",
    (kind) => {
      const result = leave({ [LISTS[kind]]: 1 });
      expect(result.code).not.toBe(0);
      expect(result.stderr).toContain("refused");
      expect(left(result)).toBe(false);
    },
  );

  test("fails when the swarm can't be left", () => {
    expect(leave({ "swarm leave --force": 1 })).toMatchObject({ code: 1, stdout: "", stderr: "refused\n" });
  });
});

describe("swarm-node.sh", () => {
  const INFO = "info --format {{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}";
  const LIST = "node ls --format {{.ID}} {{.Hostname}}";
  const JOINED = 'node inspect id2 --format {{index .Spec.Labels "swarm-platform.joined"}}';
  const LABELS = "node inspect id2 --format {{range $key, $value := .Spec.Labels}}{{println $key}}{{end}}";
  const ROLE = "node inspect id2 --format {{if .ManagerStatus}}manager{{else}}worker{{end}}";
  const TASKS = "node ps id2 --format {{.CurrentState}}";
  const MOVING = "node ps id2 --filter desired-state=running --format {{.Name}}";
  const WEB = "service ls --filter name=dev_web --format {{.Name}} {{.Replicas}}";
  const HOST = "ssh://root@10.0.0.2";
  const AT_NODE = `-H ${HOST} info --format {{.Swarm.NodeID}}`;
  /** A worker that this environment brought in, with a task of dev_web that moves at once. */
  const WORKER: Answers = {
    [INFO]: "active true",
    "info --format {{.Swarm.NodeID}}": "id1",
    [LIST]: "id1 node1\nid2 node2\nid3 node22\n",
    [JOINED]: "dev",
    [LABELS]: "disk\nothers\n",
    "node update --availability drain id2": "",
    "node inspect id2 --format {{.Status.State}}": "ready",
    [MOVING]: "dev_web.1\n",
    [TASKS]: "Shutdown 1 second ago\n",
    [WEB]: "dev_web 2/2\ndev_web2 0/1\n",
    [ROLE]: "worker",
    [AT_NODE]: "id2",
    [`-H ${HOST} swarm leave`]: "",
    "node rm --force id2": "",
    "node update --label-rm disk id2": "",
  };
  const node = (answers: Answers = {}, environment: Record<string, string> = {}): Run =>
    run(
      "swarm-node.sh",
      { ...WORKER, ...answers },
      {
        NODE: "node2",
        NODE_HOST: HOST,
        LABELS: "disk=ssd\nrack=3",
        NAMESPACE: "dev",
        PATIENCE: "0",
        ...environment,
      },
    );
  const asks = / (inspect|ps|ls) |^info| info /;
  const changes = ({ calls }: Run): string[] =>
    calls.map((call) => call.join(" ")).filter((call) => !asks.test(call));

  test("drains, lets leave, removes", () => {
    const result = node();
    expect(result).toMatchObject({ code: 0, stdout: "Removed node node2 (id2).\n", stderr: "" });
    expect(changes(result)).toEqual([
      "node update --availability drain id2",
      `-H ${HOST} swarm leave`,
      "node rm --force id2",
    ]);
  });

  test("removes one that does not answer any more", () => {
    const result = node({ "node inspect id2 --format {{.Status.State}}": "down", [AT_NODE]: 1 });
    expect(result.code).toBe(0);
    expect(changes(result)).toEqual(["node update --availability drain id2", "node rm --force id2"]);
  });

  test.each([
    ["its tasks have ended", { [TASKS]: "Running 5 minutes ago\n" }],
    ["its services run elsewhere", { [WEB]: "dev_web 1/2\n" }],
    ["it is no manager any more", { [ROLE]: "manager", "node demote id2": "" }],
  ])("stays, and fails, until %s", (what, answers) => {
    const result = node(answers);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`Node node2: waiting until ${what} took longer than 0 s.`);
    expect(changes(result)).not.toContain("node rm --force id2");
  });

  test.each([
    [
      "one that others brought in",
      { [JOINED]: "prod" },
      "stays in the swarm: this environment did not bring it in.",
    ],
    [
      "the manager that is spoken to",
      { "info --format {{.Swarm.NodeID}}": "id2" },
      "stays: it is the manager that is spoken to.",
    ],
  ])("%s only loses the labels that were set and are there", (_what, answers, says) => {
    const result = node(answers);
    expect(result).toMatchObject({ code: 0, stdout: `Node node2 ${says}\n` });
    expect(changes(result)).toEqual(["node update --label-rm disk id2"]);
  });

  test("has nothing to do without a swarm, or without the node", () => {
    expect(node({ [INFO]: "inactive false" }).stdout).toBe(
      "Nothing to take away from node node2: the engine manages no swarm any more.\n",
    );
    expect(changes(node({ [LIST]: "id1 node1\n" }))).toEqual([]);
  });
});
