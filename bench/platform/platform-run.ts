import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { Command, run } from "../command";
import { copyProject, ownState, PULUMI_INIT } from "../contenders";
import type { BenchEngine } from "../engine";
import { median } from "../statistics";
import { withCores } from "./processors";
import { EngineService, stackOfServices } from "./stack-of-services";
import { Load, parseWrk, WRK } from "./wrk";

/** Measured in turns, in seconds. */
export interface PlatformSample {
  readonly what: "deploy" | "again";
  readonly by: "pulumi up" | "make up" | "docker stack deploy";
  readonly value: number;
}

/** A load on accountservice. */
export interface PlatformLoad extends Load {
  /** `direct`, a part of what that does, `edge`, or `edge, <image>`. */
  readonly way: string;
  /** How many cores were used meanwhile, by whom. */
  readonly cores: Readonly<Record<string, number>>;
}

export interface PlatformResults {
  readonly samples: PlatformSample[];
  readonly loads: PlatformLoad[];
  /** Resident memory of accountservice in MiB, before the first load and after the last. */
  readonly memory: { idle?: number; after?: number };
  /** Sizes in MB, by name. */
  readonly images: Record<string, number>;
  /** What the measurements of one thing print, which can be run by themselves too: Markdown. */
  readonly printed: { readonly title: string; readonly text: string }[];
  /** What was not measured, and why. */
  readonly skipped: string[];
}

export interface PlatformOptions {
  readonly runs: number;
  /** Length of a load in seconds. */
  readonly loadSeconds: number;
  /** Another image of the edge, which keeps connections to the services. */
  readonly otherNginx: string | undefined;
}

export interface Around {
  readonly work: string;
  readonly folder: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const NAMESPACE = "bench-platform";
const PEER = "bench-peer";
/** Where containers without Swarm listen on the engine's address: accountservice, without events, and the yardstick. */
const ALONE = { direct: 16767, "direct, no events": 16768, "nginx, the same answer": 16769 } as const;
/** A server that does nothing: what wrk, the network and the machine leave to any other. */
const YARDSTICK = `worker_processes auto; pid /tmp/nginx.pid; error_log /dev/null; events { worker_connections 1024; }
http { access_log off; server { listen 80; location / { default_type application/json; return 200 '{"id":"10000","name":"Person_0"}'; } } }`;
const MIB = 1024;

/** The platform of stack dev, beside a stack file that makes the same services; and loads on it. */
export class PlatformRun {
  readonly results: PlatformResults = {
    samples: [],
    loads: [],
    memory: {},
    images: {},
    printed: [],
    skipped: [],
  };
  private readonly project: string;
  private readonly peer: string;
  private services = 0;

  constructor(
    private readonly engine: BenchEngine,
    private readonly options: PlatformOptions,
    private readonly around: Around,
  ) {
    this.project = path.join(around.work, "platform");
    this.peer = path.join(around.work, "platform-peer");
  }

  async measure(): Promise<void> {
    const { say } = this.around;
    say("preparing the platform: its images are built and pulled");
    await this.prepare();
    for (let turn = 1; turn <= this.options.runs; turn++) {
      say(`the platform, run ${turn} of ${this.options.runs}: fresh deployments`);
      await this.deployments(turn % 2 === 0);
    }
    await this.up();
    for (let turn = 1; turn <= this.options.runs; turn++) {
      say(`the platform, run ${turn} of ${this.options.runs}: nothing changed`);
      await this.again();
    }
    await this.loads();
    await this.print("Where the time of an update goes", "bench/single-service-update.mjs");
    await this.print("The producer beside Kafka's own perf tool", "bench/kafka-throughput.mjs");
    this.sizes();
    await this.down();
  }

  private async prepare(): Promise<void> {
    fs.mkdirSync(this.project, { recursive: true });
    fs.mkdirSync(this.peer);
    const address = this.engine.address;
    copyProject(this.project, { namespace: NAMESPACE, address }, { purgeData: "true" });
    for (const argv of PULUMI_INIT) await this.pulumi(...argv.slice(1));
    await this.up();
    this.writePeer();
    await this.down();
  }

