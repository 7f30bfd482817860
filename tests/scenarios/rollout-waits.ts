import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiService, ApiTask } from "../../components/engine";
import { describeWithEngines, Engine, startEngine, WORK } from "../support/engine";
import type { Select } from "../support/scenario";
import { Result, Running, Workspace } from "../support/workspace";

const MINUTES = 60_000;
/** How long after the swarm has settled `up` may go on waiting, in ms. */
const LATE = 1000;

interface Change {
  readonly name: string;
  /** Fields of the service before; where there are none, the service is made. */
  readonly before?: string;
  readonly fields: string;
}

/** Longer than the 2 s for which the provider reads what it has changed: the gate is there when the swarm settles. */
const MONITOR = 6;
const WATCHED = `update: { monitor: ${MONITOR} }`;
const GLOBAL = `${WATCHED}, replicas: "global"`;

const CHANGES: readonly Change[] = [
  { name: "an update", before: WATCHED, fields: `${WATCHED}, hostname: "new"` },
  { name: "a new service", fields: `${WATCHED}, replicas: 2` },
  { name: "a new global service", fields: GLOBAL },
  { name: "more replicas", before: WATCHED, fields: `${WATCHED}, replicas: 3` },
  { name: "an update of a global service", before: GLOBAL, fields: `${GLOBAL}, hostname: "new"` },
];

interface Incident {
  readonly name: string;
  /** Fields of the new service. @default it comes up once there is the flag of its name */
  readonly fields?: string;
  readonly before?: (engine: Engine) => void;
  /** What happens while `up` waits. */
  readonly happens: (engine: Engine, service: string) => void;
  /** How long after the gate has begun to wait, in seconds. @default 2 */
  readonly after?: number;
  /** Where `up` fails: what a user reads; `%` is the service's name. */
  readonly says?: readonly string[];
  readonly mend?: (engine: Engine) => void;
}

/** Services that wait for it come up. */
const FLAGS = path.join(WORK, "flags-of-waits");
const FLAG = path.join(FLAGS, "come-up");
const COMES_UP = `
  command: ["sh", "-c", "test -e /flags/come-up || exit 1; exec sleep 3600"],
  mounts: [{ type: "bind", source: ${JSON.stringify(FLAGS)}, target: "/flags" }]`;
const comeUp = (): void => fs.writeFileSync(FLAG, "");

const INCIDENTS: readonly Incident[] = [
  { name: "what a service needs comes up later", happens: comeUp, after: 12 },
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
      "Service % was removed from the swarm of HOST while its rollout was waited for, and not by this run. " +
        "Run up again to make it anew.",
    ],
    mend: comeUp,
  },
  {
    name: "the engine goes down and stays down",
    happens: (engine) => engine.kill(),
    says: [
      "The engine at HOST has not answered for 30 s (",
      ") while the rollout of service % was waited for; how it ended is not known. Start the engine, then run up again.",
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
      "The engine at HOST left its swarm while the rollout of service % was waited for: the service is gone with it. " +
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

    const start = (name: string, fields: string): Running => {
      workspace.program(`service("${name}", { ${fields} });`);
      return workspace.start("stack.sh", "up");
    };
    const succeed = async ({ ended }: Pick<Running, "ended">): Promise<Result> => {
      const result = await ended;
      if (result.code !== 0) throw new Error(`it ended with ${result.code}:\n${result.output}`);
      return result;
    };
    /** Milliseconds since the epoch at which the swarm was done with a service. */
    const settledAt = (name: string): number => {
      const inspect = (...args: string[]): unknown =>
        JSON.parse(engine.docker(...args, "--format", "{{json .}}"));
      const { UpdateStatus } = inspect("service", "inspect", name) as ApiService & {
        UpdateStatus?: { CompletedAt?: string };
      };
      if (UpdateStatus?.CompletedAt !== undefined) return Date.parse(UpdateStatus.CompletedAt);
      const ids = engine.docker("service", "ps", "--quiet", "--no-trunc", name).split("\n");
      const running = ids.map((id) => Date.parse((inspect("inspect", id) as Required<ApiTask>).UpdatedAt));
      return Math.max(...running) + MONITOR * 1000;
    };

    test.each(select(CHANGES))(
      "$name: up goes on within a second of the swarm's being done",
      async ({ name, before, fields }) => {
        const service = `change${CHANGES.findIndex((change) => change.name === name) + 1}`;
        if (before !== undefined) await succeed(start(service, before));
        const running = start(service, fields);
        let done: number | undefined;
        running.child.stdout?.on("data", () => {
          if (new RegExp(`Service ${service} (created|updated) `).test(running.output())) done ??= Date.now();
        });
        const { output } = await succeed(running);
        const late = (done ?? NaN) - settledAt(`dev_${service}`);
        expect({ late, inTime: late >= 0 && late < LATE }).toEqual({ late, inTime: true });
        expect(output).toMatch(/\d\/\d tasks ready, waiting for /);
      },
      3 * MINUTES,
    );

    test.each(select(INCIDENTS))(
      "$name",
      async ({ name, fields = COMES_UP, before, happens, after = 2, says, mend }) => {
        const service = `incident${INCIDENTS.findIndex((incident) => incident.name === name) + 1}`;
        fs.rmSync(FLAG, { force: true });
        before?.(engine);
        const running = start(service, fields);
        while (!new RegExp(`Service ${service} creating .*tasks ready`).test(running.output())) {
          if (running.child.exitCode !== null) throw new Error(running.output());
          await sleep(200);
        }
        await sleep(after * 1000);
        happens(engine, `dev_${service}`);
        if (says !== undefined) {
          const { code, output } = await running.ended;
          const read = output.slice(output.indexOf("Diagnostics:"));
          const lines = says.map((line) => line.replace("%", `dev_${service}`).replace("HOST", engine.host));
          const missing = lines.filter((line) => !read.includes(line));
          expect({ failed: code !== 0, read, missing }).toEqual({ failed: true, read, missing: [] });
        }
        mend?.(engine);
        await succeed(says === undefined ? running : start(service, fields));
        const replicas = engine.docker(
          "service",
          "ls",
          "--filter",
          `name=dev_${service}`,
          "--format",
          "{{.Replicas}}",
        );
        expect(replicas).toBe("1/1");
        expect(workspace.preview()).toEqual([]);
      },
      5 * MINUTES,
    );
  });
}
