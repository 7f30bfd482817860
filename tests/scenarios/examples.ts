import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inBrowser, whyNoBrowser } from "../support/browser";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { killTask } from "../support/kill-task";
import { PROJECT_DIR } from "../support/project";
import { deployedObjects } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";
import { settingsIn } from "../../tools/stack-file";

const MINUTES = 60_000;

interface Example {
  readonly name: string;
  /** Whether it belongs to `make test`. */
  readonly quick: boolean;
  /** Published on the node. */
  readonly port: number;
  /** Variables of its stack file that the engine asks for. */
  readonly env?: (engine: LocalEngine) => Readonly<Record<string, string>>;
  /** @default http */
  readonly scheme?: string;
  /** What it promises beyond its smoke check. */
  readonly promise: string;
  readonly keeps: (example: Running) => Promise<void>;
  /** Why the promise can't be tested on this machine; undefined when it can. */
  readonly whyNot?: () => string | undefined;
}

/** An example that is deployed. */
interface Running {
  readonly engine: LocalEngine;
  readonly url: string;
  /** Its smoke check, to its end. */
  readonly smoke: (...args: string[]) => Promise<{ readonly code: number; readonly output: string }>;
  /** Starts the tasks of a service anew and waits until they run. */
  readonly restart: (service: string) => void;
}

/** The number that the hit counter says. */
async function seen(url: string): Promise<number> {
  const text = await (await fetch(url)).text();
  return Number(/seen (\d+) times/.exec(text)?.[1]);
}

/** When the task `SERVICE.SLOT` began to run, in ms since 1970. */
function ranSince(engine: LocalEngine, name: string): number {
  const [id = ""] = engine
    .docker("service", "ps", "--quiet", "--filter", `name=${name}`, name.split(".")[0]!)
    .split("\n");
  return Date.parse(
    engine.docker("inspect", "--type=task", "--format={{json .Status.Timestamp}}", id).replaceAll('"', ""),
  );
}

/** Consul by its HTTP API. */
class Consul {
  constructor(private readonly url: string) {}

  /** The node that leads the three, and one that does not; undefined unless any of them may be lost. */
  public async servers(): Promise<{ leader: string; follower: string } | undefined> {
    const health = await fetch(`${this.url}v1/operator/autopilot/health`);
    if (health.status >= 500) return undefined; // no leader
    const { FailureTolerance: spare, Servers: servers } = (await health.json()) as {
      FailureTolerance: number;
      Servers: { Name: string; Leader: boolean }[];
    };
    const named = (leads: boolean) => servers.find(({ Leader }) => Leader === leads)!.Name;
    return spare === 1 ? { leader: named(true), follower: named(false) } : undefined;
  }

  /** Until it is acknowledged: there may be no leader for some seconds. */
  public async put(key: string, value: string): Promise<void> {
    await this.ask(key, { method: "PUT", body: value });
  }

  public async get(key: string): Promise<string> {
    return (await this.ask(`${key}?raw`)).text();
  }

  private async ask(path: string, request?: RequestInit): Promise<Response> {
    for (const began = Date.now(); ; await sleep(200)) {
      const response = await fetch(`${this.url}v1/kv/${path}`, request);
      if (response.ok) return response;
      if (Date.now() - began > 20_000)
        throw new Error(`${path}: ${response.status} ${await response.text()}`);
    }
  }
}

/** The address of the leader that a server follows; empty until it is one of the three again. */
function leaderAsSeenBy(engine: LocalEngine, service: string): string {
  const label = `label=com.docker.swarm.service.name=${service}`;
  const server = engine.docker("ps", "--quiet", "--filter", label);
  const answer = engine.docker("exec", server, "curl", "--silent", "http://127.0.0.1:8500/v1/status/leader");
  return JSON.parse(answer) as string;
}

