import * as fs from "node:fs";
import * as path from "node:path";
import { Case, CASES, FACTS, plan, Sample, Step } from "./cases";
import { Command, run } from "./command";
import { allContenders, Contender, namespaceOf } from "./contenders";
import { BenchEngine } from "./engine";
import { readUpdateEnded } from "./gate";
import type { AllOptions } from "./options";
import { PlatformRun } from "./platform/platform-run";
import { clock, expectedSeconds, progressLine, valueText } from "./progress";
import { describeMachine, Results, RESULTS, save, versionOf } from "./results";
import { Change, changedService, IMAGES, scene, Scene } from "./scene";
import { buildTofu, Tofu } from "./tofu";

export interface Surroundings {
  /** Folder that is deleted afterwards. */
  readonly work: string;
  /** Folder of the results, and of the commands' logs. */
  readonly folder: string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Folder of the engines, and the one that is no contender's. */
const ENGINES = "engines";
const PLATFORM = "platform";

/** One run of all measurements. */
export class BenchRun {
  results: Results = EMPTY;
  private contenders: readonly Contender[] = [];
  /** By contender: a read of the docker provider asks for all services of a swarm, and those of others would count. */
  private readonly engines = new Map<string, BenchEngine>();
  /** What was changed in each contender's present run. */
  private readonly changes = new Map<string, Set<Change>>();
  /** Contenders that failed at a size, as `size id`. */
  private readonly failed = new Set<string>();
  private readonly made: (Step & { seconds: number })[] = [];

  constructor(
    private readonly options: AllOptions,
    private readonly around: Surroundings,
  ) {}

  async measure(): Promise<void> {
    const { say } = this.around;
    const { parts } = this.options;
    const skipped: Record<string, string> = {};
    const tofu = this.tofu(skipped);
    this.contenders = parts.includes("services") ? this.chosen(allContenders(tofu)) : [];
    for (const { id } of this.contenders) this.changes.set(id, new Set());
    this.results = this.begin(skipped, tofu);

    const began = Date.now();
    if (parts.includes("services")) await this.measureServices(began);
    if (parts.includes("platform")) await this.measurePlatform();
    this.results.ended = new Date().toISOString();
    this.save();
    say(`it took ${clock((Date.now() - began) / 1000)}`);
  }

  private async measurePlatform(): Promise<void> {
    const platform = new PlatformRun(await this.startEngine(PLATFORM), this.options, this.around);
    this.results.platform = platform.results;
    try {
      await platform.measure();
    } catch (error) {
      this.around.signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      this.results.failures.push(`the platform: ${reason}`);
    }
    this.save();
  }

  private async startEngine(id: string): Promise<BenchEngine> {
    this.around.say(`starting an engine for ${id}`);
    const engine = BenchEngine.start(path.join(this.around.work, ENGINES, id));
    this.engines.set(id, engine);
    this.results.machine.versions["docker engine"] = await engine.version();
    this.save();
    return engine;
  }

  private engineOf({ id, of }: Contender): BenchEngine {
    const engine = this.engines.get(of ?? id);
    if (engine === undefined) throw new Error(`there is no engine for ${of ?? id}`);
    return engine;
  }

  private async measureServices(began: number): Promise<void> {
    for (const { id, of } of this.contenders) {
      if (of !== undefined) continue;
      const engine = await this.startEngine(id);
      // A fresh deployment is compared with its images present, and with what a registry says of them.
      for (const image of IMAGES) engine.cli("pull", "--quiet", image);
    }
    const ids = this.contenders.map(({ id }) => id);
    const steps = plan(this.options, ids, (id, one, size) => this.knows(id, one, size));
    let size = 0;
    for (const [index, step] of steps.entries()) {
      if (step.size !== size) await this.prepare((size = step.size));
      if (this.failed.has(failureKey(step))) continue;
      const remaining = expectedSeconds(steps.slice(index), this.made);
      const ends = new Date(Date.now() + remaining * 1000);
      const elapsed = (Date.now() - began) / 1000;
      const { title } = this.contender(step.contender);
      const runs = steps.findLast((other) => other.size === size)?.run ?? 1;
      process.stderr.write(
        progressLine(step, { done: index + 1, all: steps.length, elapsed, ends }, { runs, title }),
      );
      await this.step(step);
    }
    BenchEngine.stopAll(path.join(this.around.work, ENGINES));
  }

