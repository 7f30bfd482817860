import * as fs from "node:fs";
import * as path from "node:path";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import { swarmObjects } from "../support/swarm-objects";
import { Result, Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** One service with a port of the slot, and one that keeps data. */
const PROGRAM = `
  service("web", { ports: [{ target: 80, published: config.nginx.edgePort }] });
  service("data", { stateful: true, mounts: [{ type: "volume", source: \`\${config.namespace}_data\`, target: "/data" }] });`;

describeWithEngines("environments of pull requests", () => {
  let engine: LocalEngine;
  let workspace: Workspace;
  const ephemeral = (args: string, env: Readonly<Record<string, string>> = {}): Result =>
    workspace.with(env).succeed("ci/ephemeral.sh", ...args.split(" "));
  const volumes = (): string[] =>
    engine
      .docker("volume", "ls", "--format", "{{.Name}}")
      .split("\n")
      .filter((name) => name.startsWith("pr-"));
  const subnet = (network: string): string =>
    engine.docker("network", "inspect", network, "--format", "{{(index .IPAM.Config 0).Subnet}}");
  const port = (service: string): string =>
    engine.docker("service", "inspect", service, "--format", "{{(index .Endpoint.Ports 0).PublishedPort}}");

  beforeAll(() => {
    engine = startEngine("ephemeral");
    workspace = new Workspace("ephemeral", engine, "dev");
    workspace.program(PROGRAM);
    engine.docker("swarm", "init", "--advertise-addr", engine.address);
    // Somebody has a port of what would be the slot of pull request 7, and a subnet of that of 8.
    engine.docker("pull", "--quiet", "busybox:1.35");
    const theirs = [
      "--publish",
      "mode=host,published=20071,target=80",
      "--name",
      "theirs",
      "busybox:1.35",
      "sleep",
      "3600",
    ];
    engine.docker("service", "create", "--detach", ...theirs);
    engine.docker("network", "create", "--driver", "overlay", "--subnet", "10.64.8.128/25", "theirs");
  }, MINUTES);
  afterAll(() => engine.stop());

  test(
    "each has ports and a subnet that nobody has, and a second up changes the same one",
    async () => {
      // At once: both would take the same slot.
      const both = await Promise.all([
        workspace.start("ci/ephemeral.sh", "up", "7").ended,
        workspace.with({ EPHEMERAL_TTL_HOURS: "0.0001" }).start("ci/ephemeral.sh", "up", "9").ended,
      ]);
      expect(both.map(({ code, output }) => (code === 0 ? "" : output))).toEqual(["", ""]);
      const slots = { "10.64.9.0/24": "20090", "10.64.10.0/24": "20100" };
      const taken = ["pr-7", "pr-9"].map((name) => [subnet(`${name}_network`), port(`${name}_web`)]);
      expect(Object.fromEntries(taken)).toEqual(slots);
      const [[own]] = taken as [[keyof typeof slots]];
      expect(both[0].output).toContain(
        `pr-7 has the subnet ${own} and the ports from ${slots[own]} on; it ends 48 h after its last up.`,
      );

      workspace.edit(
        "index.ts",
        'service("web", {',
        'service("web", { replicas: 1, labels: { changed: "yes" },',
      );
      ephemeral("up 7");
      expect(port("pr-7_web")).toBe(slots[own]);
      expect(ephemeral("list").stdout).toMatch(
        /^STACK +LAST UP +LEFT +PORTS +SUBNET\npr-7 +0\.\d h +4[78]\.\d h +20\d\d\d\+ +10\.64\.\d+\.0\/24\npr-9 +0\.\d h +is over /,
      );
      expect(ephemeral("describe 7").stdout).toMatch(
        /^Environment `pr-7` is up until \d{4}-\d\d-\d\d \d\d:\d\d UTC/,
      );
    },
    3 * MINUTES,
  );

  test(
    "one is swept after its time to live, although its branch and its state are gone",
    () => {
      fs.rmSync(path.join(workspace.folder, "Pulumi.pr-9.yaml"));
      fs.rmSync(path.join(workspace.folder, ".state/.pulumi/stacks/swarm-platform/pr-9.json"));
      workspace.program("not the program that made it");
      const { output } = ephemeral("sweep");
      expect(output).toContain("ephemeral: pr-9 is gone.");
      expect(output).not.toContain("pr-7");
      expect(swarmObjects(engine).filter((object) => !object.includes("pr-7"))).toEqual([
        expect.stringMatching(/^config ephemeral-\d+$/),
        expect.stringMatching(/^config ephemeral-\d+-renewed$/),
        "network theirs",
        "service theirs 1/1",
      ]);
      expect(volumes()).toEqual(["pr-7_data"]);
    },
    2 * MINUTES,
  );

  test(
    "one goes with its pull request, with its data and its state; what others have stays",
    () => {
      expect(ephemeral("down 7").output).toContain("ephemeral: pr-7 is gone.");
      expect(swarmObjects(engine)).toEqual(["network theirs", "service theirs 1/1"]);
      expect(volumes()).toEqual([]);
      expect(fs.readdirSync(workspace.folder).filter((name) => name.startsWith("Pulumi.pr-"))).toEqual([]);
      expect(workspace.pulumi("stack", "ls", "--json").stdout).not.toContain("pr-");
      expect(ephemeral("down 7").output).toContain("there is no environment pr-7; nothing to do.");
      expect(ephemeral("sweep").output).toContain("no environment is older than its time to live.");
    },
    2 * MINUTES,
  );
});
