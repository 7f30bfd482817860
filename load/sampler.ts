import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { NAMESPACE_LABEL } from "../components/compose/convert";
import {
  ApiNode,
  ApiService,
  ApiTask,
  connect,
  reasonOf,
  type SwarmInfo,
  within,
} from "../components/engine/engine";
import { Reading, Usage, usageBetween, Watched } from "./usage";

/** Between the beginnings of two looks, in ms. */
export const INTERVAL = 2_000;
/** How long an engine may take for one answer, in ms. */
const PATIENCE = 5_000;
/** How long one that did not answer is left alone, so that it does not hold up each look, in ms. */
const LEFT_ALONE = 30_000;

/** What is looked at. */
export interface Subject {
  /** Engine API of a manager, as in DOCKER_HOST. */
  readonly host: string;
  /** Labels of the services, see namespacesOf in tools/stack-file.ts. */
  readonly namespaces: readonly string[];
  /** Engine API of further nodes, by their host names. */
  readonly nodes: Readonly<Record<string, { readonly host?: string }>>;
}

/** One look at the services. */
export interface Look {
  readonly usage: readonly Usage[];
  /** What was left out: a sentence each with the reason and what to do. */
  readonly unseen: readonly string[];
}

interface Seen {
  readonly services: readonly Watched[];
  readonly readings: readonly Reading[];
  readonly unseen: readonly string[];
}

/** The part of an answer that is read here (GET /containers/{id}/stats). */
interface ApiStats {
  readonly read: string;
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number } };
  /** Empty when the container has just ended. */
  readonly memory_stats: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
}

/** Why an engine is not asked, as a sentence. */
class Unseen extends Error {}

/** Reads what the tasks of services have used, each from the engine of its node. */
export class Sampler {
  private readonly manager: Docker;
  private ownNode: string | undefined;
  /** By node, those that are known to be that node's. */
  private readonly engines = new Map<string, Docker>();
  private readonly silent = new Map<string, { readonly until: number; readonly fault: Unseen }>();

  /** @param patience longest wait for one answer, in ms; interval: between the beginnings of two looks, in ms. */
  constructor(
    private readonly subject: Subject,
    private readonly times = { patience: PATIENCE, interval: INTERVAL },
  ) {
    this.manager = connect(subject.host);
  }

  /**
   * Looks until the signal, and then once more. What counts is what was used between two readings, so the first look comes
   * after an interval.
   *
   * @throws Error in plain words when the manager does not answer the first time; later that is a line of `unseen`.
   */
  async *looks(signal: AbortSignal): AsyncGenerator<Look> {
    let before = await this.read().catch((error: unknown) => {
      throw new Error(this.managerFault(error), { cause: error });
    });
    const { interval } = this.times;
    for (let began = Date.now(), isFirst = true; isFirst || !signal.aborted; isFirst = false) {
      await rest(began + interval - Date.now(), signal);
      // Too short a time tells nothing of a rate.
      if (!isFirst && Date.now() - began < interval / 2) return;
      began = Date.now();
      try {
        const now = await this.read();
        yield { usage: usageBetween(now.services, before.readings, now.readings), unseen: now.unseen };
        before = now;
      } catch (error) {
        yield { usage: [], unseen: [this.managerFault(error)] };
      }
    }
  }

  private managerFault(error: unknown): string {
    const { host } = this.subject;
    return (
      `the swarm can't be asked through the engine at ${host}: ${reasonOf(error)}; ` +
      `do: see that it runs and is a manager (docker --host ${host} node ls), or set DOCKER_HOST to one that is`
    );
  }

  private async read(): Promise<Seen> {
    const services = await this.services();
    if (services.length === 0) return { services: [], readings: [], unseen: [] };
    const names = new Map(services.map(({ ID, Spec }) => [ID, Spec.Name]));
    const filters = { service: [...names.keys()], "desired-state": ["running"] };
    const [tasks, nodes] = await Promise.all([
      this.manager.listTasks({ ...this.soon(), filters }) as unknown as Promise<ApiTask[]>,
      this.manager.listNodes(this.soon()) as unknown as Promise<ApiNode[]>,
    ]);
    const running = tasks.filter(({ Status }) => Status.State === "running");
    const used = nodes.filter(({ ID }) => running.some(({ NodeID }) => NodeID === ID));
    const asked = await Promise.all(
      used.map((node) =>
        this.ask(
          node,
          running.filter(({ NodeID }) => NodeID === node.ID),
          names,
        ),
      ),
    );
    return {
      services: services.map(({ Spec }) => watched(Spec)),
      readings: asked.flatMap((one) => (typeof one === "string" ? [] : one)),
      unseen: asked.filter((one) => typeof one === "string"),
    };
  }

