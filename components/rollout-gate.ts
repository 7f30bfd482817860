import * as pulumi from "@pulumi/pulumi";
import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiNode, ApiService, ApiTask, connect } from "./engine";
import { explain, failedTasks, judge, RolloutSnapshot } from "./rollout";

/** Time between two looks, in ms; the gate returns at most this long after the swarm has settled. */
const POLL = 400;
const LOG_LINES = 20;
const FAILED_LABEL = "swarm-platform.rollout";

/**
 * The hook that keeps `up` from ending before a service's rollout is true. Bound to every service after
 * create and after update; a throw fails the deployment with its message.
 *
 * @param host Engine API of a manager.
 * @param timeoutSeconds how long one service may take.
 */
export function rolloutGate(host: string, timeoutSeconds: number): pulumi.ResourceHook {
  return new pulumi.ResourceHook("rollout", async ({ id, name }) => {
    await waitForRollout(connect(host), id, timeoutSeconds, (line) => {
      // Ephemeral: a terminal shows the newest line, a log file keeps none of them.
      void pulumi.log.info(`${name}: ${line}`, undefined, undefined, true);
    });
  });
}

/**
 * Waits until the service's present spec runs everywhere it should.
 *
 * @param progress called with one line whenever what is waited for changes.
 * @throws Error naming service, task, node, reason, last log lines and what to do.
 */
export async function waitForRollout(
  docker: Docker,
  serviceId: string,
  timeoutSeconds: number,
  progress: (line: string) => void,
): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  const first = await inspect(docker, serviceId);
  // A rollback may already have come and gone, which moves UpdatedAt but not the update's start.
  const startedAt = first.UpdateStatus?.StartedAt ?? first.UpdatedAt;
  let last = "";
  for (;;) {
    const snapshot = await look(docker, serviceId, startedAt);
    const verdict = judge(snapshot);
    if (verdict.state === "done") return;
    if (verdict.state === "failed") {
      await markFailed(docker, snapshot.service);
      throw await failure(docker, snapshot, verdict.reason);
    }

    const line = `${verdict.ready}/${verdict.wanted} tasks ready, waiting for ${verdict.for}`;
    if (line !== last) progress(line);
    last = line;
    if (Date.now() > deadline) {
      await markFailed(docker, snapshot.service);
      throw await failure(docker, snapshot, `still not ready after ${timeoutSeconds} s: ${line}`);
    }
    await sleep(POLL);
  }
}

/**
 * Notes on the service itself that its rollout failed, where nothing else on the swarm shows it. By now the
 * state holds the new spec, so a preview would call it unchanged; the label is drift, which the next preview
 * shows and the next `up` repairs, with this gate behind it. No task is restarted by it.
 */
async function markFailed(docker: Docker, { ID }: ApiService): Promise<void> {
  const { Version, Spec, UpdateStatus } = await inspect(docker, ID);
  // After a rollback the service has its old spec; a paused update would be resumed by another one.
  if (/^(paused|rollback)/.test(UpdateStatus?.State ?? "")) return;
  const labels = { ...Spec.Labels, [FAILED_LABEL]: "failed" };
  await docker.getService(ID).update({ version: Version.Index, ...Spec, Labels: labels });
}

async function look(docker: Docker, id: string, startedAt: string): Promise<RolloutSnapshot> {
  // The service first: tasks that are listed later can only be newer than the status they are judged with.
  const service = await inspect(docker, id);
  const [tasks, upToDate, nodes] = await Promise.all([
    docker.listTasks({ filters: { service: [id] } }) as Promise<unknown> as Promise<ApiTask[]>,
    // The docker CLI's own filter: tasks whose spec is the service's present one.
    docker.listTasks({ filters: { service: [id], "_up-to-date": ["true"] } }) as Promise<unknown> as Promise<
      ApiTask[]
    >,
    docker.listNodes() as Promise<unknown> as Promise<ApiNode[]>,
  ]);
  return {
    service,
    tasks,
    upToDate: new Set(upToDate.map((task) => task.ID)),
    nodes,
    startedAt,
    now: Date.now(),
  };
}

async function inspect(docker: Docker, id: string): Promise<ApiService> {
  return (await docker.getService(id).inspect()) as ApiService;
}

async function failure(docker: Docker, snapshot: RolloutSnapshot, reason: string): Promise<Error> {
  const name = snapshot.service.Spec.Name;
  const lines = [`Service ${name} did not roll out: ${reason}.`];
  const [task] = failedTasks(snapshot);
  let error = reason;
  if (task !== undefined) {
    const node = snapshot.nodes.find(({ ID }) => ID === task.NodeID)?.Description.Hostname ?? "no node";
    error = task.Status.Err ?? reason;
    lines.push(`  Task ${name}.${task.Slot ?? task.NodeID} on ${node}: ${error}`);
    const log = await lastLogLines(docker, task);
    if (log.length > 0) lines.push(`  Its last log lines:`, ...log.map((line) => `    ${line}`));
  }
  lines.push(`  What to do: ${explain(error)}.`);
  return new Error(lines.join("\n"));
}

/** Last lines of a task's output; empty when its node has none any more. */
async function lastLogLines(docker: Docker, task: ApiTask): Promise<string[]> {
  try {
    // The client has the call, its types do not.
    const handle = docker.getTask(task.ID) as unknown as { logs(options: object): Promise<Buffer> };
    const raw = await handle.logs({ stdout: true, stderr: true, tail: LOG_LINES });
    return demultiplex(raw).split("\n").filter(Boolean).slice(-LOG_LINES);
  } catch {
    return [];
  }
}

/** Takes off the 8-byte frame headers that the Engine API puts before each piece of output. */
export function demultiplex(raw: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length;) {
    const length = raw.readUInt32BE(at + 4);
    pieces.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString("utf8");
}
