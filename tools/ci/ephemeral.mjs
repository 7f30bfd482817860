// What ephemeral.sh does. What makes an environment an ephemeral one is a config on the swarm itself, so that it can be found
// and removed when branch and state are gone. Nothing without one is ever removed:
//
//   ephemeral-<slot>          what it is (JSON); made first and removed last. Its name is the claim on the slot: a second one of
//                             the same name can't be made
//   ephemeral-<slot>-renewed  made anew by each `up`
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { docker, DockerFault, dockerLines, inspect } from "../docker-cli.mjs";
import { table } from "../table.ts";
import { freeSlots, publishedPorts, stackFile } from "./slots.ts";

const USAGE = "usage: ephemeral.sh up|down|describe NUMBER, ephemeral.sh sweep|list";
/** On both configs, with the stack's name. */
const LABEL = "swarm-platform.ephemeral";
const NAMESPACE_LABEL = "com.docker.stack.namespace";
const HOUR = 3_600_000;
/** How long Swarm may take to let go of what a removed service used, in ms. */
const PATIENCE = 60_000;
/** How long a destroy may take before what is left is removed by hand, in ms. */
const DESTROY_PATIENCE = 900_000;

const base = process.env.STACK;
const pools = {
  subnets: process.env.EPHEMERAL_SUBNETS || "10.64.0.0/16",
  firstPort: Number(process.env.EPHEMERAL_PORTS || 20_000),
};

/** A fault that is told in a sentence. */
class Refusal extends Error {}

function say(line) {
  console.error(`ephemeral: ${line}`);
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  say(error.message);
  process.exit(1);
}

async function main(command, given, ...more) {
  const numbered = ["up", "down", "describe"].includes(command);
  if (more.length > 0 || (!numbered && (given !== undefined || !["sweep", "list"].includes(command)))) {
    throw new Refusal(USAGE);
  }
  if (numbered && !/^[1-9]\d{0,6}$/.test(given ?? "")) {
    throw new Refusal(`PR=${given ?? ""}: no number of a pull request; allowed: 1 to 9999999.`);
  }
  requireSwarm();
  if (command === "up") up(Number(given));
  if (command === "describe") describe(find(nameOf(given)) ?? gone(given));
  if (command === "down") {
    const there = find(nameOf(given));
    if (there === undefined) say(`there is no environment ${nameOf(given)}; nothing to do.`);
    else await down(there);
  }
  if (command === "list") list();
  if (command === "sweep") await sweep();
}

function nameOf(pullRequest) {
  return `pr-${pullRequest}`;
}

function gone(pullRequest) {
  throw new Refusal(
    `there is no environment ${nameOf(pullRequest)}; make it: make ephemeral DO=up PR=${pullRequest}`,
  );
}

function requireSwarm() {
  const [state, manages] = docker(
    "info",
    "--format",
    "{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}",
  ).split(" ");
  if (state === "active" && manages === "true") return;
  throw new Refusal(
    `the engine at ${process.env.DOCKER_HOST} manages no swarm (${state}); these environments share one that is there: deploy ${base} to it first, or set DOCKER_HOST.`,
  );
}

// ---------------------------------------------------------------- what is there

/** All ephemeral environments: { stack, pullRequest, slot, ttlHours, renewed (ms), configs (names, the claim last) }. */
function environments() {
  const configs = inspect("config", ...dockerLines("config", "ls", "--quiet", "--filter", `label=${LABEL}`));
  const claims = configs.filter(({ Spec }) => /^ephemeral-\d+$/.test(Spec.Name));
  return claims
    .map(({ Spec }) => {
      const stack = Spec.Labels[LABEL];
      const own = configs.filter((one) => one.Spec.Labels[LABEL] === stack);
      const renewed = Math.max(...own.map(({ CreatedAt }) => Date.parse(CreatedAt)));
      const names = own.map((one) => one.Spec.Name).sort((a, b) => b.length - a.length);
      return { ...JSON.parse(Buffer.from(Spec.Data, "base64").toString()), stack, renewed, configs: names };
    })
    .sort((a, b) => a.pullRequest - b.pullRequest);
}

function find(stack) {
  return environments().find((one) => one.stack === stack);
}

/** By the engine's clock, which the times are of. */
function now() {
  return Date.parse(docker("info", "--format", "{{.SystemTime}}"));
}

function endOf({ renewed, ttlHours }) {
  return renewed + ttlHours * HOUR;
}

