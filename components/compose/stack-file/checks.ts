import { nearest } from "../../nearest";
import { type Findings, showPlace } from "./faults";
import type { Item, Mount, Place, Port, Service, StackFile } from "./model";

type Stack = Omit<StackFile, "notices">;

/** Faults between the parts of the merged files: what refers to nothing, and what is in each other's way. */
export function checkStack(stack: Stack, findings: Findings): void {
  for (const service of stack.services.values()) {
    checkReferences(service, stack, findings);
    checkTargets(service, findings);
  }
  checkPorts(stack, findings);
  checkCycles(stack, findings);
}

function checkReferences(service: Service, stack: Stack, findings: Findings): void {
  const refer = (
    key: string,
    place: Place,
    from: string,
    section: "networks" | "volumes" | "configs" | "secrets" | "services",
  ) => {
    const known = stack[section] as ReadonlyMap<string, Item>;
    if (known.has(key)) return;
    const one = section.slice(0, -1);
    const similar = known.size > 0 ? nearest(key, [...known.keys()]) : undefined;
    const add =
      section === "services"
        ? `add the service, or delete this`
        : `add ${key}: to the top-level ${section} section`;
    findings.fault(place, {
      path: `services.${service.key}.${from}`,
      value: key,
      problem: `is no ${one} of the files`,
      allowed: known.size === 0 ? `none, there are no ${section}` : [...known.keys()].join(", "),
      cure: similar === undefined ? add : `did you mean ${similar}?`,
    });
  };
  for (const { network, place } of service.networks) {
    if (network !== "default") refer(network, place, "networks", "networks");
  }
  for (const mount of service.mounts) {
    if (mount.source !== undefined && isVolume(mount)) refer(mount.source, mount.place, "volumes", "volumes");
  }
  for (const { source, place } of service.configs) refer(source, place, "configs", "configs");
  for (const { source, place } of service.secrets) refer(source, place, "secrets", "secrets");
  for (const { service: other, place } of service.dependsOn) refer(other, place, "depends_on", "services");
  const { config } = service.credentialSpec ?? {};
  const place = service.places.get("credential_spec.config") ?? service.place;
  if (config !== undefined) refer(config, place, "credential_spec.config", "configs");
}

/** Groups of cluster volumes are the swarm's. */
function isVolume({ type, source }: Mount): boolean {
  return type === "volume" || (type === "cluster" && !source?.startsWith("group:"));
}

/** Swarm takes each path in a container once. */
function checkTargets(service: Service, findings: Findings): void {
  const once = (items: readonly { target: string; place: Place }[], from: string, what: string) => {
    const places = new Map<string, Place>();
    for (const { target, place } of items) {
      const other = places.get(target);
      if (other !== undefined) {
        findings.fault(place, {
          path: `services.${service.key}.${from}`,
          value: target,
          problem: `is the target of ${what} on ${showPlace(other)}, too`,
          cure: "give one of them another target, or delete it",
        });
      }
      places.set(target, place);
    }
  };
  once(service.mounts, "volumes", "a mount");
  once(service.configs, "configs", "a config");
  once(service.secrets, "secrets", "a secret");
}

/**
 * A port of the ingress network is the whole swarm's: no service can publish it a second time, in whatever mode. Two services
 * can have the same port of their nodes, they run on different ones then.
 */
function checkPorts(stack: Stack, findings: Findings): void {
  const taken = new Map<string, { service: string; port: Port }[]>();
  for (const { key: service, ports, deploy, places, place } of stack.services.values()) {
    for (const port of ports) {
      const path = `services.${service}.ports`;
      if (deploy.endpointMode === "dnsrr" && port.mode === "ingress") {
        findings.fault(places.get("deploy.endpoint_mode") ?? place, {
          path: `services.${service}.deploy.endpoint_mode`,
          problem: `= "dnsrr" has no ingress ports, and port ${port.target} on ${showPlace(port.place)} is one`,
          cure: "write the port as {target, published, mode: host}, or endpoint_mode: vip",
        });
      }
      if (port.published === undefined) continue;
      const id = `${port.published}/${port.protocol}`;
      const others = taken.get(id) ?? [];
      const other = others.find(
        (one) => one.service === service || one.port.mode === "ingress" || port.mode === "ingress",
      );
      if (other !== undefined) {
        const owner = other.service === service ? "this service itself" : `service ${other.service}`;
        findings.fault(port.place, {
          path,
          value: id,
          problem: `is published by ${owner}, too, on ${showPlace(other.port.place)}${modes(port, other.port)}`,
          cure: "publish one of them on another port",
        });
      }
      taken.set(id, [...others, { service, port }]);
    }
  }
}

function modes(port: Port, other: Port): string {
  return port.mode === other.mode
    ? ""
    : `, in mode ${other.mode}, and a port of mode ingress is taken on every node`;
}

function checkCycles(stack: Stack, findings: Findings): void {
  const done = new Set<string>();
  const visit = (service: Service, way: readonly string[]): void => {
    for (const { service: next, place } of service.dependsOn) {
      const start = [...way, service.key].indexOf(next);
      if (start >= 0) {
        findings.fault(place, {
          path: `services.${service.key}.depends_on`,
          value: next,
          problem: `closes a circle: ${[...way, service.key, next].slice(start).join(" -> ")}`,
          cure: "delete one of these dependencies",
        });
      } else {
        const below = stack.services.get(next);
        if (below !== undefined && !done.has(next)) visit(below, [...way, service.key]);
      }
    }
    done.add(service.key);
  };
  for (const service of stack.services.values()) if (!done.has(service.key)) visit(service, []);
}
