import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Case } from "./cases";
import { hasTasks, Scene } from "./scene";
import { stackFile } from "./stack-file";
import type { Tofu } from "./tofu";
import { tofuFile } from "./tofu-file";

const ROOT = path.resolve(__dirname, "..");
/** What a clone does not have. */
const NOT_COPIED = new Set([
  ".build-logs",
  ".git",
  ".reports",
  ".state",
  "backups",
  "bench/results",
  "node_modules",
]);
const STACK = "bench";

type Commands = Readonly<Partial<Record<Case, readonly string[]>>>;

/** A way to bring the scene to a swarm. */
export interface Contender {
  readonly id: string;
  readonly title: string;
  /** Id of another one whose folder and deployment it uses. @default one of its own */
  readonly of?: string;
  /** Program and arguments, by case, for that many services. */
  commands(size: number): Commands;
  /** Whether it takes part at a size. @default at all */
  readonly takesPart?: (size: number) => boolean;
  /** Whether the docker provider is told to wait. @default false */
  readonly converge?: boolean;
  /** Fills its folder, which is there and empty, once for each size. @returns commands that are to be run in it then. */
  prepare(folder: string, scene: Scene): readonly (readonly string[])[];
  /** Writes the scene that the next command is to bring about. */
  write(folder: string, scene: Scene): void;
  /** Variables of its commands, beside those of all. */
  env(folder: string): NodeJS.ProcessEnv;
}

/** All that there is; OpenTofu where it could be had. */
export function allContenders(tofu: Tofu | undefined): Contender[] {
  const ours: Contender = {
    id: "ours",
    title: "this program (SwarmService)",
    commands: () => PULUMI,
    prepare: (folder, scene) => {
      copyProject(folder, scene, networkOf(scene));
      // In the place of the platform's program, because paths are relative to where that is.
      fs.writeFileSync(
        path.join(folder, "index.ts"),
        'module.exports = require("./bench/contenders/services");\n',
      );
      ours.write(folder, scene);
      // The first bootstrap fills the engine with images.
      return [...PULUMI_INIT, ["make", "bootstrap"]];
    },
    write: writeScene,
    env: ownState,
  };
  const stacks: Contender = {
    id: "stacks",
    title: "this program (stack file)",
    commands: () => PULUMI,
    prepare: (folder, scene) => {
      const entry = { name: scene.namespace, files: ["docker-stack.yml"] };
      copyProject(folder, scene, { ...networkOf(scene), platform: "false", stacks: [entry] });
      stacks.write(folder, scene);
      return PULUMI_INIT;
    },
    write: (folder, scene) => writeStackFile(folder, scene, false),
    env: ownState,
  };
  const bare: Contender = {
    id: "bare",
    title: "bare program (Pulumi)",
    commands: () => PULUMI,
    prepare: (folder, scene) => {
      fs.cpSync(path.join(ROOT, "bench/contenders/bare"), folder, { recursive: true });
      fs.copyFileSync(path.join(ROOT, "tsconfig.json"), path.join(folder, "tsconfig.json"));
      addState(folder);
      bare.write(folder, scene);
      return PULUMI_INIT;
    },
    write: writeScene,
    env: ownState,
  };
  const { image, deploy, destroy } = PULUMI;
  const converge: Contender = {
    ...bare,
    id: "converge",
    title: "bare program, convergeConfig",
    converge: true,
    // Without tasks there is nothing that it would wait for.
    takesPart: hasTasks,
    commands: () => ({ deploy, image, env: image, scale: image, config: image, gate: image, destroy }),
  };
  const stack: Contender = {
    id: "stack",
    title: "docker stack deploy",
    // Its own wait is 2 s for each service one after the other, also where there is no task to wait for.
    commands: (size) => stackCommands(hasTasks(size) && supportsDetach("deploy"), supportsDetach("rm")),
    prepare: (folder, scene) => {
      stack.write(folder, scene);
      return [];
    },
    write: (folder, scene) => writeStackFile(folder, scene, true),
    env: () => ({}),
  };
  const make: Contender = {
    ...ours,
    id: "make",
    title: "make up",
    of: "ours",
    commands: () => ({ again: ["make", "up"] }),
  };
  return [ours, stacks, bare, converge, stack, make, ...(tofu === undefined ? [] : tofuContenders(tofu))];
}

/** Ids of all contenders, those included that may not be had. */
export const CONTENDER_IDS = [
  "ours",
  "stacks",
  "bare",
  "converge",
  "stack",
  "make",
  "tofu",
  "tofu-256",
] as const;

/** As users of the project run it: the refresh is on by Pulumi.yaml, also in the bare program. */
const PULUMI = {
  deploy: pulumi("up", "--yes", "--skip-preview"),
  again: pulumi("up", "--yes", "--skip-preview"),
  preview: pulumi("preview", "--refresh=false", "--expect-no-changes"),
  drift: pulumi("preview", "--expect-no-changes"),
  memory: pulumi("preview", "--expect-no-changes"),
  image: pulumi("up", "--yes", "--skip-preview"),
  env: pulumi("up", "--yes", "--skip-preview"),
  scale: pulumi("up", "--yes", "--skip-preview"),
  config: pulumi("up", "--yes", "--skip-preview"),
  gate: pulumi("up", "--yes", "--skip-preview"),
  destroy: pulumi("destroy", "--yes", "--skip-preview"),
} as const;

