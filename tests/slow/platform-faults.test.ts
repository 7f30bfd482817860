import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

describeWithEngines("faults of the whole platform", () => {
  let engine: Engine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("platform-faults");
    workspace = new Workspace("platform-faults", engine, "dev", { rolloutTimeoutSeconds: 60 });
  }, MINUTES);
  afterAll(() => engine?.stop(), MINUTES);

  test(
    "a published port that is taken is named, and the next up recovers",
    () => {
      engine.docker("run", "--detach", "--name", "squatter", "--publish", "9094:80", "nginx:1.26.3");
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).not.toBe(0);
      expect(output).toContain("Service dev_kafka-1 did not roll out");
      expect(output).toMatch(
        /Task dev_kafka-1\.1 on platform-faults: .*9094 failed: port is already allocated/,
      );
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
