import { isIP } from "node:net";
import type { Port } from "./model";
import type { At, Values } from "./values";

const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
const SHORT = /^(?:(\[[^\]]*\]|[^[\]]*?):)??(?:([\d-]*):)?([\d-]+)(?:\/(\w+))?$/;
const ALLOWED =
  "[address:][published:]target[/tcp, /udp or /sctp], each a port from 1 to 65535 or a range such as 8000-8010 of the same length";

/** The ports of a service; a range is one port each. */
export function readPorts(values: Values, at: At | undefined, service: string): Port[] | undefined {
  if (at === undefined) return undefined;
  return values
    .items(at)
    .flatMap((item) =>
      item.node.kind === "map" ? longPort(values, item, service) : shortPorts(values, item, service),
    );
}

function longPort(values: Values, at: At, service: string): Port[] {
  const target = values.integer(values.below(at, "target"), 1, 65535);
  if (values.below(at, "target") === undefined) {
    values.fault(at, "has no target", "add target: with the port that the container listens on");
  }
  const publishedAt = values.below(at, "published");
  const range = publishedAt?.node.kind === "scalar" && /^\d+-\d+$/.test(publishedAt.node.text);
  const published = range
    ? values.refuse(publishedAt, "one port", "name the port; to publish several, write an item for each")
    : values.integer(publishedAt, 0, 65535);
  const protocol = values.choice(values.below(at, "protocol"), PROTOCOLS) ?? "tcp";
  const mode = values.choice(values.below(at, "mode"), ["ingress", "host"] as const) ?? "ingress";
  const address = values.below(at, "host_ip");
  if (address !== undefined) addressNotice(values, address, service);
  for (const key of ["name", "app_protocol"]) {
    const given = values.below(at, key);
    if (given !== undefined)
      values.notice(given, `${key} of a port is for people alone, and is left out`, service);
  }
  return target === undefined ? [] : [port(at, target, published, protocol, mode)];
}

function shortPorts(values: Values, at: At, service: string): Port[] {
  const text = values.text(at);
  if (text === undefined) return [];
  const refused = (cure?: string) => {
    values.refuse(at, ALLOWED, cure);
    return [];
  };
  const [, address, hostText, targetText = "", protocolText = "tcp"] = SHORT.exec(text) ?? [];
  const protocol = PROTOCOLS.find((one) => one === protocolText.toLowerCase());
  const target = parseRange(targetText);
  // As with no port at all, the swarm chooses one.
  const published = hostText === "0" ? "" : hostText;
  const host = published ? parseRange(published) : undefined;
  if (target === undefined || protocol === undefined || (published && host === undefined)) return refused();
  if (address) {
    if (isIP(address.replace(/^\[(.*)\]$/, "$1")) === 0) return refused("write an IP address, or none");
    addressNotice(values, at, service);
  }
  const mode = "ingress";
  if (host === undefined) {
    return numbers(target).map((one) => port(at, one, undefined, protocol, mode));
  }
  if (target.first === target.last) {
    return numbers(host).map((one) => port(at, target.first, one, protocol, mode));
  }
  if (host.last - host.first !== target.last - target.first) {
    return refused("give both ranges the same length");
  }
  // Docker's CLI goes through them in the order of their text.
  return numbers(target)
    .sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1))
    .map((one) => port(at, one, host.first + one - target.first, protocol, mode));
}

function port(
  at: At,
  target: number,
  published: number | undefined,
  protocol: Port["protocol"],
  mode: Port["mode"],
): Port {
  const { place } = at.node;
  return { place, target, ...(published !== undefined && published > 0 && { published }), protocol, mode };
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function parseRange(text: string): Range | undefined {
  const [, first = "", last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return first !== "" && range.first >= 1 && range.last <= 65535 && range.first <= range.last
    ? range
    : undefined;
}

function numbers({ first, last }: Range): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function addressNotice(values: Values, at: At, service: string): void {
  values.notice(
    at,
    "Swarm publishes a port on all addresses of a node; the address is left out, as docker stack deploy does: who may reach the port is a firewall's task",
    service,
  );
}
