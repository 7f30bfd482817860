import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiService, ApiTask } from "../../components/engine/engine";
import { describeWithEngines, Engine, startEngine, WORK } from "../support/engine";
import type { Select } from "../support/scenario";
import { replicas } from "../support/swarm-objects";
import { Result, Running, Workspace } from "../support/workspace";

const MINUTES = 60_000;
/** How long after the swarm has settled `up` may go on waiting, in ms. */
const LATE = 1000;
/** For so long the provider reads what it has changed, in ms; the gate can't end before that. */
const READ = 2000;
/** Least time between two lines of progress in a log, in s. */
const SPARSE = 5;

interface Change {
  readonly name: string;
  /** Fields of the service before; where there are none, the service is made. */
  readonly before?: string;
  readonly fields: string;
  /** A line of progress; none where there is nothing to wait for. */
  readonly shows?: string;
  /** By `pulumi up --json` instead of `make up`. */
  readonly json?: true;
}

/** Longer than the 2 s for which the provider reads what it has changed: the gate is there when the swarm settles. */
const MONITOR = 6;
const WATCHED = `update: { monitor: ${MONITOR} }`;
const GLOBAL = `${WATCHED}, replicas: "global"`;

const BY_TWO = `update: { monitor: ${MONITOR}, parallelism: 2 }, replicas: 4`;
/** Its tasks take 6 s to stop. */
const SLOW_TO_STOP = `
  update: { monitor: ${MONITOR}, order: "stop-first" }, init: false, stopGracePeriod: 30,
  command: ["sh", "-c", "trap 'sleep 6; exit' TERM; while :; do sleep 1; done"]`;
const STAY_UP = "waiting for the tasks to stay up";
const WATCH = "waiting for Swarm to watch the new tasks";

const CHANGES: readonly Change[] = [
  { name: "a new service", fields: `${WATCHED}, replicas: 2`, shows: `2/2 tasks ready, ${STAY_UP}` },
  {
    name: "an update",
    before: WATCHED,
    fields: `${WATCHED}, hostname: "new"`,
    shows: `1/1 tasks ready, ${WATCH}`,
  },
  { name: "a new global service", fields: GLOBAL, shows: `1/1 tasks ready, ${STAY_UP}` },
  {
    name: "an update of a global service",
    before: GLOBAL,
    fields: `${GLOBAL}, hostname: "new"`,
    shows: `1/1 tasks ready, ${WATCH}`,
  },
  {
    name: "an update of two tasks at a time",
    before: BY_TWO,
    fields: `${BY_TWO}, hostname: "new"`,
    shows: `4/4 tasks ready, ${WATCH}`,
  },
  {
    name: "an update of tasks that are slow to stop",
    before: SLOW_TO_STOP,
    fields: `${SLOW_TO_STOP}, hostname: "new"`,
    shows: "0/1 tasks ready, waiting for 1 to follow an old task that stops",
  },
  {
    name: "more replicas, with --json",
    before: WATCHED,
    fields: `${WATCHED}, replicas: 3`,
    shows: `3/3 tasks ready, ${STAY_UP}`,
    json: true,
  },
  { name: "fewer replicas", before: `${WATCHED}, replicas: 3`, fields: WATCHED },
  { name: "no replicas", before: WATCHED, fields: `${WATCHED}, replicas: 0` },
];

interface Incident {
  readonly name: string;
  /** Fields of the service before; where there are none, it is made. */
  readonly was?: string;
  /** Fields of the service. @default it comes up once there is the flag of its name */
  readonly fields?: string;
  readonly before?: (engine: Engine) => void;
  /** What happens while `up` waits. */
  readonly happens: (engine: Engine, service: string, up: Running) => void;
  /** How long after the gate has begun to wait, in seconds. @default 2 */
  readonly after?: number;
  /** Where `up` fails: what a user reads; `%` is the service's name, NODE and HOST are those of the engine. */
  readonly says?: readonly string[];
  /** What a preview then says of the service; the next `up` waits again, until the mending. */
  readonly goesOn?: string;
  readonly mend?: (engine: Engine, service: string) => void;
}

/** Services that wait for it come up. */
const FLAGS = path.join(WORK, "flags-of-waits");
const FLAG = path.join(FLAGS, "come-up");
const COMES_UP = `
  command: ["sh", "-c", "test -e /flags/come-up || exit 1; exec sleep 3600"],
  mounts: [{ type: "bind", source: ${JSON.stringify(FLAGS)}, target: "/flags" }]`;
const secret = (content: string): string =>
  `secrets: [{ name: "password", content: "${content}", path: "/run/secrets/password" }]`;
