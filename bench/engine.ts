import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { ApiService, ApiTask, connect } from "../components/engine/engine";

const SCRIPT = path.resolve(__dirname, "../tools/throwaway-engine.sh");
const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** Between two looks at the swarm, in ms: what a contender that does not wait itself is late at most. */
const POLL = 50;
/** Longest wait for what a command has brought about, in ms. */
const LIMIT = 10 * 60_000;

/** An engine that shares nothing with the machine's own, with a swarm of one node. */
export class BenchEngine {
  private constructor(
    /** As in DOCKER_HOST. */
    readonly host: string,
    /** IPv4. */
    readonly address: string,
    /** Puts a command onto the engine's machine: it stands in a network namespace of its own. */
    readonly inside: readonly string[],
    private readonly docker: Docker,
  ) {}

  /** @param folder a new one, for all that it has. */
  static start(folder: string): BenchEngine {
    const printed = execFileSync(SCRIPT, ["start", folder, "bench"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const host = /^DOCKER_HOST=(.*)$/m.exec(printed)?.[1] ?? "";
    const address = /^ENGINE_ADDRESS=(.*)$/m.exec(printed)?.[1] ?? "";
    const namespace = /^NETNS=(.*)$/m.exec(printed)?.[1] ?? "";
    const engine = new BenchEngine(host, address, ["ip", "netns", "exec", namespace], connect(host));
    engine.cli("swarm", "init", "--advertise-addr", address);
    return engine;
  }

  /** Ends all engines below a folder; nothing of them stays. */
  static stopAll(folder: string): void {
    execFileSync(SCRIPT, ["stop-all", folder], { stdio: ["ignore", "ignore", "inherit"] });
  }

  /** stdout of the docker CLI. */
  cli(...args: string[]): string {
    return execFileSync("docker", ["--host", this.host, ...args], { encoding: "utf8" }).trim();
  }

  async version(): Promise<string> {
    return (await this.docker.version()).Version;
  }

  /**
   * Waits until the tasks of each service are those that its present spec asks for, and no update goes on.
   *
   * @param count how many services there must be.
   * @returns whether that was not yet so.
   */
  settled(namespace: string, count: number, signal: AbortSignal): Promise<boolean> {
    return until(`the ${count} services of ${namespace} to settle`, signal, async () => {
      const services = await this.services(namespace);
      if (services.length !== count) return false;
      const busy = services.filter(
        ({ Spec, UpdateStatus }) =>
          Spec.Mode.Replicated?.Replicas !== 0 ||
          /^(updating|rollback_started)$/.test(UpdateStatus?.State ?? ""),
      );
      if (busy.length === 0) return true;
      const tasks = await this.tasks(namespace);
      return busy.every((service) =>
        isSettled(
          service,
          tasks.filter(({ ServiceID }) => ServiceID === service.ID),
        ),
      );
    });
  }

  /** Waits until there is no service, network and container of the namespace any more. @returns as {@link settled} */
  gone(namespace: string, signal: AbortSignal): Promise<boolean> {
    return until(`all of ${namespace} to be gone`, signal, async () => {
      const [services, networks, containers] = await Promise.all([
        this.services(namespace),
        this.docker.listNetworks({ filters: { name: [`${namespace}_`] } }),
        this.docker.listContainers({ all: true, filters: { name: [`${namespace}_`] } }),
      ]);
      return services.length + networks.length + containers.length === 0;
    });
  }

  /** Names of a namespace's services. */
  names(namespace: string): string[] {
    const label = `label=${NAMESPACE_LABEL}=${namespace}`;
    return this.cli("service", "ls", "--filter", label, "--format", "{{.Name}}").split("\n").filter(Boolean);
  }

  /** When Swarm had completed the last update of a service, in ms since the epoch. */
  async updateCompleted(service: string): Promise<number> {
    const { UpdateStatus } = (await this.docker.getService(service).inspect()) as {
      UpdateStatus?: { State: string; CompletedAt?: string };
    };
    if (UpdateStatus?.State !== "completed") {
      throw new Error(`the update of ${service} is ${UpdateStatus?.State ?? "none"}, not completed`);
    }
    return Date.parse(UpdateStatus.CompletedAt ?? "");
  }

  /** Removes what a contender that failed has left. */
  async purge(namespace: string, signal: AbortSignal): Promise<void> {
    for (const { ID } of await this.services(namespace)) await this.docker.getService(ID).remove();
    await until(`the containers of ${namespace} to end`, signal, async () => {
      const filters = { name: [`${namespace}_`] };
      return (await this.docker.listContainers({ all: true, filters })).length === 0;
    });
    for (const kind of ["network", "config"]) {
      const left = this.cli(kind, "ls", "--quiet", "--filter", `name=${namespace}_`);
      if (left !== "") this.cli(kind, "rm", ...left.split("\n"));
    }
  }

  private async services(namespace: string): Promise<readonly ApiService[]> {
    const filters = { label: [`${NAMESPACE_LABEL}=${namespace}`] };
    return (await this.docker.listServices({ filters })) as unknown as ApiService[];
  }

  private async tasks(namespace: string): Promise<readonly BenchTask[]> {
    const filters = { label: [`${NAMESPACE_LABEL}=${namespace}`], "desired-state": ["running"] };
    const tasks: unknown = await this.docker.listTasks({ filters });
    return tasks as BenchTask[];
  }
}

type BenchTask = ApiTask & { readonly ServiceID: string };

/** @param tasks those that Swarm wants to run. */
export function isSettled(
  service: Pick<ApiService, "Spec" | "UpdateStatus">,
  tasks: readonly Pick<ApiTask, "Spec" | "Status">[],
): boolean {
  if (/^(updating|rollback_started)$/.test(service.UpdateStatus?.State ?? "")) return false;
  const wanted = JSON.stringify(service.Spec.TaskTemplate.ContainerSpec);
  return (
    tasks.length === service.Spec.Mode.Replicated?.Replicas &&
    tasks.every(
      ({ Spec, Status }) => Status.State === "running" && JSON.stringify(Spec?.ContainerSpec) === wanted,
    )
  );
}

/** @returns whether it had to wait. */
async function until(what: string, signal: AbortSignal, check: () => Promise<boolean>): Promise<boolean> {
  const limit = Date.now() + LIMIT;
  let waited = false;
  while (!(await check())) {
    waited = true;
    if (Date.now() > limit) throw new Error(`waited ${LIMIT / 60_000} minutes for ${what}`);
    await sleep(POLL, undefined, { signal });
  }
  return waited;
}
