#!/usr/bin/env node
// Says who keeps a destroy from ending:
//
//   in-the-way.mjs NAMESPACES <state
//
// Reads what `pulumi stack export` prints after a destroy that failed. Exit 1 when others use what is left, each named
// with the command that frees it. Exit 0 when nobody does, once the environment's own containers have stopped: then
// another destroy has better luck.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { docker, dockerLines, fail, inspect, NAMESPACE_LABEL, say } from "./docker-cli.mjs";

/** How long the environment's own containers may take to stop, in ms; Swarm kills them after their grace period. */
const PATIENCE = 120_000;
const TASK_LABEL = "com.docker.swarm.task.id";
/** See components/compose/engine-resource.ts. */
const OF_FILES = {
  "network:Network": "Network",
  "secret:Secret": "Secret",
  "service:Service": "Service",
  "serviceConfig:ServiceConfig": "Config",
  "volume:Volume": "Volume",
};

const namespaces = process.argv[2].split("\n");
const { resources = [] } = JSON.parse(readFileSync(0, "utf8")).deployment;

const info = docker("info", "--format", "{{.Name}} {{.Swarm.LocalNodeState}} {{.Swarm.NodeAddr}}");
const [node, swarm, here] = info.split(" ");
/** As dockerLines; none where destroy has left the swarm already. */
const swarmLines = (...args) => (swarm === "active" ? dockerLines(...args) : []);

/** The ids of a kind that the state still has: of the docker provider, and of stack files. */
const left = (type) => {
  const types = [`docker:index/${type}`, `pulumi-nodejs:dynamic/compose:${OF_FILES[type]}`];
  return new Set(resources.filter((one) => types.includes(one.type)).map(({ id }) => id));
};

/** Services of others with what they use: [kind, id, name] each. */
function strangersUses() {
  const own = left("service:Service");
  return inspect("service", ...swarmLines("service", "ls", "--quiet"))
    .filter(({ ID }) => !own.has(ID))
    .map(({ Spec: { Name, TaskTemplate } }) => {
      const { ContainerSpec = {}, Networks = [] } = TaskTemplate;
      const uses = [
        ...Networks.map(({ Target }) => ["network", Target]),
        ...(ContainerSpec.Configs ?? []).map(({ ConfigID }) => ["config", ConfigID]),
        ...(ContainerSpec.Secrets ?? []).map(({ SecretID }) => ["secret", SecretID]),
      ];
      return { service: Name, image: ContainerSpec.Image?.split("@")[0], uses };
    });
}

/** Containers on a network that are no tasks, as far as this node sees them. */
function attached({ Containers }) {
  // The engine says null where there are none.
  const ids = Object.keys(Containers ?? {}).filter((id) => !id.startsWith("lb-"));
  return inspect("container", ...ids).filter(({ Config }) => !Config.Labels?.[TASK_LABEL]);
}

/** Others that have a volume, as far as this node sees them, each with what frees it. */
function mounting(volume) {
  const ids = dockerLines("ps", "--all", "--quiet", "--filter", `volume=${volume}`);
  return inspect("container", ...ids)
    .filter(
      ({ Config: { Labels } }) => !(Labels?.[TASK_LABEL] && namespaces.includes(Labels[NAMESPACE_LABEL])),
    )
    .map(({ Name, Config: { Image, Labels }, Mounts }) => {
      const service = Labels?.["com.docker.swarm.service.name"];
      const target = Mounts.find((mount) => mount.Name === volume)?.Destination;
      return service === undefined
        ? `container ${Name.slice(1)} (${Image}) on node ${node}; free it: docker rm --force ${Name.slice(1)}`
        : `service ${service} (${Image.split("@")[0]}); free it: docker service update --mount-rm ${target} ${service}`;
    });
}

/** Addresses of other nodes that have containers on what is left; this one can't see which. */
function elsewhere() {
  const peers = stillThere("network", "network:Network").flatMap(({ Peers }) => Peers ?? []);
  return peers.map(({ IP }) => IP).filter((address) => address !== here);
}

/** What the state and the swarm still have of a kind. */
function stillThere(kind, type) {
  const full = kind === "network" ? ["--no-trunc"] : [];
  const there = new Set(swarmLines(kind, "ls", "--quiet", ...full));
  return inspect(kind, ...[...left(type)].filter((id) => there.has(id)));
}

function report(kind, name, users) {
  if (users.length === 0) return;
  say(`${kind} ${name} stays, because others use it:\n${users.map((user) => `  ${user}`).join("\n")}`);
  inTheWay += users.length;
}

const others = strangersUses();
let inTheWay = 0;
for (const [kind, type] of [
  ["network", "network:Network"],
  ["config", "serviceConfig:ServiceConfig"],
  ["secret", "secret:Secret"],
]) {
  for (const found of stillThere(kind, type)) {
    const id = found.ID ?? found.Id;
    const name = found.Spec?.Name ?? found.Name;
    const users = others
      .filter(({ uses }) => uses.some(([what, target]) => what === kind && target === id))
      .map(
        ({ service, image }) =>
          `service ${service} (${image}); free it: docker service update --${kind}-rm ${name} ${service}`,
      );
    for (const { Name, Config } of kind === "network" ? attached(found) : []) {
      const container = Name.slice(1);
      users.push(
        `container ${container} (${Config.Image}) on node ${node}; free it: docker network disconnect --force ${name} ${container}`,
      );
    }
    report(kind, name, users);
  }
}
for (const name of left("volume:Volume")) report("volume", name, mounting(name));
if (inTheWay > 0) fail("free what is named above, then run it again: make destroy");

/** Containers whose service is gone and that have not stopped yet. */
function stopping() {
  const services = new Set(swarmLines("service", "ls", "--format", "{{.Name}}"));
  const format = '{{.Label "com.docker.swarm.service.name"}}';
  return namespaces
    .flatMap((one) => dockerLines("ps", "--filter", `label=${NAMESPACE_LABEL}=${one}`, "--format", format))
    .filter((service) => !services.has(service));
}
for (const until = Date.now() + PATIENCE; stopping().length > 0 || elsewhere().length > 0; await sleep(500)) {
  if (Date.now() < until) continue;
  if (elsewhere().length === 0) break;
  fail(`containers on ${elsewhere().join(" and ")} still use the network; see there: docker network inspect`);
}
