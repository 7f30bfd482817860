import { COMMAND, NETWORK, networksOf, SERVICE, VOLUME, volumesOf } from "./changes";
import type { Changes } from "./changes";
import { at, canonical, resourceOf } from "./preview";
import type { Preview, Resource, Step, Values } from "./preview";
import { isInStackFile } from "./stack-files";
import { sayValue } from "./words";

/** Something that a reviewer must not miss. */
export interface Warned {
  /** Service, or what else it is about. */
  readonly where: string;
  /** What happens, and what that means. */
  readonly message: string;
}

/** What can't be undone by going back, or takes the whole environment down: it needs consent. */
export function findDangers({ steps }: Preview): Warned[] {
  return [...steps.flatMap((step) => dangersOf(step, steps)), ...unprotected(steps)];
}

function dangersOf(step: Step, steps: readonly Step[]): Warned[] {
  const { type, name } = resourceOf(step);
  const gone = step.operation === "delete" || step.operation === "replace";
  switch (type) {
    case NETWORK:
      if (!gone) return [];
      if (isInStackFile(resourceOf(step))) return stackNetworkDangers(step, steps);
      return warn(
        `network ${name}`,
        step.operation === "delete"
          ? "is deleted: no service of the environment reaches another one any more"
          : "is replaced: all services of the environment go away with it, and come back one after the other",
      );
    case VOLUME:
      return volumeDangers(step);
    case SERVICE:
      return serviceDangers(step);
    case COMMAND:
      return commandDangers(step, steps);
    default:
      return [];
  }
}

/** One that goes, goes after its services, or after they have left it. */
function stackNetworkDangers({ operation, before, after }: Step, steps: readonly Step[]): Warned[] {
  const users = steps.flatMap((step) => {
    const { type, name, inputs } = resourceOf(step);
    return type === SERVICE && networksOf(inputs).has(sayValue(before?.inputs.name)) ? [name] : [];
  });
  if (operation === "delete" || after === undefined || users.length === 0) return [];
  return warn(
    `network ${after.name}`,
    `is replaced, because Swarm can't change one: ${users.join(", ")} ${users.length === 1 ? "is" : "are"} removed and made anew with it`,
  );
}

function volumeDangers({ operation, before, after }: Step): Warned[] {
  if (before === undefined) return [];
  const where = `volume ${String(before.inputs.name)}`;
  if (operation === "replace" && before.retained && before.inputs.name !== after?.inputs.name) {
    return warn(
      where,
      `is replaced by ${sayValue(after?.inputs.name)}, which starts empty; its data stays behind`,
    );
  }
  if (operation === "replace" || (operation === "delete" && !before.retained)) {
    return warn(where, "is deleted with all its data");
  }
  if (before.retained && after !== undefined && !after.retained) {
    return warn(
      where,
      "is deleted with all its data by the next destroy (purgeData); until now it would be kept",
    );
  }
  return [];
}

function serviceDangers({ operation, before, after }: Step): Warned[] {
  if (before === undefined) return [];
  const { name, inputs } = before;
  const volumes = volumesOf(inputs);
  if (volumes.length === 0) return [];
  const data = `volume${volumes.length > 1 ? "s" : ""} ${volumes.join(", ")}`;
  if (operation === "delete") {
    return warn(name, `keeps data and is deleted; ${data} stays behind, unless it is named here too`);
  }
  if (operation === "replace") {
    return warn(
      name,
      `keeps data and is replaced: it is removed and made anew, on ${data} if it stays on its node`,
    );
  }
  if (after === undefined) return [];
  const dangers: Warned[] = [];
  const now = volumesOf(after.inputs);
  const lost = volumes.filter((volume) => !now.includes(volume));
  if (lost.length > 0)
    dangers.push({ where: name, message: `no longer uses its data in ${lost.join(", ")}` });
  const [from, to] = [pinOf(inputs), pinOf(after.inputs)];
  if (from !== to && from !== undefined) {
    dangers.push({ where: name, message: `leaves node ${from}, and its data stays there: it starts empty` });
  }
  return dangers;
}

