import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { underLoad } from "../support/load";
import type { Select } from "../support/scenario";
import { SshLogin, sshLogin, whyNoSsh } from "../support/ssh";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** One entry of the stack's `nodes`. */
type Node = Readonly<Record<string, unknown>>;

const WEB = `
  service("web", { replicas: 3, update: { monitor: 1 } });`;

/** An edge on one node, pages behind it on all of them. */
const pages = (edgeNode: string): string => `
  const nginx = new ImagePull("nginx", { image: "nginx:1.26.3" }, { provider }).reference;
  const serve = (name, place, listener, more) => service(name, {
    image: nginx,
    command: ["nginx", "-g", "daemon off;"],
    configs: [
      { name: "conf", content: renderNginxConfig([listener], place), path: "/etc/nginx/nginx.conf" },
      { name: "page", content: "a page", path: "/srv/page" },
    ],
    healthcheck: { test: ["CMD", "curl", "-fsS", "http://127.0.0.1:8080/healthz"], interval: 1, startPeriod: 5 },
    init: false, stopSignal: "SIGQUIT", memoryMiB: 64, user: "101:101",
    mounts: [{ type: "tmpfs", target: "/tmp", sizeMiB: 8 }],
    ...more,
  });
  serve("pages", "routes", { port: 8080, routes: [{ path: "/", file: "/srv/page" }] }, { replicas: 3 });
  serve("edge", "edge", { port: 8080, routes: [{ path: "/", upstream: "pages:8080" }] },
    { ports: [{ target: 8080, published: 8080 }], constraints: ["node.hostname==${edgeNode}"] });`;

/** Three machines, and what a stack's file says of them. */
class Machines {
  readonly engines: readonly LocalEngine[];
  readonly names: readonly string[];
  readonly workspace: Workspace;
  private readonly login: SshLogin | undefined;

  constructor(
    prefix: string,
    private readonly bySsh: boolean,
  ) {
    this.login = bySsh ? sshLogin(prefix) : undefined;
    this.names = ["a", "b", "c"].map((letter) => `${prefix}-${letter}`);
    const flags = this.login === undefined ? [] : [this.login.sshd];
    this.engines = this.names.map((name) => startEngine(name, ...flags));
    // Found by the stack's file.
    const variables = { DOCKER_HOST: "", ...this.login?.env };
    this.workspace = new Workspace(prefix, this.engine(0), "dev", {}, variables);
    this.workspace.program(WEB);
  }

  engine(i: number): LocalEngine {
    return this.engines[i] as LocalEngine;
  }

  name(i: number): string {
    return this.names[i] as string;
  }

  host(i: number): string {
    return this.bySsh ? `ssh://root@${this.engine(i).address}` : this.engine(i).host;
  }

  /** Declares the machines: by default one manager and two workers. */
  declare(
    own: Readonly<Record<number, Node | undefined>> = {},
    config: Readonly<Record<string, string | number | boolean>> = {},
  ): void {
    const nodes = this.names.flatMap((name, i) => {
      if (i in own && own[i] === undefined) return [];
      const node = {
        host: this.host(i),
        role: i === 0 ? "manager" : "worker",
        advertiseAddress: this.engine(i).address,
        ...own[i],
      };
      return [[name, node]];
    });
    this.workspace.configure({ nodes: JSON.stringify(Object.fromEntries(nodes)), ...config });
  }

  /** `name role availability state`, as the manager of machine `from` sees all nodes. */
  seen(from = 0): string[] {
    return this.engine(from)
      .docker(
        "node",
        "ls",
        "--format",
        "{{.Hostname}} {{if .ManagerStatus}}manager{{else}}worker{{end}} {{.Availability}} {{.Status}}",
      )
      .split("\n")
      .map((line) => line.toLowerCase())
      .sort();
  }

  /** Names of the machines that run tasks of a service. */
  spread(service: string, from = 0): string[] {
    return this.engine(from)
      .docker(
        "service",
        "ps",
        service,
        "--filter",
        "desired-state=running",
        "--format",
        "{{.Node}} {{.CurrentState}}",
      )
      .split("\n")
      .filter((line) => line.includes(" Running "))
      .map((line) => line.split(" ", 1)[0] ?? "")
      .sort();
  }

