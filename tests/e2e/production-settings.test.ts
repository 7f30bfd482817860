import { lendBuiltImages } from "../support/built-images";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

const settings = (networkEncrypted: boolean) => ({ routing: "mesh", networkEncrypted, networkCheck: false });

// A kernel without IPVS and ESP carries no traffic this way, but the swarm takes the specs and reads them back.
describeWithEngines("mesh routing and an encrypted overlay", () => {
  let engine: Engine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("production");
    lendBuiltImages(engine);
    workspace = new Workspace("production", engine, "dev", settings(true));
  }, MINUTES);
  afterAll(() => engine?.stop(), MINUTES);

  test(
    "read back as they were declared: no change after up and refresh",
    () => {
      const { code, output } = workspace.tool("stack.sh", "up");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(
        engine.docker(
          "service",
          "inspect",
          "dev_nginx",
          "--format",
          "{{.Spec.EndpointSpec.Mode}} {{(index .Endpoint.Spec.Ports 0).PublishMode}}",
        ),
      ).toBe("vip ingress");
      expect(engine.docker("network", "inspect", "dev_network", "--format", "{{json .Options}}")).toContain(
        '"encrypted":""',
      );
      expect(workspace.tool("stack.sh", "refresh").code).toBe(0);
      expect(workspace.preview()).toEqual([]);
    },
    10 * MINUTES,
  );

  test(
    "switching encryption shows as the replacement of the network that it is",
    () => {
      workspace.configure(settings(false));
      expect(workspace.preview()).toContainEqual({
        op: "replace",
        resource: "docker:index/network:Network network",
      });
      workspace.configure(settings(true));
    },
    2 * MINUTES,
  );
});
