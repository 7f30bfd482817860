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

/** Runs a script of components/ with a docker that answers as told; what it is not told fails. */
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
  const { status, stdout, stderr } = spawnSync("sh", [path.join("components", script), ...args], {
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
  const LABELS = "node inspect node1 --format {{range $key, $value := .Spec.Labels}}{{println $key}}{{end}}";
  const node = (
    argument: string,
    there: string[],
    environment: Record<string, string>,
    answers: Answers = {},
  ): Run =>
    run(
      "swarm-node.sh",
      { "node inspect node1": "", [LABELS]: there.map((key) => `${key}\n`).join(""), ...answers },
      { NODE: "node1", ...environment },
      [argument],
    );
  const updates = ({ calls }: Run): string[][] => calls.filter(([, verb]) => verb === "update");

  test("sets labels and availability, and notes the labels", () => {
    const update = "node update --label-add disk=ssd --label-add name=a b --availability drain node1";
    const environment = { LABELS: "disk=ssd\nname=a b", AVAILABILITY: "drain" };
    const result = node("apply", ["others"], environment, { [update]: "node1\n" });
    expect(result).toMatchObject({ code: 0, stdout: "label disk\nlabel name\n", stderr: "" });
    expect(updates(result)).toHaveLength(1);
  });

  test("takes away a label that it set and that is wanted no more, not one that is gone", () => {
    const update = "node update --label-rm rack --label-add disk=ssd --availability active node1";
    const environment = {
      LABELS: "disk=ssd",
      AVAILABILITY: "active",
      PULUMI_COMMAND_STDOUT: "label disk\nlabel rack\nlabel gone",
    };
    expect(node("apply", ["disk", "rack", "others"], environment, { [update]: "" }).code).toBe(0);
  });

  test("forgets only what it set", () => {
    const environment = { PULUMI_COMMAND_STDOUT: "label disk", LABELS: "disk=ssd" };
    const result = node("forget", ["disk", "others"], environment, {
      "node update --label-rm disk node1": "",
    });
    expect(result).toMatchObject({ code: 0, stdout: "" });
    expect(updates(result)).toHaveLength(1);
  });

  test("a node that is gone has nothing to forget; one that can't be set is a failure", () => {
    const gone = node("forget", [], { PULUMI_COMMAND_STDOUT: "label disk" }, { "node inspect node1": 1 });
    expect(gone).toMatchObject({
      code: 0,
      stdout: "No labels to take away: the swarm has no node node1 any more.\n",
    });
    expect(node("apply", [], { LABELS: "" }, { [LABELS]: 1 }).code).not.toBe(0);
  });
});
