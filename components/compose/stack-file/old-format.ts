import { stringify } from "yaml";
import type { Findings } from "./faults";
import { type MapNode, type Node, child, entriesOf, plain } from "./tree";

const SECTIONS = [
  "version",
  "name",
  "services",
  "networks",
  "volumes",
  "configs",
  "secrets",
  "include",
  "jobs",
  "models",
];

/**
 * Faults of a file in a format before 3, which no swarm runs: version 1, services at its top, with what it is today; version 2.
 *
 * @returns whether it is one: nothing else can be said of it then.
 */
export function checkFormat(tree: MapNode, findings: Findings): boolean {
  const version = tree.entries.get("version");
  const text = version?.value.kind === "scalar" ? version.value.text : undefined;
  const services = entriesOf(tree).filter(
    ([key, { value }]) =>
      !SECTIONS.includes(key) &&
      !key.startsWith("x-") &&
      (child(value, "image") ?? child(value, "build")) !== undefined,
  );
  if (
    !tree.entries.has("services") &&
    services.length > 0 &&
    (text === undefined || /^1(\.\d+)?$/.test(text))
  ) {
    findings.fault(services[0]?.[1].place ?? tree.place, {
      path: "",
      problem: "the file is of version 1, with services at its top, which docker stack deploy does not take",
      cure: `write it as\n\n${indent(convert(services.map(([key, { value }]) => [key, value])))}`,
    });
    return true;
  }
  if (version === undefined || text === undefined || text === "" || /^3(\.\d+)?$/.test(text)) return false;
  const two = /^2(\.\d+)?$/.test(text);
  findings.fault(version.place, {
    path: "version",
    value: text,
    ...(two && { problem: "is a format for one machine, which docker stack deploy does not take" }),
    allowed: "3 to 3.13, or none, as the Compose Specification has it",
    cure: two
      ? "delete the line; what the file has that a swarm has not is told then, such as mem_limit (deploy.resources.limits.memory), volumes_from and extends"
      : "delete the line",
  });
  return true;
}

/** Keys of version 1 that are called otherwise today, or are no more. */
const GONE = [
  "links",
  "external_links",
  "dockerfile",
  "log_driver",
  "log_opt",
  "mem_limit",
  "net",
  "volumes_from",
  "volume_driver",
  "cpu_shares",
  "cpu_quota",
  "cpuset",
  "memswap_limit",
];

/** The services of a version 1 file as today's format has them. */
function convert(services: readonly (readonly [string, Node])[]): string {
  const links = services.flatMap(([, node]) => strings(child(node, "links")).map((link) => link.split(":")));
  const volumes = services.flatMap(([, node]) =>
    strings(child(node, "volumes")).flatMap((volume) => /^([A-Za-z0-9][\w.-]+):/.exec(volume)?.[1] ?? []),
  );
  const converted = services.map(([name, node]) => {
    const old = plain(node) as Record<string, unknown>;
    const memory = child(node, "mem_limit");
    const aliases = links.flatMap(([target, alias]) =>
      target === name && alias !== undefined && alias !== name ? [alias] : [],
    );
    const kept = Object.entries(old).filter(([key]) => !GONE.includes(key));
    return [
      name,
      {
        ...Object.fromEntries(kept),
        ...(old.dockerfile !== undefined && { build: { context: old.build, dockerfile: old.dockerfile } }),
        ...(old.log_driver !== undefined && { logging: { driver: old.log_driver, options: old.log_opt } }),
        ...(old.net !== undefined && { network_mode: old.net }),
        ...(aliases.length > 0 && { networks: { default: { aliases: [...new Set(aliases)] } } }),
        ...(memory?.kind === "scalar" && { deploy: { resources: { limits: { memory: memory.text } } } }),
      },
    ] as const;
  });
  return stringify({
    services: Object.fromEntries(converted),
    ...(volumes.length > 0 && { volumes: Object.fromEntries(volumes.map((volume) => [volume, {}])) }),
  });
}

function strings(node: Node | undefined): string[] {
  return node?.kind === "list"
    ? node.items.flatMap((item) => (item.kind === "scalar" ? [item.text] : []))
    : [];
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "      ");
}
