#!/usr/bin/env node
// Makes a stack's state tell the truth after an operation that was killed, or under which the engine went away:
//
//   mend-state.mjs OPERATION NAMESPACE BEFORE <state >mended
//
// Reads what `pulumi stack export` prints, and prints it mended; nothing where nothing was to be mended. One line on
// stderr says what was done for each resource. Also removes the one-shot services that a killed operation left. BEFORE is a file with the moment at which the last operation began and
// the state at that moment; it is there only when that operation did not end well, and was touched when it ended.
// With OPERATION preview nothing changes on the swarm. Exit 1, with the reason and what to do, when the engine does
// not answer or can't manage its swarm: a refresh would take that for "everything is gone".
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { docker, DockerFault, dockerLines, fail, inspect, NAMESPACE_LABEL, say } from "./docker-cli.mjs";

/** What lives on the swarm, by the docker CLI's word for it. */
const KINDS = {
  "docker:index/network:Network": "network",
  "docker:index/secret:Secret": "secret",
  "docker:index/service:Service": "service",
  "docker:index/serviceConfig:ServiceConfig": "config",
  // Of stack files, see components/compose/engine-resource.ts.
  "pulumi-nodejs:dynamic/compose:Network": "network",
  "pulumi-nodejs:dynamic/compose:Secret": "secret",
  "pulumi-nodejs:dynamic/compose:Service": "service",
  "pulumi-nodejs:dynamic/compose:Config": "config",
};
/** On the networks of components/network/overlay-network.ts alone. */
const NETWORK_LABEL = "swarm-platform.encrypted";
/** On the services of components/service/temporary-service.ts alone. */
const ONE_SHOT_LABEL = "swarm-platform.one-shot=true";
/** How long an engine that was just started may take until it is in its swarm again, in ms. */
const SWARM_PATIENCE = Number(process.env.SWARM_PATIENCE ?? 30_000);
/** How long after its state was last written a killed operation may still have been making a swarm, in ms. */
const SWARM_INIT_TIME = 60_000;

const [operation, namespace, beforeFile] = process.argv.slice(2);
const changesSwarm = operation !== "preview";

const exported = JSON.parse(readFileSync(0, "utf8"));
const { deployment } = exported;
const pending = deployment.pending_operations ?? [];
const before = lastOperation();
let resources = deployment.resources ?? [];
let mended = pending.length > 0;

const swarm = await manageableSwarm();
if (swarm === undefined) {
  dropVanished();
} else {
  speakToManager();
  if (changesSwarm) removeOneShots();
  for (const { type, resource } of pending) resume(type, resource);
  if (before !== undefined) {
    restoreLost();
    if (changesSwarm) removeLeftovers();
  }
}
if (mended) {
  deployment.resources = inOrder();
  delete deployment.pending_operations;
  console.log(JSON.stringify(exported));
}

// ---------------------------------------------------------------- the engine

/** The swarm that the engine manages; undefined when it is in none. */
async function manageableSwarm() {
  const host = process.env.DOCKER_HOST;
  let seen = lookAtSwarm();
  if (seen.passes) say(`waiting until the engine at ${host} has its swarm (${seen.problem})`);
  for (const until = Date.now() + SWARM_PATIENCE; seen.passes && Date.now() < until; seen = lookAtSwarm()) {
    await sleep(500);
  }
  if (seen.problem === undefined) return seen.swarm;
  return fail(
    `the engine at ${host} can't manage its swarm: ${seen.problem}.\n` +
      "  Locked: docker swarm unlock. A worker: set DOCKER_HOST and host to a manager. No leader, or pending: most of\n" +
      "  the managers must run, and reach each other. Nothing was changed.",
  );
}

/** The swarm, or the problem with it, and whether that may pass: an engine that has just started looks for its peers. */
function lookAtSwarm() {
  try {
    const state = JSON.parse(docker("info", "--format", "{{json .Swarm}}"));
    const { LocalNodeState, ControlAvailable, Error: error } = state;
    if (LocalNodeState === "inactive") return {};
    if (LocalNodeState === "active" && !ControlAvailable) return { problem: "it is a worker" };
    if (LocalNodeState !== "active") {
      return {
        problem: `it is ${LocalNodeState}${error ? ` (${error})` : ""}`,
        passes: LocalNodeState === "pending",
      };
    }
    // A manager answers with its own state even where the swarm has lost its leader.
    docker("node", "ls", "--quiet");
    return { swarm: state.Cluster };
  } catch (error) {
    if (!(error instanceof DockerFault)) throw error;
    if (/does not have a leader/.test(error.message)) return { problem: "it has no leader", passes: true };
    return fail(
      `the Docker engine at ${process.env.DOCKER_HOST} does not answer: ${error.message}\n` +
        "  Start it (docker info tells when it is there), or set DOCKER_HOST and host to another one. Nothing was changed.",
    );
  }
}

