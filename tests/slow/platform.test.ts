import * as fs from "node:fs";
import * as path from "node:path";
import { lendBuiltImages } from "../support/built-images";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { ACCOUNT, get, SERVICES, tasks, update } from "../support/platform";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

describeWithEngines("the platform, once it is there", () => {
  let engine: Engine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("platform-there");
    lendBuiltImages(engine);
    workspace = new Workspace("platform-there", engine, "dev");
    workspace.succeed("stack.sh", "up");
  }, 10 * MINUTES);
  afterAll(() => engine?.stop(), MINUTES);

  test(
    "a secret's new value is a new object that the service rolls to; no value is seen anywhere",
    () => {
      const secret = (value: string): string =>
        `readOnly: true,\n        secrets: [{ name: "token", content: "${value}", path: "/run/secrets/token" }],`;
      const names = (): string => engine.docker("secret", "ls", "--format", "{{.Name}}");
      const seen = (text: string): string[] =>
        ["first-value", "second-value"].filter(
          (value) => text.includes(value) || text.includes(Buffer.from(value).toString("base64")),
        );
      workspace.edit("components/accountservice.ts", "readOnly: true,", secret("first-value"));
      const first = workspace.tool("stack.sh", "up");
      expect(first).toMatchObject({ code: 0 });
      const name = names();
      expect(name).toMatch(/^dev_accountservice-token-[0-9a-f]{12}$/);

      workspace.edit("components/accountservice.ts", secret("first-value"), secret("second-value"));
      expect(workspace.preview()).toEqual([
        { op: "replace", resource: "docker:index/secret:Secret accountservice-token" },
        update("accountservice"),
      ]);
      const second = workspace.tool("stack.sh", "up");
      expect(second).toMatchObject({ code: 0 });
      expect(names()).toMatch(/^dev_accountservice-token-[0-9a-f]{12}$/);
      expect(names()).not.toBe(name);
      const state = fs.readFileSync(
        path.join(workspace.folder, ".state/.pulumi/stacks/swarm-platform/dev.json"),
        "utf8",
      );
      expect(seen(first.output + second.output + state)).toEqual([]);

      workspace.edit("components/accountservice.ts", secret("second-value"), "readOnly: true,");
      expect(workspace.tool("stack.sh", "up").code).toBe(0);
      expect(names()).toBe("");
    },
    5 * MINUTES,
  );

  test(
    "a swarm that vanished: a clear preview, and an up that works; the data is still there",
    async () => {
      engine.docker("swarm", "leave", "--force");
      const preview = workspace.tool("stack.sh", "preview");
      expect(preview).toMatchObject({ code: 0 });
      expect(preview.output).toContain("is in no swarm any more, and all that this stack had in it is gone");
      expect(preview.output).not.toContain("error");
      expect(engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
      const { code, output } = workspace.tool("stack.sh", "up");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(await get(`http://${engine.address}:6767/accounts/10000`)).toEqual({
        status: 200,
        body: ACCOUNT,
      });
      expect(workspace.pulumi("preview", "--expect-no-changes").code).toBe(0);
    },
    5 * MINUTES,
  );

  test(
    "two stacks live side by side on one swarm, and one goes without harm to the other",
    async () => {
      const second = new Workspace("second", engine, "second", {
        networkSubnet: "10.0.19.0/24",
        networkGateway: "10.0.19.1",
        edgePort: 18080,
        accountPort: 16767,
        kafkaPort: 19094,
      });
      const first = SERVICES.flatMap((name) => tasks(engine, `dev_${name}`));
      const { code, output } = second.tool("stack.sh", "up");
      expect({ code, output }).toMatchObject({ code: 0 });
      expect(engine.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}").split("\n").sort()).toEqual([
        `dev ${SERVICES.length}`,
        `second ${SERVICES.length}`,
      ]);
      expect(await get(`http://${engine.address}:18080/accounts/10000`)).toEqual({
        status: 200,
        body: ACCOUNT,
      });
      // It adopted the first one's swarm, so it leaves it alone.
      expect(second.tool("stack.sh", "destroy")).toMatchObject({ code: 0 });
      expect(engine.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}")).toBe(
        `dev ${SERVICES.length}`,
      );
      expect(SERVICES.flatMap((name) => tasks(engine, `dev_${name}`))).toEqual(first);
      engine.docker("volume", "rm", "second_kafka-1-data");
    },
    6 * MINUTES,
  );
});
