import type { ApiService } from "../engine/engine";
import { nameOf } from "./convert";
import type { Place, Service, StackFile } from "./stack-file/model";

/** A port that a service of the files publishes, and that another one has on the swarm. */
export interface HeldPort {
  readonly place: Place;
  /** Service of the files. */
  readonly key: string;
  /** `80/tcp` */
  readonly port: string;
  /** Full name. */
  readonly holder: string;
}

/** Who has the ports of the files; only two of host mode may share one, on different nodes. */
export function heldPorts(
  namespace: string,
  { services }: StackFile,
  observed: ReadonlyMap<string, ApiService>,
  nodeCount: number,
): HeldPort[] {
  const held: HeldPort[] = [];
  for (const { key, ports } of services.values()) {
    for (const { published, protocol, mode, place } of ports) {
      if (published === undefined) continue;
      for (const { Spec } of observed.values()) {
        const has = Spec.EndpointSpec?.Ports?.some(
          (port) =>
            port.PublishedPort === published &&
            port.Protocol === protocol &&
            (nodeCount < 2 || mode === "ingress" || port.PublishMode === "ingress"),
        );
        if (has && Spec.Name !== nameOf(namespace, key))
          held.push({ place, key, port: `${published}/${protocol}`, holder: Spec.Name });
      }
    }
  }
  return held;
}

/** Whether a service of the files publishes a port, `80/tcp`. */
export function publishes({ ports }: Service, port: string): boolean {
  return ports.some(({ published, protocol }) => `${published}/${protocol}` === port);
}
