import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiService, ApiTask, connect, reasonOf, within } from "../engine/engine";
import type { RegistryLogin } from "../images/registry-auth";

/** What a service does that is there for a time alone. */
export interface TemporarySpec {
  readonly TaskTemplate: {
    readonly ContainerSpec: Docker.ContainerSpec;
    readonly Placement?: Docker.Placement;
    readonly Networks: { readonly Target: string }[];
  };
  readonly Mode: Docker.ServiceMode;
  readonly EndpointSpec: Docker.EndpointSpec;
}

export interface TemporaryService {
  /** Engine API of a manager. */
  readonly host: string;
  readonly namespace: string;
  /** The service is `<namespace>_<name>`. */
  readonly name: string;
  readonly spec: TemporarySpec;
  /** With which the nodes pull the image, see registryLogin. @default none */
  readonly registryAuth?: RegistryLogin;
  /** Called with what could not be cleaned up. */
  readonly progress: (line: string) => void;
}

/** On these services alone; tools/mend-state.mjs removes by it what an operation left behind. */
const LABEL = "swarm-platform.one-shot";
const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** Time between two looks, in ms. */
const POLL = 200;
/** How long a program may take to stop that is no longer wanted, in nanoseconds. */
const STOP_GRACE = 1e9;
/** How long what runs of a removed service is waited for, in ms: a node that is down never tells. */
const REMOVAL = 10_000;
/** States of a task that runs no more. */
export const ENDED = ["complete", "failed", "rejected", "shutdown", "orphaned", "remove"];

/**
 * Makes a service, and removes it at the end, however that comes; a network or a secret that it used can be removed at
 * once. A service of the same name that an `up` left which was killed is removed first. Its tasks are not restarted.
 */
export async function withTemporaryService<T>(
  service: TemporaryService,
  use: (service: { readonly id: string; readonly name: string }) => Promise<T>,
): Promise<T> {
  const { host, namespace, progress } = service;
  const docker = connect(host);
  const name = `${namespace}_${service.name}`;
  await removeLeftover(docker, host, name);
  const ignoreSignals = onSignal(() => docker.getService(name).remove(within()));
  try {
    return await use({ id: await create(docker, name, service), name });
  } finally {
    // What came of it counts more than what it leaves.
    await remove(docker, name).catch((error: unknown) => {
      progress(`service ${name} could not be removed, the next up does it: ${reasonOf(error)}`);
    });
    ignoreSignals();
  }
}

/** Creates the service and returns its id. */
async function create(
  docker: Docker,
  name: string,
  { namespace, spec, registryAuth }: TemporaryService,
): Promise<string> {
  const { ContainerSpec, ...template } = spec.TaskTemplate;
  const labels = { [NAMESPACE_LABEL]: namespace, [LABEL]: "true" };
  const full: Docker.ServiceSpec = {
    ...spec,
    Name: name,
    Labels: labels,
    TaskTemplate: {
      ...template,
      ContainerSpec: { ...ContainerSpec, Labels: labels, StopGracePeriod: STOP_GRACE },
      Resources: { Limits: { MemoryBytes: 64 * 2 ** 20 } },
      // Not a job: engines before 20.10 have none, and what ends a task is told alike by both.
      RestartPolicy: { Condition: "none" },
      // The engine's own default may be a driver that can't be read back.
      LogDriver: { Name: "json-file" },
    },
  };
  try {
    // With one argument the client would send the spec as the login. Its types don't know that there may be none.
    const login = registryAuth as RegistryLogin;
    const created = (await docker.createService(login, { ...full, ...within() })) as unknown as {
      readonly id: string;
    };
    return created.id;
  } catch (error) {
    throw new Error(
      `Service ${name} (${ContainerSpec.Image}) could not be made: ${reasonOf(error)}.\n` +
        "  What to do: see that the image's name is right, and that its network and secrets are there " +
        "(docker network ls, docker secret ls). Then run up again.",
      { cause: error },
    );
  }
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