  up(): string {
    return this.workspace.succeed("stack.sh", "up").output;
  }

  stop(): void {
    for (const engine of this.engines) engine.stop();
  }
}

interface Case {
  readonly name: string;
  readonly bySsh?: true;
  readonly run: (machines: Machines) => void | Promise<void>;
}

async function until(what: () => boolean, seconds: number): Promise<number> {
  const started = Date.now();
  while (!what()) {
    if (Date.now() - started > seconds * 1000)
      throw new Error(`still not so after ${seconds} s: ${what.toString()}`);
    await sleep(250);
  }
  return (Date.now() - started) / 1000;
}

const CASES: readonly Case[] = [
  {
    name: "machines join by ssh; one that left by hand is brought back, one that is taken out leaves",
    bySsh: true,
    run: (machines) => {
      const { workspace, names } = machines;
      const [a, b, c] = names as [string, string, string];
      machines.declare({ 1: { labels: { disk: "ssd" } } });
      machines.up();
      const all = [`${a} manager active ready`, `${b} worker active ready`, `${c} worker active ready`];
      expect(machines.seen()).toEqual(all);
      expect(machines.spread("dev_web")).toEqual([a, b, c]);
      expect(machines.engine(0).docker("node", "inspect", b, "--format", "{{.Spec.Labels.disk}}")).toBe(
        "ssd",
      );
      expect(workspace.preview()).toEqual([]);
      expect(workspace.stateFile()).not.toContain("SWMTKN");

      machines.engine(1).docker("swarm", "leave");
      const seen = workspace.tool("stack.sh", "preview");
      expect(seen.output).toContain("it has left the swarm by hand, or was installed anew");
      expect(workspace.preview()).toEqual([{ op: "update", resource: `command:local:Command node-${b}` }]);
      const output = machines.up();
      expect(output).not.toContain("SWMTKN");
      expect(machines.seen()).toEqual(all);

      machines.declare({ 2: undefined });
      machines.up();
      expect(machines.seen()).toEqual([`${a} manager active ready`, `${b} worker active ready`]);
      expect(machines.engine(2).docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
      expect(replicas(machines.engine(0), "dev_web")).toBe("3/3");
    },
  },
  {
    name: "workers become managers and workers again, one by one, and never so many that the majority is lost",
    run: (machines) => {
      const [a, b, c] = machines.names as [string, string, string];
      machines.declare({ 1: { role: "manager" }, 2: { role: "manager" } });
      machines.up();
      expect(machines.seen()).toEqual([a, b, c].map((name) => `${name} manager active ready`));
      machines.declare({ 1: undefined, 2: { role: "worker" } });
      const refused = machines.workspace.tool("stack.sh", "up");
      expect(refused).toMatchObject({ code: 1 });
      expect(refused.output).toContain(
        `of the 3 managers (${a}, ${b}, ${c}), 2 would go in one step (${b}, ${c}), and the rest is no majority of them; ` +
          `allowed: at most 1 at a time; do: leave ${c} as it is, run up, then take the next`,
      );
      expect(machines.seen()).toEqual([a, b, c].map((name) => `${name} manager active ready`));
      machines.declare({ 1: { role: "manager" } });
      machines.up();
      expect(machines.seen()).toEqual([
        `${a} manager active ready`,
        `${b} manager active ready`,
        `${c} worker active ready`,
      ]);
      expect(machines.workspace.preview()).toEqual([]);
    },
  },
  {
    name: "a node is drained under load, and no request is lost",
    run: async (machines) => {
      const a = machines.name(0);
      machines.workspace.program(pages(a));
      machines.declare();
      machines.up();
      const target = { url: `http://${machines.engine(0).address}:8080/`, expect: "a page" };
      const measured = await underLoad([target], 100, () => {
        machines.declare({ 1: { availability: "drain" } });
        machines.up();
      });
      expect(measured).toMatchObject({ lost: 0, faults: {} });
      expect(measured.requests).toBeGreaterThan(500);
      expect(machines.spread("dev_pages")).not.toContain(machines.name(1));
      expect(machines.workspace.preview()).toEqual([]);
    },
  },
  {
    name: "a drained node whose pinned service can't move is told with the service",
    run: (machines) => {
      const b = machines.name(1);
      machines.workspace.program(`service("pinned", { constraints: ["node.hostname==${b}"] });`);
      machines.declare();
      machines.up();
      machines.declare({ 1: { availability: "drain" } }, { rolloutTimeoutSeconds: 10 });
      const { code, output } = machines.workspace.tool("stack.sh", "up");
      expect(code).toBe(1);
      expect(output).toContain(
        `Node ${b} is set to drain, and after 10 s these services don't run whole elsewhere: dev_pinned`,
      );
      machines.declare();
      machines.up();
      expect(machines.spread("dev_pinned")).toEqual([b]);
    },
  },
  {
    name: "a worker is killed: its tasks move, the preview says so, and it comes back",
    run: async (machines) => {
      const [a, b, c] = machines.names as [string, string, string];
      machines.declare();
      machines.up();
      machines.engine(2).kill();
      const seconds = await until(
        () =>
          String(machines.spread("dev_web")) === String([a, a, b]) ||
          String(machines.spread("dev_web")) === String([a, b, b]),
        90,
      );
      console.log(`a killed worker's task runs elsewhere after ${seconds.toFixed(1)} s`);
      const { code, output } = machines.workspace.tool("stack.sh", "preview");
      expect(code).toBe(0);
      expect(output).toContain(`nodes.${c}: the engine at`);
      expect(output).toContain(
        "The swarm says that it is down: its tasks run on other nodes where they may.",
      );
      machines.up();
      machines.engine(2).restart();
      await until(() => machines.seen().includes(`${c} worker active ready`), 60);
      expect(machines.workspace.preview()).toEqual([]);
    },
  },
  {
    name: "a machine that was installed anew takes its old place",
    run: (machines) => {
      const c = machines.name(2);
      machines.declare({ 1: { role: "manager" }, 2: { role: "manager", labels: { disk: "ssd" } } });
      machines.up();
      machines.engine(2).stop();
      startEngine(c);
      machines.up();
      expect(machines.seen()).toEqual(machines.names.map((name) => `${name} manager active ready`));
      expect(machines.engine(0).docker("node", "inspect", c, "--format", "{{.Spec.Labels.disk}}")).toBe(
        "ssd",
      );
      expect(machines.workspace.preview()).toEqual([]);
    },
  },
  {
    name: "the leading manager is killed: up goes on through another one, and a dead manager is replaced",
    bySsh: true,
    run: async (machines) => {
      const [a, b, c] = machines.names as [string, string, string];
      machines.declare({ 1: { role: "manager" }, 2: { role: "manager" } });
      machines.up();
      machines.engine(0).kill();
      const seconds = await until(() => {
        try {
          return machines.engine(1).docker("node", "ls").includes("Leader");
        } catch {
          return false;
        }
      }, 90);
      console.log(
        `after the leader was killed the control plane answers again after ${seconds.toFixed(1)} s`,
      );
      const started = Date.now();
      const output = machines.up();
      console.log(`up through another manager took ${((Date.now() - started) / 1000).toFixed(1)} s`);
      expect(output).toContain(`speaking to the manager ${b}, because ${a} does not answer`);
      expect(replicas(machines.engine(1), "dev_web")).toBe("3/3");
      expect(machines.workspace.tool("stack.sh", "preview")).toMatchObject({ code: 0 });

      machines.declare({ 0: undefined, 1: { role: "manager" }, 2: { role: "manager" } });
      machines.up();
      expect(machines.seen(1)).toEqual([`${b} manager active ready`, `${c} manager active ready`]);
      expect(machines.workspace.preview()).toEqual([]);
    },
  },
  {
    name: "a node's cable is taken out and put in again",
    run: async (machines) => {
      const c = machines.name(2);
      machines.declare({ 1: { role: "manager" }, 2: { role: "manager" } });
      machines.up();
      machines.engine(2).cut();
      const seconds = await until(() => !machines.spread("dev_web").includes(c), 90);
      console.log(`the tasks of a node without a cable run elsewhere after ${seconds.toFixed(1)} s`);
      await until(() => machines.spread("dev_web").length === 3, 90);
      machines.up();
      machines.engine(2).heal();
      const back = await until(() => machines.seen().includes(`${c} manager active ready`), 120);
      console.log(`with its cable back the node is ready after ${back.toFixed(1)} s`);
      expect(machines.workspace.preview()).toEqual([]);
      machines.up();
      expect(replicas(machines.engine(0), "dev_web")).toBe("3/3");
    },
  },
  {
    name: "join tokens and root CA are rotated, and a manager that comes back locked is unlocked",
    run: async (machines) => {
      const b = machines.name(1);
      const token = (): string => machines.engine(0).docker("swarm", "join-token", "--quiet", "worker");
      const root = (): string => machines.engine(0).docker("swarm", "ca");
      const three = { 1: { role: "manager" }, 2: { role: "manager" } };
      machines.declare(three);
      machines.up();
      const before = [token(), root()];
      machines.declare(three, { rotateJoinTokens: "once", rotateRootCa: "once", autolock: true });
      const output = machines.up();
      expect([token(), root()].filter((one) => before.includes(one))).toEqual([]);
      const key = machines.engine(0).docker("swarm", "unlock-key", "--quiet");
      expect(key).toMatch(/^SWMKEY-/);
      for (const secret of [key, token()]) {
        expect(output).not.toContain(secret);
        expect(machines.workspace.stateFile()).not.toContain(secret);
      }
      expect(machines.workspace.preview()).toEqual([]);

      machines.engine(1).restart();
      expect(machines.engine(1).docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("locked");
      expect(machines.workspace.tool("stack.sh", "preview").output).toContain(
        "its engine waits for the unlock key",
      );
      machines.up();
      await until(() => machines.seen().includes(`${b} manager active ready`), 30);
      expect(machines.workspace.preview()).toEqual([]);
    },
  },
  {
    name: "all that keeps machines from joining is told at once, with node and cure",
    bySsh: true,
    run: (machines) => {
      const [a, b, c] = machines.names as [string, string, string];
      machines.engine(1).docker("swarm", "init", "--advertise-addr", machines.engine(1).address);
      machines.declare({ 2: { host: `ssh://stranger@${machines.engine(2).address}` } });
      const { code, output } = machines.workspace.tool("stack.sh", "up");
      expect(code).toBe(1);
      expect(output).toContain(
        `nodes.${b}: its engine is in another swarm (that of ${machines.engine(1).address}:2377)`,
      );
      expect(output).toMatch(
        new RegExp(
          `nodes\\.${c}: the engine at ssh://stranger@\\S+ can't be reached: .*Permission denied \\(publickey`,
        ),
      );
      expect(output).toContain("let the key in (ssh-copy-id ");
      expect(machines.engine(0).docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");

      machines.engine(1).docker("swarm", "leave", "--force");
      machines.declare({ 1: undefined, 2: { host: machines.host(2) } });
      const rule = ["INPUT", "-p", "tcp", "--dport", "2377", "-s", machines.engine(2).address, "-j", "DROP"];
      machines.engine(0).inNetwork("iptables", "-I", ...rule);
      const blocked = machines.workspace.tool("stack.sh", "up");
      expect(blocked.code).toBe(1);
      expect(blocked.output).toContain(`Node ${c} could not join the swarm: `);
      expect(blocked.output).toContain(
        `let this node reach port 2377/tcp of the managers (${machines.engine(0).address}:2377)`,
      );
      machines.engine(0).inNetwork("iptables", "-D", ...rule);
      machines.up();
      expect(machines.seen()).toEqual([`${a} manager active ready`, `${c} worker active ready`]);
    },
  },
];

/** Machines become nodes of one swarm, change what they are there, get lost and come back. */
export function nodes(prefix: string, select: Select): void {
  describeWithEngines("nodes", () => {
    let machines: Machines | undefined;
    afterEach(() => machines?.stop(), MINUTES);

    test.each(select(CASES))(
      "$name",
      async ({ bySsh, run }) => {
        const reason = bySsh ? whyNoSsh() : undefined;
        if (reason !== undefined) console.log(`without ssh, by sockets: ${reason}`);
        machines = new Machines(prefix, bySsh === true && reason === undefined);
        await run(machines);
      },
      10 * MINUTES,
    );
  });
}
