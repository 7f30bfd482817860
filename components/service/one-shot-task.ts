import { setTimeout as sleep } from "node:timers/promises";
import { ApiTask, reasonOf } from "../engine/engine";
import type { RegistryLogin } from "../images/registry-auth";
import { RolloutSnapshot, unplaceable } from "../rollout/rollout";
import {
  demultiplex,
  lastLines,
  RolloutObserver,
  STDERR,
  STDOUT,
  SYSTEM_ERROR,
} from "../rollout/rollout-observer";
import { report } from "../rollout/rollout-report";
import { ENDED, TemporarySpec, withTemporaryService } from "./temporary-service";

/** A program that runs once on the swarm. */
export interface OneShotTask {
  /** Engine API of a manager. */
  readonly host: string;
  readonly namespace: string;
  /** The service is `<namespace>_<name>` while it is there. */
  readonly name: string;
  /** As services name it. */
  readonly image: string;
  /** Arguments of the image's entry point. */
  readonly args: readonly string[];
  /** Id or name of an overlay network, or `host` for that of its node. */
  readonly network: string;
  /** Such as `node.labels.disk==ssd`. @default none */
  readonly constraints?: readonly string[];
  /** Secrets of the swarm, with the absolute path of each in the container. @default none */
  readonly secrets?: readonly { readonly id: string; readonly name: string; readonly path: string }[];
  /** Environment variables. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** With which the nodes pull the image, see registryLogin. @default none */
  readonly registryAuth?: RegistryLogin;
  /** From the service's creation to its end. */
  readonly timeoutSeconds: number;
  /** Called at each look with the newest line that it printed, or with what is waited for. */
  readonly progress: (line: string) => void;
}

/** The program itself failed. */
export class OneShotFailed extends Error {
  constructor(
    message: string,
    /** All that it wrote to stderr. */
    readonly stderr: string,
  ) {
    super(message);
  }
}

/** Time between two looks, in ms. */
const POLL = 200;
/** How long an output is asked for whose node does not answer, in ms. */
const OUTPUT_PATIENCE = 10_000;
const EXIT_CODE = "exit code";
/** What a task waits for, by its state; a node in all others before it runs. */
const WAITS_FOR: Readonly<Record<string, string>> = {
  preparing: "its image and network",
  starting: "its start",
  running: "its end",
};

/**
 * Runs a program once and leaves nothing behind, see {@link withTemporaryService}.
 *
 * @returns what it printed to stdout.
 * @throws OneShotFailed when its exit code is not 0, Error when it could not run; both with task, node, reason, its last lines (of stderr, where it wrote any) and what to do.
 */
export async function runOneShot(task: OneShotTask): Promise<string> {
  return withTemporaryService({ ...task, spec: serviceSpec(task) }, (service) =>
    outcome(new RolloutObserver(task.host, service, () => waits(task, "the engine")), task),
  );
}

function serviceSpec(task: OneShotTask): TemporarySpec {
  return {
    TaskTemplate: {
      ContainerSpec: {
        Image: task.image,
        Args: [...task.args],
        Env: Object.entries(task.env ?? {}).map(([key, value]) => `${key}=${value}`),
        Secrets: (task.secrets ?? []).map((secret) => ({
          SecretID: secret.id,
          SecretName: secret.name,
          File: { Name: secret.path, UID: "0", GID: "0", Mode: 0o444 },
        })),
      },
      Placement: { Constraints: [...(task.constraints ?? [])] },
      Networks: [{ Target: task.network }],
    },
    Mode: { Replicated: { Replicas: 1 } },
    // Nobody calls it, so it needs no virtual IP.
    EndpointSpec: { Mode: "dnsrr" },
  };
}

/** Waits for the end of the task; its output, or an Error that explains it. */
async function outcome(observer: RolloutObserver, task: OneShotTask): Promise<string> {
  const deadline = Date.now() + task.timeoutSeconds * 1000;
  for (;;) {
    const snapshot = await observer.look();
    const [run] = snapshot.tasks;
    if (run?.Status.State === "complete") return demultiplex(await output(observer, run), STDOUT);
    const reason = failure(snapshot, run);
    if (reason !== undefined) throw await explained(observer, snapshot, reason);

    const line = run?.Status.State === "running" ? await newestLine(observer, run) : undefined;
    const waited = WAITS_FOR[run?.Status.State ?? ""] ?? "a node";
    if (Date.now() > deadline) {
      const since = `it has not ended after ${task.timeoutSeconds} s, waiting for ${waited}`;
      throw await explained(observer, snapshot, since);
    }
    if (line === undefined) waits(task, waited);
    else task.progress(line);
    await sleep(POLL);
  }
}

function waits({ progress }: OneShotTask, what: string): void {
  progress(`waiting for ${what}`);
}

/** Why the task won't come to a good end; undefined where it still may. */
function failure(snapshot: RolloutSnapshot, run: ApiTask | undefined): string | undefined {
  if (run === undefined) return undefined;
  const { State, ContainerStatus } = run.Status;
  if (State === "failed" && ContainerStatus?.ExitCode) return `${EXIT_CODE} ${ContainerStatus.ExitCode}`;
  if (State === "failed" || State === "rejected") return "it could not be started";
  // Swarm tells a task to stop when its node goes down or is drained, and makes no other.
  if (run.DesiredState === "shutdown" || ENDED.includes(State)) return "it was stopped before its end";
  return unplaceable(snapshot, [run]);
}

/** What a task came to that did not do its work, with its last lines and what to do. */
export async function explained(
  observer: RolloutObserver,
  snapshot: RolloutSnapshot,
  reason: string,
): Promise<Error> {
  let stderr = "";
  const evidence = await Promise.all(
    snapshot.tasks.map(async (run) => {
      const raw = await observer.log(run).catch(() => Buffer.alloc(0));
      stderr = demultiplex(raw, STDERR);
      const log = lastLines(stderr || demultiplex(raw, STDOUT));
      return [run, { ...(await observer.evidence(run)), log }] as const;
    }),
  );
  const text = report(snapshot, reason, new Map(evidence), "did not do its work");
  return reason.startsWith(EXIT_CODE) ? new OneShotFailed(text, stderr) : new Error(text);
}

/** All that the task printed: the engine says so in the log itself when a node does not give its part. */
async function output(observer: RolloutObserver, run: ApiTask): Promise<Buffer> {
  for (const until = Date.now() + OUTPUT_PATIENCE; ; await sleep(POLL)) {
    const raw = await observer.log(run).catch((error: unknown) => reasonOf(error));
    const problem = typeof raw === "string" ? raw : demultiplex(raw, SYSTEM_ERROR).trim();
    if (typeof raw !== "string" && problem === "") return raw;
    if (Date.now() > until) {
      throw new Error(
        `What a task printed can't be read from its node: ${problem}. Check the node (docker node ls), then run up again.`,
      );
    }
  }
}

/** Undefined when it has printed nothing yet. */
async function newestLine(observer: RolloutObserver, run: ApiTask): Promise<string | undefined> {
  const raw = await observer.log(run, 1).catch(() => Buffer.alloc(0));
  return lastLines(demultiplex(raw)).at(-1);
}
