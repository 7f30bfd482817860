import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import type { Select } from "../support/scenario";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** A service of an image that is built here. */
const PROGRAM = `
  const built = await buildImage("tool", { context: "tool", dockerfile: "tool/Dockerfile" });
  service("web", { image: built, env: { GREETING: "one" } });`;
const DOCKERFILE = "FROM busybox:1.35\nCOPY text /text\n";

interface Setting {
  readonly engine: Engine;
  readonly workspace: Workspace;
}

const git = ({ workspace }: Setting, ...args: string[]): string =>
  execFileSync("git", args, { cwd: workspace.folder, encoding: "utf8" }).trim();

const write = ({ workspace }: Setting, file: string, content: string): void => {
  fs.mkdirSync(path.dirname(path.join(workspace.folder, file)), { recursive: true });
  fs.writeFileSync(path.join(workspace.folder, file), content);
};

/** Deploys, and gives the time that names the deployment. */
function deploy(setting: Setting): string {
  setting.workspace.succeed("stack.sh", "up");
  return newest(setting);
}

function newest(setting: Setting): string {
  const refs = git(setting, "for-each-ref", "--format=%(refname)", "refs/swarm-platform/deployments/dev/");
  return path.basename(refs.split("\n").pop() ?? "");
}

/** `make rollback`, for one who has read the preview. */
function rollback({ workspace }: Setting, time = ""): Result {
  return workspace.shell(`YES=1 tools/rollback.sh ${time}`);
}

const image = ({ engine }: Setting, name = "dev_web"): string =>
  engine.docker("service", "inspect", name, "--format", "{{.Spec.TaskTemplate.ContainerSpec.Image}}");
