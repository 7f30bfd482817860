import * as fs from "node:fs";
import * as path from "node:path";
import type { ApiService } from "../../components/engine/engine";
import { describeWithEngines, Engine, startEngine, WORK } from "../support/engine";
import type { Select } from "../support/scenario";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** Folder that the services mount: its files decide what their programs do. */
const FLAGS = path.join(WORK, "flags");
const flag = (name: string): string => path.join(FLAGS, name);
const MOUNT = `mounts: [{ type: "bind", source: ${JSON.stringify(FLAGS)}, target: "/flags" }]`;

const shell = (script: string): string => `command: ["sh", "-c", ${JSON.stringify(script)}]`;
const check = (script: string, more = "interval: 1, startPeriod: 0"): string =>
  `healthcheck: { test: ["CMD-SHELL", ${JSON.stringify(script)}], ${more} }`;
const NEVER_HEALTHY = check("echo not yet; exit 1", "interval: 1, startPeriod: 300");

const thisNode = (engine: Engine): string => engine.docker("node", "ls", "--quiet");

interface Fault {
  readonly name: string;
  /** Fields of the service before; where there are none, the fault is met when the service is made. */
  readonly before?: string;
  /** Fields that are at fault. */
  readonly bad: string;
  /** Fields that are right; the faulty ones where it is not they that are at fault. @default none */
  readonly good?: string;
  /** Makes the fault, where it is not in the fields. */
  readonly provoke?: (engine: Engine) => void;
  /** Takes it away. */
  readonly mend?: (engine: Engine) => void;
  /** What a user reads, a line each; `%` is the service's name. */
  readonly says: readonly string[];
  /** How Swarm's updater ended; "label" where the gate left its note on the service instead. */
  readonly ends: "rollback_completed" | RegExp | "paused" | "label";
  /** What a rollout may take, in seconds. @default 180 */
  readonly limit?: number;
  /** How long `up` may take to find out, in seconds; one without a fault takes about 10. @default 40 */
  readonly within?: number;
}