  /** One after the other, because both publish the same ports. */
  private async deployments(peerFirst: boolean): Promise<void> {
    const { signal } = this.around;
    const ours = async (): Promise<void> => {
      await this.timed("deploy", "pulumi up", this.argvUp, this.project, NAMESPACE);
      await this.down();
    };
    const peer = async (): Promise<void> => {
      const argv = ["docker", "stack", "deploy", "--detach=false", "-c", "docker-stack.yml", PEER];
      await this.timed("deploy", "docker stack deploy", argv, this.peer, PEER);
      this.engine.cli("stack", "rm", PEER);
      await this.engine.gone(PEER, signal);
      const volumes = this.engine.cli("volume", "ls", "--quiet", "--filter", `name=${PEER}_`);
      if (volumes !== "") this.engine.cli("volume", "rm", ...volumes.split("\n"));
    };
    for (const one of peerFirst ? [peer, ours] : [ours, peer]) await one();
  }

  private async again(): Promise<void> {
    await this.timed("again", "pulumi up", this.argvUp, this.project, NAMESPACE);
    await this.timed("again", "make up", ["make", "up"], this.project, NAMESPACE);
  }

  private async loads(): Promise<void> {
    const { say } = this.around;
    try {
      execFileSync("wrk", ["--version"], { stdio: "ignore" });
    } catch (error) {
      // It ends with 1 where it tells its version.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        this.results.skipped.push("loads: there is no wrk; install it with: apt-get install wrk");
        return;
      }
    }
    const alone = this.runAlone();
    const rss = (): number =>
      Number(this.engine.cli("top", alone.direct, "-o", "pid,rss").split(/\s+/).at(-1)) / MIB;
    try {
      const edge = `http://${this.engine.address}:8080/accounts/10000`;
      this.results.memory.idle = rss();
      for (let turn = 1; turn <= this.options.runs; turn++) {
        say(`the platform, run ${turn} of ${this.options.runs}: loads`);
        for (const [way, port] of Object.entries(ALONE)) {
          await this.load(way, `http://${this.engine.address}:${port}/accounts/10000`);
        }
        await this.load("edge", edge);
      }
      this.results.memory.after = rss();
      const { otherNginx } = this.options;
      if (otherNginx === undefined) {
        this.results.skipped.push(
          "the edge with kept connections: OTHER_NGINX is not set; allowed: an image of nginx 1.27.3 or newer",
        );
        return;
      }
      await this.pulumi("config", "set", "nginxImage", otherNginx, "--stack", "bench");
      await this.up();
      for (let turn = 1; turn <= this.options.runs; turn++) await this.load(`edge, ${otherNginx}`, edge);
    } finally {
      this.engine.cli("rm", "--force", ...Object.values(alone));
    }
  }

  /**
   * One task's program with what the service gives it, metrics and events included, without Swarm; the same without
   * events; and the yardstick. @returns their ids
   */
  private runAlone(): Record<keyof typeof ALONE, string> {
    const { ContainerSpec: task } = this.inspect("accountservice").Spec.TaskTemplate;
    const args = [...(task.Args ?? [])];
    const brokers = args.indexOf("-kafka-brokers") + 1;
    if (brokers === 0) throw new Error("accountservice has no -kafka-brokers");
    args[brokers] = `${this.engine.address}:9094`;
    const run = (way: keyof typeof ALONE, port: number, ...more: string[]): string =>
      this.engine.cli("run", "--detach", "--memory", "64m", "--publish", `${ALONE[way]}:${port}`, ...more);
    const nginx = this.inspect("nginx").Spec.TaskTemplate.ContainerSpec.Image;
    const serve = 'printf "%s" "$0" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g "daemon off;"';
    return {
      direct: run("direct", 6767, task.Image, ...args),
      "direct, no events": run("direct, no events", 6767, task.Image, ...args.toSpliced(brokers - 1, 2)),
      "nginx, the same answer": run(
        "nginx, the same answer",
        80,
        "--entrypoint",
        "sh",
        nginx,
        "-c",
        serve,
        YARDSTICK,
      ),
    };
  }

