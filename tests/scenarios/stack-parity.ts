import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines, Engine, LocalEngine, startEngine } from "../support/engine";
import { PROJECT_DIR } from "../support/project";
import type { Select } from "../support/scenario";
import { readStackCases, StackCase } from "../support/stack-cases";
import { ALLOCATED_POOL, differences, stackObjects } from "../support/stack-objects";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;
const SIDES = { left: "docker stack deploy", right: "ComposeStack" };
/** Seconds until all tasks run that should. */
const SETTLE = 120;

/** The collection, or any other folder of the same form: `STACKS=folder npx jest tests/slow/stack-parity.test.ts`. */
const FOLDER = path.resolve(process.env.STACKS ?? path.join(PROJECT_DIR, "tests/fixtures/stacks"));

/** One of each kind, for `make test`. */
const FEW = ["configs", "format-3-8", "modes", "several-files", "updated", "volumes-short"];

const ALL = readStackCases(FOLDER);
const GROUPS: readonly (readonly StackCase[])[] = process.env.STACKS
  ? [[], ALL]
  : [ALL.filter(({ name }) => FEW.includes(name)), ALL.filter(({ name }) => !FEW.includes(name))];

/** Runs docker where the case's files are, as its user would. */
function docker(engine: Engine, { folder, env }: StackCase, args: readonly string[]): void {
  try {
    execFileSync("docker", ["--host", engine.host, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch (error) {
    throw new Error(`${folder}: docker ${args.join(" ")}: ${(error as { stderr: string }).stderr}`, {
      cause: error,
    });
  }
}

function stackDeploy(engine: Engine, one: StackCase, files: readonly string[]): void {
  docker(engine, one, ["stack", "deploy", ...files.flatMap((file) => ["--compose-file", file]), one.name]);
}

/** An engine with a swarm whose own addresses are told from those that a file asks for, and what the cases need there. */
function startSwarm(name: string, cases: readonly StackCase[]): LocalEngine {
  const engine = startEngine(name);
  engine.docker(
    ...["swarm", "init", "--advertise-addr", engine.address],
    ...["--default-addr-pool", ALLOCATED_POOL],
  );
  for (const one of cases) for (const args of one.prepare) docker(engine, one, args);
  return engine;
}

/** The settings of a Pulumi stack that has nothing but the cases' stacks; `files` says which of their files. */
function settings(
  cases: readonly StackCase[],
  files: (one: StackCase) => readonly string[],
): Record<string, string | boolean> {
  const stacks = cases.map((one) => ({
    name: one.name,
    files: files(one).map((file) => path.join(one.folder, file)),
    env: one.env,
  }));
  return { platform: false, stacks: JSON.stringify(stacks) };
}

/** Waits until each service has the tasks that it should, or its job is done: only then all volumes are there. */
async function settled(engine: Engine): Promise<void> {
  const late = (): string[] =>
    engine
      .docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
      .split("\n")
      .filter((line) => {
        const [, done, wanted] = / (?:\S+ \()?(\d+)\/(\d+)/.exec(line) ?? [];
        return done !== wanted;
      });
  for (let waited = 0; late().length > 0; waited++) {
    if (waited >= SETTLE) throw new Error(`still not running after ${SETTLE} s: ${late().join(", ")}`);
    await sleep(1000);
  }
}

/** Why the docker CLI of this machine can't deploy a case; undefined when it can. */
function tooNew({ cli }: StackCase): string | undefined {
  if (cli === undefined) return undefined;
  const version = /version (\d+\.\d+)/.exec(execFileSync("docker", ["--version"], { encoding: "utf8" }))?.[1];
  return Number(version) >= Number(cli) ? undefined : `needs docker CLI ${cli}; this is ${version}`;
}

/** Each stack file, deployed by `docker stack deploy` on one engine and by ComposeStack on another: all is the same. */
export function stackParity(select: Select): void {
  describeWithEngines("stack files", () => {
    const cases = select(GROUPS)
      .flat()
      .filter((one) => {
        const reason = tooNew(one);
        if (reason !== undefined) console.log(`${one.name} is skipped: ${reason}`);
        return reason === undefined;
      });
    const names = cases.map(({ name }) => name);
    const updated = cases.filter(({ then }) => then !== undefined);
    let left: LocalEngine;
    let right: LocalEngine;
    let workspace: Workspace;

    /** What differs in some stacks, by stack. */
    const compare = (stacks: readonly string[]): Map<string, string[]> => {
      const [a, b] = [stackObjects(left, stacks), stackObjects(right, stacks)];
      return new Map(stacks.map((name) => [name, differences(a.get(name) ?? {}, b.get(name) ?? {}, SIDES)]));
    };
    let up: Result;
    let found: Map<string, string[]>;

    beforeAll(async () => {
      left = startSwarm("stack-parity-docker", cases);
      right = startSwarm("stack-parity", cases);
      for (const one of cases) stackDeploy(left, one, one.classic);
      workspace = new Workspace(
        "stack-parity",
        right,
        "dev",
        settings(cases, ({ files }) => files),
      );
      up = workspace.tool("stack.sh", "up");
      if (up.code === 0) await Promise.all([settled(left), settled(right)]);
      found = compare(names);
    }, 10 * MINUTES);
    afterAll(() => {
      left?.stop();
      right?.stop();
    }, MINUTES);

    test("all come up", () => expect(up).toMatchObject({ code: 0 }));

    test.each(names)("%s is the same", (name) => expect(found.get(name)).toEqual([]));

    test(
      "nothing is left to change",
      () => {
        const { stdout } = workspace.pulumi("preview", "--json");
        const { steps } = JSON.parse(stdout) as {
          steps: { op: string; urn: string; detailedDiff?: object }[];
        };
        const changes = steps.filter(({ op }) => op !== "same" && op !== "refresh");
        expect(changes.map(({ op, urn, detailedDiff }) => [op, urn, detailedDiff])).toEqual([]);
      },
      2 * MINUTES,
    );

    // Those of the collection that have one are all in the first group.
    (updated.length > 0 ? test : test.skip)(
      "a second version leaves nothing of the first",
      () => {
        for (const one of updated) stackDeploy(left, one, one.then ?? []);
        workspace.configure(settings(cases, ({ files, then }) => then ?? files));
        workspace.succeed("stack.sh", "up");
        const lines = [...compare(updated.map(({ name }) => name)).values()].flat();
        // What only the first has stays with docker, services aside; ComposeStack takes it away, data aside.
        const gone =
          /^(network|config|secret) .*ComposeStack does not$|^volume .*docker stack deploy does not$/;
        expect(lines.filter((line) => !gone.test(line))).toEqual([]);
      },
      5 * MINUTES,
    );

    test("a difference is found, with its object, its field and both values", () => {
      const [name = ""] = names;
      const services = right.docker("service", "ls", "--filter", `label=com.docker.stack.namespace=${name}`);
      const service = /(\S+_\S+)/.exec(services)?.[1] ?? "";
      right.docker("service", "update", "--detach", "--env-add", "ZZ=planted", "--label-add", "x=1", service);
      right.docker("config", "create", "--label", `com.docker.stack.namespace=${name}`, "more", __filename);
      const lines = compare([name]).get(name) ?? [];
      expect(lines).toEqual(
        expect.arrayContaining([
          "config more: ComposeStack makes it, docker stack deploy does not",
          `service ${service}: Spec.Labels.x: docker stack deploy has nothing, ComposeStack has "1"`,
          expect.stringMatching(
            /: Spec\.TaskTemplate\.ContainerSpec\.Env.*: docker stack deploy has .*, ComposeStack has .*ZZ=planted/,
          ),
        ]),
      );
    });
  });
}
