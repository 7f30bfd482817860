#!/usr/bin/env node
// Copies of the volumes of an environment's services, and the way back (tools/stack.sh, which lets one at a time work):
//
//   volumes.mjs backup NAMESPACES            into backups/<stack>/<time>/
//   volumes.mjs restore NAMESPACES FOLDER [FORCE]    with FORCE (any text) data that is there is replaced
//
// NAMESPACES, a line each: the environment's own, then those of its stack files.
//
// The services are stopped, all volumes copied side by side, the services started again: so the copies are of files that
// nobody writes, and of one moment. Ends when the services are ready again.
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DockerFault, fail, NAMESPACE_LABEL, say, stack } from "./docker-cli.mjs";
import { all, command, docker, interrupt, lines, on, onInterrupt, Refusal } from "./docker-streams.mjs";
import { table } from "./table.ts";
import { load, removeLeftovers, save, verify } from "./volume-copy.mjs";

const PIN = "node.hostname==";
const MANIFEST = "manifest.json";
/** Tasks that services had before they were stopped, as JSON by name; there until they are ready again. */
const STOPPED = `.state/${stack}.stopped`;
/** How long tasks may take to stop beyond their grace period, in ms. */
const STOP_PATIENCE = 30_000;
/** How long services may take to become ready again, in ms. */
const START_PATIENCE = 300_000;
const POLL = 300;
/** What takes no longer than this needs no line, and the time between two lines, in ms. */
const SILENT_AT_FIRST = 2000;
const BETWEEN_LINES = 5000;

const [operation, names, from, force] = process.argv.slice(2);
const namespaces = names.split("\n");
const [namespace] = namespaces;
onInterrupt(() => say(`${operation} is interrupted.`));
// The data in clear, for its owner alone.
process.umask(0o077);

try {
  if (operation === "restore") await restore();
  else await backup();
} catch (error) {
  if (interrupt.aborted) process.exitCode = 130;
  else if (error instanceof Refusal || error instanceof DockerFault) fail(error.message);
  else if (error.code === "ENOSPC")
    fail(`no space left for ${error.path ?? "it"}; free some, then run it again.`);
  else throw error;
}

// ---------------------------------------------------------------- the two operations