const comeUp = (): void => fs.writeFileSync(FLAG, "");
const availability = (engine: Engine, value: "active" | "drain"): string =>
  engine.docker("node", "update", "--availability", value, engine.docker("node", "ls", "--quiet"));

const INCIDENTS: readonly Incident[] = [
  {
    name: "a published port gets free later",
    fields: "ports: [{ target: 80, published: 8092 }]",
    before: (engine) =>
      engine.docker(
        ...["run", "--detach", "--name", "squatter", "--publish", "8092:80", "busybox:1.35", "sleep", "3600"],
      ),
    happens: (engine) => engine.docker("rm", "--force", "squatter"),
    after: 8,
  },
  { name: "what a service needs comes up later", happens: comeUp, after: 12 },
  {
    name: "the node is drained",
    happens: (engine) => availability(engine, "drain"),
    says: [
      "Service % did not roll out: no suitable node (1 node not available for new tasks).",
      "Task %.1 on no node: no node may run it: no suitable node (1 node not available for new tasks)",
      "What to do: check that nodes are ready and active (docker node ls). Then run up again.",
    ],
    mend: (engine, service) => {
      comeUp();
      availability(engine, "active");
      // Swarm may leave the task pending for long all the same (seen with engine 20.10); a new one is placed at once.
      engine.docker("service", "update", "--detach", "--force", service);
    },
  },
  {
    // Swarm keeps a secret as long as a service names it; one that is being updated names the new one only.
    name: "somebody removes the old secret, to which Swarm then rolls back",
    was: `${secret("old")}, update: { monitor: 15 }`,
    fields: `${secret("new")}, update: { monitor: 15 },
      command: ["sh", "-c", "test -e /flags/come-up || { sleep 10; exit 3; }; exec sleep 3600"],
      mounts: [{ type: "bind", source: ${JSON.stringify(FLAGS)}, target: "/flags" }]`,
    happens: (engine, service) => {
      const old = "{{range .PreviousSpec.TaskTemplate.ContainerSpec.Secrets}}{{.SecretName}}{{end}}";
      engine.docker("secret", "rm", engine.docker("service", "inspect", service, "--format", old));
    },
    after: 0,
    says: [
      "Service % did not roll out: Swarm rolled the update back, which failed too and is paused.",
      "Task %.1 on NODE: a secret or a config is missing: unable to get secret from secret store: secret %-password",
      "What to do: see whether somebody removed it (docker secret ls, docker config ls). Then run up again.",
    ],
    mend: comeUp,
  },
  {
    name: "the engine is started anew",
    happens: (engine) => {
      comeUp();
      engine.restart();
    },
  },
  {
    name: "somebody removes the service",
    happens: (engine, service) => engine.docker("service", "rm", service),
    says: [
      "Service % was removed from the swarm of HOST while it was waited for, and not by this run. " +
        "Run up again to make it anew.",
    ],
    mend: comeUp,
  },
  {
    name: "somebody interrupts it",
    // As Ctrl-C in a terminal does, for all processes in the foreground.
    happens: (_engine, _service, { child }) => process.kill(-(child.pid ?? NaN), "SIGINT"),
    says: ["error: update failed"],
    goesOn: "% is not what it should be yet (0 of its 1 tasks run): up waits until it is.",
    mend: comeUp,
  },
  {
    name: "the engine goes down and stays down",
    happens: (engine) => engine.kill(),
    says: [
      "The engine at HOST has not answered for 30 s (",
      ") while service % was waited for; how it ended is not known. Start the engine, then run up again.",
    ],
    mend: (engine) => {
      comeUp();
      engine.restart();
    },
  },
  {
    name: "the engine leaves its swarm",
    happens: (engine) => engine.docker("swarm", "leave", "--force"),
    says: [
      "The engine at HOST left its swarm while service % was waited for: the service is gone with it. " +
        "Run make up, which makes the swarm and all that was in it anew.",
    ],
    mend: comeUp,
  },
];