  private tofu(skipped: Record<string, string>): Tofu | undefined {
    const { contenders, parts } = this.options;
    if (!parts.includes("services")) return undefined;
    if (contenders.length > 0 && !contenders.some((id) => id.startsWith("tofu"))) return undefined;
    try {
      return buildTofu(
        process.env.SWARM_PLATFORM_CACHE ?? path.join(this.around.work, "cache"),
        this.around.say,
      );
    } catch (error) {
      skipped.tofu = error instanceof Error ? error.message : String(error);
      this.around.say(`without OpenTofu: ${skipped.tofu}`);
      return undefined;
    }
  }

  /** Those that were asked for, and those whose deployment they use. */
  private chosen(all: readonly Contender[]): Contender[] {
    const { contenders } = this.options;
    if (contenders.length === 0) return [...all];
    const needed = new Set(all.filter(({ id }) => contenders.includes(id)).map(({ id, of }) => of ?? id));
    return all.filter(({ id }) => contenders.includes(id) || needed.has(id));
  }

  private begin(skipped: Record<string, string>, tofu: Tofu | undefined): Results {
    const machine = describeMachine({
      "docker CLI": versionOf("docker", "--version"),
      Pulumi: versionOf("pulumi", "version"),
      Node: process.version,
      ...(tofu !== undefined && { OpenTofu: tofu.version }),
      parallelism: process.env.PULUMI_PARALLEL ?? "Pulumi's own",
    });
    const contenders = this.contenders.map((contender) => ({
      id: contender.id,
      title: contender.title,
      commands: this.commandLines(contender),
    }));
    return { machine, began: new Date().toISOString(), contenders, skipped, failures: [], samples: [] };
  }

  /** By case; where they differ by size, all. */
  private commandLines(contender: Contender): Record<string, readonly string[]> {
    const lines = CASES.map((one) => {
      const all = this.options.sizes.flatMap((size) => {
        const argv = contender.commands(size)[one];
        return argv === undefined ? [] : [shown(argv)];
      });
      return [one, [...new Set(all)]] as const;
    });
    return Object.fromEntries(lines.filter(([, all]) => all.length > 0));
  }

  private knows(id: string, one: Case, size: number): boolean {
    const contender = this.contender(id);
    const takesPart =
      (contender.of === undefined ? contender : this.contender(contender.of)).takesPart?.(size) ?? true;
    return takesPart && one in contender.commands(size);
  }

  private contender(id: string): Contender {
    const found = this.contenders.find((one) => one.id === id);
    if (found === undefined) throw new Error(`there is no contender ${id}`);
    return found;
  }

  /** The folder of a contender is that of all its runs at a size. */
  private folderOf({ id, of }: Contender, size: number): string {
    return path.join(this.around.work, String(size), of ?? id);
  }

  private async prepare(size: number): Promise<void> {
    const { say, signal } = this.around;
    say(`preparing ${size} services`);
    for (const contender of this.contenders) {
      if (contender.of !== undefined || contender.takesPart?.(size) === false) continue;
      const folder = this.folderOf(contender, size);
      fs.mkdirSync(folder, { recursive: true });
      try {
        const commands = contender.prepare(folder, this.sceneOf(contender, size));
        for (const argv of commands) await run(this.command(contender, size, argv), signal);
      } catch (error) {
        signal.throwIfAborted();
        this.fail({ size, run: 1, case: "deploy", contender: contender.id }, error);
      }
    }
  }