async function backup() {
  const volumes = await environmentVolumes();
  if (volumes.length === 0)
    fail(`the environment ${namespace} has no volumes on the swarm; nothing to back up.`);
  await reachNodes(volumes);
  const missing = volumes.filter(({ exists }) => !exists).map(({ volume, node }) => `${volume} on ${node}`);
  if (missing.length > 0) fail(`not there: ${missing.join(", ")}; run make up first. Nothing was stopped.`);

  const time = new Date().toISOString().replace(/\.\d+/, "");
  const folder = join("backups", stack, time.replaceAll(":", "-"));
  const part = `${folder}.part`;
  await mkdir(part, { recursive: true });
  try {
    const ready = await whileStopped(volumes, () =>
      progress(
        all(volumes.map((one) => save(one, join(part, archiveName(one))))),
        () => `copies ${amounts(volumes)}`,
      ),
    );
    const entries = volumes.map(manifestEntry);
    const check = all(entries.map((entry) => verify(join(part, entry.archive), entry)));
    await progress(check, () => "verifies the archives");
    const manifest = { stack, namespace, time, volumes: entries };
    await writeFile(join(part, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
    await rename(part, folder);
    console.log(`\nThe backup is in ${folder}; make restore FROM=${folder} brings it back.`);
    showCopies(volumes, await ready());
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  }
}

async function restore() {
  const manifest = await readManifest();
  const there = await environmentVolumes();
  const volumes = manifest.volumes.map((saved) => {
    const now = there.find(({ volume }) => volume === saved.volume) ?? { services: [] };
    return { node: saved.node, ...now, volume: saved.volume, saved };
  });
  await reachNodes(volumes);
  const check = all(volumes.map(({ saved }) => verify(join(from, saved.archive), saved)));
  await progress(check, () => "verifies the archives");
  refuseWithoutForce(volumes, there);

  let replacing = false;
  const replace = async () => {
    for (const one of volumes) await freeVolume(one);
    interrupt.throwIfAborted();
    replacing = true;
    await progress(
      all(volumes.map((one) => load(one, join(from, one.saved.archive)))),
      () => `writes ${amounts(volumes)}`,
    );
  };
  // Half of the data is worse than none.
  const keepStopped = (names) =>
    replacing &&
    `the data is replaced in part: ${names} stay stopped. Run make restore again; not make up, which would start them.`;
  const ready = await whileStopped(volumes, replace, keepStopped);
  console.log(`\nThe data is that of ${manifest.time} (${from}).`);
  showCopies(volumes, await ready());
}

function amounts(volumes) {
  return volumes.map(({ volume, bytes = 0 }) => `${volume} (${size(bytes)})`).join(", ");
}

function refuseWithoutForce(volumes, there) {
  const reasons = volumes
    .filter(({ exists }) => exists)
    .map(
      ({ volume, node, services }) =>
        `volume ${volume} on ${node} is there${used(services)}: its data would be replaced`,
    );
  const names = new Set(volumes.map(({ volume }) => volume));
  for (const { volume, node, services } of there.filter((one) => !names.has(one.volume))) {
    reasons.push(
      `volume ${volume} on ${node}${used(services)} is not in the backup: it would keep its newer data`,
    );
  }
  if (reasons.length === 0) return;
  const list = reasons.map((reason) => `  ${reason}`).join("\n");
  if (force) say(`FORCE is set, although\n${list}`);
  else
    throw new Refusal(
      `not without consent:\n${list}\n  With it: make restore FROM=${from} FORCE=1. Nothing was changed.`,
    );
}

function used(services) {
  return services.length === 0 ? "" : `, used by ${services.map(({ name }) => name).join(", ")}`;
}

async function readManifest() {
  if (!from)
    fail(
      "FROM is not set; allowed: a folder that make backup made, such as FROM=backups/dev/2026-01-02T03-04-05Z.",
    );
  const file = join(from, MANIFEST);
  if (!existsSync(file))
    fail(`FROM=${from}: no backup (no ${MANIFEST}); allowed: a folder that make backup made.`);
  const manifest = JSON.parse(await readFile(file, "utf8"));
  // What is in the data may hang on the name, as Kafka's cluster id does.
  if (manifest.namespace !== namespace) {
    fail(
      `FROM=${from}: a backup of ${manifest.namespace}, and this is ${namespace}; allowed: a backup of ${namespace}. Nothing was changed.`,
    );
  }
  return manifest;
}

// ---------------------------------------------------------------- what there is

/** The volumes of the environment: where they are and which services use them, sorted. */
async function environmentVolumes() {
  const own = await docker("info", "--format", "{{.Name}}");
  const labelled = async (kind) => {
    const listed = namespaces.map((one) =>
      docker(kind, "ls", "--quiet", "--filter", `label=${NAMESPACE_LABEL}=${one}`),
    );
    return (await Promise.all(listed)).flatMap(lines);
  };
  const ids = await labelled("service");
  const services = ids.length === 0 ? [] : JSON.parse(await docker("service", "inspect", ...ids));
  const stopped = existsSync(STOPPED) ? JSON.parse(await readFile(STOPPED, "utf8")) : {};
  const found = new Map();
  for (const { Spec } of services) {
    const mounts = Spec.TaskTemplate.ContainerSpec.Mounts ?? [];
    const sources = mounts
      .filter(({ Type, Source }) => Type === "volume" && Source)
      .map(({ Source }) => Source);
    if (sources.length === 0) continue;
    if (Spec.Mode.Global || Spec.Mode.GlobalJob) {
      say(
        `service ${Spec.Name} is global: its volumes (${sources.join(", ")}), one on each node, are left out.`,
      );
      continue;
    }
    // A job has ended, or its data is not to be copied yet: nobody can stop one and have it go on.
    const service = Spec.Mode.Replicated && {
      name: Spec.Name,
      image: Spec.TaskTemplate.ContainerSpec.Image,
      replicas: Spec.Mode.Replicated.Replicas || (stopped[Spec.Name] ?? 0),
      grace: (Spec.TaskTemplate.ContainerSpec.StopGracePeriod ?? 10e9) / 1e6,
    };
    const pin = Spec.TaskTemplate.Placement?.Constraints?.find((one) => one.startsWith(PIN))?.slice(
      PIN.length,
    );
    for (const volume of sources) {
      const one = found.get(volume) ?? { volume, node: pin ?? own, services: [] };
      found.set(volume, one);
      if (service) one.services.push(service);
    }
  }
  // Those of an environment that was destroyed.
  for (const volume of await labelled("volume")) {
    if (!found.has(volume)) found.set(volume, { volume, node: own, services: [] });
  }
  return [...found.values()].sort((a, b) => (a.volume < b.volume ? -1 : 1));
}

/** Adds to each volume the engine of its node, an image there and whether the volume exists. */
async function reachNodes(volumes) {
  const own = await docker("info", "--format", "{{.Name}}");
  const nodes = [...new Set(volumes.map(({ node }) => node))];
  const configured = nodes.some((node) => node !== own) ? await configuredNodes() : {};
  const engines = new Map();
  for (const node of nodes) {
    const host = node === own ? process.env.DOCKER_HOST : configured[node]?.host;
    if (!host) {
      throw new Refusal(
        `node ${node} has ${namesOn(node, volumes)}, and its engine is not known here; do: pulumi config set --path` +
          ` 'nodes.${node}.host' <unix:// | tcp:// | ssh://>. Nothing was changed.`,
      );
    }
    const name = await on(host, "info", "--format", "{{.Name}}").catch((error) => {
      throw new Refusal(`node ${node} at ${host} does not answer: ${error.message}. Nothing was changed.`);
    });
    if (name !== node) {
      throw new Refusal(
        `nodes.${node}.host = ${host} is the engine of ${name}; set it to that of ${node}. Nothing was changed.`,
      );
    }
    const [image] = lines(await on(host, "image", "ls", "--quiet"));
    if (image === undefined)
      throw new Refusal(
        `node ${node} has no image at all to make a container of; pull any there. Nothing was changed.`,
      );
    await removeLeftovers(host, namespace);
    engines.set(node, { host, image, volumes: new Set(lines(await on(host, "volume", "ls", "--quiet"))) });
  }
  for (const one of volumes) {
    const { host, image, volumes: there } = engines.get(one.node);
    Object.assign(one, { host, image, namespace, exists: there.has(one.volume) });
  }
}

function namesOn(node, volumes) {
  return volumes
    .filter((one) => one.node === node)
    .map(({ volume }) => volume)
    .join(", ");
}

/** The stack's `nodes`, by host name. */
async function configuredNodes() {
  const config = JSON.parse(await command("pulumi", "config", "--json", "--stack", stack));
  return config["swarm-platform:nodes"]?.objectValue ?? {};
}

// ---------------------------------------------------------------- services

/**
 * Works while the services of the volumes are stopped, and starts them again however that ends.
 *
 * @param keepStopped called after a failure: why they must not be started, false when they may.
 * @returns what waits until they are ready, and gives how long they were away, in ms.
 */
async function whileStopped(volumes, work, keepStopped = () => false) {
  const using = new Map(volumes.flatMap(({ services }) => services.map((one) => [one.name, one])));
  const services = [...using.values()].filter(({ replicas }) => replicas > 0);
  const names = services.map(({ name }) => name).join(", ");
  const since = Date.now();
  const start = async () => {
    await all(services.map(({ name, replicas }) => setReplicas(name, replicas)));
    return async () => {
      await progress(ready(services), () => `waits until ${names} are ready`);
      await rm(STOPPED, { force: true });
      return Date.now() - since;
    };
  };
  if (services.length > 0)
    say(`stops ${names} until the data is ${operation === "backup" ? "copied" : "replaced"}.`);
  try {
    interrupt.throwIfAborted();
    const replicas = services.map((one) => [one.name, one.replicas]);
    await writeFile(STOPPED, JSON.stringify(Object.fromEntries(replicas)));
    await all(services.map(({ name }) => setReplicas(name, 0)));
    await progress(stopped(volumes, services), () => `waits until ${names} have stopped`);
    await work();
  } catch (error) {
    const reason = keepStopped(names);
    if (reason) say(reason);
    else if (services.length > 0) {
      say(`starts ${names} again.`);
      await (
        await start()
      )();
    }
    throw error;
  }
  return start();
}

function setReplicas(name, replicas) {
  return docker("service", "update", "--detach", "--quiet", "--replicas", String(replicas), name);
}

async function ready(services) {
  for (const until = Date.now() + START_PATIENCE; ; await sleep(POLL)) {
    const waiting = [];
    for (const { name, replicas } of services) {
      const states = lines(
        await docker(
          "service",
          "ps",
          "--filter",
          "desired-state=running",
          "--format",
          "{{.CurrentState}}",
          name,
        ),
      );
      if (states.filter((state) => state.startsWith("Running")).length < replicas) waiting.push(name);
    }
    if (waiting.length === 0) return;
    if (Date.now() > until) {
      throw new Refusal(
        `${waiting.join(", ")} did not become ready in ${START_PATIENCE / 1000} s; see why: make logs SERVICE=<name>, and make up.`,
      );
    }
  }
}

/** Waits until no running container has the volumes. */
async function stopped(volumes, services) {
  const patience = Math.max(0, ...services.map(({ grace }) => grace)) + STOP_PATIENCE;
  for (const until = Date.now() + patience; ; await sleep(POLL)) {
    interrupt.throwIfAborted();
    const users = await Promise.all(volumes.map((one) => containers(one)));
    const busy = users.flatMap((all, i) =>
      all.filter(({ running }) => running).map((user) => ({ ...user, of: volumes[i] })),
    );
    if (busy.length === 0) return;
    const strangers = busy.filter(({ own }) => !own);
    if (strangers.length > 0 || Date.now() > until) {
      const [{ name, of }] = strangers.length > 0 ? strangers : busy;
      throw new Refusal(
        `container ${name} on ${of.node} uses volume ${of.volume} and does not stop; end it (docker stop ${name}), then run it again.`,
      );
    }
  }
}

/** The containers that have a volume. */
async function containers({ host, volume }) {
  const format = `{{.Names}}|{{.State}}|{{.Label "${NAMESPACE_LABEL}"}}|{{.Label "com.docker.swarm.task.id"}}`;
  const all = lines(await on(host, "ps", "--all", "--filter", `volume=${volume}`, "--format", format));
  return all.map((line) => {
    const [name, state, space, task] = line.split("|");
    return {
      name,
      running: !["created", "exited", "dead"].includes(state),
      own: namespaces.includes(space) && task !== "",
    };
  });
}

/** Takes away the ended tasks that still have the volume; refuses when another container has it. */
async function freeVolume(one) {
  for (const { name, own } of await containers(one)) {
    if (!own)
      throw new Refusal(
        `container ${name} on ${one.node} has volume ${one.volume}; remove it (docker rm ${name}), then run it again. Nothing was changed.`,
      );
    await on(one.host, "rm", "--force", name).catch((error) => {
      // Swarm is removing it too.
      if (!/no such container|already in progress/i.test(error.message)) throw error;
    });
  }
}

// ---------------------------------------------------------------- archives

function archiveName({ volume }) {
  return `${volume}.tar.gz`;
}

function manifestEntry(one) {
  const { volume, node, bytes, archiveBytes, sha256 } = one;
  const services = one.services.map(({ name, image }) => ({ name, image }));
  return { volume, node, services, archive: archiveName(one), bytes, archiveBytes, sha256 };
}

// ---------------------------------------------------------------- output

/** Says what is done while it takes long. */
async function progress(work, what) {
  const since = Date.now();
  let said = since + SILENT_AT_FIRST - BETWEEN_LINES;
  const timer = setInterval(() => {
    if (Date.now() - said < BETWEEN_LINES) return;
    said = Date.now();
    say(`${what()}; ${seconds(said - since)}.`);
  }, 200);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

function seconds(ms) {
  return `${Math.round(ms / 1000)} s`;
}

function size(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function showCopies(volumes, away) {
  const rows = volumes.map(({ volume, node, services, bytes, archiveBytes }) => [
    volume,
    node,
    services.map(({ name }) => name).join(", ") || "-",
    size(bytes),
    size(archiveBytes),
  ]);
  console.log(`\n${table([["VOLUME", "NODE", "SERVICE", "DATA", "ARCHIVE"], ...rows])}`);
  console.log(`\nThe services were away for ${seconds(away)}, until they were ready again.`);
}