  private async load(way: string, url: string): Promise<void> {
    const log = path.join(this.around.folder, "platform-wrk.log");
    const argv = [...this.engine.inside, ...WRK, `-d${this.options.loadSeconds}s`, url];
    const command = { argv, folder: this.peer, env: process.env, log };
    const { result, cores } = await withCores(() => run(command, this.around.signal));
    this.results.loads.push({ way, ...parseWrk(result.output), cores });
  }

  private async print(title: string, script: string): Promise<void> {
    this.around.say(`the platform: ${script}`);
    const argv = ["node", script, String(this.options.runs)];
    const { output } = await run(this.command(argv, this.project), this.around.signal);
    this.results.printed.push({ title, text: output.trim() });
  }

  private sizes(): void {
    for (const name of ["accountservice", "quotes-service", "producer", "kafka-admin"]) {
      const id = this.engine.cli("image", "ls", "--quiet", name).split("\n")[0] ?? "";
      this.results.images[name] =
        Number(this.engine.cli("image", "inspect", id, "--format", "{{.Size}}")) / 1e6;
    }
  }

  private readonly argvUp = ["pulumi", "up", "--yes", "--skip-preview", "--stack", "bench"];

  private async up(): Promise<void> {
    await this.pulumi(...this.argvUp.slice(1));
    this.services = this.engine.names(NAMESPACE).length;
  }

  private async down(): Promise<void> {
    await this.pulumi("destroy", "--yes", "--skip-preview", "--stack", "bench");
    await this.engine.gone(NAMESPACE, this.around.signal);
  }

  private async pulumi(...args: string[]): Promise<void> {
    await run(this.command(["pulumi", ...args], this.project), this.around.signal);
  }

  private command(argv: readonly string[], folder: string): Command {
    const env = { ...process.env, DOCKER_HOST: this.engine.host, ...ownState(this.project) };
    return { argv, folder, env, log: path.join(this.around.folder, "platform.log") };
  }

  /** The clock stops when the command has returned and each task of each service runs. */
  private async timed(
    what: PlatformSample["what"],
    by: PlatformSample["by"],
    argv: readonly string[],
    folder: string,
    namespace: string,
  ): Promise<void> {
    const { signal } = this.around;
    const { began, ended } = await run(this.command(argv, folder), signal);
    const late = await this.engine.settled(namespace, this.services, signal);
    this.results.samples.push({ what, by, value: ((late ? Date.now() : ended) - began) / 1000 });
  }

  private inspect(name: string): EngineService {
    return (JSON.parse(this.engine.cli("service", "inspect", `${NAMESPACE}_${name}`)) as [EngineService])[0];
  }

  private writePeer(): void {
    const services = this.engine
      .names(NAMESPACE)
      .map((name) => this.inspect(name.replace(`${NAMESPACE}_`, "")));
    const names = this.engine.cli("config", "ls", "--format", "{{.Name}}").split("\n");
    const configs = new Map(
      names.filter((name) => name.startsWith(`${NAMESPACE}_`)).map((name) => [name, `./${name}`]),
    );
    for (const name of configs.keys()) {
      const [{ Spec }] = JSON.parse(this.engine.cli("config", "inspect", name)) as [
        { Spec: { Data: string } },
      ];
      fs.writeFileSync(path.join(this.peer, name), Buffer.from(Spec.Data, "base64"));
    }
    fs.writeFileSync(path.join(this.peer, "docker-stack.yml"), stackOfServices(services, NAMESPACE, configs));
  }
}

/** Median of the seconds of a deployment; NaN when there was none. */
export function platformSeconds(
  { samples }: PlatformResults,
  what: PlatformSample["what"],
  by: PlatformSample["by"],
): number {
  return median(samples.filter((one) => one.what === what && one.by === by).map(({ value }) => value));
}