/** What a visitor of the site finds, who has written into the guestbook, and what the jobs that load have said. */
class Visitor {
  private readonly cookies = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "visitor-")), "cookies");

  constructor(private readonly url: string) {}

  public write(): void {
    this.curl("--cookie-jar", this.cookies, "--data", "name=Jo&text=hello", `${this.url}guestbook/`);
  }

  public look(): Record<string, unknown> {
    const [list, article, guestbook] = ["blog/", "blog/by-name", "guestbook/"].map((page) =>
      this.curl("--cookie", this.cookies, this.url + page),
    );
    return {
      articles: list?.match(/class="article"/g)?.length,
      read: Number(/read (\d+) times/.exec(article ?? "")?.[1]),
      entries: guestbook?.match(/class="entry"/g)?.length,
      greeting: /Welcome back, \w+/.exec(guestbook ?? "")?.[0],
    };
  }

  public leave(): void {
    fs.rmSync(path.dirname(this.cookies), { recursive: true });
  }

  /** The certificate is not what this is about. */
  private curl(...args: string[]): string {
    return execFileSync("curl", ["--silent", "--fail", "--insecure", "--max-time", "20", ...args], {
      encoding: "utf8",
    });
  }
}

const EXAMPLES: readonly Example[] = [
  {
    name: "hit-counter",
    quick: true,
    port: 8000,
    promise: "the number survives an update of web and of redis",
    keeps: async ({ url, restart }) => {
      const before = await seen(url);
      for (const service of ["web", "redis"]) restart(service);
      expect(await seen(url)).toBe(before + 1);
    },
  },
  {
    name: "queue",
    quick: false,
    port: 8001,
    promise: "what is acknowledged is done although redis and the worker restart",
    keeps: async ({ smoke, restart }) => {
      const sending = smoke("600");
      for (const service of ["redis", "worker", "redis"]) restart(service);
      expect(await sending).toMatchObject({ code: 0 });
    },
  },
  {
    name: "visualizer",
    quick: true,
    port: 8002,
    env: ({ host }) => ({ DOCKER_SOCKET: host.replace("unix://", "") }),
    promise: "a browser sees tasks come, fail and go without a reload",
    whyNot: whyNoBrowser,
    keeps: ({ engine, url }) =>
      inBrowser(async (page) => {
        await page.goto(url);
        const task = (name: string, state: string) =>
          page.locator(".tasks li", { hasText: name }).filter({ hasText: state });
        for (const name of ["visualizer_page.1", "visualizer_proxy.1"]) await task(name, "running").waitFor();
        await page.getByRole("heading", { name: "examples" }).waitFor();

        await page.evaluate(() => Object.assign(window, { here: true }));
        const service = (...args: string[]) => engine.docker("service", ...args);
        service("create", "--quiet", "--name=seen", "--restart-delay=60s", "busybox:1.35", "sleep", "600");
        service("scale", "--detach", "seen=2");
        await task("seen.2", "running").waitFor();
        expect(Date.now() - ranSince(engine, "seen.2")).toBeLessThan(3_000);
        service("scale", "--detach", "seen=1");
        await task("seen.2", "").waitFor({ state: "detached" });
        service("update", "--quiet", "--detach", "--args=false", "seen");
        await task("seen.1", "failed").getByText("non-zero exit (1)").waitFor();
        service("rm", "seen");
        await task("seen", "").first().waitFor({ state: "detached" });
        expect(await page.evaluate(() => "here" in window)).toBe(true);

        const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const light = await ground();
        await page.emulateMedia({ colorScheme: "dark" });
        expect(await ground()).not.toBe(light);
        await page.setViewportSize({ width: 360, height: 740 });
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      }),
  },
  {
    name: "consul",
    quick: false,
    port: 8500,
    promise:
      "key-value is kept, read and written over the loss of a server, the leader too; then they are three again",
    keeps: async ({ engine, url }) => {
      const consul = new Consul(url);
      for (const lost of ["follower", "leader"] as const) {
        const servers = (await consul.servers())!;
        await consul.put(lost, "before");
        const service = `consul_${servers[lost]}`;
        const back = killTask(engine, service);
        expect(await consul.get(lost)).toBe("before");
        for (let n = 0; n < 20; n++) {
          await consul.put(`${lost}/${n}`, String(n));
          expect(await consul.get(`${lost}/${n}`)).toBe(String(n));
        }
        await back;
        while (leaderAsSeenBy(engine, service) === "") await sleep(1_000);
        while ((await consul.servers()) === undefined) await sleep(1_000);
        expect(await consul.get(`${lost}/0`)).toBe("0");
      }
    },
  },
  {
    name: "site",
    quick: false,
    port: 8444,
    scheme: "https",
    promise: "data and sessions survive an update of each store, and first data is loaded once",
    keeps: ({ engine, url, restart }) => {
      const visitor = new Visitor(url);
      visitor.write();
      const before = visitor.look();
      expect(before).toEqual({
        articles: 3,
        read: expect.any(Number) as number,
        entries: expect.any(Number) as number,
        greeting: "Welcome back, Jo",
      });
      for (const service of ["mongo", "redis", "postgres", "load-blog", "load-guestbook"]) restart(service);
      expect(visitor.look()).toEqual({ ...before, read: Number(before.read) + 1 });
      for (const load of ["load-blog", "load-guestbook"]) {
        const said = engine.docker("service", "logs", "--raw", `site_${load}`);
        expect(said.match(/loaded \d+ |loaded before/g)?.sort()).toEqual([
          expect.stringMatching(/\d/),
          "loaded before",
        ]);
      }
      visitor.leave();
      return Promise.resolve();
    },
  },
];

