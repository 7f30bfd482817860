import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import type { Select } from "../support/scenario";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** Two services that share a config and a secret, and are well as long as both say so. */
const program = (config: string, secret: string): string => `
  const conf = new SwarmConfig("conf", { environment, content: ${JSON.stringify(config)} }, onSwarm);
  const token = new SwarmSecret("token", { environment, content: ${secret} }, onSwarm);
  for (const name of ["one", "two"]) {
    service(name, {
      configs: [{ config: conf, path: "/etc/shared.conf" }],
      secrets: [{ secret: token, path: "/run/secrets/token" }],
      healthcheck: {
        test: ["CMD-SHELL", "grep -q good /etc/shared.conf && grep -q good /run/secrets/token"],
        interval: 1,
        retries: 2,
        startPeriod: 0,
      },
    });
  }`;

/** What the tasks of both services see; each must see the same. */
function contents(engine: Engine): string {
  // Not `docker ps`, which shows those too that are about to stop.
  const running = ["--no-trunc", "--filter", "desired-state=running", "--format", "{{.Name}}.{{.ID}}"];
  const containers = engine.docker("service", "ps", ...running, "dev_one", "dev_two").split("\n");
  const seen = containers.map((container) =>
    engine.docker("exec", container, "cat", "/etc/shared.conf", "/run/secrets/token"),
  );
  expect(seen).toEqual([seen[0], seen[0]]);
  return seen[0] ?? "";
}

const objects = (engine: Engine): string[] =>
  ["config", "secret"]
    .flatMap((kind) => engine.docker(kind, "ls", "--format", "{{.Name}}").split("\n"))
    .sort();
const ONE_OF_EACH = [
  expect.stringMatching(/^dev_conf-[0-9a-f]{12}(-\d)?$/),
  expect.stringMatching(/^dev_token-[0-9a-f]{12}(-\d)?$/),
];

interface Case {
  readonly name: string;
  readonly run: (engine: Engine, workspace: Workspace) => void | Promise<void>;
}

