import { CONFIG, contentOf, mountedFiles, networksOf, replicasOf, SERVICE, volumesOf } from "./changes";
import type { Changes } from "./changes";
import type { Warned } from "./dangers";
import { at, resourceOf } from "./preview";
import type { Preview, Resource, Step, Values } from "./preview";
import { sayValue } from "./words";

/** How a change looks; the text is dark in GitHub's dark mode too. */
const STYLES = {
  created: "fill:#bff0c8,stroke:#1a7f37,stroke-width:3px,color:#000",
  changed: "fill:#fff1b8,stroke:#bf8700,stroke-width:3px,color:#000",
  removed: "fill:#eee,stroke:#82071e,stroke-width:3px,stroke-dasharray:6 4,color:#000",
  danger: "fill:#ffc9c9,stroke:#cf222e,stroke-width:4px,color:#000",
} as const;

/**
 * The platform as a Mermaid flowchart: services, what they call, where clients come in, where data is; what changes is
 * marked.
 */
export function picture(
  title: string,
  { steps }: Preview,
  changes: Changes,
  dangers: readonly Warned[],
): string[] {
  const services = steps.filter(({ id }) => id.startsWith(`${SERVICE} `));
  const ids = new Map(services.map((step, i) => [resourceOf(step).name, `s${i}`]));
  const id = (name: string): string => ids.get(name) ?? "";
  if (services.length === 0) return [];
  const lines = ["flowchart LR"];
  const entries = services.flatMap((step) => {
    const ports = portsOf(resourceOf(step));
    return ports.length === 0 ? [] : [`  clients -->|${ports.join(", ")}| ${id(resourceOf(step).name)}`];
  });
  if (entries.length > 0) lines.push('  clients(["clients"])');
  lines.push(`  subgraph environment ["${escaped(title)}"]`);
  for (const step of services) lines.push(`    ${box(id(resourceOf(step).name), resourceOf(step))}`);
  lines.push("  end", ...entries);
  for (const [from, to, both] of calls(services.map(resourceOf), steps)) {
    lines.push(`  ${id(from)} ${both ? "<-->" : "-->"} ${id(to)}`);
  }
  const marked = new Map<string, keyof typeof STYLES>();
  for (const { name, operation } of changes.services) {
    marked.set(name, operation === "create" ? "created" : operation === "delete" ? "removed" : "changed");
  }
  for (const { where } of dangers) if (ids.has(where)) marked.set(where, "danger");
  for (const style of new Set(marked.values())) {
    const those = [...marked].filter(([, one]) => one === style).map(([name]) => id(name));
    lines.push(`  classDef ${style} ${STYLES[style]}`, `  class ${those.join(",")} ${style}`);
  }
  return lines;
}

function box(id: string, { name, inputs }: Resource): string {
  const replicas = replicasOf(inputs);
  const count = replicas === undefined ? "on each node" : replicas === 1 ? "1 task" : `${replicas} tasks`;
  const label = `"${escaped(name)}<br/>${count}"`;
  return volumesOf(inputs).length > 0 ? `${id}[(${label})]` : `${id}[${label}]`;
}

/** Mermaid ends a text at a quote, and takes # for the start of an entity. */
function escaped(text: string): string {
  return text.replaceAll("#", "#35;").replaceAll('"', "#quot;").replace(/[<>]/g, "");
}

function portsOf({ inputs }: Resource): string[] {
  const ports = at(inputs, ["endpointSpec", "ports"]);
  // Without a number Swarm chooses one.
  return (Array.isArray(ports) ? (ports as Values[]) : []).map(({ publishedPort }) =>
    sayValue(publishedPort ?? "any"),
  );
}

/** Names of a service in the networks that another one is in too. */
function namesFor({ inputs }: Resource, { name, inputs: own }: Resource): readonly string[] {
  const networks = networksOf(own);
  if (networks.size === 0) return [name];
  return [...networksOf(inputs).keys()].flatMap((network) => networks.get(network) ?? []);
}

/** Who calls whom, and whether that one calls back. */
function calls(services: readonly Resource[], steps: readonly Step[]): [string, string, boolean][] {
  const spoken = new Map(services.map((one) => [one, spokenTo(one, steps)]));
  const speaks = (from: Resource, to: Resource): boolean =>
    from !== to && namesFor(from, to).some((name) => speaksTo(spoken.get(from) ?? "", name));
  return services.flatMap((from, i) =>
    services.flatMap((to, j): [string, string, boolean][] => {
      const back = speaks(to, from);
      return speaks(from, to) && !(back && j < i) ? [[from.name, to.name, back]] : [];
    }),
  );
}

/** All texts in which a service finds the addresses of others: arguments, variables, configs. */
function spokenTo({ name, inputs }: Resource, steps: readonly Step[]): string {
  const { args, commands, env } = (at(inputs, ["taskSpec", "containerSpec"]) ?? {}) as Values;
  const mounted = [...mountedFiles(inputs, "configs").values()];
  const configs = steps
    .filter(({ id, after }) => {
      if (after === undefined || !id.startsWith(`${CONFIG} `)) return false;
      return id.startsWith(`${CONFIG} ${name}-`) || mounted.includes(sayValue(after.inputs.name));
    })
    .map(({ after }) => contentOf(after));
  return [JSON.stringify([args, commands, env]), ...configs].join("\n");
}

/** An address is a name and a port: a name alone may be a word. */
function speaksTo(text: string, name: string): boolean {
  const escapedName = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\w.-])(tasks\\.)?${escapedName}:\\d`).test(text);
}