/** What the swarm has under a name or an id. */
function look(kind, nameOrId) {
  let found;
  try {
    [found] = inspect(kind, nameOrId);
  } catch (error) {
    if (/no such|not found/i.test(error.message)) return undefined;
    throw error;
  }
  return {
    id: found.ID ?? found.Id,
    name: found.Spec?.Name ?? found.Name,
    labels: found.Spec?.Labels ?? found.Labels ?? {},
    created: Date.parse(found.CreatedAt ?? found.Created),
  };
}

/** The provider reads through the manager that the state names; after that one's loss another must do. */
function speakToManager() {
  const host = process.env.DOCKER_HOST;
  const known = resources.find(isSwarmInit)?.outputs?.stdout ?? "";
  if (!host || !known.endsWith(` ${swarm.ID}`)) return;
  for (const { type, inputs, outputs } of resources) {
    if (type !== "pulumi:providers:docker" || inputs?.host === undefined || inputs.host === host) continue;
    say(`the swarm is spoken to through ${host} now; it was ${inputs.host}.`);
    for (const properties of [inputs, outputs]) if (properties) properties.host = host;
    mended = true;
  }
}

// ---------------------------------------------------------------- interrupted operations

/** Decides about one operation that the state holds as begun and not ended. */
function resume(type, resource) {
  const kind = KINDS[resource.type];
  const name = nameOf(resource);
  const what = `${kind ?? shortType(resource)} ${name ?? urnName(resource)}`;
  if (isSwarmInit(resource) && madeSwarm(resource)) {
    say(`the swarm ${swarm.ID} was made by an operation that was killed; taken into the state.`);
    const id = resource.id ?? `${urnName(resource)}${randomBytes(4).toString("hex")}`;
    put({ ...resource, id, outputs: { ...resource.inputs, stdout: `initialised ${swarm.ID}`, stderr: "" } });
  } else if (type === "creating" && kind !== undefined) {
    const found = look(kind, name);
    if (found === undefined || !hasLabels(found, resource.inputs)) {
      say(`${what} was about to be made when an operation was killed; to be made now.`);
    } else {
      say(`${what} was made by an operation that was killed; taken into the state.`);
      // A refresh reads the rest, all but a secret's data.
      put({ ...resource, id: found.id, outputs: { ...resource.inputs, id: found.id } });
    }
  } else {
    const doing = type === "creating" ? "being made" : `in the middle of ${type}`;
    say(`${what} was ${doing} when an operation was killed; what is left of that is to be done.`);
  }
}

/** Whether the swarm came while the operation was making one: then it is this stack's, to be left at destroy. */
function madeSwarm({ inputs }) {
  const [, seenNone] = /^none at (.*)$/.exec(inputs.environment.SWARM_SEEN) ?? [];
  const created = Date.parse(swarm.CreatedAt);
  return created >= Date.parse(seenNone) && created <= Date.parse(deployment.manifest.time) + SWARM_INIT_TIME;
}

// ---------------------------------------------------------------- what got lost

/** Services that an operation made for its own time alone: one that was killed could not take them away. */
function removeOneShots() {
  const filters = [ONE_SHOT_LABEL, `${NAMESPACE_LABEL}=${namespace}`].flatMap((label) => [
    "--filter",
    `label=${label}`,
  ]);
  for (const name of dockerLines("service", "ls", "--format", "{{.Name}}", ...filters)) {
    say(`service ${name} was left running by an operation that was killed; removed.`);
    docker("service", "rm", name);
  }
}

/** With the swarm gone the provider can't even read a service, and the refresh would end the operation. */
function dropVanished() {
  const gone = new Set(resources.filter(isSwarmInit).map(({ urn }) => urn));
  for (let size = -1; size !== gone.size;) {
    size = gone.size;
    for (const resource of resources)
      if (links(resource).some((urn) => gone.has(urn))) gone.add(resource.urn);
  }
  const left = resources.filter(({ urn }) => !gone.has(urn));
  if (resources.some(({ urn, type }) => gone.has(urn) && type in KINDS)) {
    say(
      `the engine at ${process.env.DOCKER_HOST} is in no swarm any more, and all that this stack had in it is gone.`,
    );
    mended = true;
  }
  if (mended) resources = left;
}

