import { nameOf, usedNetworks } from "./convert";
import type { Place, StackFile } from "./stack-file/model";
import type { ObservedSwarm } from "./stack-environment";

/** What others make, and is not on the swarm: it must be there before anything runs. A line for each, with the cure. */
export function missingExternals(namespace: string, file: StackFile, observed: ObservedSwarm): string[] {
  const faults: string[] = [];
  const used = usedNetworks(file);
  for (const [key, { external, place, name }] of file.networks) {
    if (!external || !used.has(key)) continue;
    const wanted = nameOf(namespace, key, { name });
    // Those of each engine are everywhere.
    if (["bridge", "host", "none"].includes(wanted)) continue;
    const scope = observed.networks.get(wanted);
    if (scope === "swarm") continue;
    const is = scope === undefined ? "is not there" : `is one of this engine alone (scope ${scope})`;
    faults.push(
      `${at(place)}: network ${wanted} is external and ${is}; do: docker network create --driver overlay ${wanted}`,
    );
  }
  for (const [word, objects, there] of [
    ["config", file.configs, observed.configs],
    ["secret", file.secrets, observed.secrets],
  ] as const) {
    const names = new Set(there.map(({ name }) => name));
    for (const [key, object] of objects) {
      const wanted = nameOf(namespace, key, object);
      if (!object.external || names.has(wanted)) continue;
      faults.push(
        `${at(object.place)}: ${word} ${wanted} is external and is not there; do: docker ${word} create ${wanted} FILE`,
      );
    }
  }
  return faults;
}

export function at({ file, line }: Place): string {
  return `${file}:${line}`;
}
