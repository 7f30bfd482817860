import { lendBuiltImages } from "../support/built-images";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { killTask } from "../support/kill-task";
import { Measured, renderMeasured, underLoad } from "../support/load";
import type { Select } from "../support/scenario";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
/** Requests a second; two cores serve them without effort. */
const RATE = 150;
/** Lost requests that need not be refused ones, when the service that holds the ports goes. */
const CUT = 10;
/** Share of answers that may come without a quote: a busy machine gives some only after accountservice's 250 ms. */
const LATE_QUOTES = 0.005;

interface Change {
  readonly name: string;
  /** Makes it, and returns when it is done. */
  readonly by: (workspace: Workspace, engine: Engine) => void | Promise<void>;
  /** Accounts must come with a quote; else null will do. @default false */
  readonly withQuotes?: boolean;
  /**
   * The task that holds the edge's ports is replaced, and they are closed meanwhile: for how long on a busy machine,
   * in ms. @default they stay open, and no request is lost
   */
  readonly closesPorts?: number;
}

function editSource(workspace: Workspace): void {
  workspace.edit("services/accountservice/main.go", "package main", "package main\n\n// Edited.");
}

function scale(workspace: Workspace, replicas: number): void {
  workspace.configure({ accountserviceReplicas: replicas });
  workspace.succeed("stack.sh", "up");
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
    name: "docker service scale to 4 and back to 2",
    by: (_workspace, engine) => {
      engine.docker("service", "scale", "dev_accountservice=4");
      engine.docker("service", "scale", "dev_accountservice=2");
    },
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
      workspace.edit("components/edge/edge.ts", route, `${route}, { path: "/metrics", upstream: accounts }`);
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "new text of the status page",
    by: (workspace) => {
      workspace.edit("components/edge/edge.ts", '"accountservice"', '"accounts"');
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "a killed task of nginx-routes",
    by: (_workspace, engine) => killTask(engine, "dev_nginx-routes"),
  },
  {
    name: "another memory limit of nginx, which holds the ports",
    by: (workspace) => {
      workspace.configure({ nginxMemoryMiB: 72 });
      workspace.succeed("stack.sh", "up");
    },
    // About 1 s on a quiet machine, 2.3 s with five times the load that it has processors for.
    closesPorts: 4000,
  },
  {
    name: "a killed task of nginx, which holds the ports",
    by: (_workspace, engine) => killTask(engine, "dev_nginx"),
    // Swarm waits 1 s before it starts another one.
    closesPorts: 5000,
  },
];

export function noRequestLost(engineName: string, select: Select): void {
  describeWithEngines("under a steady load, no request is lost by", () => {
    let engine: Engine;
    let workspace: Workspace;
    const measured = new Map<string, Measured>();

    beforeAll(() => {
      engine = startEngine(engineName);
      lendBuiltImages(engine);
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
        const targets = [
          { url: `http://${engine.address}:8080/accounts/10000`, expect: "Person_0" },
          { url: `http://${engine.address}:6767/accounts/10001?include=quote`, expect: quote },
        ];
        const result = await underLoad(targets, RATE, () => by(workspace, engine));
        measured.set(name, result);

        expect(result.requests).toBeGreaterThan(2000);
        if (closesPorts === undefined) {
          const { [`answer without ${quote}`]: late = 0, ...faults } = result.faults;
          expect(late).toBeLessThanOrEqual(withQuotes ? LATE_QUOTES * result.requests : 0);
          expect({ ...result, faults }).toMatchObject({ lost: late, faults: {}, again: 0 });
        } else {
          // Refused, but for the few whose connection or answer was under way when nginx ended.
          const { ECONNREFUSED: refused = 0, ...others } = result.faults;
          expect(Object.keys(others).filter((reason) => !reason.startsWith("ECONNRESET"))).toEqual([]);
          expect(result.lost - refused).toBeLessThan(CUT);
          expect(result.outage).toBeLessThan(closesPorts);
        }
      },
      10 * MINUTES,
    );
  });
}