function taken() {
  const networks = inspect("network", ...dockerLines("network", "ls", "--quiet", "--no-trunc"));
  const services = inspect("service", ...dockerLines("service", "ls", "--quiet"));
  return {
    subnets: networks
      .flatMap(({ IPAM }) => IPAM?.Config ?? [])
      .map(({ Subnet }) => Subnet)
      .filter((subnet) => subnet?.includes(".")),
    ports: [
      ...services.flatMap(({ Endpoint }) => Endpoint?.Ports ?? []).map(({ PublishedPort }) => PublishedPort),
      ...dockerLines("ps", "--format", "{{.Ports}}").flatMap(publishedPorts),
    ],
  };
}

// ---------------------------------------------------------------- up

function up(pullRequest) {
  const environment = find(nameOf(pullRequest)) ?? claim(pullRequest);
  renew(environment);
  writeStackFile(environment, `Pulumi.${base}.yaml`);
  const { stack, slot, ttlHours } = environment;
  say(
    `${stack} has the subnet ${slot.subnet} and the ports from ${slot.firstPort} on; it ends ${ttlHours} h after its last up.`,
  );
  const { status } = runStack(stack, "up", { stdio: "inherit" });
  if (status !== 0)
    throw new Refusal(
      `${stack} is not up. What there is of it stays: run it again, or take it away: make ephemeral DO=down PR=${pullRequest}`,
    );
}

function claim(pullRequest) {
  const stack = nameOf(pullRequest);
  const [theirs] = belongings(stack);
  if (theirs !== undefined) {
    throw new Refusal(
      `${theirs.kind} ${theirs.name} is there already, and no ephemeral environment's; take it away, or give that stack another name. Nothing was changed.`,
    );
  }
  const ttlHours = Number(process.env.EPHEMERAL_TTL_HOURS || 48);
  if (!(ttlHours > 0 && ttlHours <= 24 * 365)) {
    throw new Refusal(
      `EPHEMERAL_TTL_HOURS=${process.env.EPHEMERAL_TTL_HOURS}; allowed: more than 0, at most 8760.`,
    );
  }
  for (const slot of allowed(() => freeSlots(pullRequest, pools, taken()))) {
    const content = { stack, pullRequest, slot, ttlHours };
    if (createConfig(`ephemeral-${slot.number}`, stack, content))
      return { ...content, configs: [`ephemeral-${slot.number}`] };
  }
  throw new Refusal(
    `no slot is free: ${environments().length} environments are there. See them: make ephemeral DO=list; other pools: EPHEMERAL_SUBNETS, EPHEMERAL_PORTS.`,
  );
}

/** Whether it could be made; not when one of the name is there. */
function createConfig(name, stack, content) {
  const args = ["config", "create", "--label", `${LABEL}=${stack}`, name, "-"];
  const { status, stderr } = spawnSync("docker", args, { input: JSON.stringify(content), encoding: "utf8" });
  if (status !== 0 && !/already exists/.test(stderr)) throw new DockerFault(stderr.trim());
  return status === 0;
}

function renew({ stack, slot }) {
  const name = `ephemeral-${slot.number}-renewed`;
  removeIfThere("config", name);
  createConfig(name, stack, {});
}

function allowed(compute) {
  try {
    return compute();
  } catch (error) {
    throw new Refusal(error.message);
  }
}

function writeStackFile({ stack, slot }, from) {
  const text = existsSync(from) ? readFileSync(from, "utf8") : "";
  try {
    writeFileSync(`Pulumi.${stack}.yaml`, stackFile(text, slot));
  } catch (error) {
    throw new Refusal(`Pulumi.${stack}.yaml can't be made from ${from}: ${error.message}`);
  }
}

function runStack(stack, operation, options) {
  return spawnSync("tools/stack.sh", [operation], {
    env: { ...process.env, STACK: stack },
    encoding: "utf8",
    killSignal: "SIGINT",
    ...options,
  });
}

function describe({ stack, slot, ...rest }) {
  const printed = execFileSync("pulumi", ["stack", "output", "--json", "--stack", stack], {
    encoding: "utf8",
  });
  const urls = Object.entries(JSON.parse(printed)).filter(([key]) =>
    /^(edgeUrl|accountsUrl|kafkaBootstrap)$/.test(key),
  );
  const until = new Date(endOf(rest)).toISOString().slice(0, 16).replace("T", " ");
  console.log(`Environment \`${stack}\` is up until ${until} UTC, or until this pull request is closed.\n`);
  for (const [key, value] of urls) console.log(`- ${key}: ${value}`);
  console.log(`- ports from ${slot.firstPort} on, subnet ${slot.subnet}`);
}

