import { OverlayNetwork, OverlayNetworkArgs } from "../../components/network/overlay-network";
import type { ApiNetwork, ApiService } from "../../components/engine/engine";
import { Graph, record } from "../../review/graph/recorder";

const network = (args: Partial<OverlayNetworkArgs> = {}): Promise<Graph> =>
  record(
    () =>
      new OverlayNetwork("network", {
        networkName: "dev_network",
        namespace: "dev",
        subnet: "10.0.9.0/24",
        gateway: "10.0.9.1",
        observed: undefined,
        observedServices: new Map(),
        allowReplace: [],
        ...args,
      }).networkId,
  );

test("declares every field, so that drift in it shows", async () => {
  expect((await network()).get("Network", "network").inputs).toEqual({
    name: "dev_network",
    driver: "overlay",
    attachable: false,
    internal: false,
    ingress: false,
    ipv6: false,
    ipamDriver: "default",
    ipamConfigs: [{ subnet: "10.0.9.0/24", gateway: "10.0.9.1" }],
    options: { encrypted: "" },
    labels: [
      { label: "com.docker.stack.namespace", value: "dev" },
      { label: "swarm-platform.encrypted", value: "true" },
    ],
  });
});

test("without encryption the key is not there at all: the driver looks only at the key", async () => {
  const { inputs } = (await network({ encrypted: false })).get("Network", "network");
  expect(inputs.options).toEqual({});
  expect(inputs.labels).toContainEqual({ label: "swarm-platform.encrypted", value: "false" });
});

test("lets containers join when it is told to", async () => {
  expect((await network({ attachable: true })).get("Network", "network").inputs.attachable).toBe(true);
});

test("ignores the options that the engine adds, and goes before its successor comes", async () => {
  const { options, parent } = (await network()).get("Network", "network");
  expect(options).toEqual({ ignoreChanges: ["options"], deleteBeforeReplace: true });
  expect(parent).toBe("swarm-platform:index:OverlayNetwork network");
});

test("hands out its id", async () => {
  const graph = await network();
  expect(graph.result).toBe("network-id");
  expect(graph.get("OverlayNetwork", "network").outputs).toEqual({ networkId: "network-id" });
});

describe("replaced while services that keep data use it", () => {
  const observed = { Id: "n1", IPAM: { Config: [{ Subnet: "10.0.8.0/24", Gateway: "10.0.8.1" }] } };
  const service = (name: string, type: string) => [
    `dev_${name}`,
    { Spec: { Name: `dev_${name}`, TaskTemplate: { ContainerSpec: { Mounts: [{ Type: type }] } } } },
  ];
  const observedServices = new Map([
    service("db", "volume"),
    service("web", "tmpfs"),
  ] as never) as ReadonlyMap<string, ApiService>;
  const fault = async (args: Partial<OverlayNetworkArgs> = {}, preview = false): Promise<unknown> => {
    let error: unknown;
    await record(
      () => {
        try {
          new OverlayNetwork("network", {
            networkName: "dev_network",
            namespace: "dev",
            subnet: "10.0.9.0/24",
            gateway: "10.0.9.1",
            observed: observed as unknown as ApiNetwork,
            observedServices,
            allowReplace: [],
            ...args,
          });
        } catch (thrown) {
          error = thrown;
        }
      },
      { preview },
    );
    return error;
  };

  test("up refuses before anything is removed, and names them", async () => {
    expect(await fault()).toMatchObject({
      message: expect.stringMatching(
        /^Network dev_network can't be updated in place: .*\n {2}- network subnet: [^]*consent: pulumi config set allowReplace db\n/,
      ) as string,
    });
  });

  test("consent lets it, and a preview shows the rest", async () => {
    expect(await fault({ allowReplace: ["db"] })).toBeUndefined();
    expect(await fault({}, true)).toBeUndefined();
  });
});
