// What the measurements share: Pulumi on copies of a project and its state, the bare twin of a state, tables.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const root = path.resolve(import.meta.dirname, "..");

/**
 * A Pulumi program and where its state is.
 *
 * @typedef {{ folder: string, stack: string, env?: Record<string, string | undefined> }} Project
 */

/** The stack that is deployed from this folder; its state is only read. */
export const deployed = { folder: root, stack: process.env.STACK ?? "dev" };

/** Fields that the program ignores too, because the engine fills them in. */
const IGNORED = {
  "docker:index/network:Network": ["options"],
  "docker:index/service:Service": ["taskSpec.placement.platforms"],
  "command:local:Command": ["environment.SWARM_SEEN"],
};

const CONSTRUCTORS = {
  "docker:index/network:Network": "docker.Network",
  "docker:index/remoteImage:RemoteImage": "docker.RemoteImage",
  "docker:index/registryImage:RegistryImage": "docker.RegistryImage",
  "docker:index/secret:Secret": "docker.Secret",
  "docker:index/service:Service": "docker.Service",
  "docker:index/serviceConfig:ServiceConfig": "docker.ServiceConfig",
  "docker:index/volume:Volume": "docker.Volume",
  "command:local:Command": "command.local.Command",
};

/** What a clone does not have. */
const NOT_COPIED = new Set([".build-logs", ".git", ".state", "node_modules"]);

/** stdout of `pulumi ARGS --stack STACK`; throws with all that it printed. */
export function pulumi({ folder, stack, env }, ...args) {
  return run("pulumi", [...args, "--stack", stack], { cwd: folder, env: { ...process.env, ...env } });
}

/** stdout of the docker CLI. */
export function docker(...args) {
  return run("docker", args, {}).trim();
}

function run(command, args, options) {
  try {
    return execFileSync(command, args, {
      encoding: "utf8",
      stdio: "pipe",
      maxBuffer: 64 * 1024 * 1024,
      ...options,
    });
  } catch ({ message, stdout, stderr }) {
    throw new Error(
      stdout === undefined ? message : `${command} ${args.join(" ")} failed:\n${stdout}${stderr}`,
    );
  }
}

/** Seconds that the action takes. */
export function timed(action) {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** Calls the action with a new folder, which is gone afterwards. */
export async function inTempFolder(action) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "swarm-platform-bench-"));
  try {
    await action(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** State of a stack, as `pulumi stack export` prints it. */
export function exportState(project) {
  return JSON.parse(pulumi(project, "stack", "export"));
}

/** Takes the folder's state from `state`; a folder without one gets it. */
export function importState(project, state) {
  const file = path.join(project.folder, "state.json");
  fs.writeFileSync(file, JSON.stringify(state), { mode: 0o600 });
  pulumi(project, "stack", "import", "--file", file);
  fs.rmSync(file);
}

/** The given folder with a new, empty stack of that name, whose state is inside. */
function withOwnState(folder, stack, env) {
  fs.mkdirSync(path.join(folder, ".state"), { recursive: true });
  fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const project = { folder, stack, env: { ...env, PULUMI_BACKEND_URL: `file://${folder}/.state` } };
  pulumi(project, "stack", "init");
  return project;
}

/** A copy of this project with an empty state. */
export function copyProject(folder, stack, env) {
  fs.cpSync(root, folder, {
    recursive: true,
    filter: (source) => !NOT_COPIED.has(path.relative(root, source)),
  });
  return withOwnState(folder, stack, env);
}

/**
 * The bare twin of a stack: the same custom resources, directly below the stack, in a program of plain constructors
 * of the SDKs with literal arguments.
 */
export function bareProject(folder, stack, exported, env) {
  fs.mkdirSync(folder);
  fs.writeFileSync(
    path.join(folder, "Pulumi.yaml"),
    "name: swarm-platform\nruntime: nodejs\nmain: index.js\noptions: { refresh: always }\n",
  );
  fs.writeFileSync(path.join(folder, "package.json"), '{ "main": "index.js" }\n');
  const project = withOwnState(folder, stack, env);
  importState(project, bareState(exported));
  writeBareProgram(project, exported);
  return project;
}

function bareState(exported) {
  const resources = exported.deployment.resources;
  const isKept = (resource) => resource.custom || resource.type === "pulumi:pulumi:Stack";
  const bareUrn = (urn) => urn.replace(/^(urn:pulumi:[^:]*::[^:]*::)(?:[^:$]*(?::[^:$]*)*\$)+/, "$1");
  const kept = new Map(resources.filter(isKept).map(({ urn }) => [urn, bareUrn(urn)]));
  const stackUrn = resources.find(({ type }) => type === "pulumi:pulumi:Stack").urn;
  const bare = resources.filter(isKept).map((resource) => ({
    ...resource,
    urn: kept.get(resource.urn),
    parent: resource.urn === stackUrn ? undefined : stackUrn,
    dependencies: (resource.dependencies ?? []).map((urn) => kept.get(urn)).filter(Boolean),
    replaceWith: resource.replaceWith?.map((urn) => kept.get(urn)),
    propertyDependencies: undefined,
    outputs: resource.urn === stackUrn ? {} : resource.outputs,
  }));
  return { ...exported, deployment: { ...exported.deployment, resources: bare } };
}

/** Writes the bare program for the resources of an exported state. */
function writeBareProgram({ folder }, { deployment }) {
  const lines = ['const docker = require("@pulumi/docker");', 'const command = require("@pulumi/command");'];
  for (const { urn, type, inputs, retainOnDelete } of deployment.resources) {
    const name = urn.split("::").pop();
    if (type === "pulumi:providers:docker") {
      const settings = { host: inputs.host, registryAuth: JSON.parse(inputs.registryAuth ?? "[]") };
      lines.push(
        `const provider = new docker.Provider(${JSON.stringify(name)}, ${JSON.stringify(settings)});`,
      );
    } else if (type in CONSTRUCTORS) {
      const { __defaults, ...args } = inputs;
      const own = type.startsWith("docker:") ? "provider, " : "";
      const ignored = JSON.stringify(IGNORED[type] ?? []);
      const options = `{ ${own}retainOnDelete: ${retainOnDelete ?? false}, ignoreChanges: ${ignored} }`;
      lines.push(
        `new ${CONSTRUCTORS[type]}(${JSON.stringify(name)}, ${JSON.stringify(withoutDefaults(args))}, ${options});`,
      );
    }
  }
  fs.writeFileSync(path.join(folder, "index.js"), lines.join("\n") + "\n");
}

/** The bridge notes in each object which fields it filled in; a program never writes that. */
function withoutDefaults(value) {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "__defaults")
      .map(([key, inner]) => [key, withoutDefaults(inner)]),
  );
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

export const seconds = (value) => `${value.toFixed(2)} s`;

/** Prints a table in Markdown. */
export function table(header, rows) {
  console.log(`\n| ${header.join(" | ")} |\n|${" --- |".repeat(header.length)}`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}
