import { execFileSync } from "node:child_process";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import type { Select } from "../support/scenario";
import { swarmObjects } from "../support/swarm-objects";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** Fields of the service web, and whether data goes with the rest. */
const program = (web = "", purge = false): string => `
  const labels = [{ label: "com.docker.stack.namespace", value: "dev" }];
  const volume = new docker.Volume(
    "data",
    { name: "dev_data", driver: "local", labels },
    { provider, retainOnDelete: ${!purge} },
  );
  const conf = new SwarmConfig("conf", { environment, content: "one" }, onSwarm);
  service("web", {
    configs: [{ config: conf, path: "/etc/web.conf" }],
    secrets: [{ name: "token", content: "two", path: "/run/secrets/token" }],
    ${web}
  });
  service("store", { stateful: true, mounts: [{ type: "volume", source: volume.name, target: "/data" }] });`;
const PAUSES = `update: { monitor: 2, failureAction: "pause" }`;
const only = (engine: Engine, kind: string): string => engine.docker(kind, "ls", "--format", "{{.Name}}");

interface Case {
  readonly name: string;
  /** @default program() */
  readonly deployed?: string;
  /** A change whose `up` fails. @default none */
  readonly broken?: string;
  /** What happens before destroy. */
  readonly happens?: (engine: Engine) => void;
  /** What a user reads when destroy can't finish, a pattern each; the commands that it gives are run. */
  readonly says?: readonly RegExp[];
  /** What a user reads when it has finished. */
  readonly tells?: RegExp;
  readonly destroy?: (workspace: Workspace) => Result;
  /** What is there afterwards, not made by the stack. @default nothing, the swarm neither */
  readonly left?: readonly string[];
  /** Whether the data stays. @default true */
  readonly keepsData?: boolean;
  readonly cleanUp?: (engine: Engine) => void;
}

const CASES: readonly Case[] = [
  {
    name: "others use its network, config and secret",
    happens: (engine) => {
      engine.docker(
        ...[
          "run",
          "--detach",
          "--name",
          "guest",
          "--network",
          "dev_network",
          "busybox:1.35",
          "sleep",
          "3600",
        ],
      );
      engine.docker(
        ...["service", "create", "--detach", "--name", "theirs", "--network", "dev_network"],
        ...[
          "--config",
          only(engine, "config"),
          "--secret",
          only(engine, "secret"),
          "--endpoint-mode",
          "dnsrr",
        ],
        ...["--init", "busybox:1.35", "sleep", "3600"],
      );
    },
    says: [
      /^stack dev: network dev_network stays, because others use it:\n {2}service theirs \(busybox:1\.35\); free it: docker service update --network-rm dev_network theirs\n {2}container guest \(busybox:1\.35\) on node \S+; free it: docker network disconnect --force dev_network guest\n/m,
      /^stack dev: config dev_conf-\w{12} stays, because others use it:\n {2}service theirs \(busybox:1\.35\); free it: docker service update --config-rm dev_conf-\w{12} theirs\n/m,
      /^stack dev: secret dev_web-token-\w{12} stays, because others use it:\n {2}service theirs \(busybox:1\.35\); free it: docker service update --secret-rm dev_web-token-\w{12} theirs\n/m,
      /^stack dev: free what is named above, then run it again: make destroy\n/m,
    ],
    tells: /The swarm \w+ stays: it holds what this environment did not make.*\n.*service theirs/,
    left: ["service theirs 1/1"],
    cleanUp: (engine) => {
      engine.docker("rm", "--force", "guest");
      engine.docker("swarm", "leave", "--force");
    },
  },
  {
    name: "its data is to go, and a container of others uses the volume",
    deployed: program("", true),
    happens: (engine) =>
      void engine.docker(
        ...[
          "run",
          "--detach",
          "--name",
          "backup",
          "--volume",
          "dev_data:/backup",
          "busybox:1.35",
          "sleep",
          "3600",
        ],
      ),
    says: [
      /^stack dev: volume dev_data stays, because others use it:\n {2}container backup \(busybox:1\.35\) on node \S+; free it: docker rm --force backup\n/m,
    ],
    keepsData: false,
  },
  {
    name: "an up that was killed has left a one-shot task at work",
    happens: (engine) => {
      const labels = ["com.docker.stack.namespace=dev", "swarm-platform.one-shot=true"];
      engine.docker(
        ...["service", "create", "--detach", "--name", "dev_tool", "--network", "dev_network"],
        ...labels.flatMap((label) => ["--label", label, "--container-label", label]),
        ...["--restart-condition", "none", "--stop-grace-period", "1s", "--endpoint-mode", "dnsrr"],
        ...["busybox:1.35", "sleep", "3600"],
      );
      const state = ["service", "ps", "dev_tool", "--format", "{{.CurrentState}}"];
      while (!engine.docker(...state).startsWith("Running")) engine.docker("version");
    },
    tells: /^stack dev: service dev_tool was left running by an operation that was killed; removed\.$/m,
  },
  { name: "a service crashes again and again", broken: program(`command: ["false"]`) },
  {
    name: "a rollout is stuck",
    broken: program(`healthcheck: { test: ["CMD", "false"], interval: 1, startPeriod: 300 }`),
  },
  {
    name: "an update is paused",
    deployed: program(PAUSES),
    broken: program(`${PAUSES}, command: ["false"]`),
  },
  {
    name: "a service does not end when it is asked to",
    deployed: program(`init: false, stopGracePeriod: 3`),
  },
  {
    name: "half of it was removed by hand",
    happens: (engine) => {
      engine.docker("service", "rm", "dev_web");
      engine.docker("config", "rm", only(engine, "config"));
    },
  },
  {
    name: "all of it was removed by hand, the network too",
    happens: (engine) => {
      engine.docker("service", "rm", "dev_web", "dev_store");
      engine.docker("config", "rm", only(engine, "config"));
      engine.docker("secret", "rm", only(engine, "secret"));
      const tasks = ["ps", "--quiet", "--filter", "label=com.docker.stack.namespace=dev"];
      for (let tries = 0; tries < 500 && engine.docker(...tasks) !== ""; tries++) engine.docker("version");
      engine.docker("network", "rm", "dev_network");
    },
  },
  {
    name: "the swarm has gone",
    happens: (engine) => void engine.docker("swarm", "leave", "--force"),
    tells: /is in no swarm any more, and all that this stack had in it is gone/,
  },
  {
    name: "plain pulumi does it",
    destroy: (workspace) => workspace.pulumi("destroy", "--yes", "--skip-preview"),
  },
];