const FAULTS: readonly Fault[] = [
  {
    name: "an update whose program ends by itself is rolled back",
    before: "",
    bad: shell("echo reading configuration; echo PORT is not a number >&2; exit 3"),
    says: [
      'error: after hook "rollout" failed: Service % did not roll out: Swarm rolled the update back.',
      "Task %.1 on NODE: its program ended by itself: non-zero exit (3)",
      "Its last log lines:",
      "  PORT is not a number",
      "What to do: see the log lines; correct the program, its arguments or its environment. Then run up again.",
    ],
    ends: "rollback_completed",
  },
  {
    name: "an update that gets ill is rolled back",
    before: "",
    bad: check("echo cannot reach the database; exit 1"),
    says: [
      "Service % did not roll out: Swarm rolled the update back.",
      "Task %.1 on NODE: its health check failed: non-zero exit (143): unhealthy container",
      "Its last health check ended with exit code 1:",
      "  cannot reach the database",
      "What to do: see what the check and the program said; correct the service or its health check. Then run up again.",
    ],
    ends: "rollback_completed",
  },
  {
    name: "an update that is to pause when it fails",
    before: 'update: { monitor: 2, failureAction: "pause" }',
    bad: `update: { monitor: 2, failureAction: "pause" }, ${shell("exit 3")}`,
    good: 'update: { monitor: 2, failureAction: "pause" }',
    says: [
      "Service % did not roll out: Swarm paused the update.",
      "Task %.1 on NODE: its program ended by itself: non-zero exit (3)",
    ],
    ends: "paused",
  },
  {
    name: "an update that is to go on when it fails",
    before: 'update: { monitor: 2, failureAction: "continue" }',
    bad: `update: { monitor: 2, failureAction: "continue" }, ${shell("exit 3")}`,
    good: 'update: { monitor: 2, failureAction: "continue" }',
    says: [
      "Service % did not roll out: its tasks fail again and again.",
      "Task %.1 on NODE: its program ended by itself: non-zero exit (3)",
    ],
    ends: "label",
    within: 70,
  },
  {
    name: "an update whose rollback fails too",
    before: `${MOUNT}, ${shell("test -e /flags/old || exit 4; exec sleep 3600")}`,
    bad: `${MOUNT}, ${shell("sleep 1; exit 3")}`,
    good: MOUNT,
    provoke: () => fs.rmSync(flag("old")),
    // Swarm may call a rollback complete before the old tasks run again; else both faults are told.
    says: [
      "Service % did not roll out: Swarm rolled the update back",
      "Task %.1 on NODE: its program ended by itself: non-zero exit (3)",
    ],
    ends: /^rollback_(completed|paused)$/,
  },
  {
    name: "an update that does not get ready in time is rolled back",
    before: "",
    bad: NEVER_HEALTHY,
    limit: 12,
    says: [
      "Service % did not roll out: not ready after 12 s: 0/1 tasks ready, waiting for 1 starting; it was rolled back.",
      "Task %.1 on NODE: its health check has not succeeded yet: still starting",
      "  not yet",
      "allow more time (pulumi config set rolloutTimeoutSeconds). Then run up again.",
    ],
    ends: "rollback_completed",
  },
  {
    name: "an update that no node takes is rolled back",
    before: "",
    bad: 'constraints: ["node.labels.disk==ssd"]',
    says: [
      "Service % did not roll out: no suitable node (scheduling constraints (node.labels.disk==ssd) not satisfied on 1 node)",
      "Task %.1 on no node: no node satisfies its placement constraints: no suitable node",
    ],
    ends: "rollback_completed",
    within: 50,
  },
  {
    name: "an update to an image that is not there is rolled back",
    before: "",
    bad: 'image: "busybox:no-such-tag"',
    says: [
      "Service % did not roll out: Swarm rolled the update back.",
      "Task %.1 on NODE: the image can't be had: No such image: busybox:no-such-tag",
      "What to do: check the image's name and tag, and that this node can pull it. Then run up again.",
    ],
    ends: "rollback_completed",
  },
  {
    name: "a new service that does not get ready in time",
    bad: NEVER_HEALTHY,
    limit: 12,
    says: [
      "Service % did not roll out: not ready after 12 s: 0/1 tasks ready, waiting for 1 starting.",
      "Task %.1 on NODE: its health check has not succeeded yet: still starting",
    ],
    ends: "label",
  },
  {
    name: "a new service whose image is not there",
    bad: 'image: "busybox:no-such-tag"',
    says: [
      "Service % did not roll out: its tasks fail again and again.",
      "Task %.1 on NODE: the image can't be had: No such image: busybox:no-such-tag",
    ],
    ends: "label",
  },
  {
    name: "a new service whose program ends without an error",
    bad: shell("echo all done"),
    says: [
      "Service % did not roll out: its tasks fail again and again.",
      "Task %.1 on NODE: its program ended by itself, without an error: exit (0)",
      "  all done",
    ],
    ends: "label",
    within: 70,
  },
  {
    name: "a new service whose program is not in the image",
    bad: 'command: ["/no/such/program"], init: false',
    says: [
      'Task %.1 on NODE: its program can\'t be started: exec: "/no/such/program": stat /no/such/program: no such file',
    ],
    ends: "label",
  },
  {
    name: "a new service that runs out of memory",
    bad: shell("echo eating; tail /dev/zero"),
    says: [
      "Task %.1 on NODE: it ran out of memory: non-zero exit (137), out of memory",
      "What to do: raise the memory limit, or make the program need less. Then run up again.",
    ],
    ends: "label",
    within: 70,
  },
  {
    name: "a new service that is killed, but not for its memory",
    bad: shell("kill -9 $$"),
    says: ["Task %.1 on NODE: it was killed from outside (SIGKILL): non-zero exit (137)"],
    ends: "label",
    within: 70,
  },
  {
    name: "a new service that gets ill",
    bad: check("echo cannot reach the database; exit 1"),
    says: [
      "Task %.1 on NODE: its health check failed: non-zero exit (143): unhealthy container",
      "  cannot reach the database",
    ],
    ends: "label",
    within: 80,
  },
  {
    name: "tasks that fail for different reasons",
    bad: `replicas: 2, hostname: "{{.Task.Slot}}", ${shell("echo task $(hostname); exit $(hostname)")}`,
    says: [
      "Task %.1 on NODE: its program ended by itself: non-zero exit (1)",
      "  task 1",
      "Task %.2 on NODE: its program ended by itself: non-zero exit (2)",
      "  task 2",
    ],
    ends: "label",
    within: 70,
  },
  {
    name: "a bind mount without its source",
    bad: `mounts: [{ type: "bind", source: ${JSON.stringify(flag("folder"))}, target: "/data" }]`,
    good: `mounts: [{ type: "bind", source: ${JSON.stringify(flag("folder"))}, target: "/data" }]`,
    mend: () => fs.mkdirSync(flag("folder")),
    says: [
      'Task %.1 on NODE: the source of a bind mount is not on this node: invalid mount config for type "bind": ' +
        `bind source path does not exist: ${flag("folder")}`,
      "What to do: make the folder on every node that may run the task, or correct the mount's source. Then run up again.",
    ],
    ends: "label",
  },
  {
    name: "a published port that something else has",
    bad: "ports: [{ target: 80, published: 8090 }]",
    good: "ports: [{ target: 80, published: 8090 }]",
    provoke: (engine) =>
      engine.docker(
        "run",
        "--detach",
        "--name",
        "squatter",
        "--publish",
        "8090:80",
        "busybox:1.35",
        "sleep",
        "3600",
      ),
    mend: (engine) => engine.docker("rm", "--force", "squatter"),
    says: [
      "Task %.1 on NODE: a published port is taken: Bind for 0.0.0.0:8090 failed: port is already allocated",
      "What to do: free the published port on the node, or publish another one. Then run up again.",
    ],
    ends: "label",
    within: 70,
  },
  {
    name: "a published port that another service has",
    bad: "ports: [{ target: 80, published: 8091 }]",
    good: "ports: [{ target: 80, published: 8091 }]",
    provoke: (engine) =>
      engine.docker(
        ...["service", "create", "--detach", "--name", "squatter", "--endpoint-mode", "dnsrr"],
        ...[
          "--publish",
          "mode=host,published=8091,target=80",
          "--no-resolve-image",
          "busybox:1.35",
          "sleep",
          "3600",
        ],
      ),
    mend: (engine) => engine.docker("service", "rm", "squatter"),
    says: [
      "Service % did not roll out: no suitable node (host-mode port already in use on 1 node).",
      "Task %.1 on no node: a published port is taken: no suitable node (host-mode port already in use on 1 node)",
    ],
    ends: "label",
  },
  {
    name: "constraints that no node satisfies",
    bad: 'constraints: ["node.labels.zone==north"]',
    good: 'constraints: ["node.labels.zone==north"]',
    mend: (engine) => engine.docker("node", "update", "--label-add", "zone=north", thisNode(engine)),
    says: [
      "Service % did not roll out: no suitable node (scheduling constraints (node.labels.zone==north) not satisfied on 1 node).",
      "Task %.1 on no node: no node satisfies its placement constraints",
      "give a node what they ask for (docker node update --label-add KEY=VALUE ",
    ],
    ends: "label",
  },
  {
    name: "a global service for which there is no node",
    bad: 'replicas: "global", constraints: ["node.labels.zone==south"]',
    good: 'replicas: "global", constraints: ["node.labels.zone==south"]',
    mend: (engine) => engine.docker("node", "update", "--label-add", "zone=south", thisNode(engine)),
    says: [
      "Service % did not roll out: no suitable node (no active node satisfies its constraints: node.labels.zone==south).",
      "give a node what they ask for (docker node update --label-add KEY=VALUE ",
    ],
    ends: "label",
  },
  {
    name: "a global service that fails",
    bad: `replicas: "global", ${shell("exit 3")}`,
    good: 'replicas: "global"',
    says: ["Task % on NODE: its program ended by itself: non-zero exit (3)"],
    ends: "label",
    within: 70,
  },
];