// ---------------------------------------------------------------- down

async function down(environment) {
  const { stack } = environment;
  const destroyed = destroy(environment);
  if (!destroyed) say(`what is left of ${stack} is removed by its labels.`);
  await removeByLabel(stack);
  forget(environment);
  say(`${stack} is gone.`);
}

/** By Pulumi, as far as the state is there and can be read. */
function destroy(environment) {
  const { stack } = environment;
  // All that matters is in the state; what the other stack's file says by now does not.
  writeStackFile(environment, "");
  const { status, stdout, stderr } = runStack(stack, "destroy", { timeout: DESTROY_PATIENCE });
  process.stderr.write(stdout + stderr);
  if (status !== 0 && /is at work on it|currently locked by/.test(stdout + stderr)) {
    throw new Refusal(
      `${stack} stays for now, because somebody is at work on it. A sweep after its time to live takes it away in any case.`,
    );
  }
  return status === 0;
}

/** Everything of a namespace, until nothing of it is left: what a task still uses goes when that has stopped. */
async function removeByLabel(stack) {
  let problem = "";
  for (const until = Date.now() + PATIENCE; ; await sleep(1_000)) {
    const left = belongings(stack);
    if (left.length === 0) return;
    if (Date.now() > until) {
      const names = left.map(({ kind, name }) => `${kind} ${name}`).join(", ");
      throw new Refusal(`${names}: can't be removed. ${problem} Free it; the next sweep tries again.`);
    }
    for (const { kind, name } of left) {
      try {
        removeIfThere(kind, name);
      } catch (error) {
        if (!(error instanceof DockerFault)) throw error;
        problem = error.message;
      }
    }
  }
}

/** What a namespace has: { kind, name }, services first. Volumes that Swarm made with a task have a name alone, and no label. */
function belongings(stack) {
  const labelled = ["service", "config", "secret", "network"].flatMap((kind) => {
    const filter = ["--filter", `label=${NAMESPACE_LABEL}=${stack}`, "--format", "{{.Name}}"];
    return dockerLines(kind, "ls", ...filter).map((name) => ({ kind, name }));
  });
  const volumes = dockerLines("volume", "ls", "--format", "{{.Name}}").filter((name) =>
    name.startsWith(`${stack}_`),
  );
  return [...labelled, ...volumes.map((name) => ({ kind: "volume", name }))];
}

function removeIfThere(kind, id) {
  try {
    docker(kind, "rm", id);
  } catch (error) {
    if (!/no such|not found/i.test(error.message)) throw error;
  }
}

/** The claim last, so that what fails before is tried again. */
function forget({ stack, configs }) {
  const { status, stderr } = spawnSync("pulumi", ["stack", "rm", "--yes", "--force", "--stack", stack], {
    encoding: "utf8",
  });
  if (status !== 0 && !/no stack named/.test(stderr)) {
    throw new Refusal(
      `the state of ${stack} can't be removed: ${stderr.trim().split("\n").pop()}. The next sweep tries again.`,
    );
  }
  for (const file of [`Pulumi.${stack}.yaml`, `.state/${stack}.before`, `.state/${stack}.lock`])
    rmSync(file, { force: true });
  for (const name of configs) removeIfThere("config", name);
}

// ---------------------------------------------------------------- all of them

function list() {
  const there = environments();
  if (there.length === 0) return console.log("There is no ephemeral environment.");
  const at = now();
  const hours = (ms) => `${(ms / HOUR).toFixed(1)} h`;
  const rows = there.map((one) => [
    one.stack,
    hours(at - one.renewed),
    endOf(one) < at ? "is over" : hours(endOf(one) - at),
    `${one.slot.firstPort}+`,
    one.slot.subnet,
  ]);
  console.log(table([["STACK", "LAST UP", "LEFT", "PORTS", "SUBNET"], ...rows]));
}

async function sweep() {
  const at = now();
  const over = environments().filter((one) => endOf(one) < at);
  if (over.length === 0) say("no environment is older than its time to live.");
  const failed = [];
  for (const one of over) {
    say(`${one.stack} was last brought up more than ${one.ttlHours} h ago.`);
    try {
      // Each `up` renews it first: a lock this old is of an operation that was killed.
      spawnSync("pulumi", ["cancel", "--yes", "--stack", one.stack]);
      await down(one);
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof DockerFault)) throw error;
      say(error.message);
      failed.push(one.stack);
    }
  }
  if (failed.length > 0) throw new Refusal(`not swept: ${failed.join(", ")}; see above.`);
}
