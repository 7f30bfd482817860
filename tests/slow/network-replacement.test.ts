import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
const PROGRAM = `
  service("web", { replicas: 2 });
  service("data", { stateful: true, mounts: [{ type: "volume", source: "dev_data", target: "/data" }] });`;
const OTHER_SUBNET = { networkSubnet: "10.0.19.0/24", networkGateway: "10.0.19.1" };

describeWithEngines("another subnet for the overlay network", () => {
  let engine: Engine;
  afterAll(() => engine?.stop(), MINUTES);

  test(
    "replaces it and all services, those that keep data with consent alone",
    () => {
      engine = startEngine("network-replacement");
      const workspace = new Workspace("network-replacement", engine, "dev");
      workspace.program(PROGRAM);
      workspace.succeed("stack.sh", "up");
      workspace.configure(OTHER_SUBNET);
      const before = engine.docker("service", "ls", "--quiet");
      const refused = workspace.tool("stack.sh", "up");
      expect(refused.code).toBe(1);
      expect(refused.output).toContain("Network dev_network can't be updated in place");
      expect(refused.output).toContain("this needs consent: pulumi config set allowReplace data");
      expect(engine.docker("service", "ls", "--quiet")).toBe(before);

      workspace.configure({ ...OTHER_SUBNET, allowReplace: "data" });
      workspace.succeed("stack.sh", "up");
      expect(
        engine.docker("network", "inspect", "dev_network", "--format", "{{(index .IPAM.Config 0).Subnet}}"),
      ).toBe(OTHER_SUBNET.networkSubnet);
      expect([replicas(engine, "dev_web"), replicas(engine, "dev_data")]).toEqual(["2/2", "1/1"]);
      expect(workspace.preview()).toEqual([]);
    },
    6 * MINUTES,
  );
});