/** `up` waits as long as the swarm takes, not longer, says so meanwhile, and copes with what happens in that time. */
export function rolloutWaits(engineName: string, select: Select): void {
  describeWithEngines("waiting for a rollout", () => {
    let engine: Engine;
    let workspace: Workspace;

    beforeAll(() => {
      fs.mkdirSync(FLAGS, { recursive: true });
      engine = startEngine(engineName);
      workspace = new Workspace(engineName, engine, "dev");
    }, MINUTES);
    afterAll(() => engine?.stop(), MINUTES);

    const start = (name: string, fields: string, json = false): Running => {
      workspace.program(`service("${name}", { ${fields} });`);
      return json
        ? workspace.startPulumi("up", "--yes", "--skip-preview", "--json")
        : workspace.start("stack.sh", "up");
    };
    const succeed = async ({ ended }: Pick<Running, "ended">): Promise<Result> => {
      const result = await ended;
      if (result.code !== 0) throw new Error(`it ended with ${result.code}:\n${result.output}`);
      return result;
    };
    /** Until `up` shows that it waits for the service. */
    const waits = async (up: Running, service: string): Promise<void> => {
      while (!new RegExp(`Service ${service} .*tasks ready`).test(up.output())) {
        if (up.child.exitCode !== null) throw new Error(up.output());
        await sleep(200);
      }
    };
    /** Milliseconds since the epoch at which the swarm was done with a service, and the gate could know. */
    const settledAt = (name: string): number => {
      const inspect = (...args: string[]): unknown =>
        JSON.parse(engine.docker(...args, "--format", "{{json .}}"));
      const { UpdateStatus, UpdatedAt } = inspect("service", "inspect", name) as ApiService & {
        UpdateStatus?: { CompletedAt?: string };
      };
      if (UpdateStatus?.CompletedAt !== undefined) return Date.parse(UpdateStatus.CompletedAt);
      const running = engine
        .docker("service", "ps", "--quiet", "--no-trunc", "--filter", "desired-state=running", name)
        .split("\n")
        .filter(Boolean)
        .map((id) => Date.parse((inspect("inspect", id) as Required<ApiTask>).UpdatedAt) + MONITOR * 1000);
      return Math.max(...running, Date.parse(UpdatedAt) + READ);
    };
    /** Seconds between one line of progress and the next. */
    const gaps = (output: string): number[] => {
      const shown =
        /"timestamp":(\d+),"diagnosticEvent".*tasks ready,|(?:creat|updat)ing \((\d+)s\).*tasks ready,/g;
      const at = [...output.matchAll(shown)].map(([, epoch, since]) => Number(epoch ?? since));
      return at.slice(1).map((second, i) => second - (at[i] ?? NaN));
    };

    test.each(select(CHANGES))(
      "$name: up goes on within a second of the swarm's being done",
      async ({ name, before, fields, shows, json = false }) => {
        const service = `change${CHANGES.findIndex((change) => change.name === name) + 1}`;
        if (before !== undefined) await succeed(start(service, before));
        const running = start(service, fields, json);
        const isDone = new RegExp(
          `Service ${service} (created|updated) |` +
            `"resOutputsEvent":{"metadata":{"op":"(create|update)","urn":"[^"]*docker:index/service:Service::${service}"`,
        );
        let done: number | undefined;
        running.child.stdout?.on("data", () => {
          if (isDone.test(running.output())) done ??= Date.now();
        });
        const { output } = await succeed(running);
        const late = (done ?? NaN) - settledAt(`dev_${service}`);
        expect({ late, inTime: late >= 0 && late < LATE }).toEqual({ late, inTime: true });
        if (shows === undefined) expect(output).not.toContain("tasks ready");
        else expect(output).toContain(shows);
        // A line may be shown a moment late itself.
        expect(gaps(output).filter((gap) => gap < SPARSE - 1)).toEqual([]);
      },
      3 * MINUTES,
    );

    test.each(select(INCIDENTS))(
      "$name",
      async ({ name, was, fields = COMES_UP, before, happens, after = 2, says, goesOn, mend }) => {
        const service = `incident${INCIDENTS.findIndex((incident) => incident.name === name) + 1}`;
        fs.rmSync(FLAG, { force: true });
        before?.(engine);
        if (was !== undefined) await succeed(start(service, was));
        const running = start(service, fields);
        await waits(running, service);
        await sleep(after * 1000);
        happens(engine, `dev_${service}`, running);
        if (says !== undefined) {
          const { code, output } = await running.ended;
          const read = output.slice(output.indexOf("Diagnostics:"));
          const lines = says.map((line) =>
            line.replace(/%/g, `dev_${service}`).replace("HOST", engine.host).replace("NODE", engineName),
          );
          const missing = lines.filter((line) => !read.includes(line));
          expect({ failed: code !== 0, read, missing }).toEqual({ failed: true, read, missing: [] });
        }
        let last = running;
        if (goesOn !== undefined) {
          expect(workspace.pulumi("preview").output).toContain(goesOn.replace("%", `dev_${service}`));
          last = start(service, fields);
          await waits(last, service);
        }
        mend?.(engine, `dev_${service}`);
        if (says !== undefined && goesOn === undefined) last = start(service, fields);
        await succeed(last);
        expect(replicas(engine, `dev_${service}`)).toBe("1/1");
        expect(workspace.preview()).toEqual([]);
      },
      5 * MINUTES,
    );
  });
}
