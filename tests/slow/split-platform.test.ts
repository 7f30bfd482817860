import * as fs from "node:fs";
import * as path from "node:path";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { PROJECT_DIR } from "../support/project";
import { plannedChanges, stacksOnly, writeFiles } from "../support/stack-files";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;

const SHOP = `
services:
  web:
    image: busybox:1.35
    command: sleep 3600
    init: true
    networks: [platform]
networks:
  platform: { external: true, name: dev_network }
`;
const READER = `
const pulumi = require("@pulumi/pulumi");
const platform = new pulumi.StackReference("organization/swarm-platform/dev");
exports.brokers = platform.getOutput("kafkaBootstrap");
`;

// As docs/scale.md says it.
describeWithEngines("a platform of several stacks", () => {
  let engine: Engine;
  let platform: Workspace;
  let shop: Workspace;

  const declare = (bootstrap: string): void => {
    platform.program('service("db");');
    platform.edit("index.ts", "export = async (): Promise<void> => {", "export = async () => {");
    platform.edit("index.ts", 'service("db");', `service("db"); return { kafkaBootstrap: "${bootstrap}" };`);
  };

  beforeAll(() => {
    engine = startEngine("split");
    platform = new Workspace("split-platform", engine, "dev");
    declare("10.0.0.1:9094");
    platform.succeed("stack.sh", "up");
    shop = new Workspace("split-shop", engine, "shop", stacksOnly({ name: "shop", files: ["shop.yml"] }));
    writeFiles(shop, { "shop.yml": SHOP });
  }, 5 * MINUTES);
  afterAll(() => engine?.stop(), MINUTES);

  test(
    "services of a stack's files reach those of the other stack, and neither shows in the other's previews",
    () => {
      shop.succeed("stack.sh", "up");
      const [task = ""] = engine.docker("ps", "--quiet", "--filter", "name=shop_web").split("\n");
      expect(engine.docker("exec", task, "nslookup", "db")).toMatch(/Address(?: \d)?: \d+\.\d+\.\d+\.\d+/);
      expect(plannedChanges(shop)).toEqual([]);
      expect(platform.preview()).toEqual([]);
    },
    5 * MINUTES,
  );

  test(
    "an output that changes is a change in the preview of a program that refers to the stack",
    () => {
      const folder = path.join(path.dirname(platform.folder), "split-reader");
      fs.rmSync(folder, { recursive: true, force: true });
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, "Pulumi.yaml"), "name: reader\nruntime: nodejs\n");
      fs.writeFileSync(path.join(folder, "package.json"), "{}\n");
      fs.writeFileSync(path.join(folder, "index.js"), READER);
      fs.symlinkSync(path.join(PROJECT_DIR, "node_modules"), path.join(folder, "node_modules"));
      const pulumi = (line: string): Result =>
        platform.shell(`. tools/env.sh && pulumi ${line} --cwd ${folder}`);
      expect(pulumi("stack init reader")).toMatchObject({ code: 0 });
      expect(pulumi("up --yes --skip-preview --stack reader")).toMatchObject({ code: 0 });
      expect(pulumi("stack output brokers --stack reader").stdout).toBe("10.0.0.1:9094\n");

      declare("10.0.0.2:9094");
      platform.succeed("stack.sh", "up");
      const { output } = pulumi("preview --diff --stack reader");
      expect(output).toMatch(/brokers: "10\.0\.0\.1:9094" => "10\.0\.0\.2:9094"/);
    },
    5 * MINUTES,
  );

  test(
    "what they share can't be removed while another stack uses it, and that is named",
    () => {
      const { code, output } = platform.tool("stack.sh", "destroy");
      expect(code).not.toBe(0);
      expect(output).toContain("dev_network");
      expect(output).toContain("shop_web");
      shop.succeed("stack.sh", "destroy");
      platform.succeed("stack.sh", "destroy");
      expect(engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
    },
    10 * MINUTES,
  );
});
