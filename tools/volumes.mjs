#!/usr/bin/env node
// Copies of the volumes of an environment's services, and the way back (tools/stack.sh, which lets one at a time work):
//
//   volumes.mjs backup NAMESPACE            into backups/<stack>/<time>/
//   volumes.mjs restore NAMESPACE FOLDER [FORCE]    with FORCE (any text) data that is there is replaced
//
// The services are stopped, all volumes copied side by side, the services started again: so the copies are of one moment,
// of one another's too, and of files that nobody writes. They are read and written through containers that are made and never started, on
// the node that has the volume, so any image of that node will do. Ends when the services are ready again.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createGunzip, createGzip } from "node:zlib";
import { DockerFault, fail, say, stack } from "./docker-cli.mjs";

const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** On the containers that the volumes are copied through. */
const COPY_LABEL = "swarm-platform.volume-copy";
const PIN = "node.hostname==";
const MANIFEST = "manifest.json";
/** Tasks that services had before they were stopped, as JSON by name; there until they are ready again. */
const STOPPED = `.state/${stack}.stopped`;
/** Where a copying container has the volume, and so what each path in an archive begins with. */
const TOP = "volume";
/** How long tasks may take to stop beyond their grace period, in ms. */
const STOP_PATIENCE = 30_000;
/** How long services may take to become ready again, in ms. */
const START_PATIENCE = 300_000;
const POLL = 300;
/** What takes no longer than this needs no line, and the time between two lines, in ms. */
const SILENT_AT_FIRST = 2000;
const BETWEEN_LINES = 5000;

/** A sentence for the user, with what to do. */
class Refusal extends Error {}

const [operation, namespace, from, force] = process.argv.slice(2);
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (!interrupt.signal.aborted) say(`${operation} is interrupted.`);
    interrupt.abort();
  });
}
process.umask(0o077);