/** The node that a service is kept on. */
function pinOf(spec: Values): string | undefined {
  const constraints = at(spec, ["taskSpec", "placement", "constraints"]);
  const pins = (Array.isArray(constraints) ? constraints : []).map((one) =>
    /^node\.hostname\s*==\s*(.+)$/.exec(String(one)),
  );
  return pins.find((pin) => pin !== null)?.[1];
}

function commandDangers(step: Step, steps: readonly Step[]): Warned[] {
  const { name, parent } = resourceOf(step);
  const component = parent?.split(" ")[0]?.split(":").pop();
  const gone = step.operation === "delete" || step.operation === "replace";
  if (component === "Swarm" && gone) {
    return warn("swarm", "is left: everything in it goes, services of others included");
  }
  if (component === "Swarm" && step.operation === "update") {
    return warn(
      "swarm",
      "is not there any more, and a new one is made: all services start anew, on what volumes are left",
    );
  }
  if (component === "SwarmNode" && gone) {
    const node = sayValue(at(step.before?.inputs, ["environment", "NODE"]) ?? name);
    return warn(`node ${node}`, "leaves the swarm: its tasks move, data in its local volumes stays behind");
  }
  if (component === "KafkaCluster" && step.after !== undefined) {
    return removedTopics(step.before, step.after).flatMap((topic) =>
      warn(`Kafka topic ${topic}`, "is deleted with all its records"),
    );
  }
  if (component === "KafkaCluster" && gone && steps.some((one) => one.operation !== "delete")) {
    return warn("Kafka", "is no longer part of the environment");
  }
  return [];
}

function removedTopics(before: Resource | undefined, after: Resource): string[] {
  const environment = (after.inputs.environment ?? {}) as Values;
  return Object.entries(environment).flatMap(([key, value]) => {
    const old = at(before?.inputs, ["environment", key]);
    return key.startsWith("topic ") && value === "removed" && old !== "removed"
      ? key.slice("topic ".length)
      : [];
  });
}

/** What Pulumi refuses to delete or replace as yet. */
function unprotected(steps: readonly Step[]): Warned[] {
  return steps
    .filter(({ before, after }) => before?.protected && after !== undefined && !after.protected)
    .flatMap((step) => warn(resourceOf(step).name, "is no longer protected from its deletion"));
}

function warn(where: string, message: string): Warned[] {
  return [{ where, message }];
}

/** What clients notice, and what is over once it is done. */
export function findInterruptions({ services }: Changes, { steps }: Preview): Warned[] {
  return [
    ...services
      .filter(({ interrupts }) => interrupts)
      .map(({ name, operation, tasks }) => ({
        where: name,
        message:
          operation === "update"
            ? `${tasks}: its connections drop, and nobody answers for a moment`
            : operation === "replace"
              ? "is removed and made anew: its connections drop, and nobody answers meanwhile"
              : "is deleted: its clients find nobody",
      })),
    ...steps.flatMap((step) => closedPorts(step)),
    ...steps.flatMap((step) => drained(step)),
  ];
}

/** Ports at which clients outside found the service. */
function closedPorts({ id, before, after, operation }: Step): Warned[] {
  if (!id.startsWith(`${SERVICE} `) || operation !== "update" || before === undefined) return [];
  const ports = (resource: Resource | undefined): string[] => {
    const list = at(resource?.inputs, ["endpointSpec", "ports"]);
    return (Array.isArray(list) ? (list as Values[]) : []).map(
      ({ publishedPort, protocol }) => `${String(publishedPort)}/${String(protocol)}`,
    );
  };
  const open = ports(after);
  const closed = ports(before).filter((port) => !open.includes(port));
  if (closed.length === 0) return [];
  return [{ where: before.name, message: `no longer answers at port ${closed.join(", ")}` }];
}

function drained({ before, after }: Step): Warned[] {
  const path = ["environment", "AVAILABILITY"];
  const [from, to] = [at(before?.inputs, path), at(after?.inputs, path)];
  if (to !== "drain" || canonical(from) === canonical(to)) return [];
  return [
    {
      where: `node ${String(at(after?.inputs, ["environment", "NODE"]))}`,
      message: "is drained: all its tasks move",
    },
  ];
}
