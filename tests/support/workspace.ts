import { ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { Engine, WORK } from "./engine";
import { smallProgram } from "./small-program";

const ROOT = path.resolve(__dirname, "../..");
/** What a clone does not have. */
const NOT_COPIED = new Set([".build-logs", ".git", ".reports", ".state", "backups", "node_modules"]);

const POLICY_SETTINGS = "policy/settings.yaml";

/** How a command ended. */
export interface Result {
  readonly code: number;
  /** stdout and stderr, as a user sees them. */
  readonly output: string;
  readonly stdout: string;
}

/** A command that still runs. */
export interface Running {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  readonly ended: Promise<Result>;
}

/** One step of a preview: what would be done to which resource. */
export interface Step {
  readonly op: string;
  /** `type name`, such as `docker:index/service:Service nginx`. */
  readonly resource: string;
}

/** The parts of a state that tests look at. */
export interface State {
  readonly resources: readonly { readonly urn: string; readonly id?: string; readonly delete?: boolean }[];
  readonly pending_operations?: readonly object[];
}

/** A copy of the project that a test may edit, with a state of its own, deployed to one engine. */
export class Workspace {
  readonly folder: string;

  constructor(
    name: string,
    private readonly engine: Engine,
    readonly stack: string,
    config: Readonly<Record<string, string | number | boolean>> = {},
    /** Environment variables of all commands. */
    private readonly variables: Readonly<Record<string, string>> = {},
  ) {
    this.folder = path.join(WORK, "workspaces", name);
    fs.rmSync(this.folder, { recursive: true, force: true });
    fs.cpSync(ROOT, this.folder, {
      recursive: true,
      filter: (source) => !NOT_COPIED.has(path.relative(ROOT, source)),
    });
    // It may have the salt of this machine's passphrase.
    fs.rmSync(path.join(this.folder, `Pulumi.${stack}.yaml`), { force: true });
    fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(this.folder, "node_modules"));
    fs.mkdirSync(path.join(this.folder, ".state"));
    fs.writeFileSync(path.join(this.folder, ".state/passphrase"), "for tests\n", { mode: 0o600 });
    this.configure(config);
  }

  /** The same folder, for commands with other variables too. */
  with(variables: Readonly<Record<string, string>>): Workspace {
    const other = Object.create(this) as Workspace;
    return Object.assign(other, { variables: { ...this.variables, ...variables } });
  }

  /** Writes the stack's file: dev's settings for this engine, and the given ones. */
  configure(config: Readonly<Record<string, string | number | boolean>>): void {
    const settings = {
      routing: "host",
      networkEncrypted: false,
      timezone: "Asia/Shanghai",
      advertiseAddress: this.engine.address,
      ...config,
    };
    const lines = Object.entries(settings).map(([key, value]) => `  swarm-platform:${key}: ${value}`);
    const file = path.join(this.folder, `Pulumi.${this.stack}.yaml`);
    const salt = fs.existsSync(file)
      ? (/^encryptionsalt:.*$/m.exec(fs.readFileSync(file, "utf8"))?.[0] ?? "")
      : "";
    fs.writeFileSync(file, `config:\n${lines.join("\n")}\n${salt}\n`);
  }

  /** Replaces text in a file of the copy; throws when it is not there. */
  edit(file: string, from: string, to: string): void {
    const full = path.join(this.folder, file);
    const text = fs.readFileSync(full, "utf8");
    if (!text.includes(from)) throw new Error(`${file} does not contain ${from}`);
    fs.writeFileSync(full, text.replace(from, to));
  }

  /** Replaces the program by a small one, see {@link smallProgram}, whose services may publish ports. */
  program(body: string): void {
    fs.writeFileSync(path.join(this.folder, "index.ts"), smallProgram(body));
    const settings = fs.readFileSync(path.join(ROOT, POLICY_SETTINGS), "utf8");
    if (fs.readFileSync(path.join(this.folder, POLICY_SETTINGS), "utf8") === settings)
      this.policies('development: [dev, "pr-*"]\nlevels: { published-ports: "off" }');
  }

  /** Replaces the settings of the policies, see docs/policies.md. */
  policies(settings: string): void {
    fs.writeFileSync(path.join(this.folder, POLICY_SETTINGS), settings);
  }

  /** Runs one of the project's tools, as make does. */
  tool(name: string, ...args: string[]): Result {
    return this.run(`tools/${name}`, args);
  }

  /** Runs one of the project's tools, which must succeed; its failure is thrown with what a user would see. */
  succeed(name: string, ...args: string[]): Result {
    const result = this.tool(name, ...args);
    if (result.code !== 0)
      throw new Error(`${name} ${args.join(" ")} ended with ${result.code}:\n${result.output}`);
    return result;
  }

  /** Runs a line of shell in the project's folder. */
  shell(line: string): Result {
    return this.run("bash", ["-c", line]);
  }

  /** Runs plain pulumi after `. tools/env.sh`, as the README says. */
  pulumi(...args: string[]): Result {
    return this.run("bash", this.plainPulumi(args));
  }

  private plainPulumi(args: string[]): string[] {
    return ["-c", '. tools/env.sh && exec pulumi "$@"', "-", ...args, "--stack", this.stack];
  }

  /** Starts one of the project's tools, for what happens while it runs. */
  start(name: string, ...args: string[]): Running {
    return this.spawn(`tools/${name}`, args);
  }

  /** Starts plain pulumi, as {@link pulumi} runs it. */
  startPulumi(...args: string[]): Running {
    return this.spawn("bash", this.plainPulumi(args));
  }

  private spawn(command: string, args: string[]): Running {
    const child = spawn(command, args, { cwd: this.folder, env: this.env(), detached: true });
    let stdout = "";
    let output = "";
    child.stdout.on("data", (piece) => {
      stdout += String(piece);
      output += String(piece);
    });
    child.stderr.on("data", (piece) => (output += String(piece)));
    const ended = new Promise<Result>((resolve) => {
      child.on("close", (code) => resolve({ code: code ?? -1, output, stdout }));
    });
    return { child, output: () => output, ended };
  }

  /** What a preview would do, without what stays the same and without components and providers. */
  preview(): Step[] {
    return this.previewSteps().map(({ op, resource }) => ({ op, resource }));
  }

  /** What a preview would change: `op type name: field, field`, the fields by the provider's own paths. */
  previewFields(): string[] {
    return this.previewSteps().map(
      ({ op, resource, detailedDiff }) =>
        `${op} ${resource}: ${Object.keys(detailedDiff ?? {})
          .sort()
          .join(", ")}`,
    );
  }

  /** The stack's state as it lies in its folder. */
  stateFile(): string {
    const file = path.join(this.folder, ".state/.pulumi/stacks/swarm-platform", `${this.stack}.json`);
    return fs.readFileSync(file, "utf8");
  }

  /** What the state holds. */
  state(): State {
    return (JSON.parse(this.stateFile()) as { checkpoint: { latest: State } }).checkpoint.latest;
  }

  private previewSteps(): (Step & { detailedDiff?: object })[] {
    const { stdout, output, code } = this.pulumi("preview", "--json");
    if (code !== 0) throw new Error(output);
    const parsed = JSON.parse(stdout) as { steps: { op: string; urn: string; detailedDiff?: object }[] };
    return parsed.steps
      .filter(({ op }) => op !== "same" && op !== "refresh")
      .map(({ op, urn, detailedDiff }) => ({ op, resource: shortName(urn), detailedDiff }))
      .filter(({ resource }) => resource.startsWith("docker:") || resource.startsWith("command:"));
  }

  private run(command: string, args: string[]): Result {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: this.folder,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      timeout: 600_000,
      killSignal: "SIGINT",
      env: this.env(),
    });
    return { code: status ?? -1, output: stdout + stderr, stdout };
  }

  private env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      ...OWN_STATE,
      DOCKER_HOST: this.engine.host,
      STACK: this.stack,
      // Each of them has another program, whose types would be checked anew; lint does it once.
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
      ...this.variables,
    };
  }
}

/** Left empty, tools/env.sh sets them for the folder that it is sourced in. */
const OWN_STATE = { PULUMI_BACKEND_URL: "", PULUMI_CONFIG_PASSPHRASE: "", PULUMI_CONFIG_PASSPHRASE_FILE: "" };

function shortName(urn: string): string {
  const parts = urn.split("::");
  return `${parts[2]?.split("$").pop()} ${parts[3]}`;
}
