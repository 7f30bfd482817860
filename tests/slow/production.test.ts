import * as fs from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { PROJECT_DIR } from "../support/project";
import { sshLogin } from "../support/ssh";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
const NAMES = ["node1", "node2", "node3"];

// The file that the README tells people to start from. This kernel has neither IPVS nor ESP, and this machine less memory
// and fewer machines: nothing else is changed.
describeWithEngines("Pulumi.prod.yaml", () => {
  let engines: Engine[] = [];
  let workspace: Workspace;
  afterAll(() => engines.forEach((engine) => engine.stop()), MINUTES);

  test(
    "brings up the platform on several machines by ssh, and is as declared afterwards",
    () => {
      const login = sshLogin("production");
      engines = NAMES.map((name) => startEngine(name, login.sshd));
      const [first, second] = engines as [Engine, Engine];
      workspace = new Workspace("prod", first, "prod", {}, { ...login.env, DOCKER_HOST: "" });
      const file = fs.readFileSync(path.join(PROJECT_DIR, "Pulumi.prod.yaml"), "utf8");
      const here = engines.reduce(
        (text, { address }, i) => text.replaceAll(`10.0.0.1${i + 1}`, address),
        file.replace(/^ *node[45]:.*\n/gm, ""),
      );
      const { config } = parse(here) as { config: Record<string, unknown> };
      const own = {
        ...config,
        "swarm-platform:routing": "host",
        "swarm-platform:networkEncrypted": false,
        "swarm-platform:kafkaMemoryMiB": 512,
        "swarm-platform:rolloutTimeoutSeconds": 400,
      };
      fs.writeFileSync(path.join(workspace.folder, "Pulumi.prod.yaml"), stringify({ config: own }));

      workspace.succeed("stack.sh", "up");
      expect(workspace.preview()).toEqual([]);
      for (const name of ["kafka-1", "kafka-2", "kafka-3", "registry"]) {
        expect({ name, replicas: replicas(first, `prod_${name}`) }).toEqual({ name, replicas: "1/1" });
      }
      expect(replicas(first, "prod_accountservice")).toBe("4/4");
      const nodes = first
        .docker("service", "ps", "prod_accountservice", "--format", "{{.Node}} {{.Image}}")
        .split("\n");
      expect(new Set(nodes.map((line) => line.split(" ")[0])).size).toBeGreaterThan(1);
      // The same bytes everywhere, under a name that people can read.
      expect(new Set(nodes.map((line) => line.split(" ")[1]))).toEqual(
        new Set([expect.stringMatching(/^127\.0\.0\.1:5443\/accountservice:[0-9a-f]{12}/) as string]),
      );
      expect(workspace.succeed("smoke.sh").output).not.toContain("FAULT");
      expect(second.docker("ps", "--format", "{{.Names}}")).toContain("prod_");

      workspace.succeed("stack.sh", "destroy");
      for (const engine of engines) {
        expect(engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
      }
    },
    30 * MINUTES,
  );
});