/**
 * What the last operation began with and the state has no more, although it is there under the same id: a read that
 * finds no engine counts as "removed" in the provider.
 */
function restoreLost() {
  const known = new Set(resources.map(({ id }) => id));
  for (const resource of before.resources) {
    const kind = KINDS[resource.type];
    if (kind === undefined || resource.retainOnDelete || known.has(resource.id)) continue;
    if (look(kind, resource.id)?.id !== resource.id) continue;
    say(`${kind} ${nameOf(resource)} was lost when the engine went away; taken into the state again.`);
    const replaced = resources.some(({ urn, delete: old }) => urn === resource.urn && !old);
    resources.push(replaced ? { ...resource, delete: true } : resource);
    mended = true;
  }
}

/** What the last operation made without noting it: the engine went away between the deed and the answer. */
function removeLeftovers() {
  const known = new Set(resources.map(({ id }) => id));
  const own = ownNames();
  for (const kind of ["service", "config", "secret", "network"]) {
    const filter = `label=${NAMESPACE_LABEL}=${namespace}`;
    for (const shown of dockerLines(kind, "ls", "--quiet", "--filter", filter)) {
      const { id, name, labels, created } = look(kind, shown);
      if (known.has(id) || created < before.began || created > before.ended) continue;
      // Others may use the same namespace, such as a `docker stack deploy`.
      if (kind === "network" ? !(NETWORK_LABEL in labels) : !own[kind].test(name)) continue;
      say(
        `${kind} ${name} was made by the operation that failed, which did not note it; removed, to be made again.`,
      );
      docker(kind, "rm", id);
    }
  }
}

/** What the names of this stack's own objects look like, by kind: components stand in the state before what they make. */
function ownNames() {
  const names = (component) =>
    [...resources, ...before.resources]
      .filter(({ type }) => type === `swarm-platform:index:${component}`)
      .map(urnName)
      .join("|");
  const pattern = (component, suffix) => new RegExp(`^${namespace}_(${names(component)})${suffix}$`);
  const hash = "-[0-9a-f]{12}(-[0-9]+)?";
  return {
    service: pattern("SwarmService", ""),
    config: pattern("SwarmConfig", hash),
    secret: pattern("SwarmSecret", hash),
  };
}

function lastOperation() {
  if (!existsSync(beforeFile)) return undefined;
  const [began, ...state] = readFileSync(beforeFile, "utf8").split("\n");
  const { deployment: old } = JSON.parse(state.join("\n"));
  return {
    began: Date.parse(began),
    ended: statSync(beforeFile).mtimeMs,
    resources: old.resources ?? [],
  };
}

// ---------------------------------------------------------------- the state

function urnName({ urn }) {
  return urn.split("::").pop();
}

function shortType({ type }) {
  return type.split(":").pop();
}

/** Whether it is the command of components/swarm/swarm.ts. */
function isSwarmInit({ inputs }) {
  return /swarm-init\.sh/.test(inputs?.create ?? "");
}

/** Name on the swarm. */
function nameOf({ inputs }) {
  return inputs?.name ?? inputs?.Name;
}

/** Whether something has the labels that were declared: by the docker provider's inputs, or by the Engine API's. */
function hasLabels(found, { labels = [], Labels = {} }) {
  const declared = [...labels.map(({ label, value }) => [label, value]), ...Object.entries(Labels)];
  return declared.every(([label, value]) => found.labels[label] === value);
}

/** URNs that a resource needs. */
function links({ parent, provider, deletedWith, dependencies = [], propertyDependencies = {} }) {
  const named = [parent, deletedWith, provider?.split("::").slice(0, -1).join("::"), ...dependencies];
  return [...named, ...Object.values(propertyDependencies).flat()].filter(Boolean);
}

/** Adds a resource in the place of the one with its URN, which is to be deleted unless that has happened. */
function put(resource) {
  resources = resources.flatMap((old) => {
    if (old.urn !== resource.urn || old.delete) return [old];
    return old.pendingReplacement || old.id === resource.id ? [] : [{ ...old, delete: true }];
  });
  resources.push(resource);
}

/** All resources, each behind what it needs; what the state lacks of that comes from the state before. */
function inOrder() {
  const all = new Map();
  for (const resource of [...(before?.resources ?? []), ...resources]) {
    if (!resource.delete) all.set(resource.urn, resource);
  }
  const ordered = new Set();
  const add = (resource) => {
    if (ordered.has(resource)) return;
    for (const urn of links(resource)) if (all.has(urn)) add(all.get(urn));
    ordered.add(resource);
  };
  resources.forEach(add);
  return [...ordered];
}
