import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

const settings = (networkEncrypted: boolean) => ({ routing: "mesh", networkEncrypted, networkCheck: false });

// A kernel without IPVS and ESP carries no traffic this way, but the swarm takes the specs and reads them back.
describeWithEngines("mesh routing and an encrypted overlay", () => {
  let engine: Engine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("production");
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

  test(
    "a published port that is taken is named, and the next up recovers",
    () => {
      expect(workspace.tool("stack.sh", "destroy").code).toBe(0);
      workspace.configure({ rolloutTimeoutSeconds: 60 });
      engine.docker("run", "--detach", "--name", "squatter", "--publish", "9094:80", "nginx:1.26.3");
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).not.toBe(0);
      expect(output).toContain("Service dev_kafka-1 did not roll out");
      expect(output).toMatch(/Task dev_kafka-1\.1 on production: .*9094 failed: port is already allocated/);
      expect(output).toContain("What to do: free the published port on the node, or publish another one.");
      engine.docker("rm", "--force", "squatter");
      expect(
        workspace
          .preview()
          .map(({ op, resource }) => `${op} ${resource}`)
          .sort(),
      ).toEqual([
        "create command:local:Command kafka-cluster",
        "update docker:index/service:Service kafka-1",
      ]);
      expect(workspace.tool("stack.sh", "up")).toMatchObject({ code: 0 });
      expect(replicas(engine, "dev_kafka-1")).toBe("1/1");
    },
    8 * MINUTES,
  );

  test(
    "a build that fails shows the compiler's message and leaves the running service alone",
    () => {
      workspace.edit(
        "services/accountservice/main.go",
        "package main",
        "package main\n\nvar broken int = `text`",
      );
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).not.toBe(0);
      expect(output).toContain("syntax error: imports must appear before other declarations");
      expect(output).toContain("What needs accountservice was left as it is, because accountservice failed.");
      expect(output).not.toContain("unhandled exception");
      expect(replicas(engine, "dev_accountservice")).toBe("2/2");
    },
    4 * MINUTES,
  );
});