try {
  if (operation === "restore") await restore();
  else await backup();
} catch (error) {
  if (interrupt.signal.aborted) process.exitCode = 130;
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
    const away = await whileStopped(volumes, async () => {
      await progress(
        all(volumes.map((one) => save(one, join(part, archiveName(one))))),
        () => `copies ${volumes.map(({ volume, bytes = 0 }) => `${volume} (${size(bytes)})`).join(", ")}`,
      );
    });
    await progress(
      all(volumes.map((one) => verify(part, manifestEntry(one)))),
      () => "verifies the archives",
    );
    const manifest = { stack, namespace, time, volumes: volumes.map(manifestEntry) };
    await writeFile(join(part, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
    await rename(part, folder);
    table(volumes, away);
    console.log(`\nThe backup is in ${folder}; make restore FROM=${folder} brings it back.`);
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
  await progress(all(volumes.map(({ saved }) => verify(from, saved))), () => "verifies the archives");
  await refuseWithoutForce(volumes, there);

  let replacing = false;
  const away = await whileStopped(
    volumes,
    async () => {
      for (const one of volumes) await freeVolume(one);
      refuseInterrupted();
      replacing = true;
      await progress(
        all(volumes.map(load)),
        () => `writes ${volumes.map(({ volume, bytes = 0 }) => `${volume} (${size(bytes)})`).join(", ")}`,
      );
      replacing = false;
    },
    // Half of the data is worse than none.
    (services) =>
      replacing &&
      `the data is replaced in part: ${services.join(", ")} stay stopped. Run make restore again; not make up, which would start them.`,
  );
  table(volumes, away);
  console.log(`\nThe data is that of ${manifest.time} (${from}).`);
}

function refuseInterrupted() {
  interrupt.signal.throwIfAborted();
}

async function refuseWithoutForce(volumes, there) {
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
  const label = ["--filter", `label=${NAMESPACE_LABEL}=${namespace}`];
  const ids = lines(await docker("service", "ls", "--quiet", ...label));
  const services = ids.length === 0 ? [] : JSON.parse(await docker("service", "inspect", ...ids));
  const stopped = existsSync(STOPPED) ? JSON.parse(await readFile(STOPPED, "utf8")) : {};
  const found = new Map();
  for (const { Spec } of services) {
    const mounts = Spec.TaskTemplate.ContainerSpec.Mounts ?? [];
    const sources = mounts
      .filter(({ Type, Source }) => Type === "volume" && Source)
      .map(({ Source }) => Source);
    if (sources.length === 0) continue;
    if (Spec.Mode.Global) {
      say(
        `service ${Spec.Name} is global: its volumes (${sources.join(", ")}), one on each node, are left out.`,
      );
      continue;
    }
    const service = {
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
      one.services.push(service);
    }
  }
  // Those of an environment that was destroyed.
  for (const volume of lines(await docker("volume", "ls", "--quiet", ...label))) {
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
    await removeLeftovers(host);
    engines.set(node, { host, image, volumes: new Set(lines(await on(host, "volume", "ls", "--quiet"))) });
  }
  for (const one of volumes) {
    const { host, image, volumes: there } = engines.get(one.node);
    Object.assign(one, { host, image, exists: there.has(one.volume) });
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

/** Copying containers of a run that was killed. */
async function removeLeftovers(host) {
  const left = lines(
    await on(host, "ps", "--all", "--quiet", "--filter", `label=${COPY_LABEL}=${namespace}`),
  );
  if (left.length > 0) await on(host, "rm", "--force", "--volumes", ...left);
}

// ---------------------------------------------------------------- services

/**
 * Works while the services of the volumes are stopped, and starts them again however that ends; then waits for them.
 *
 * @param keepStopped why they must not be started, false when they may.
 * @returns how long they were away, in ms.
 */
async function whileStopped(volumes, work, keepStopped = () => false) {
  const all = new Map(volumes.flatMap(({ services }) => services.map((one) => [one.name, one])));
  const services = [...all.values()].filter(({ replicas }) => replicas > 0);
  const names = services.map(({ name }) => name);
  const since = Date.now();
  if (names.length > 0)
    say(`stops ${names.join(", ")} until the data is ${operation === "backup" ? "copied" : "replaced"}.`);
  try {
    refuseInterrupted();
    const replicas = services.map((one) => [one.name, one.replicas]);
    await writeFile(STOPPED, JSON.stringify(Object.fromEntries(replicas)));
    await Promise.all(names.map((name) => setReplicas(name, 0)));
    await progress(stopped(volumes, services), () => `waits until ${names.join(", ")} have stopped`);
    await work();
  } finally {
    const reason = keepStopped(names);
    if (reason) say(reason);
    else await start(services);
  }
  return Date.now() - since;
}

function setReplicas(name, replicas) {
  return docker("service", "update", "--detach", "--quiet", "--replicas", String(replicas), name);
}

async function start(services) {
  if (services.length === 0) return;
  await Promise.all(services.map(({ name, replicas }) => setReplicas(name, replicas)));
  const names = services.map(({ name }) => name).join(", ");
  const waited = progress(ready(services), () => `waits until ${names} are ready`);
  // They start by themselves; an interrupted run says so and ends.
  if (interrupt.signal.aborted) say(`starts ${names} again.`);
  await waited;
  await rm(STOPPED, { force: true });
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
    refuseInterrupted();
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
      own: space === namespace && task !== "",
    };
  });
}

// ---------------------------------------------------------------- volumes

/** Copies a volume into an archive; notes what it wrote. */
async function save(one, file) {
  await withContainer(one, async (container) => {
    const hash = createHash("sha256");
    const cp = stream(one.host, "cp", `${container}:/${TOP}`, "-");
    const count = counting((bytes) => (one.bytes = bytes));
    const hashing = tapping((piece) => hash.update(piece));
    await through(cp, cp.stdout, count, createGzip(), hashing, createWriteStream(file));
    one.sha256 = hash.digest("hex");
    one.archiveBytes = (await stat(file)).size;
  });
}

/** Puts the archive's content in the place of the volume's. */
async function load(one) {
  await replaceVolume(one);
  await withContainer(one, async (container) => {
    const cp = stream(one.host, "cp", "-", `${container}:/`);
    const count = counting((bytes) => (one.bytes = bytes));
    const file = createReadStream(join(from, one.saved.archive));
    await through(cp, file, createGunzip(), count, cp.stdin);
    one.archiveBytes = one.saved.archiveBytes;
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

/** Makes it anew, empty, with its driver and labels. */
async function replaceVolume({ host, volume, exists }) {
  let flags = ["--label", `${NAMESPACE_LABEL}=${namespace}`];
  if (exists) {
    const [{ Driver, Labels, Options }] = JSON.parse(await on(host, "volume", "inspect", volume));
    const pairs = (flag, map) =>
      Object.entries(map ?? {}).flatMap(([key, value]) => [flag, `${key}=${value}`]);
    flags = ["--driver", Driver, ...pairs("--label", Labels), ...pairs("--opt", Options)];
    await on(host, "volume", "rm", volume);
  }
  await on(host, "volume", "create", ...flags, volume);
}

/** Makes a container that has the volume, for `docker cp`, and removes it. It is never started. */
async function withContainer({ host, image, volume }, work) {
  const label = ["--label", `${COPY_LABEL}=${namespace}`];
  const create = [
    "create",
    "--network",
    "none",
    ...label,
    "--volume",
    `${volume}:/${TOP}`,
    image,
    "never-started",
  ];
  const container = await on(host, ...create);
  try {
    await work(container);
  } finally {
    await on(host, "rm", "--force", "--volumes", container);
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

/** Reads an archive as it lies there: its checksum, and that it can be unpacked to its end. */
async function verify(folder, { archive, sha256, bytes }) {
  const file = join(folder, basename(archive));
  const hash = createHash("sha256");
  let unpacked = 0;
  const sink = new Writable({
    write(piece, _, done) {
      unpacked += piece.length;
      done();
    },
  });
  let broken;
  await pipeline(
    createReadStream(file),
    tapping((piece) => hash.update(piece)),
    createGunzip(),
    sink,
    {
      signal: interrupt.signal,
    },
  ).catch((error) => {
    refuseInterrupted();
    broken = error.code === "ENOENT" ? "it is missing" : error.message;
  });
  if (broken === undefined && hash.digest("hex") !== sha256)
    broken = "its checksum is not that of the manifest";
  if (broken === undefined && unpacked !== bytes) broken = `it holds ${unpacked} bytes instead of ${bytes}`;
  if (broken !== undefined)
    throw new Refusal(`archive ${file} is damaged: ${broken}; take another backup. Nothing was changed.`);
}

// ---------------------------------------------------------------- programs and output

/** Ends not with the terminal's Ctrl-C, which is for this program to handle. */
function program(name, args) {
  const child = spawn(name, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (piece) => (stderr += piece));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new DockerFault(stderr.trim().split("\n").pop() || `${name} ended with ${code}`));
    });
  });
  return { child, ended };
}

/** Output of a short command. @throws DockerFault */
async function command(name, ...args) {
  const { child, ended } = program(name, args);
  let stdout = "";
  child.stdout.on("data", (piece) => (stdout += piece));
  child.stdin.end();
  await ended;
  return stdout.trim();
}

/** Asks the manager. */
function docker(...args) {
  return command("docker", ...args);
}

/** Asks the engine of a node. */
function on(host, ...args) {
  return command("docker", "--host", host, ...args);
}

/** A docker command to stream to or from; it ends with an interrupt. */
function stream(host, ...args) {
  const { child, ended } = program("docker", ["--host", host, ...args]);
  const kill = () => child.kill();
  interrupt.signal.addEventListener("abort", kill);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended: ended.finally(() => interrupt.signal.removeEventListener("abort", kill)),
  };
}