const CASES: readonly Case[] = [
  {
    name: "after a rollback nothing is broken; going back to the old content works, and cleans up",
    run: (engine, workspace) => {
      workspace.program(program("good", `"good"`));
      workspace.succeed("stack.sh", "up");
      expect(objects(engine)).toEqual(ONE_OF_EACH);

      workspace.program(program("bad", `"worse"`));
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).not.toBe(0);
      expect(output).toContain("Service dev_one did not roll out: Swarm rolled the update back");
      expect(contents(engine)).toBe("goodgood");
      expect(
        workspace
          .preview()
          .map(({ op, resource }) => `${op} ${resource}`)
          .sort(),
      ).toEqual(["update docker:index/service:Service one", "update docker:index/service:Service two"]);

      workspace.program(program("good", `"good"`));
      workspace.succeed("stack.sh", "up");
      expect(contents(engine)).toBe("goodgood");
      expect(objects(engine)).toEqual(ONE_OF_EACH);
      expect(workspace.preview()).toEqual([]);
    },
  },
  {
    name: "after a rollback, going on to other content works too, and cleans up",
    run: (engine, workspace) => {
      workspace.program(program("bad", `"good"`));
      expect(workspace.tool("stack.sh", "up").code).not.toBe(0);
      // A second try of the same fails the same way.
      expect(workspace.tool("stack.sh", "up").code).not.toBe(0);
      workspace.program(program("good again", `"good"`));
      workspace.succeed("stack.sh", "up");
      expect(contents(engine)).toBe("good againgood");
      expect(objects(engine)).toEqual(ONE_OF_EACH);
    },
  },
  {
    name: "new content is a new object that both services roll to, in place, and the old one goes",
    run: (engine, workspace) => {
      workspace.program(program("good", `"good"`));
      workspace.succeed("stack.sh", "up");
      const before = objects(engine);
      const id = (): string =>
        engine.docker("service", "inspect", "dev_one", "dev_two", "--format", "{{.ID}}");
      const ids = id();
      workspace.program(program("as good", `"no less good"`));
      expect(workspace.previewFields().sort()).toEqual([
        "replace docker:index/secret:Secret token: data, name",
        "replace docker:index/serviceConfig:ServiceConfig conf: data, name",
        ...["one", "two"].map(
          (name) =>
            `update docker:index/service:Service ${name}: ` +
            ["configs[0].configId", "configs[0].configName", "secrets[0].secretId", "secrets[0].secretName"]
              .map((field) => `taskSpec.containerSpec.${field}`)
              .join(", "),
        ),
      ]);
      workspace.succeed("stack.sh", "up");
      expect(contents(engine)).toBe("as goodno less good");
      expect(objects(engine)).toEqual(ONE_OF_EACH);
      expect(objects(engine).filter((name) => before.includes(name))).toEqual([]);
      expect(id()).toBe(ids);
    },
  },
  {
    name: "a secret's value is in no state, history, backup, output, preview, argument or error",
    run: async (engine, workspace) => {
      const values = ["good-hush-7411", "good-hush-7412"];
      const shown = (text: string): string[] =>
        values.filter((value) =>
          [value, Buffer.from(value).toString("base64")].some((form) => text.includes(form)),
        );
      const fromConfig = `new pulumi.Config("test").requireSecret("token")`;
      workspace.program(program("good", fromConfig));
      let output = "";
      for (const value of values) {
        const set = workspace.pulumi("config", "set", "--secret", "test:token", value);
        expect(set).toMatchObject({ code: 0 });
        output += workspace.pulumi("preview", "--diff").output;
        const up = workspace.start("stack.sh", "up");
        let ended = false;
        void up.ended.then(() => (ended = true));
        while (!ended) {
          expect(shown(commandLines())).toEqual([]);
          await sleep(100);
        }
        const result = await up.ended;
        expect(result).toMatchObject({ code: 0 });
        output += result.output;
        expect(contents(engine)).toBe(`good${value}`);
      }
      // An error of the engine about the very value.
      workspace.program(program("good", `${fromConfig}.apply((value) => value.repeat(40_000))`));
      const failed = workspace.tool("stack.sh", "up");
      expect(failed.code).not.toBe(0);
      expect(failed.output).toMatch(/secret data must be/i);
      output += failed.output;
      workspace.program(program("good", fromConfig));
      workspace.succeed("stack.sh", "up");

      expect(shown(output)).toEqual([]);
      const state = path.join(workspace.folder, ".state");
      const files = fs
        .readdirSync(state, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name));
      for (const folder of ["backups", "history", "stacks"]) {
        expect(files.some((file) => file.includes(`/.pulumi/${folder}/`))).toBe(true);
      }
      expect(files.filter((file) => shown(fs.readFileSync(file, "latin1")).length > 0)).toEqual([]);
    },
  },
];

/** The command lines of all processes of this machine. */
function commandLines(): string {
  const read = (process: string): string => {
    try {
      return fs.readFileSync(`/proc/${process}/cmdline`, "latin1");
    } catch {
      return ""; // It has ended.
    }
  };
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(read)
    .join("\n");
}

/** Configs and secrets by content: rotation, sharing, rollback, and nothing shown. */
export function rotation(select: Select): void {
  describeWithEngines("configs and secrets", () => {
    let engine: Engine;
    let workspace: Workspace;

    beforeAll(() => {
      engine = startEngine("rotation");
      workspace = new Workspace("rotation", engine, "dev");
      workspace.program(program("good", `"good"`));
      workspace.succeed("stack.sh", "up");
    }, 3 * MINUTES);
    afterAll(() => engine?.stop(), MINUTES);

    test.each(select(CASES))("$name", ({ run }) => run(engine, workspace), 6 * MINUTES);
  });
}