  private command(
    contender: Contender,
    size: number,
    argv: readonly string[],
    more: NodeJS.ProcessEnv = {},
  ): Command {
    const folder = this.folderOf(contender, size);
    const log = path.join(this.around.folder, `${size}-${contender.id}.log`);
    const env = { DOCKER_HOST: this.engineOf(contender).host, ...contender.env(folder), ...more };
    return { argv, folder, env: { ...process.env, ...env }, log };
  }

  private sceneOf(contender: Contender, size: number): Scene {
    const id = contender.of ?? contender.id;
    const { host, address } = this.engineOf(contender);
    const owner = { namespace: namespaceOf(id), host, address, converge: contender.converge };
    return scene(size, owner, this.changes.get(id));
  }

  private async step(step: Step): Promise<void> {
    const { signal } = this.around;
    const began = Date.now();
    try {
      const sample = await this.sample(step);
      this.results.samples.push(sample);
      this.made.push({ ...step, seconds: (Date.now() - began) / 1000 });
      process.stderr.write(` ${valueText(sample.value, FACTS[step.case].unit)}\n`);
    } catch (error) {
      process.stderr.write("\n");
      signal.throwIfAborted();
      this.fail(step, error);
      const contender = this.contender(step.contender);
      await this.engineOf(contender).purge(namespaceOf(contender.of ?? contender.id), signal);
    }
    this.save();
  }

  private async sample(step: Step): Promise<Sample> {
    const { signal } = this.around;
    const contender = this.contender(step.contender);
    const facts = FACTS[step.case];
    const namespace = namespaceOf(contender.of ?? contender.id);
    const engine = this.engineOf(contender);
    const folder = this.folderOf(contender, step.size);
    const changes = this.changes.get(contender.of ?? contender.id);
    if (step.case === "deploy") changes?.clear();
    if (facts.change !== undefined) changes?.add(facts.change);
    contender.write(folder, this.sceneOf(contender, step.size));

    const grpcLog = path.join(folder, "grpc.json");
    fs.rmSync(grpcLog, { force: true });
    const more = step.case === "gate" ? { PULUMI_DEBUG_GRPC: grpcLog } : {};
    const command = this.command(contender, step.size, contender.commands(step.size)[step.case] ?? [], more);
    const { began, ended, peakMiB } = await run(command, signal, facts.unit === "MiB");
    if (peakMiB !== undefined) return { ...step, value: round(peakMiB) };
    const returned = round((ended - began) / 1000);
    if (step.case === "gate") {
      const name = changedService("gate");
      await engine.settled(namespace, step.size, signal);
      const completed = await engine.updateCompleted(`${namespace}_${name}`);
      const waited = fs.existsSync(grpcLog) ? readUpdateEnded(grpcLog, name) : ended;
      return { ...step, value: round((waited - completed) / 1000), returned };
    }
    if (facts.until === undefined) return { ...step, value: returned };
    const wasLate =
      facts.until === "settled"
        ? await engine.settled(namespace, step.size, signal)
        : await engine.gone(namespace, signal);
    return { ...step, value: wasLate ? round((Date.now() - began) / 1000) : returned, returned };
  }

  private fail(step: Step, error: unknown): void {
    this.failed.add(failureKey({ ...step, contender: this.contender(step.contender).of ?? step.contender }));
    for (const { id, of } of this.contenders) {
      if (of === step.contender) this.failed.add(failureKey({ ...step, contender: id }));
    }
    const reason = error instanceof Error ? error.message : String(error);
    const what = `${step.contender} at ${step.size} services, run ${step.run}, ${step.case}: ${reason}`;
    this.results.failures.push(what);
    this.around.say(`${what}\n  It takes no further part at this size.`);
  }

  private save(): void {
    save(path.join(this.around.folder, RESULTS), this.results);
  }
}

const EMPTY: Results = {
  machine: describeMachine({}),
  began: "",
  contenders: [],
  skipped: {},
  failures: [],
  samples: [],
};

function failureKey({ size, contender }: Pick<Step, "size" | "contender">): string {
  return `${size} ${contender}`;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A command line as a person would type it. */
function shown([program = "", ...args]: readonly string[]): string {
  return [path.basename(program), ...args].join(" ");
}
