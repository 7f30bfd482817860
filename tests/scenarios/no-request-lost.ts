import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { Load, Measured, measure, renderMeasured } from "../support/load";
import type { Select } from "../support/scenario";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
/** Requests a second; two cores serve them without effort. */
const RATE = 150;
/** How long the load goes on before and after a change, in ms. */
const CALM = 5000;
/** When a load ends even if its change hangs, in seconds. */
const LIMIT = 400;

interface Change {
  readonly name: string;
  /** Makes it, and returns when it is done. */
  readonly by: (workspace: Workspace, engine: Engine) => void | Promise<void>;
  /** Each account must come with a quote; else null will do, which a busy machine gives it in time. @default false */
  readonly withQuotes?: boolean;
  /** The service that holds the edge's ports is replaced, and they are closed meanwhile. @default false */
  readonly closesPorts?: boolean;
}

function editSource(workspace: Workspace): void {
  workspace.edit("services/accountservice/main.go", "package main", "package main\n\n// Edited.");
}

function scale(workspace: Workspace, replicas: number): void {
  workspace.configure({ accountserviceReplicas: replicas });
  workspace.succeed("stack.sh", "up");
}

/** Kills one task of a service and waits until the new one in its place is healthy. */
async function killTask(engine: Engine, service: string): Promise<void> {
  const healthy = (): string[] =>
    engine
      .docker("ps", "--quiet", "--filter", `name=${service}.`, "--filter", "health=healthy")
      .split("\n")
      .filter(Boolean);
  const before = healthy();
  const [victim = ""] = before;
  engine.docker("kill", victim);
  for (let now: string[] = []; now.length < before.length || now.includes(victim); now = healthy()) {
    await sleep(500);
  }
}

const CHANGES: readonly Change[] = [
  {
    name: "new image and 2 to 4 tasks of accountservice",
    by: (workspace) => {
      editSource(workspace);
      scale(workspace, 4);
    },
  },
  {
    name: "2 to 4 to 2 tasks of accountservice",
    by: (workspace) => {
      scale(workspace, 4);
      scale(workspace, 2);
    },
  },
  {
    name: "new image of accountservice alone",
    by: (workspace) => {
      editSource(workspace);
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "docker service update --force of quotes-service",
    by: (_workspace, engine) => {
      engine.docker("service", "update", "--force", "--detach=false", "dev_quotes-service");
    },
    withQuotes: true,
  },
  {
    name: "make restart of quotes-service",
    by: (workspace) => {
      workspace.succeed("service.sh", "restart", "quotes-service");
    },
    withQuotes: true,
  },
  {
    name: "a killed task of accountservice",
    by: (_workspace, engine) => killTask(engine, "dev_accountservice"),
  },
  {
    name: "new route",
    by: (workspace) => {
      const route = '{ path: "/accounts/", upstream: accounts }';
      workspace.edit("components/edge.ts", route, `${route}, { path: "/metrics", upstream: accounts }`);
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "new text of the status page",
    by: (workspace) => {
      workspace.edit("components/edge.ts", '"accountservice"', '"accounts"');
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "another memory limit of nginx, which holds the ports",
    by: (workspace) => {
      workspace.configure({ nginxMemoryMiB: 72 });
      workspace.succeed("stack.sh", "up");
    },
    closesPorts: true,
  },
];

export function noRequestLost(engineName: string, select: Select): void {
  describeWithEngines("under a steady load, no request is lost by", () => {
    let engine: Engine;
    let workspace: Workspace;
    const measured = new Map<string, Measured>();

    beforeAll(() => {
      engine = startEngine(engineName);
      workspace = new Workspace(engineName, engine, "dev");
      workspace.succeed("stack.sh", "up");
    }, 10 * MINUTES);
    afterAll(() => {
      if (measured.size > 0) console.log(`${RATE} requests a second\n${renderMeasured(measured)}`);
      engine?.stop();
    }, MINUTES);

    test.each(select(CHANGES))(
      "$name",
      async ({ name, by, withQuotes, closesPorts }) => {
        const quote = withQuotes ? '"quote":{' : '"quote":';
        const load = new Load(
          [
            { url: `http://${engine.address}:8080/accounts/10000`, expect: "Person_0" },
            { url: `http://${engine.address}:6767/accounts/10001?include=quote`, expect: quote },
          ],
          RATE,
          LIMIT,
        );
        const start = Date.now();
        await sleep(CALM);
        const from = Date.now();
        await by(workspace, engine);
        const to = Date.now();
        await sleep(CALM);
        const seconds = (Date.now() - start) / 1000;
        const result = measure(await load.stop(), from, to);
        measured.set(name, result);

        // The load was steady to the end, else it has shown nothing.
        expect(result.requests).toBeGreaterThan(0.9 * RATE * seconds);
        expect(result.requests).toBeGreaterThan(2000);
        if (closesPorts) {
          // A connection is refused or good; a second on a quiet machine.
          expect(Object.keys(result.faults)).toEqual(["ECONNREFUSED"]);
          expect(result.outage).toBeLessThan(2000);
        } else {
          expect(result.faults).toEqual({});
        }
      },
      10 * MINUTES,
    );
  });
}
