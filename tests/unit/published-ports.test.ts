import { heldPorts, publishes } from "../../components/compose/published-ports";
import type { ApiService } from "../../components/engine/engine";
import { load } from "../support/stack-file";

const { stack } = load(`
services:
  web: { image: "a:1", ports: ["80:8080", { target: 53, published: 53, protocol: udp, mode: host }] }
  db: { image: "a:1" }
`);

function service(name: string, port: number, mode: "ingress" | "host", protocol = "tcp"): ApiService {
  const Ports = [{ PublishedPort: port, TargetPort: 1, PublishMode: mode, Protocol: protocol }];
  return { ID: name, Spec: { Name: name, EndpointSpec: { Ports } } } as unknown as ApiService;
}

function held(nodes: number, ...services: readonly ApiService[]): string[] {
  const observed = new Map(services.map((one) => [one.Spec.Name, one]));
  return heldPorts("shop", stack, observed, nodes).map(
    ({ key, port, holder, place }) => `${key} ${port} ${holder} at line ${place.line}`,
  );
}

test("a port is held by any other service, in the stack or not, but not by the one that publishes it", () => {
  expect(
    held(
      1,
      service("shop_web", 80, "ingress"),
      service("shop_old", 80, "ingress"),
      service("other_dns", 53, "host", "udp"),
      service("other_tcp", 53, "host", "tcp"),
    ),
  ).toEqual(["web 53/udp other_dns at line 3", "web 80/tcp shop_old at line 3"]);
});

test("on several nodes two may have one port in host mode", () => {
  const dns = service("other_dns", 53, "host", "udp");
  expect(held(3, dns)).toEqual([]);
  expect(held(3, service("other_dns", 53, "ingress", "udp"))).toHaveLength(1);
});

test("a port is published by number and protocol", () => {
  const web = stack.services.get("web")!;
  expect(["80/tcp", "53/udp", "53/tcp", "8080/tcp"].map((port) => publishes(web, port))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