  /** Those of each namespace by name, as `make status` lists them. */
  private async services(): Promise<ApiService[]> {
    const lists = await Promise.all(
      this.subject.namespaces.map(async (namespace) => {
        const filters = { label: [`${NAMESPACE_LABEL}=${namespace}`] };
        const found = await this.manager.listServices({ ...this.soon(), filters });
        return found as unknown as ApiService[];
      }),
    );
    return lists.flatMap((list) => list.sort((a, b) => (a.Spec.Name < b.Spec.Name ? -1 : 1)));
  }

  /** What the tasks of one node have used, or why that is not known. */
  private async ask(
    node: ApiNode,
    tasks: readonly ApiTask[],
    names: ReadonlyMap<string, string>,
  ): Promise<Reading[] | string> {
    const name = node.Description.Hostname;
    try {
      const left = this.silent.get(node.ID);
      if (left !== undefined && Date.now() < left.until) throw left.fault;
      const engine = this.engines.get(node.ID) ?? (await this.engineOf(node.ID, name));
      this.engines.set(node.ID, engine);
      const readings = await Promise.all(
        tasks.map(({ ServiceID = "", Status }) =>
          this.reading(engine, Status.ContainerStatus?.ContainerID ?? "", names.get(ServiceID) ?? ""),
        ),
      );
      return readings.filter((one) => one !== undefined);
    } catch (error) {
      const fault = error instanceof Unseen ? error : this.silence(node.ID, name, error);
      const count = tasks.length === 1 ? "1 task" : `${tasks.length} tasks`;
      return `node ${name}, with ${count}, is left out: ${fault.message}`;
    }
  }

  private silence(id: string, name: string, error: unknown): Unseen {
    const host = (id !== this.ownNode && this.subject.nodes[name]?.host) || this.subject.host;
    const fault = new Unseen(
      `its engine at ${host} can't be asked: ${reasonOf(error)}; do: see that it runs and that this machine ` +
        `reaches it (docker --host ${host} info)`,
    );
    this.engines.delete(id);
    this.silent.set(id, { until: Date.now() + LEFT_ALONE, fault });
    return fault;
  }

  private async engineOf(id: string, name: string): Promise<Docker> {
    this.ownNode ??= (await this.info(this.manager)).Swarm.NodeID;
    if (id === this.ownNode) return this.manager;
    const host = this.subject.nodes[name]?.host;
    if (!host)
      throw new Unseen(
        "its engine is not known here; " +
          `do: pulumi config set --path 'nodes.${name}.host' <unix:// | tcp:// | ssh://>`,
      );
    const engine = connect(host);
    const { Name, Swarm } = await this.info(engine);
    if (Swarm.NodeID !== id)
      throw new Unseen(
        `nodes.${name}.host = ${host} is the engine of ${Name}; do: set it to that of ${name}`,
      );
    return engine;
  }

  private async info(engine: Docker): Promise<{ readonly Name: string; readonly Swarm: SwarmInfo }> {
    // Its types know no options.
    const asked = engine as unknown as { info(options: object): Promise<unknown> };
    return (await asked.info(this.soon())) as { Name: string; Swarm: SwarmInfo };
  }

  /** Undefined when the container has ended meanwhile. */
  private async reading(engine: Docker, container: string, service: string): Promise<Reading | undefined> {
    try {
      // Without one-shot the engine would wait for a second reading of its own.
      const options = { ...this.soon(), stream: false, "one-shot": true } as { stream: false };
      const stats = (await engine.getContainer(container).stats(options)) as unknown as ApiStats;
      return readingOf(stats, container, service);
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return undefined;
      throw error;
    }
  }

  private soon(): ReturnType<typeof within> {
    return within(this.times.patience);
  }
}

function readingOf(
  { read, cpu_stats, memory_stats, networks = {} }: ApiStats,
  container: string,
  service: string,
): Reading | undefined {
  const { usage, stats = {} } = memory_stats;
  if (usage === undefined) return undefined;
  // With cgroups v1 and v2, as the docker CLI does it (docker/cli, cli/command/container/stats_helpers.go).
  const droppable = stats.total_inactive_file ?? stats.inactive_file ?? 0;
  const interfaces = Object.values(networks);
  return {
    container,
    service,
    at: Date.parse(read),
    cpu: cpu_stats.cpu_usage.total_usage / 1e6,
    memory: droppable < usage ? usage - droppable : usage,
    received: interfaces.reduce((sum, { rx_bytes }) => sum + rx_bytes, 0),
    sent: interfaces.reduce((sum, { tx_bytes }) => sum + tx_bytes, 0),
  };
}

function watched({ Name, TaskTemplate }: ApiService["Spec"]): Watched {
  const limit = TaskTemplate.Resources?.Limits?.MemoryBytes;
  return { name: Name, ...(limit && { limit }) };
}

/** Until the time is over, or the signal comes. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}