const imageIds = ({ engine }: Setting): Record<string, string> =>
  Object.fromEntries(
    engine
      .docker("image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "tool")
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
/** What the user's own git shows. */
const userGit = (setting: Setting): string[] =>
  [["status", "--porcelain"], ["stash", "list"], ["branch"], ["worktree", "list"]].map((args) =>
    git(setting, ...args),
  );

interface Case {
  readonly name: string;
  readonly run: (setting: Setting) => void;
}

/** Deploys two versions, one of which is not committed; the times that name them. */
function twoDeployments(setting: Setting, change = PROGRAM.replace('"one"', '"two"')): [string, string] {
  setting.workspace.program(PROGRAM);
  write(setting, "tool/text", "one\n");
  const first = deploy(setting);
  write(setting, "tool/text", "two\n");
  setting.workspace.program(change);
  return [first, deploy(setting)];
}

const CASES: readonly Case[] = [
  {
    name: "there and back, with images that are there and changes that were never committed",
    run: (setting) => {
      const { engine, workspace } = setting;
      const first = deploy(setting);
      const before = image(setting);
      write(setting, "tool/text", "two\n");
      workspace.program(PROGRAM.replace('"one"', '"two"'));
      const second = deploy(setting);
      const after = image(setting);
      expect(after).not.toBe(before);
      const seen = userGit(setting);
      const ids = imageIds(setting);
      engine.docker("builder", "prune", "--all", "--force");

      const asked = workspace.tool("rollback.sh");
      expect(asked.code).toBe(1);
      expect(asked.output).toContain(`returns to the deployment of ${first} (`);
      expect(asked.output).toContain("other files: index.ts, tool/text");
      expect(asked.output).toContain("data in volumes stays as it is");
      expect(asked.output).toMatch(/~ GREETING: "two" => "one"/);
      expect(asked.output).toContain("of its 2 images 2 are there; none is built anew.");
      expect(asked.output).toContain(
        `nothing was changed. To do it: make rollback STACK=dev TO=${first} YES=1`,
      );
      expect(image(setting)).toBe(after);

      expect(rollback(setting)).toMatchObject({ code: 0 });
      expect(image(setting)).toBe(before);
      expect(imageIds(setting)).toEqual(ids);
      const third = newest(setting);
      expect(userGit(setting)).toEqual(seen);
      expect(fs.readdirSync(path.join(workspace.folder, ".state/rollback"))).toEqual([]);

      const { stdout } = workspace.tool("deployments.sh", "history");
      const rows = stdout.split("\n").map((line) => line.replace(/ +/g, " ").trim());
      expect(rows[1]).toMatch(new RegExp(`^\\* ${third} .* ops back to ${first}: ~web`));
      expect(rows[2]).toMatch(new RegExp(`^${second} .* \\+ uncommitted ops ~web.* index.ts \\+1 2 here$`));
      expect(stdout).toContain(`make rollback returns to ${second};`);
    },
  },
  {
    name: "a rollback after a rollback undoes it, and what runs already is nothing to do",
    run: (setting) => {
      const [first, second] = twoDeployments(setting);
      const after = image(setting);
      expect(rollback(setting, first)).toMatchObject({ code: 0 });
      expect(image(setting)).not.toBe(after);
      const back = rollback(setting);
      expect(back.output).toContain(`returns to the deployment of ${second} (`);
      expect(back).toMatchObject({ code: 0 });
      expect(image(setting)).toBe(after);
      expect(setting.workspace.preview()).toEqual([]);
      const again = rollback(setting, second);
      expect(again.output).toContain(`nothing to do: what runs is what the deployment of ${second} made.`);
      expect(again.code).toBe(0);
    },
  },
  {
    name: "an image that is gone is built again under its tag, and that is said before",
    run: (setting) => {
      const [first] = twoDeployments(setting);
      const tags = Object.keys(imageIds(setting));
      const old = tags.filter((tag) => tag !== image(setting));
      setting.engine.docker("image", "rm", "--force", ...old);
      expect(setting.workspace.tool("deployments.sh", "history").stdout).toMatch(
        new RegExp(`  ${first} .* 1 here, 1 to build$`, "m"),
      );
      const { code, output } = rollback(setting, first);
      expect(output).toMatch(/of its 2 images 1 are there; to be built: tool:[0-9a-f]{12}\./);
      expect(code).toBe(0);
      expect(tags).toEqual(expect.arrayContaining(Object.keys(imageIds(setting))));
    },
  },
  {
    name: "after an up that failed, to what ran before it",
    run: (setting) => {
      const [, second] = twoDeployments(setting);
      const before = image(setting);
      setting.workspace.program(
        PROGRAM.replace('"one"', '"three"').replace("image: built,", '$& command: ["false"],'),
      );
      expect(setting.workspace.tool("stack.sh", "up").code).not.toBe(0);
      expect(setting.workspace.tool("deployments.sh", "history").stdout).toMatch(/^! .* did not end well/m);
      const { code, output } = rollback(setting);
      expect(output).toMatch(/the up of \S+ has not ended well\./);
      expect(output).toContain(`returns to the deployment of ${second} (`);
      expect(code).toBe(0);
      expect(image(setting)).toBe(before);
      expect(setting.workspace.tool("deployments.sh", "history").stdout).not.toContain("did not end well");
    },
  },
  {
    name: "refused where the program of then knows what is there by another name",
    run: (setting) => {
      const grouped = `
  class Group extends pulumi.ComponentResource {
    constructor() {
      super("swarm-platform:index:Group", "group");
      this.registerOutputs();
    }
  }
  ${PROGRAM.replace('"one" } });', '"one" } }, { parent: new Group(), aliases: [{ parent: pulumi.rootStackResource }] });')}`;
      const [first] = twoDeployments(setting, grouped);
      const { code, output } = rollback(setting, first);
      expect(output).toContain("knows by other names what is there: service dev_web would be made anew");
      expect(code).toBe(1);
      // Nor could an up of the next case.
      setting.workspace.succeed("stack.sh", "destroy");
    },
  },
  {
    name: "refused where its secrets were encrypted with another passphrase",
    run: (setting) => {
      const { workspace } = setting;
      workspace.pulumi("config", "set", "--secret", "--path", "kafkaUsers.alice", "hunter22");
      const [first] = twoDeployments(setting);
      // The CLI needs the salt in the stack's file to change it, and writes it there with a secret.
      workspace.pulumi("config", "set", "--secret", "--path", "kafkaUsers.bob", "hunter23");
      const changed = workspace.shell(
        ". tools/env.sh && echo another | pulumi stack change-secrets-provider passphrase --stack dev && echo another >.state/passphrase",
      );
      expect(changed).toMatchObject({ code: 0 });
      const { code, output } = rollback(setting, first);
      expect(output).toContain("the secrets in its Pulumi.dev.yaml can't be read");
      expect(output).toContain("They were encrypted with another passphrase");
      expect(output).not.toContain("hunter22");
      expect(code).toBe(1);
    },
  },
];

/** A deployment is returned to by its own sources. */
export function rollbacks(name: string, select: Select): void {
  describeWithEngines(name, () => {
    let setting: Setting;

    beforeAll(() => {
      const engine = startEngine(name);
      setting = { engine, workspace: new Workspace(name, engine, "dev") };
      git(setting, "init", "--quiet", "--initial-branch=main");
      // As tools/bootstrap.sh does it.
      git(setting, "config", "filter.pulumi-salt.clean", "sed '/^encryptionsalt:/d'");
      git(setting, "config", "user.name", "ops");
      git(setting, "config", "user.email", "ops@example.com");
      setting.workspace.program(PROGRAM);
      write(setting, "tool/Dockerfile", DOCKERFILE);
      write(setting, "tool/text", "one\n");
      git(setting, "add", "--all");
      git(setting, "commit", "--quiet", "--message", "one");
    }, 2 * MINUTES);
    afterAll(() => setting?.engine.stop(), MINUTES);

    test.each(select(CASES))("$name", ({ run }) => run(setting), 6 * MINUTES);
  });
}
