import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import type { Select } from "../support/scenario";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
const IMAGE = "busybox:1.35";

/** Two services that keep data, and one that does not. */
const PROGRAM = `
  const volume = (name) =>
    new docker.Volume(
      name,
      {
        name: "dev_" + name,
        driver: "local",
        labels: [{ label: "com.docker.stack.namespace", value: "dev" }],
      },
      { provider, retainOnDelete: true },
    ).name;
  const keeps = (name) => ({
    stateful: true,
    mounts: [{ type: "volume", source: volume(name), target: "/data" }],
  });
  service("one", keeps("one-data"));
  service("two", keeps("two-data"));
  service("none");`;

interface Manifest {
  readonly volumes: readonly { readonly archive: string; readonly sha256: string }[];
}

interface Lab {
  readonly engine: Engine;
  readonly workspace: Workspace;
}

interface Case {
  readonly name: string;
  readonly run: (lab: Lab) => void | Promise<void>;
}

/** Runs a shell line beside a volume, with the engine's own rights. */
function inVolume({ engine }: Lab, volume: string, line: string): string {
  return engine.docker(
    "run",
    "--rm",
    "--volume",
    `${volume}:/data`,
    "--workdir",
    "/data",
    IMAGE,
    "sh",
    "-c",
    line,
  );
}

/** Everything of a volume that a program could tell apart. */
function content(lab: Lab, volume: string): string {
  return inVolume(
    lab,
    volume,
    "find . -exec stat -c '%n %F %a %u %g %s %Y' {} + | sort; cat $(find . -type f | sort) | sha256sum",
  );
}

function fill(lab: Lab): void {
  inVolume(
    lab,
    "dev_one-data",
    "mkdir -p a/b && echo first >a/b/file && ln -s b/file a/link && head -c 3000000 /dev/urandom >random &&" +
      " touch -d '2020-02-03 04:05' random && chmod 640 random && chown -R 1000:1001 . && chmod 2750 .",
  );
  inVolume(lab, "dev_two-data", "echo second >file");
}

/** Folders of the backups that there are, the newest last. */
function backups({ workspace }: Lab): string[] {
  const folder = path.join(workspace.folder, "backups/dev");
  return fs.existsSync(folder)
    ? fs
        .readdirSync(folder)
        .sort()
        .map((name) => `backups/dev/${name}`)
    : [];
}

function backup(lab: Lab): string {
  const { output } = lab.workspace.succeed("stack.sh", "backup");
  const [, folder = ""] = /The backup is in (\S+);/.exec(output) ?? [];
  return folder;
}

function restore({ workspace }: Lab, folder: string, force = true): { code: number; output: string } {
  return workspace.tool("stack.sh", "restore", folder, ...(force ? ["1"] : []));
}

/** All services run, nothing differs from what the program declares, and no helper is left. */
function expectUndisturbed({ engine, workspace }: Lab): void {
  for (const name of ["one", "two", "none"]) expect(replicas(engine, `dev_${name}`)).toBe("1/1");
  expect(workspace.preview()).toEqual([]);
  expect(copiers(engine)).toBe("");
}

function copiers(engine: Engine): string {
  return engine.docker("ps", "--all", "--quiet", "--filter", "label=swarm-platform.volume-copy");
}