/** Whatever stands in the way of destroy: it finishes, or says what to do, and finishes then. */
export function destroyFaults(engineName: string, select: Select): void {
  describeWithEngines("destroy where", () => {
    let engine: Engine;
    let workspace: Workspace;

    beforeAll(() => {
      engine = startEngine(engineName);
      workspace = new Workspace(engineName, engine, "dev", {
        networkAttachable: true,
        rolloutTimeoutSeconds: 15,
      });
    }, MINUTES);
    afterAll(() => engine?.stop(), MINUTES);

    /** Runs the commands that a user is told to run. */
    const free = (output: string): void => {
      const commands = [...output.matchAll(/free it: (.*)$/gm)].map(([, command]) => command ?? "");
      for (const command of commands) {
        execFileSync("sh", ["-c", command], {
          env: { ...process.env, DOCKER_HOST: engine.host },
          stdio: "pipe",
        });
      }
    };

    test.each(select(CASES))(
      "$name",
      ({
        deployed = program(),
        broken,
        happens,
        says,
        tells,
        left = [],
        keepsData = true,
        cleanUp,
        ...more
      }) => {
        const destroy = more.destroy ?? ((one: Workspace) => one.tool("stack.sh", "destroy"));
        workspace.program(deployed);
        workspace.succeed("stack.sh", "up");
        if (broken !== undefined) {
          workspace.program(broken);
          expect(workspace.tool("stack.sh", "up").code).not.toBe(0);
        }
        happens?.(engine);

        let result = destroy(workspace);
        if (says !== undefined) {
          const read = result.output;
          const missing = says.filter((line) => !line.test(read));
          expect({ failed: result.code !== 0, read, missing }).toEqual({ failed: true, read, missing: [] });
          free(read);
          result = destroy(workspace);
        }
        const { code, output } = result;
        expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(tells ?? "") as string });
        expect(workspace.state().resources ?? []).toEqual([]);
        expect(swarmObjects(engine)).toEqual(left);
        expect(engine.docker("volume", "ls", "--format", "{{.Name}}")).toBe(keepsData ? "dev_data" : "");
        const swarm = engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}");
        expect(swarm).toBe(left.length > 0 ? "active" : "inactive");
        if (keepsData && more.destroy === undefined) {
          expect(output).toMatch(/^Kept volumes \(.*\):\n {2}dev_data$/m);
        }
        // Once more changes nothing.
        expect(destroy(workspace)).toMatchObject({ code: 0 });
        cleanUp?.(engine);
        if (keepsData) engine.docker("volume", "rm", "dev_data");
      },
      5 * MINUTES,
    );
  });
}
