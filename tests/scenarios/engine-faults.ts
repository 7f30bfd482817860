import * as fs from "node:fs";
import * as path from "node:path";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { Moment, runUntil } from "../support/moment";
import type { Select } from "../support/scenario";
import { expectSettled } from "../support/settled";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

const PROGRAM = `
  const build = { context: "tool", dockerfile: "tool/Dockerfile" };
  const built = await buildImage("tool", build);
  const conf = new SwarmConfig("conf", { environment, content: "one" }, onSwarm);
  service("web", { image: built, configs: [{ config: conf, path: "/etc/web.conf" }] });
  service("worker", { secrets: [{ name: "token", content: "two", path: "/run/secrets/token" }] });`;
const OBJECTS: readonly [RegExp, ...(string | RegExp)[]] = [
  /^config dev_conf-[0-9a-f]{12}$/,
  /^image tool:[0-9a-f]{12}$/,
  "network dev_network",
  /^secret dev_worker-token-[0-9a-f]{12}$/,
  "service dev_web 1/1",
  "service dev_worker 1/1",
];
const DOCKERFILE = "FROM busybox:1.35\n";
/** At a port that nobody listens at. */
const NOWHERE = "127.0.0.1:1";
const KEPT = "stack dev: up failed. What it did is kept: mend what the errors above name, then run it again.";

const FAILED = {
  restart: expect.stringContaining(KEPT) as string,
  kill: expect.stringMatching(
    /^stack dev: the Docker engine at \S+ does not answer any more; start it\.\nstack dev: up failed\. What it did is kept/m,
  ) as string,
};

interface Outage {
  readonly name: string;
  readonly when: Moment;
  /** In an orderly way and at once, or as by a power cut until `up` has ended. */
  readonly how: "restart" | "kill";
  /** @default none */
  readonly dockerfile?: string;
}

const OUTAGES: readonly Outage[] = [
  { name: "dies when the network is there", when: { event: /network create dev_network/ }, how: "kill" },
  { name: "dies when a service is there", when: { event: /service create dev_w/ }, how: "kill" },
  { name: "is restarted when a service is there", when: { event: /service create dev_w/ }, how: "restart" },
  {
    name: "is restarted when the config is there",
    when: { event: /config create dev_conf/ },
    how: "restart",
  },
  {
    name: "dies while it builds an image",
    when: { process: /^sleep 3.1415/ },
    how: "kill",
    dockerfile: `${DOCKERFILE}RUN sleep 3.1415\n`,
  },
];

const STACK_TRACE = /^\s+at .+:\d+:\d+/m;

interface Fault {
  readonly name: string;
  readonly program?: string;
  readonly dockerfile?: string;
  readonly config?: Readonly<Record<string, string>>;
  /** What a user reads. */
  readonly says: string;
  /** What the failed `up` built for later, under a name that is wanted no more. */
  readonly keeps?: RegExp;
}

const NO_REGISTRY =
  "the registry can't be reached from the engine: check the network, the proxy and the registry's address; then run it again.";

const FAULTS: readonly Fault[] = [
  {
    name: "the disk is full during a build",
    dockerfile: `${DOCKERFILE}RUN dd if=/dev/zero of=/big bs=1M count=400\n`,
    says:
      "free space on the engine's disk (docker system df shows what takes it, docker system prune frees it); " +
      "then run it again.",
  },
  {
    name: "the registry that images are pushed to can't be reached",
    config: { registry: NOWHERE },
    says: "see that it runs and that the engine reaches it (network, proxy, the registry's address).",
    keeps: /^image 127\.0\.0\.1:1\/tool:[0-9a-f]{12}$/,
  },
  {
    name: "the registry of an image that is pulled can't be reached",
    program: `new ImagePull("theirs", { image: "${NOWHERE}/theirs:1" }, { provider });${PROGRAM}`,
    says: `Image ${NOWHERE}/theirs:1: ${NO_REGISTRY}`,
  },
  {
    name: "the registry of a build's base image can't be reached",
    dockerfile: `FROM ${NOWHERE}/base:1\n`,
    says: NO_REGISTRY,
  },
];

/** What a user reads while the engine is down; plain pulumi's refresh and destroy have only the provider's words. */
const SAYS = {
  make: /^stack dev: the Docker engine at \S+ does not answer: .*\n {2}Start it .*Nothing was changed\.\n$/,
  pulumi: /can't be reached|pinging Docker server/,
};

/** What happens to the engine and to registries while `up` runs: a clear sentence, and the next `up` goes on. */
export function engineFaults(engineName: string, select: Select): void {
  describeWithEngines("faults of engines and registries", () => {
    let engine: Engine;
    let workspace: Workspace;
    afterEach(() => engine?.stop(), MINUTES);

    const start = (...flags: string[]): void => {
      engine = startEngine(engineName, ...flags);
      workspace = new Workspace(engineName, engine, "dev");
      declare({});
    };
    const declare = ({
      program = PROGRAM,
      dockerfile = DOCKERFILE,
      config = {},
    }: Omit<Fault, "name" | "says" | "keeps">): void => {
      workspace.program(program);
      workspace.configure(config);
      const folder = path.join(workspace.folder, "tool");
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(path.join(folder, "Dockerfile"), dockerfile);
    };
    const expectRecovery = (...kept: RegExp[]): void => {
      workspace.succeed("stack.sh", "up");
      const [config, ...others] = OBJECTS;
      expectSettled(workspace, engine, [config, ...kept, ...others]);
    };

    test.each(select(OUTAGES))(
      "the engine $name",
      async ({ when, how, dockerfile }) => {
        start();
        declare({ dockerfile });
        const operation = await runUntil(when, "up", workspace, engine);
        engine[how]();
        const { code, output } = await operation.ended;
        // A restart may go by while nobody asks the engine for anything.
        if (how === "kill" || code !== 0) expect({ code, output }).toEqual({ code: 1, output: FAILED[how] });
        if (how === "kill") engine.restart();
        expectRecovery();
      },
      5 * MINUTES,
    );

    test.each(select(FAULTS))(
      "$name",
      ({ says, keeps, ...fault }) => {
        start("--disk=300m");
        declare(fault);
        const { code, output } = workspace.tool("stack.sh", "up");
        expect({ code, output }).toEqual({ code: 1, output: expect.stringContaining(says) as string });
        expect(output).toContain(KEPT);
        expect(output).not.toMatch(STACK_TRACE);
        declare({});
        expectRecovery(...(keeps === undefined ? [] : [keeps]));
      },
      5 * MINUTES,
    );

    test.each(select(["make", "pulumi"] as const))(
      "an engine that is down is told in a sentence, and nothing is changed, by %s",
      (by) => {
        start();
        workspace.succeed("stack.sh", "up");
        const ids = (): unknown[] => workspace.state().resources.map(({ urn, id }) => [urn, id]);
        const [file, before] = [workspace.stateFile(), ids()];
        engine.kill();
        for (const operation of ["up", "preview", "refresh", "destroy"]) {
          const unasked = operation === "preview" ? [] : ["--yes", "--skip-preview"];
          const { code, output } =
            by === "make" ? workspace.tool("stack.sh", operation) : workspace.pulumi(operation, ...unasked);
          expect({ operation, failed: code !== 0, output }).toEqual({
            operation,
            failed: true,
            output: expect.stringMatching(SAYS[by]) as string,
          });
          if (by === "make") expect(workspace.stateFile()).toBe(file);
          expect(ids()).toEqual(before);
        }
        engine.restart();
        expectRecovery();
      },
      5 * MINUTES,
    );
  });
}
