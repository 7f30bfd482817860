import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiService, ApiTask, connect, reasonOf } from "./engine";
import type { RegistryLogin } from "./registry-auth";
import { RolloutSnapshot, unplaceable } from "./rollout";
import {
  demultiplex,
  lastLines,
  RolloutObserver,
  STDERR,
  STDOUT,
  SYSTEM_ERROR,
  within,
} from "./rollout-observer";
import { report } from "./rollout-report";

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

/** On the services of one-shot tasks alone; tools/mend-state.mjs removes by it what an operation left behind. */
const LABEL = "swarm-platform.one-shot";
const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** Time between two looks, in ms. */
const POLL = 200;
/** How long a program may take to stop that is no longer wanted, in nanoseconds. */
const STOP_GRACE = 1e9;
/** How long what runs of a removed service is waited for, in ms: a node that is down never tells. */
const REMOVAL = 10_000;
/** How long an output is asked for whose node does not answer, in ms. */
const OUTPUT_PATIENCE = 10_000;
const ENDED = ["complete", "failed", "rejected", "shutdown", "orphaned", "remove"];
const EXIT_CODE = "exit code";
/** What a task waits for, by its state; a node in all others before it runs. */
const WAITS_FOR: Readonly<Record<string, string>> = {
  preparing: "its image and network",
  starting: "its start",
  running: "its end",
};

/**
 * Runs a program once and leaves nothing behind: its service is removed at the end, however that comes, and a network
 * or a secret that it used can be removed at once. A service of the same name that an `up` left which was killed is
 * removed first.
 *
 * @returns what it printed to stdout.
 * @throws OneShotFailed when its exit code is not 0, Error when it could not run; both with task, node, reason, its last lines (of stderr, where it wrote any) and what to do.
 */
export async function runOneShot(task: OneShotTask): Promise<string> {
  const docker = connect(task.host);
  const name = `${task.namespace}_${task.name}`;
  await removeLeftover(docker, task.host, name);
  const ignoreSignals = onSignal(() => docker.getService(name).remove(within()));
  try {
    const service = { id: await create(docker, name, task), name };
    return await outcome(new RolloutObserver(task.host, service, () => waits(task, "the engine")), task);
  } finally {
    // What the task came to counts more than what it leaves.
    await remove(docker, name).catch((error: unknown) => {
      task.progress(`service ${name} could not be removed, the next up does it: ${reasonOf(error)}`);
    });
    ignoreSignals();
  }
}

/** Creates the service and returns its id. */
async function create(docker: Docker, name: string, task: OneShotTask): Promise<string> {
  const labels = { [NAMESPACE_LABEL]: task.namespace, [LABEL]: "true" };
  const spec: Docker.ServiceSpec = {
    Name: name,
    Labels: labels,
    TaskTemplate: {
      ContainerSpec: {
        Image: task.image,
        Args: [...task.args],
        Env: Object.entries(task.env ?? {}).map(([key, value]) => `${key}=${value}`),
        Labels: labels,
        StopGracePeriod: STOP_GRACE,
        Secrets: (task.secrets ?? []).map((secret) => ({
          SecretID: secret.id,
          SecretName: secret.name,
          File: { Name: secret.path, UID: "0", GID: "0", Mode: 0o444 },
        })),
      },
      Resources: { Limits: { MemoryBytes: 64 * 2 ** 20 } },
      // Not a replicated job: engines before 20.10 have none, and what ends a task is told alike by both.
      RestartPolicy: { Condition: "none" },
      Placement: { Constraints: [...(task.constraints ?? [])] },
      Networks: [{ Target: task.network }],
      // The engine's own default may be a driver that can't be read back.
      LogDriver: { Name: "json-file" },
    },
    Mode: { Replicated: { Replicas: 1 } },
    // Nobody calls it, so it needs no virtual IP.
    EndpointSpec: { Mode: "dnsrr" },
  };
  try {
    // With one argument the client would send the spec as the login. Its types don't know that there may be none.
    const login = task.registryAuth as RegistryLogin;
    const created = (await docker.createService(login, { ...spec, ...within() })) as unknown as {
      readonly id: string;
    };
    return created.id;
  } catch (error) {
    throw new Error(
      `Service ${name} (${task.image}) could not be made: ${reasonOf(error)}.\n` +
        "  What to do: see that the image's name is right, and that its network and secrets are there " +
        "(docker network ls, docker secret ls). Then run up again.",
      { cause: error },
    );
  }
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

async function explained(
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

/** @throws Error when the engine does not answer, or the name is taken by a service that is not ours to remove. */
async function removeLeftover(docker: Docker, host: string, name: string): Promise<void> {
  const alike = await docker
    .listServices({ filters: { name: [name] }, ...within() })
    .catch((error: unknown) => {
      throw new Error(
        `The engine at ${host} can't run ${name}: ${reasonOf(error)}. Mend it (docker node ls), then run up again.`,
        { cause: error },
      );
    });
  const found = (alike as unknown as ApiService[]).find(({ Spec }) => Spec.Name === name);
  if (found === undefined) return;
  if (found.Spec.Labels?.[LABEL] !== "true") {
    throw new Error(
      `Service ${name} is there already, and this program did not make it (it has no label ${LABEL}). ` +
        `Remove it (docker service rm ${name}), then run up again.`,
    );
  }
  await remove(docker, name);
}

/**
 * Removes the service, and waits until no task of it runs any more: the next one of its name must not meet it. Swarm
 * lets go of network and secrets with the service.
 */
async function remove(docker: Docker, name: string): Promise<void> {
  const service = docker.getService(name);
  try {
    const tasks = (await docker.listTasks({
      filters: { service: [name] },
      ...within(),
    })) as unknown as ApiTask[];
    await service.remove(within());
    const running = tasks.filter(({ Status }) => !ENDED.includes(Status.State));
    const until = Date.now() + REMOVAL;
    for (const { ID } of running) {
      while (Date.now() < until && (await isThere(docker, ID))) await sleep(POLL);
    }
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
}

/** Whether Swarm still knows a task; it forgets one of a removed service once that has stopped. */
function isThere(docker: Docker, task: string): Promise<boolean> {
  return docker
    .getTask(task)
    .inspect(within())
    .then(() => true)
    .catch((error: { statusCode?: number }) => error.statusCode !== 404);
}

/**
 * Lets a signal end the program only after the clean-up.
 *
 * @returns what ends that.
 */
function onSignal(cleanUp: () => Promise<unknown>): () => void {
  let cleaning: Promise<void> | undefined;
  const ignore = (): void => {
    process.off("SIGINT", handle).off("SIGTERM", handle);
  };
  // A terminal and Pulumi may both send one.
  const handle = (signal: NodeJS.Signals): void => {
    cleaning ??= cleanUp()
      .catch(() => undefined)
      .then(() => {
        ignore();
        process.kill(process.pid, signal);
      });
  };
  process.on("SIGINT", handle).on("SIGTERM", handle);
  return ignore;
}
