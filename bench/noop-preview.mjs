#!/usr/bin/env node
// What the program costs on top of Pulumi: a preview without changes of the deployed stack, beside a bare
// program that declares the same resources from literals and has no code of ours. Both work on copies of
// the same state and on the same engine, in turns; medians and their ratio are printed, and image sizes.
//
//   . tools/env.sh && bench/noop-preview.mjs [rounds, default 7]        (STACK, default dev; deploy it first)
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const stack = process.env.STACK ?? "dev";
const rounds = Number(process.argv[2] ?? 7);
const root = path.resolve(import.meta.dirname, "..");
const work = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"));

const pulumi = (folder, ...args) =>
  execFileSync("pulumi", args, { cwd: folder, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });

/** Fields that the program ignores too, because the engine fills them in. */
const IGNORED = {
  "docker:index/network:Network": ["options"],
  "docker:index/service:Service": ["taskSpec.placement.platforms"],
  "command:local:Command": ["environment.SWARM_SEEN"],
};

/** The bare twin of one exported state: the same custom resources, directly below the stack. */
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
    propertyDependencies: undefined,
    outputs: resource.urn === stackUrn ? {} : resource.outputs,
  }));
  return { ...exported, deployment: { ...exported.deployment, resources: bare } };
}

/** The program that declares them: plain constructors of the SDKs with literal arguments. */
function bareProgram(state) {
  const constructors = {
    "docker:index/network:Network": "docker.Network",
    "docker:index/remoteImage:RemoteImage": "docker.RemoteImage",
    "docker:index/registryImage:RegistryImage": "docker.RegistryImage",
    "docker:index/secret:Secret": "docker.Secret",
    "docker:index/service:Service": "docker.Service",
    "docker:index/serviceConfig:ServiceConfig": "docker.ServiceConfig",
    "docker:index/volume:Volume": "docker.Volume",
    "command:local:Command": "command.local.Command",
  };
  const lines = ['const docker = require("@pulumi/docker");', 'const command = require("@pulumi/command");'];
  for (const { urn, type, inputs, retainOnDelete } of state.deployment.resources) {
    const name = urn.split("::").pop();
    if (type === "pulumi:providers:docker") {
      const settings = { host: inputs.host, registryAuth: JSON.parse(inputs.registryAuth ?? "[]") };
      lines.push(
        `const provider = new docker.Provider(${JSON.stringify(name)}, ${JSON.stringify(settings)});`,
      );
    } else if (type in constructors) {
      const { __defaults, ...args } = inputs;
      const own = type.startsWith("docker:") ? "provider, " : "";
      const ignored = JSON.stringify(IGNORED[type] ?? []);
      const options = `{ ${own}retainOnDelete: ${retainOnDelete ?? false}, ignoreChanges: ${ignored} }`;
      lines.push(
        `new ${constructors[type]}(${JSON.stringify(name)}, ${JSON.stringify(withoutDefaults(args))}, ${options});`,
      );
    }
  }
  return lines.join("\n") + "\n";
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

function makeBare() {
  const exported = JSON.parse(pulumi(root, "stack", "export", "--stack", stack));
  const state = bareState(exported);
  const folder = path.join(work, "bare");
  fs.mkdirSync(path.join(folder, "state"), { recursive: true });
  fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  fs.writeFileSync(
    path.join(folder, "Pulumi.yaml"),
    "name: swarm-platform\nruntime: nodejs\nmain: index.js\n",
  );
  fs.writeFileSync(path.join(folder, "package.json"), '{ "main": "index.js" }\n');
  fs.writeFileSync(path.join(folder, "index.js"), bareProgram(state));
  fs.writeFileSync(path.join(work, "state.json"), JSON.stringify(state));
  process.env.PULUMI_BACKEND_URL = `file://${folder}/state`;
  pulumi(folder, "stack", "init", stack);
  pulumi(folder, "stack", "import", "--stack", stack, "--file", path.join(work, "state.json"));
  return folder;
}

function timed(folder, backend, flag) {
  process.env.PULUMI_BACKEND_URL = backend;
  const start = process.hrtime.bigint();
  pulumi(folder, "preview", "--stack", stack, flag, "--expect-no-changes");
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

try {
  const ours = process.env.PULUMI_BACKEND_URL;
  const bare = makeBare();
  const bareBackend = process.env.PULUMI_BACKEND_URL;
  console.log(`No-op preview of ${stack}, median of ${rounds}, in turns:\n`);
  console.log("| refresh | this program | bare program | ratio |\n| --- | --- | --- | --- |");
  for (const [name, flag] of [
    ["off", "--refresh=false"],
    ["on", "--refresh=true"],
  ]) {
    const times = { ours: [], bare: [] };
    for (let i = 0; i <= rounds; i++) {
      const one = timed(root, ours, flag);
      const other = timed(bare, bareBackend, flag);
      if (i === 0) continue; // the first fills the caches
      times.ours.push(one);
      times.bare.push(other);
    }
    const [a, b] = [median(times.ours), median(times.bare)];
    console.log(`| ${name} | ${a.toFixed(2)} s | ${b.toFixed(2)} s | ${(a / b).toFixed(2)} |`);
  }
  process.env.PULUMI_BACKEND_URL = ours;
  console.log("\n| image | size |\n| --- | --- |");
  for (const image of Object.values(
    JSON.parse(pulumi(root, "stack", "output", "images", "--json", "--stack", stack)),
  )) {
    const bytes = execFileSync("docker", ["image", "inspect", image, "--format", "{{.Size}}"], {
      encoding: "utf8",
    });
    console.log(`| ${image} | ${(Number(bytes) / 1e6).toFixed(1)} MB |`);
  }
} finally {
  fs.rmSync(work, { recursive: true, force: true });
}