/** The preview is for whatever keeps compiled code. */
export const PULUMI_INIT = [pulumi("stack", "init"), pulumi("preview")];

function pulumi(...args: string[]): readonly string[] {
  return ["pulumi", ...args, "--stack", STACK];
}

/** A deployment that `docker stack deploy` would not wait for by itself, until it can be told to. */
function stackCommands(waits: boolean, waitsForRemoval: boolean): Commands {
  const name = namespaceOf("stack");
  const deploy = [
    "docker",
    "stack",
    "deploy",
    ...(waits ? ["--detach=false"] : []),
    "-c",
    "docker-stack.yml",
    name,
  ];
  const changes = {
    image: deploy,
    env: deploy,
    scale: deploy,
    config: deploy,
    ...(waits && { gate: deploy }),
  };
  const remove = ["docker", "stack", "rm", ...(waitsForRemoval ? ["--detach=false"] : []), name];
  return { deploy, again: deploy, memory: deploy, ...changes, destroy: remove };
}

function supportsDetach(command: "deploy" | "rm"): boolean {
  return execFileSync("docker", ["stack", command, "--help"], { encoding: "utf8" }).includes("--detach");
}

function tofuContenders({ program, cliConfig, providerVersion }: Tofu): Contender[] {
  const apply = [program, "apply", "-auto-approve"];
  const plan = [program, "plan", "-detailed-exitcode"];
  const tofu: Contender = {
    id: "tofu",
    title: "OpenTofu",
    commands: () => ({
      deploy: apply,
      again: apply,
      preview: [...plan, "-refresh=false"],
      drift: plan,
      memory: plan,
      image: apply,
      env: apply,
      scale: apply,
      config: apply,
      destroy: [program, "destroy", "-auto-approve"],
    }),
    prepare: (folder, scene) => {
      tofu.write(folder, scene);
      return [[program, "init"]];
    },
    write: (folder, scene) =>
      fs.writeFileSync(path.join(folder, "main.tf.json"), tofuFile(scene, providerVersion)),
    // tools/env.sh has set GOGC for Pulumi.
    env: () => ({
      TF_CLI_CONFIG_FILE: cliConfig,
      CHECKPOINT_DISABLE: "1",
      TF_IN_AUTOMATION: "1",
      GOGC: undefined,
    }),
  };
  const atOnce: Contender = {
    ...tofu,
    id: "tofu-256",
    title: "OpenTofu, -parallelism=256",
    of: "tofu",
    commands: () => ({ drift: [...plan, "-parallelism=256"] }),
  };
  return [tofu, atOnce];
}

export function namespaceOf(contender: string): string {
  return `bench-${contender}`;
}

function writeScene(folder: string, scene: Scene): void {
  fs.writeFileSync(path.join(folder, "scene.json"), JSON.stringify(scene));
}

function writeStackFile(folder: string, scene: Scene, namedConfigs: boolean): void {
  fs.writeFileSync(path.join(folder, "docker-stack.yml"), stackFile(scene, namedConfigs));
  fs.writeFileSync(path.join(folder, "settings.txt"), scene.config);
}

function networkOf({ subnet, gateway }: Scene): Readonly<Record<string, string>> {
  return { networkSubnet: subnet, networkGateway: gateway };
}

/** A copy of this project for a stack of its own. */
export function copyProject(
  folder: string,
  { namespace, address }: { readonly namespace: string; readonly address: string },
  config: Readonly<Record<string, unknown>> = {},
): void {
  fs.cpSync(ROOT, folder, {
    recursive: true,
    filter: (source) => !NOT_COPIED.has(path.relative(ROOT, source)),
  });
  addState(folder);
  // To the bootstrap the packages are older than their list otherwise, and they are those of this folder.
  fs.utimesSync(path.join(folder, "package-lock.json"), 0, 0);
  const settings = {
    routing: "host",
    networkEncrypted: "false",
    namespace,
    advertiseAddress: address,
    ...config,
  };
  const lines = Object.entries(settings).map(
    ([key, value]) =>
      `  swarm-platform:${key}: ${typeof value === "string" ? value : JSON.stringify(value)}\n`,
  );
  fs.writeFileSync(path.join(folder, `Pulumi.${STACK}.yaml`), `config:\n${lines.join("")}`);
}

/** The packages, a place for the state, and its passphrase. */
function addState(folder: string): void {
  fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  fs.mkdirSync(path.join(folder, ".state"));
  fs.writeFileSync(path.join(folder, ".state/passphrase"), "of no use afterwards\n", { mode: 0o600 });
}

/** The folder's own state. */
export function ownState(folder: string): NodeJS.ProcessEnv {
  return {
    STACK,
    PULUMI_BACKEND_URL: `file://${folder}/.state`,
    PULUMI_CONFIG_PASSPHRASE: undefined,
    PULUMI_CONFIG_PASSPHRASE_FILE: `${folder}/.state/passphrase`,
  };
}
