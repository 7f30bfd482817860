import * as fs from "node:fs";
import * as path from "node:path";
import type { Report } from "../../review/report";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;

const TOOL = `
  const tool = await buildImage("tool", { context: "tool", dockerfile: "tool/Dockerfile" });`;
const WEB = `
  service("web", {
    image: tool,
    replicas: 2,
    env: { LOGIN: pulumi.secret("hush-env") },
    configs: [
      { name: "conf", content: "one\\ntwo\\nthree\\n", path: "/etc/web.conf" },
      { name: "hidden", content: pulumi.secret("hush-conf"), path: "/etc/hidden.conf" },
    ],
    secrets: [{ name: "token", content: pulumi.secret("hush-token"), path: "/run/secrets/token" }],
  });`;
const DATA = `
  service("data", { stateful: true, mounts: [{ type: "volume", source: "dev_data", target: "/data" }] });`;

interface Reported {
  readonly code: number;
  readonly output: string;
  readonly markdown: string;
  readonly json: Report;
}

describeWithEngines("the report of a preview", () => {
  let engine: Engine;
  let workspace: Workspace;

  beforeAll(() => {
    engine = startEngine("preview-report");
    workspace = new Workspace("preview-report", engine, "dev");
    workspace.program(TOOL + WEB + DATA);
    // Its secrets are in variables and configs, to see that the report hides them there.
    workspace.policies('development: [dev]\nlevels: { plain-secrets: "off" }');
    write("tool/Dockerfile", "FROM busybox:1.35\nCOPY . /content/\n");
    write("tool/a.txt", "a\n");
    write("tool/b.txt", "b\n");
    workspace.succeed("stack.sh", "up");
  }, 4 * MINUTES);
  afterAll(() => engine?.stop());

  function write(file: string, content: string): void {
    const full = path.join(workspace.folder, file);
    fs.mkdirSync(path.dirname(full), { recursive: true });
    fs.writeFileSync(full, content);
  }

  const saved = (file: string): string =>
    fs.readFileSync(path.join(workspace.folder, ".reports/dev", file), "utf8");

  function report(where: Workspace = workspace, ...args: string[]): Reported {
    const { code, output } = where.tool("report.sh", ...args);
    if (code === 1) throw new Error(output);
    const folder = path.join(where.folder, ".reports/dev");
    for (const file of fs.readdirSync(folder)) {
      expect(fs.readFileSync(path.join(folder, file), "utf8")).not.toMatch(/hush|aHVza/);
    }
    expect(output).not.toMatch(/hush/);
    const json = JSON.parse(saved("report.json")) as Report;
    return { code, output, json, markdown: saved("report.md") };
  }

  /** Deploys what a copy of the report says. */
  function deploy(approved: string, variables: Record<string, string> = {}): Result {
    const before = { ...process.env };
    Object.assign(process.env, { APPROVED: approved, ...variables });
    try {
      return workspace.tool("stack.sh", "up");
    } finally {
      process.env = before;
    }
  }

  function approve(): string {
    const file = path.join(workspace.folder, "approved.json");
    fs.writeFileSync(file, saved("report.json"));
    return file;
  }

  test(
    "nothing has changed: it says so, with a fingerprint that stays",
    () => {
      const first = report();
      expect(first.code).toBe(0);
      expect(first.json).toMatchObject({
        basis: "live",
        verdict: "none",
        services: [],
        drift: [],
        other: [],
      });
      expect(report().json.fingerprint).toBe(first.json.fingerprint);
    },
    2 * MINUTES,
  );

  test(
    "one source file: its name, the tags, what restarts, on the screen of a phone; deployed only as approved",
    () => {
      const old = workspace.pulumi("stack", "export").output;
      write("tool/b.txt", "changed\n");
      const { code, json, markdown } = report();
      expect(code).toBe(2);
      expect(json.services).toEqual([
        expect.objectContaining({
          name: "web",
          operation: "update",
          tasks: "restarts 2 tasks, one by one, new before old",
          interrupts: false,
          image: expect.objectContaining({ files: [{ path: "tool/b.txt", change: "changed" }] }) as object,
        }),
      ]);
      const seen = markdown.slice(0, markdown.indexOf("<details>")).trim();
      const wrapped = seen
        .split("\n")
        .reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 40)), 0);
      expect(wrapped).toBeLessThanOrEqual(25);
      expect(seen).toContain("`tool/b.txt`");
      expect(workspace.pulumi("stack", "export").output).toBe(old);

      const approved = approve();
      engine.docker("service", "update", "--detach", "--env-add", "HAND=1", "dev_data");
      const refused = deploy(approved);
      expect(refused.code).toBe(1);
      expect(refused.output).toContain("what would change now is not what was approved");
      expect(refused.output).toMatch(/now too: update .*Service data: .*HAND/);
      expect(report().json.drift).toEqual([
        { where: "data", field: "env HAND", recorded: "none", found: "1" },
      ]);
      engine.docker("service", "update", "--detach", "--env-rm", "HAND", "dev_data");
      expect(deploy(approved)).toMatchObject({ code: 0 });
      expect(report().code).toBe(0);
    },
    5 * MINUTES,
  );

  test(
    "a service that keeps data goes: dangerous, and not deployed without consent",
    () => {
      workspace.program(TOOL + WEB.replace("two", "2").replace("replicas: 2", "replicas: 1"));
      const { code, json, markdown } = report();
      expect(code).toBe(3);
      expect(json.dangers).toEqual([expect.objectContaining({ where: "data" })]);
      expect(json.interruptions).toEqual([{ where: "data", message: "is deleted: its clients find nobody" }]);
      expect(markdown).toContain("🛑");
      expect(json.services.find(({ name }) => name === "web")?.texts).toEqual([
        { name: "web-conf", diff: [" one", "-two", "+2", " three"] },
      ]);
      const refused = deploy(approve());
      expect(refused.code).toBe(1);
      expect(refused.output).toContain("ALLOW_DANGEROUS=1");
      expect(engine.docker("service", "ls", "--format", "{{.Name}}")).toContain("dev_data");
      workspace.program(TOOL + WEB + DATA);
    },
    3 * MINUTES,
  );

  test(
    "another value of each secret shows as changed and no more",
    () => {
      workspace.program(TOOL + WEB.replaceAll("hush-", "hush-2-") + DATA);
      const { code, json } = report();
      expect(code).toBe(2);
      const changes = json.services.flatMap(({ changes }) =>
        changes.map(({ field, to }) => `${field}: ${to}`),
      );
      expect(changes).toEqual(
        expect.arrayContaining(["env LOGIN: changed", "secret /run/secrets/token: changed"]),
      );
      workspace.program(TOOL + WEB + DATA);
    },
    2 * MINUTES,
  );

  test(
    "without an engine it is compared with what was recorded, and says so first",
    () => {
      const away = new Workspace("preview-report-away", { ...engine, host: "unix:///nowhere.sock" }, "dev");
      for (const part of ["index.ts", "tool", ".state", "Pulumi.dev.yaml"]) {
        fs.cpSync(path.join(workspace.folder, part), path.join(away.folder, part), { recursive: true });
      }
      const alone = (file: string): string =>
        fs.readFileSync(path.join(away.folder, ".reports/dev", file), "utf8");
      expect(away.tool("report.sh")).toMatchObject({ code: 0 });
      expect(alone("report.md").split("\n")[0]).toContain(
        "**Not compared with the swarm itself:** the engine at unix:///nowhere.sock",
      );

      fs.writeFileSync(path.join(away.folder, "tool/b.txt"), "once more\n");
      expect(away.tool("report.sh").code).toBe(2);
      const { basis, services } = JSON.parse(alone("report.json")) as Report;
      expect({ basis, files: services.map(({ name, image }) => [name, image?.files]) }).toEqual({
        basis: "recorded",
        files: [["web", [{ path: "tool/b.txt", change: "changed" }]]],
      });

      fs.rmSync(path.join(away.folder, ".state/.pulumi"), { recursive: true });
      expect(away.tool("report.sh").code).toBe(2);
      expect((JSON.parse(alone("report.json")) as Report).basis).toBe("graph");
      expect(alone("report.md")).not.toContain("hush");
    },
    3 * MINUTES,
  );
});
