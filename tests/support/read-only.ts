import { ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import type { LocalEngine } from "./engine";
import { PROJECT_DIR } from "./project";

const TOOL = path.join(PROJECT_DIR, "tools/read-only-engine.mjs");

/** Serves an engine read-only on a socket of its own, whole for namespace dev. */
export async function readOnly(engine: LocalEngine, socket: string): Promise<ChildProcess> {
  const upstream = new URL(engine.host).pathname;
  const child = spawn(process.execPath, [TOOL, "listen", socket, "--namespace", "dev", "--engine", upstream]);
  await once(child.stderr, "data");
  return child;
}
