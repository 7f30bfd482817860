import { ChildProcess, spawn, spawnSync } from "node:child_process";
import * as readline from "node:readline";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiTask } from "../../components/engine/engine";
import { keepBuiltImages, lendBuiltImages } from "./built-images";
import { Engine, startEngine } from "./engine";
import { KAFKA } from "./kafka-program";
import { Result, Workspace } from "./workspace";

const MINUTES = 60_000;
const PORT = 9094;
/** Time between two looks at what is waited for, in ms. */
const POLL = 500;

/** What the brokers know of the cluster at one time. */
export interface KafkaSample {
  /** When it was asked, in ms since the epoch. */
  readonly at: number;
  /** When all had answered, or not in time. */
  readonly until: number;
  /** Of each broker that answered. */
  readonly views: readonly (readonly KafkaPartition[])[];
}

export interface KafkaPartition {
  /** `topic-number`. */
  readonly partition: string;
  /** Id of a broker, -1 for none. */
  readonly leader: number;
  readonly replicas: number;
  readonly inSync: number;
}

/** Where a client runs: as a task in the overlay network, or in the network of the engine's host. */
export type Place = "inside" | "outside";

/** A program that runs by itself on the engine. */
export interface Program {
  /** What it has printed so far. */
  output(): string;
  ended(): Promise<Result>;
}

/** A time in which a broker did not run; its parts in ms since the epoch, Infinity where they have not come yet. */
export interface Down {
  /** Full name of its service. */
  readonly broker: string;
  /** When it was told to stop, or ended by itself. */
  readonly from: number;
  /** When the container in its place was started. */
  readonly started: number;
  /** When that was healthy. */
  readonly to: number;
}

/** Kafka alone, as stack dev of an engine of its own. */
export class KafkaLab {
  readonly engine: Engine;
  readonly workspace: Workspace;
  private programs = 0;

  /** @param config keys of all stacks; {@link configure} adds others. */
  constructor(
    name: string,
    private readonly config: Readonly<Record<string, unknown>> = {},
  ) {
    this.engine = startEngine(name);
    lendBuiltImages(this.engine);
    this.workspace = new Workspace(name, this.engine, "dev");
    this.workspace.program(KAFKA);
  }

  /** Sets the stack's keys; lists and objects as they are. */
  configure(config: Readonly<Record<string, unknown>> = {}): void {
    const all = Object.entries({ ...this.config, ...config });
    this.workspace.configure(
      Object.fromEntries(
        all.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
      ),
    );
  }

  /** Deploys the stack with these keys, which must succeed. */
  up(config: Readonly<Record<string, unknown>> = {}): Result {
    this.configure(config);
    const result = this.workspace.succeed("stack.sh", "up");
    keepBuiltImages(this.engine);
    return result;
  }

  /** As before the first `up`, but for the images. */
  removeAll(): void {
    this.workspace.succeed("stack.sh", "destroy");
    const volumes = this.engine.docker("volume", "ls", "--quiet", "--filter", "name=dev_kafka");
    if (volumes !== "") this.engine.docker("volume", "rm", ...volumes.split("\n"));
  }

  /** Bootstrap addresses at which a client reaches these brokers. */
  bootstrap(place: Place, brokers = [1, 2, 3]): string {
    return brokers
      .map((id) => (place === "inside" ? `kafka-${id}:19092` : `${this.engine.address}:${PORT + id - 1}`))
      .join(",");
  }

  /** Starts the producer: a command of its own with its flags, and environment variables. */
  producer(place: Place, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const { engine } = this;
    const name = `program-${++this.programs}`;
    const [image = ""] = engine
      .docker("image", "ls", "producer", "--format", "{{.Repository}}:{{.Tag}}")
      .split("\n");
    const variables = Object.entries(env).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
    const [command = "", ...flags] = args;
    const all = [...variables, image, command, "-brokers", this.bootstrap(place), ...flags];
    return place === "inside" ? this.task(name, all) : this.hostContainer(name, all);
  }

  private task(name: string, args: readonly string[]): Program {
    const { engine } = this;
    engine.docker(
      ...[
        "service",
        "create",
        "--detach",
        "--name",
        name,
        "--no-resolve-image",
        "--restart-condition",
        "none",
      ],
      ...["--network", "dev_network", "--endpoint-mode", "dnsrr", ...args],
    );
    const output = () => this.logs("service", "logs", "--raw", name);
    const exitCode = (): number | undefined => {
      const task = engine.docker("service", "ps", name, "--quiet");
      if (task === "") return undefined;
      const { Status } = (JSON.parse(engine.docker("inspect", "--type", "task", task)) as [ApiTask])[0];
      if (!["complete", "failed", "rejected"].includes(Status.State)) return undefined;
      return Status.ContainerStatus?.ExitCode ?? -1;
    };
    return program(output, exitCode, () => engine.docker("service", "rm", name));
  }

  private hostContainer(name: string, args: readonly string[]): Program {
    const { engine } = this;
    engine.docker("run", "--detach", "--name", name, "--network", "host", ...args);
    const exitCode = (): number | undefined => {
      const state = engine.docker("inspect", name, "--format", "{{.State.Status}} {{.State.ExitCode}}");
      const [status, code] = state.split(" ");
      return status === "exited" ? Number(code) : undefined;
    };
    return program(
      () => this.logs("logs", name),
      exitCode,
      () => engine.docker("rm", name),
    );
  }

  /** Runs the producer to its end. */
  run(place: Place, ...args: string[]): Promise<Result> {
    return this.producer(place, args).ended();
  }

  /** All that the tasks of a service have printed. */
  serviceLog(service: string): string {
    return this.logs("service", "logs", "--raw", service).output;
  }