const CASES: readonly Case[] = [
  {
    name: "brings back what was there, its owners and times too, and nothing differs afterwards",
    run: (lab) => {
      const { workspace } = lab;
      fill(lab);
      const before = [content(lab, "dev_one-data"), content(lab, "dev_two-data")];
      const folder = backup(lab);
      expectUndisturbed(lab);

      const full = path.join(workspace.folder, folder);
      expect(fs.statSync(full).mode & 0o777).toBe(0o700);
      const { volumes } = JSON.parse(fs.readFileSync(path.join(full, "manifest.json"), "utf8")) as Manifest;
      expect(volumes.map(({ archive }) => archive)).toEqual(["dev_one-data.tar.gz", "dev_two-data.tar.gz"]);
      for (const { archive, sha256 } of volumes) {
        const bytes = fs.readFileSync(path.join(full, archive));
        expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
        expect(fs.statSync(path.join(full, archive)).mode & 0o777).toBe(0o600);
      }

      inVolume(lab, "dev_one-data", "rm -r a && echo new >newer && chown 0:0 .");
      inVolume(lab, "dev_two-data", "echo third >file");
      const refused = restore(lab, folder, false);
      expect(refused.code).toBe(1);
      expect(refused.output).toContain(
        "stack dev: not without consent:\n" +
          "  volume dev_one-data on backup is there, used by dev_one: its data would be replaced\n" +
          "  volume dev_two-data on backup is there, used by dev_two: its data would be replaced\n" +
          `  With it: make restore FROM=${folder} FORCE=1. Nothing was changed.\n`,
      );
      expect(inVolume(lab, "dev_two-data", "cat file")).toBe("third");

      expect(restore(lab, folder)).toMatchObject({ code: 0 });
      expect([content(lab, "dev_one-data"), content(lab, "dev_two-data")]).toEqual(before);
      expectUndisturbed(lab);
    },
  },
  {
    name: "a backup that is interrupted starts the services again and leaves nothing",
    run: async (lab) => {
      const { engine, workspace } = lab;
      inVolume(lab, "dev_two-data", "head -c 400000000 /dev/urandom >big");
      const there = backups(lab);
      const running = workspace.start("stack.sh", "backup");
      while (copiers(engine) === "") await sleep(50);
      process.kill(-(running.child.pid ?? 0), "SIGINT");
      const { code, output } = await running.ended;
      expect(code).toBe(130);
      expect(output).toContain(
        "stack dev: backup is interrupted.\nstack dev: starts dev_one, dev_two again.\n",
      );
      expect(backups(lab)).toEqual(there);
      expectUndisturbed(lab);
    },
  },
  {
    name: "a restore that is interrupted while it writes leaves the services stopped and says so; the next one ends it",
    run: async (lab) => {
      const { engine, workspace } = lab;
      inVolume(lab, "dev_two-data", "head -c 400000000 /dev/urandom >big");
      const before = content(lab, "dev_two-data");
      const folder = backup(lab);
      const running = workspace.start("stack.sh", "restore", folder, "1");
      while (copiers(engine) === "") await sleep(50);
      process.kill(-(running.child.pid ?? 0), "SIGINT");
      const { code, output } = await running.ended;
      expect(code).toBe(130);
      expect(output).toContain(
        "the data is replaced in part: dev_one, dev_two stay stopped. Run make restore again",
      );
      expect(replicas(engine, "dev_two")).toBe("0/0");
      expect(restore(lab, folder)).toMatchObject({ code: 0 });
      expect(content(lab, "dev_two-data")).toBe(before);
      expectUndisturbed(lab);
    },
  },
  {
    name: "a backup that can't be right is refused before anything is stopped",
    run: (lab) => {
      const { engine, workspace } = lab;
      const running = engine.docker("ps", "--quiet");
      const refused = (folder: string): string => {
        const { code, output } = restore(lab, folder);
        expect(code).toBe(1);
        return output;
      };
      expect(refused("")).toBe(
        "stack dev: FROM is not set; allowed: a folder that make backup made, such as FROM=backups/dev/2026-01-02T03-04-05Z.\n",
      );
      expect(refused("backups/none")).toContain("FROM=backups/none: no backup (no manifest.json); allowed:");

      inVolume(lab, "dev_two-data", "rm -f big");
      const folder = backup(lab);
      const again = engine.docker("ps", "--quiet");
      const archive = path.join(workspace.folder, folder, "dev_one-data.tar.gz");
      const bytes = fs.readFileSync(archive);
      fs.writeFileSync(archive, bytes.subarray(0, bytes.length / 2));
      expect(refused(folder)).toMatch(
        /^stack dev: archive \S+dev_one-data\.tar\.gz is damaged: .*Nothing was changed\.$/m,
      );
      const other = Buffer.from(bytes);
      // The time in gzip's header: it unpacks all the same.
      other.writeUInt32LE(1, 4);
      fs.writeFileSync(archive, other);
      expect(refused(folder)).toContain("is damaged: its checksum is not that of the manifest");
      fs.rmSync(archive);
      expect(refused(folder)).toContain("is damaged: it is missing");
      const manifest = path.join(workspace.folder, folder, "manifest.json");
      fs.writeFileSync(
        manifest,
        fs.readFileSync(manifest, "utf8").replace('"namespace": "dev"', '"namespace": "prod"'),
      );
      expect(refused(folder)).toContain(
        "a backup of prod, and this is dev; allowed: a backup of dev. Nothing was changed.",
      );
      expect(engine.docker("ps", "--quiet")).toBe(again);
      expect(again).not.toBe(running);
    },
  },
  {
    name: "a container of others that uses a volume is named, and the services run again",
    run: (lab) => {
      const { engine, workspace } = lab;
      engine.docker(
        "run",
        "--detach",
        "--name",
        "guest",
        "--volume",
        "dev_one-data:/data",
        IMAGE,
        "sleep",
        "3600",
      );
      const there = backups(lab);
      const { code, output } = workspace.tool("stack.sh", "backup");
      expect(code).toBe(1);
      expect(output).toContain(
        "container guest on backup uses volume dev_one-data and does not stop; end it (docker stop guest)",
      );
      engine.docker("rm", "--force", "guest");
      expect(backups(lab)).toEqual(there);
      expectUndisturbed(lab);
    },
  },
  {
    name: "takes the data of a service along to another node",
    run: (lab) => {
      const { engine, workspace } = lab;
      inVolume(lab, "dev_one-data", "echo moved >file");
      const folder = backup(lab);
      const other = startEngine("backup-other");
      try {
        const token = engine.docker("swarm", "join-token", "--quiet", "worker");
        other.docker("swarm", "join", "--token", token, `${engine.address}:2377`);
        workspace.program(
          PROGRAM.replace(
            '"one", keeps("one-data")',
            '"one", { ...keeps("one-data"), node: "backup-other" }',
          ),
        );
        const refused = workspace.tool("stack.sh", "up");
        expect(refused.code).not.toBe(0);
        expect(refused.output).toContain(
          'node = "backup-other": it keeps its data on backup, and a local volume doesn\'t follow it; allowed: backup;',
        );
        workspace.configure({ allowReplace: "one" });
        workspace.succeed("stack.sh", "up");

        const unknown = restore(lab, folder);
        expect(unknown.output).toContain(
          "node backup-other has dev_one-data, and its engine is not known here; do: pulumi config set --path 'nodes.backup-other.host'",
        );
        workspace.configure({ nodes: JSON.stringify({ "backup-other": { host: other.host } }) });
        expect(restore(lab, folder)).toMatchObject({ code: 0 });
        expect(inVolume({ engine: other, workspace }, "dev_one-data", "cat file")).toBe("moved");
        workspace.configure({});
        expectUndisturbed(lab);
      } finally {
        other.stop();
      }
    },
  },
];

/** Copies of volumes, and the way back. */
export function backupAndRestore(select: Select): void {
  describeWithEngines("make backup and make restore", () => {
    let lab: Lab;

    beforeAll(() => {
      const engine = startEngine("backup");
      const workspace = new Workspace("backup", engine, "dev");
      lab = { engine, workspace };
      workspace.program(PROGRAM);
      workspace.succeed("stack.sh", "up");
    }, 3 * MINUTES);
    afterAll(() => lab?.engine.stop(), MINUTES);

    test.each(select(CASES))("$name", ({ run }) => run(lab), 6 * MINUTES);
  });
}
