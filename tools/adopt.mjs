#!/usr/bin/env node
// The parts of `make adopt` beside Pulumi: takes over what `docker stack deploy NAME` has made, as it is.
//
//   adopt.mjs prepare NAME FILE...     adds the stack to the configuration, once its services are found on the swarm
//   adopt.mjs check NAME <plan         the plan of a preview: exit 1 where it would do anything else than take over
//   adopt.mjs faults <plan             what a preview that failed said
//
// The operation itself is an `up` with SWARM_PLATFORM_ADOPT=NAME: the program then declares what is there alone, and
// the provider takes it instead of making it (components/compose).
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dockerLines, fail, inspect, NAMESPACE_LABEL, say, stack } from "./docker-cli.mjs";

const [step, name, ...files] = process.argv.slice(2);

const pulumi = (...args) =>
  execFileSync("pulumi", [...args, "--stack", stack], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });

function prepare() {
  const running = dockerLines(
    "service",
    "ls",
    "--filter",
    `label=${NAMESPACE_LABEL}=${name}`,
    "--format",
    "{{.Name}}",
  );
  if (running.length === 0) {
    fail(
      `there is no stack ${name} on the swarm (docker stack ls); to deploy its files: add it to stacks, then make up`,
    );
  }
  const config = JSON.parse(pulumi("config", "--json"));
  const stacks = JSON.parse(config["swarm-platform:stacks"]?.value ?? "[]");
  if (stacks.some((one) => one.name === name)) return;
  if (files.length === 0)
    fail(`FILES not set; do: make adopt STACK=${stack} NAME=${name} FILES="docker-stack.yml"`);
  for (const file of files) if (!existsSync(file)) fail(`there is no file ${file}, as FILES says`);
  const at = stacks.length;
  pulumi("config", "set", "--path", `stacks[${at}].name`, name);
  files.forEach((file, i) => pulumi("config", "set", "--path", `stacks[${at}].files[${i}]`, file));
  const { resources = [] } = JSON.parse(pulumi("stack", "export")).deployment;
  // Who brings a stack file does not ask for Kafka and an edge.
  const given = readFileSync(`Pulumi.${stack}.yaml`, "utf8").includes("swarm-platform:platform:");
  const alone = resources.length === 0 && !given;
  if (alone) pulumi("config", "set", "platform", "false");
  say(`${name} was added to stacks in Pulumi.${stack}.yaml${alone ? ", and platform set to false" : ""}.`);
}

/** What is declared beside the stack's own objects and changes nothing on the swarm. */
const HARMLESS = /^(pulumi:|swarm-platform:index:|command:local:Command (swarm|secret-name-key)$)/;

function check() {
  const { steps = [] } = JSON.parse(readFileSync(0, "utf8"));
  const short = (urn) => urn.split("::").slice(2).join(" ").replace(/^.*\$/, "");
  const own = new RegExp(`\\$pulumi-nodejs:dynamic/compose:\\w+::${name}-`);
  const other = steps
    .filter(({ op }) => op !== "same" && op !== "refresh" && op !== "read")
    .filter(({ op, urn }) => !(op === "create" && (own.test(urn) || HARMLESS.test(short(urn)))));
  if (other.length > 0) {
    fail(
      `this Pulumi stack has other changes than the take-over of ${name}, which would come with it:\n` +
        other.map(({ op, urn }) => `  ${op} ${short(urn)}\n`).join("") +
        "  Nothing was changed. Bring these first (make up, without the entry in stacks), or undo them.",
    );
  }
  const taken = steps.filter(({ op, urn }) => op === "create" && own.test(urn));
  const left = strangers(new Set(taken.map(({ newState }) => newState?.inputs?.Name)));
  if (left.length > 0) {
    say(`of ${name}, but not in its files; left alone: ${left.join(", ")}`);
  }
  if (taken.some(({ urn }) => urn.includes(":Secret::"))) {
    say(
      "nobody can read a secret from the swarm: the values in the files are taken for those that were deployed.",
    );
  }
}

/** Services of the stack that its files do not have. */
function strangers(taken) {
  const ids = dockerLines("service", "ls", "--quiet", "--filter", `label=${NAMESPACE_LABEL}=${name}`);
  return inspect("service", ...ids)
    .map(({ Spec }) => Spec.Name)
    .filter((service) => !taken.has(service))
    .map((service) => `service ${service}`);
}

function faults() {
  const text = readFileSync(0, "utf8");
  try {
    const { diagnostics = [] } = JSON.parse(text);
    for (const { message, severity } of diagnostics) if (severity === "error") console.error(message.trim());
  } catch {
    console.error(text);
  }
}

({ prepare, check, faults })[step]();