function lines(text) {
  return text.split("\n").filter(Boolean);
}

function tapping(see) {
  return new Transform({
    transform(piece, _, done) {
      see(piece);
      done(undefined, piece);
    },
  });
}

function counting(note) {
  let bytes = 0;
  return tapping((piece) => note((bytes += piece.length)));
}

/** Streams to or from a docker command, to the end of both. */
async function through(cp, ...streams) {
  const [piped, ended] = await Promise.allSettled([
    pipeline(...streams, { signal: interrupt.signal }),
    cp.ended,
  ]);
  // Whichever fails first breaks the other's pipe.
  const isBroken = ["EPIPE", "ERR_STREAM_PREMATURE_CLOSE"].includes(piped.reason?.code);
  if (piped.status === "rejected" && !(isBroken && ended.status === "rejected")) throw piped.reason;
  if (ended.status === "rejected") throw ended.reason;
}

/** Waits for all, also when one fails: nothing must be at work on the data any more. */
async function all(works) {
  const results = await Promise.allSettled(works);
  const failed = results.find(({ status }) => status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

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

function table(volumes, away) {
  const rows = volumes.map(({ volume, node, services, bytes, archiveBytes }) => [
    volume,
    node,
    services.map(({ name }) => name).join(", ") || "-",
    size(bytes),
    size(archiveBytes),
  ]);
  const all = [["VOLUME", "NODE", "SERVICE", "DATA", "ARCHIVE"], ...rows];
  const widths = all[0].map((_, i) => Math.max(...all.map((row) => row[i].length)));
  console.log("");
  for (const row of all)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join("  ")
        .trimEnd(),
    );
  console.log(`\nThe services were away for ${seconds(away)}, until they were ready again.`);
}
