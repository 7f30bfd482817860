import type { ApiNetwork, ApiService } from "../../components/engine/engine";
import { networkReplacement, serviceReplacement } from "../../components/service/replacement";

describe("a network", () => {
  const is: ApiNetwork = {
    Id: "network1",
    Name: "dev_network",
    Driver: "overlay",
    Attachable: false,
    Internal: false,
    EnableIPv6: false,
    IPAM: { Config: [{ Subnet: "10.0.9.0/24", Gateway: "10.0.9.1" }] },
    Labels: { "swarm-platform.encrypted": "true" },
  };
  const wanted = {
    networkName: "dev_network",
    namespace: "dev",
    subnet: "10.0.9.0/24",
    gateway: "10.0.9.1",
    observed: is,
  };

  test("that is as wanted, or not there yet, is not replaced", () => {
    expect(networkReplacement(is, wanted)).toEqual([]);
    expect(networkReplacement(undefined, wanted)).toEqual([]);
  });

  test("is replaced for each field that differs", () => {
    const other = { subnet: "10.0.8.0/24", gateway: "10.0.8.1", attachable: true, encrypted: false };
    expect(networkReplacement(is, { ...wanted, ...other })).toEqual([
      'network subnet: "10.0.9.0/24" -> "10.0.8.0/24"',
      'network gateway: "10.0.9.1" -> "10.0.8.1"',
      "network attachable: false -> true",
      'network encrypted: "true" -> "false"',
    ]);
  });
});

describe("a service", () => {
  const container = { Image: "api:1", Labels: { "com.docker.stack.namespace": "dev" } };
  const template = {
    ContainerSpec: container,
    Networks: [{ Target: "network1", Aliases: ["api", "alias"] }],
  };
  const service = (
    TaskTemplate: object = template,
    Mode: object = { Replicated: { Replicas: 1 } },
  ): ApiService => ({ ID: "service1", Spec: { Name: "dev_api", Mode, TaskTemplate } }) as ApiService;
  const wanted = {
    global: false,
    containerLabels: { "com.docker.stack.namespace": "dev" },
    aliases: ["alias", "api"],
  };

  test("that is as wanted, or not there yet, is not replaced", () => {
    expect(serviceReplacement(service(), wanted, "network1")).toEqual([]);
    expect(serviceReplacement(undefined, wanted, "network1")).toEqual([]);
  });

  test.each<[string, ApiService, string]>([
    ["its mode", service(template, { Global: {} }), 'mode: "global" -> "replicated"'],
    [
      "a label of its containers",
      service({ ...template, ContainerSpec: { ...container, Labels: { drift: "1" } } }),
      'container labels: ["drift=1"] -> ["com.docker.stack.namespace=dev"]',
    ],
    [
      "another network",
      service({ ...template, Networks: [...template.Networks, { Target: "network2" }] }),
      'networks: [["network1",["alias","api"]],["network2",[]]] -> [["network1",["alias","api"]]]',
    ],
    [
      "a host entry",
      service({ ...template, ContainerSpec: { ...container, Hosts: ["10.0.0.3 db"] } }),
      'hosts: ["10.0.0.3 db"] -> []',
    ],
    [
      "a sysctl",
      service({ ...template, ContainerSpec: { ...container, Sysctls: { "net.a": "1" } } }),
      'sysctls: ["net.a=1"] -> []',
    ],
  ])("is replaced for %s", (_, is, reason) => {
    expect(serviceReplacement(is, wanted, "network1")).toEqual([reason]);
  });
});