  private logs(...args: string[]): Pick<Result, "output" | "stdout"> {
    const { stdout, stderr } = spawnSync("docker", ["--host", this.engine.host, ...args], {
      encoding: "utf8",
    });
    return { stdout, output: stdout + stderr };
  }

  /** Id of the container of a broker that runs. */
  container(id: number): string {
    return this.engine.docker("ps", "--quiet", "--filter", `name=dev_kafka-${id}.1.`);
  }

  /**
   * Runs one of Kafka's own tools on the first broker's network, against that broker. In the broker's container its JVM would count
   * against the broker's memory limit, and one that has run for long is near it: the kernel kills it then.
   */
  tool(name: string, ...args: string[]): string {
    const broker = this.container(1);
    const image = this.engine.docker("inspect", broker, "--format", "{{.Image}}");
    return this.engine.docker(
      ...["run", "--rm", "--network", `container:${broker}`, "--env", "KAFKA_HEAP_OPTS=-Xmx64m"],
      ...["--entrypoint", `/opt/kafka/bin/${name}.sh`, image, "--bootstrap-server", "kafka-1:19092", ...args],
    );
  }

  /** Sends a signal to the process of a broker, past the engine. */
  signal(name: "KILL" | "STOP" | "CONT", ...ids: number[]): void {
    const pids = ids.map((id) =>
      this.engine.docker("inspect", this.container(id), "--format", "{{.State.Pid}}"),
    );
    this.engine.docker("run", "--rm", "--pid", "host", "busybox:1.35", "kill", `-${name}`, ...pids);
  }

  /** Looks at the cluster from now on. */
  watch(): KafkaWatch {
    return new KafkaWatch(this.bootstrap("outside").split(","));
  }

  /** Waits until these brokers answer and all replicas are in sync, and returns what they say. */
  async inSync(brokers = 3): Promise<readonly KafkaPartition[]> {
    const watch = this.watch();
    try {
      const sample = await watch.until((one) => one.views.length === brokers && !isBehind(one));
      return sample.views[0] ?? [];
    } finally {
      watch.stop();
    }
  }

  /** Notes from now on when brokers do not run. */
  downs(): Downs {
    return new Downs(this.engine);
  }

  stop(): void {
    this.engine.stop();
  }
}

/** @param exitCode undefined while it runs. */
function program(
  output: () => Pick<Result, "output" | "stdout">,
  exitCode: () => number | undefined,
  remove: () => unknown,
): Program {
  const ended = async (): Promise<Result> => {
    for (let code = exitCode(); ; code = exitCode()) {
      if (code !== undefined) {
        const result = { code, ...output() };
        remove();
        return result;
      }
      await sleep(POLL);
    }
  };
  return { output: () => output().output, ended };
}

/** Whether any broker says that a replica is not in sync. */
export function isBehind({ views }: Pick<KafkaSample, "views">): boolean {
  return views.some((view) => view.some(({ replicas, inSync }) => inSync < replicas));
}

/** Notes when brokers do not run; as it comes, since the engine remembers no more than its last 256 events. */
export class Downs {
  private readonly downs: { -readonly [key in keyof Down]: Down[key] }[] = [];
  private readonly process: ChildProcess;

  constructor(engine: Engine) {
    const filters = ["kill", "die", "start", "health_status"].flatMap((name) => [
      "--filter",
      `event=${name}`,
    ]);
    const child = spawn(
      "docker",
      [
        ...["--host", engine.host, "events", ...filters],
        ...[
          "--format",
          '{{.TimeNano}} {{index .Actor.Attributes "com.docker.swarm.service.name"}} {{.Action}}',
        ],
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    readline.createInterface(child.stdout).on("line", (line) => this.note(line));
    this.process = child;
  }

  private note(line: string): void {
    const [nano, broker = "", ...words] = line.split(" ");
    if (!/^dev_kafka-\d+$/.test(broker)) return;
    const at = Number(nano) / 1e6;
    const action = words.join(" ");
    const down = this.downs.findLast((one) => one.broker === broker && one.to === Infinity);
    if (/^(kill|die)$/.test(action) && down === undefined) {
      this.downs.push({ broker, from: at, started: Infinity, to: Infinity });
    } else if (action === "start" && down !== undefined) down.started = at;
    else if (action === "health_status: healthy" && down !== undefined) down.to = at;
  }

  /** The times in which brokers did not run, in their order. */
  async stop(): Promise<readonly Down[]> {
    // What the engine has sent is on its way.
    await sleep(POLL);
    this.process.kill();
    return this.downs;
  }
}

/** What brokers say of their cluster, again and again, from a process of its own. */
export class KafkaWatch {
  readonly samples: KafkaSample[] = [];
  private readonly process: ChildProcess;

  constructor(addresses: readonly string[]) {
    const script = path.join(__dirname, "kafka-watch.mjs");
    const child = spawn(process.execPath, [script, addresses.join(",")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    readline
      .createInterface(child.stdout)
      .on("line", (line) => this.samples.push(JSON.parse(line) as KafkaSample));
    this.process = child;
  }

  /** The next sample that satisfies; throws with the last one after 3 minutes. */
  async until(satisfies: (sample: KafkaSample) => boolean): Promise<KafkaSample> {
    const deadline = Date.now() + 3 * MINUTES;
    for (let seen = this.samples.length; Date.now() < deadline; await sleep(50)) {
      for (; seen < this.samples.length; seen++) {
        const sample = this.samples[seen];
        if (sample !== undefined && satisfies(sample)) return sample;
      }
    }
    throw new Error(`it did not come to that within 3 minutes: ${JSON.stringify(this.samples.at(-1))}`);
  }

  stop(): void {
    this.process.kill();
  }
}