/** Each example comes up with one command, passes its smoke check, keeps its promise and goes without a trace. */
export function examples(select: { readonly quick: boolean }): void {
  const selected = EXAMPLES.filter(({ quick }) => quick === select.quick);
  describeWithEngines("examples", () => {
    describe.each(selected)("$name", ({ name, port, scheme = "http", env, promise, keeps, whyNot }) => {
      let engine: LocalEngine;
      let workspace: Workspace;
      let running: Running;

      beforeAll(() => {
        engine = startEngine("examples");
        workspace = new Workspace("examples", engine, name, {
          ...shipped(name, env?.(engine)),
          advertiseAddress: engine.address,
        });
        workspace.succeed("stack.sh", "up");
        const url = `${scheme}://${engine.address}:${port}/`;
        const script = path.join(PROJECT_DIR, "examples", name, "smoke.sh");
        running = {
          engine,
          url,
          smoke: (...args) => ended(script, [url, ...args]),
          restart: (service) => {
            engine.docker("service", "update", "--quiet", "--detach=false", "--force", `${name}_${service}`);
          },
        };
      }, 10 * MINUTES);
      afterAll(() => engine?.stop(), MINUTES);

      test(
        "passes its smoke check",
        async () => {
          expect(await running.smoke()).toMatchObject({ code: 0 });
        },
        3 * MINUTES,
      );

      const reason = whyNot?.();
      if (reason !== undefined) console.log(`"${promise}" is skipped: ${reason}`);
      (reason === undefined ? test : test.skip)(promise, () => keeps(running), 5 * MINUTES);

      test(
        "nothing is left to change, and it goes without a trace",
        () => {
          expect(workspace.pulumi("preview", "--expect-no-changes")).toMatchObject({ code: 0 });
          workspace.succeed("stack.sh", "destroy");
          expect(deployedObjects(engine)).toEqual([]);
          expect(
            engine.docker("volume", "ls", "--quiet", "--filter", "label=com.docker.stack.namespace"),
          ).toBe("");
        },
        5 * MINUTES,
      );
    });
  });
}

/** The settings that come with an example, with variables for this engine; its data goes with it here. */
function shipped(name: string, env = {}): Record<string, string | boolean> {
  const { stacks } = settingsIn(fs.readFileSync(path.join(PROJECT_DIR, `Pulumi.${name}.yaml`), "utf8"));
  const here = (stacks as { env?: object }[]).map((stack) => ({ ...stack, env: { ...stack.env, ...env } }));
  return { platform: false, stacks: JSON.stringify(here), purgeData: true };
}

/** How a script ends; others go on meanwhile. */
function ended(script: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn(script, args);
  let output = "";
  child.stdout.on("data", (piece) => (output += String(piece)));
  child.stderr.on("data", (piece) => (output += String(piece)));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code: code ?? -1, output })));
}