/** Every way in which a rollout fails: found, explained, shown as still to do, and done once its cause is gone. */
export function rolloutFaults(engineName: string, select: Select): void {
  describeWithEngines("a rollout that fails", () => {
    let engine: Engine;
    let workspace: Workspace;

    beforeAll(() => {
      fs.rmSync(FLAGS, { recursive: true, force: true });
      fs.mkdirSync(FLAGS, { recursive: true });
      engine = startEngine(engineName);
      workspace = new Workspace(engineName, engine, "dev");
    }, MINUTES);
    afterAll(() => engine?.stop(), MINUTES);

    /** Deploys the service, another one, and one that depends on the first. */
    const up = (name: string, fields: string, version: string) => {
      workspace.program(`
        const first = service("${name}", { ${fields} });
        service("other", { hostname: "${version}" });
        service("${name}-user", { hostname: "${version}" }, { dependsOn: [first] });`);
      return workspace.tool("stack.sh", "up");
    };
    const succeeds = ({ code, output }: Result): void => {
      if (code !== 0) throw new Error(`it ended with ${code}:\n${output}`);
    };
    const inspect = (name: string): ApiService =>
      (JSON.parse(engine.docker("service", "inspect", `dev_${name}`)) as [ApiService])[0];
    const version = (name: string): string | undefined =>
      (inspect(name).Spec.TaskTemplate.ContainerSpec as { Hostname?: string }).Hostname;
    const runningTasks = (name: string): string =>
      engine.docker("service", "ps", `dev_${name}`, "--quiet", "--filter", "desired-state=running");
    const services = (): string[] => engine.docker("service", "ls", "--format", "{{.Name}}").split("\n");

    test.each(select(FAULTS))(
      "$name",
      ({ name, before, bad, good = "", provoke, mend, says, ends, limit = 180, within = 40 }) => {
        const api = `api${FAULTS.findIndex((fault) => fault.name === name) + 1}`;
        const user = `${api}-user`;
        fs.writeFileSync(flag("old"), "");
        if (before !== undefined) succeeds(up(api, before, "before"));
        const untouched = before === undefined ? undefined : [inspect(user).Spec, runningTasks(user)];
        provoke?.(engine);
        workspace.configure({ rolloutTimeoutSeconds: limit });

        const start = Date.now();
        const { code, output } = up(api, bad, api);
        const seconds = (Date.now() - start) / 1000;
        const lines = says.map((line) => line.replace(/%/g, `dev_${api}`).replace(/NODE/g, engineName));
        const read = output.slice(output.indexOf("Diagnostics:"));
        const missing = lines.filter((line) => read.split(line).length !== 2);
        expect({ failed: code !== 0, read, missing }).toEqual({ failed: true, read, missing: [] });
        expect(seconds).toBeLessThan(within);

        // The swarm shows the failure by itself.
        const { UpdateStatus, Spec } = inspect(api);
        const noted = Spec.Labels?.["swarm-platform.rollout"] === "failed";
        const ended = noted ? "label" : UpdateStatus?.State;
        expect(ended).toEqual(typeof ends === "string" ? ends : (expect.stringMatching(ends) as string));
        // What needs it is left alone, what does not is finished.
        expect(read).toContain(`What needs ${api} was left as it is, because ${api} failed.`);
        if (untouched === undefined) expect(services()).not.toContain(`dev_${user}`);
        else expect([inspect(user).Spec, runningTasks(user)]).toEqual(untouched);
        expect(version("other")).toBe(api);
        // It is still to be done, and is done once nothing is in its way.
        expect(workspace.preview()).toContainEqual({
          op: "update",
          resource: `docker:index/service:Service ${api}`,
        });
        workspace.configure({});
        mend?.(engine);
        succeeds(up(api, good, api));
        expect(version(user)).toBe(api);
        expect(workspace.preview()).toEqual([]);
      },
      5 * MINUTES,
    );
  });
}
