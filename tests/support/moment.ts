import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "./engine";
import type { Running, Workspace } from "./workspace";

/** What tells that an operation has come to a certain point; the first of them that is given counts. */
export interface Moment {
  /** It has printed this. */
  readonly output?: RegExp;
  /** The engine tells of it: `<type> <action> <name>`, such as `network create dev_network`. */
  readonly event?: RegExp;
  /** A process with this command line runs, here or in a container. */
  readonly process?: RegExp;
}

/** How often is looked, in ms. */
const INTERVAL = 5;

/** Runs `stack.sh OPERATION` up to a moment; throws when it ends before. */
export async function runUntil(
  moment: Moment,
  operation: string,
  workspace: Workspace,
  engine: Engine,
): Promise<Running> {
  const events = spawn("docker", [
    ...["--host", engine.host, "events", "--format", "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}"],
  ]);
  let seen = "";
  events.stdout.on("data", (piece) => (seen += String(piece)));
  const running = workspace.start("stack.sh", operation);
  const reached = (): boolean => {
    if (moment.output !== undefined) return moment.output.test(running.output());
    if (moment.event !== undefined) return moment.event.test(seen);
    return processes().some(({ command }) => moment.process?.test(command));
  };
  try {
    while (!reached()) {
      if (running.child.exitCode !== null) {
        throw new Error(`it ended before that moment:\n${running.output()}\n${seen}`);
      }
      await sleep(INTERVAL);
    }
  } finally {
    events.kill();
  }
  return running;
}

/** Ends the Pulumi CLI of a workspace, or all that runs in its folder, with SIGKILL. */
export function killAtOnce(what: "cli" | "all", workspace: Workspace): void {
  const killed = processes().filter(
    ({ folder, command }) =>
      folder === workspace.folder && (what === "all" || /^(\S*\/)?pulumi /.test(command)),
  );
  if (killed.length === 0) throw new Error("there is nothing to kill");
  for (const { pid } of killed) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile, such as the parent of the one before.
    }
  }
}

interface Process {
  readonly pid: number;
  readonly command: string;
  readonly folder: string;
}

/** All processes of this machine. */
function processes(): Process[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = fs.readFileSync(`/proc/${name}/cmdline`, "latin1").replaceAll("\0", " ");
        return [{ pid: Number(name), command, folder: fs.readlinkSync(`/proc/${name}/cwd`) }];
      } catch {
        return []; // It has ended.
      }
    });
}
