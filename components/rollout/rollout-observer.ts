import type Docker from "dockerode";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiContainer, ApiNode, ApiService, ApiTask, connect, within } from "../engine/engine";
import { hasFailed, RolloutSnapshot } from "./rollout";
import type { TaskEvidence } from "./rollout-report";

/** How long an engine may be silent, such as for a restart, in ms. */
export const OUTAGE = 30_000;
/** Time between two tries to reach it, in ms. */
const RETRY = 500;
const LOG_LINES = 20;

/**
 * How far the clock of each engine is before ours, in ms, by host. Asked once for all services: an engine runs two
 * programs to answer GET /info.
 */
const clocks = new Map<string, Promise<number>>();

/** Looks at the rollout of one service through the Engine API, across short outages of the engine. */
export class RolloutObserver {
  private readonly docker: Docker;
  private startedAt: number | undefined;
  private watchedSince: number | undefined;
  private answersSince: number | undefined;
  /** Tasks that failed, by id, with the spec that they failed with. */
  private readonly failed = new Map<string, ApiTask>();
  private failedWith = "";

  /**
   * @param host Engine API of a manager.
   * @param service its id, and its name for messages.
   * @param silent called at each try to reach an engine that does not answer.
   */
  constructor(
    private readonly host: string,
    private readonly service: { readonly id: string; readonly name: string },
    private readonly silent: () => void = () => undefined,
  ) {
    this.docker = connect(host);
  }

  /**
   * @throws Error when the service or the swarm is gone, or the engine has not answered for {@link OUTAGE}; one
   * sentence with the cure.
   */
  async look(): Promise<RolloutSnapshot> {
    for (let silentSince: number | undefined; ; await sleep(RETRY)) {
      try {
        const snapshot = await this.lookOnce();
        if (silentSince === undefined) return snapshot;
        // What it shows now may be from before the outage.
        this.answersSince = snapshot.now;
        return { ...snapshot, answersSince: snapshot.now };
      } catch (error) {
        this.refuseIfGone(error);
        silentSince ??= Date.now();
        if (Date.now() - silentSince > OUTAGE) throw await this.lost(error);
        clocks.delete(this.host);
        this.silent();
      }
    }
  }

  /**
   * Changes the service as it was seen: to its previous spec, or to a new one.
   *
   * @returns false when Swarm has changed it since.
   */
  async change({ Version, Spec }: ApiService, to: "previous" | ApiService["Spec"]): Promise<boolean> {
    const rollback = to === "previous" ? { rollback: to } : {};
    // Query and body apart, because the client would put the whole spec into the address too.
    const request = {
      _query: { version: Version.Index, ...rollback },
      _body: to === "previous" ? Spec : to,
      ...within(),
    };
    try {
      await this.docker.getService(this.service.id).update(request);
      return true;
    } catch (error) {
      if (/out of sequence/.test(String(error))) return false;
      throw error;
    }
  }

  /** What can be found out about a task that failed; nothing of what its node does not tell any more. */
  async evidence(task: ApiTask): Promise<TaskEvidence> {
    const id = task.Status.ContainerStatus?.ContainerID;
    if (id === undefined || id === "") return { log: [] };
    const [state, log] = await Promise.all([this.containerState(id), this.lastLogLines(task)]);
    const failedCheck = state?.Health?.Log?.findLast(({ ExitCode }) => ExitCode !== 0);
    return {
      log,
      ...(state !== undefined && { outOfMemory: state.OOMKilled }),
      ...(failedCheck !== undefined && {
        healthCheck: { exitCode: failedCheck.ExitCode, output: failedCheck.Output },
      }),
    };
  }

  /**
   * What a task has printed, in frames: see {@link demultiplex}.
   *
   * @param tail number of lines from the end. @default all
   * @throws Error when its node does not answer, or has no container of it any more.
   */
  async log(task: ApiTask, tail?: number): Promise<Buffer> {
    // The client has the call, its types do not.
    const handle = this.docker.getTask(task.ID) as unknown as { logs(options: object): Promise<Buffer> };
    return handle.logs({ stdout: true, stderr: true, ...(tail !== undefined && { tail }), ...within() });
  }

  private async lookOnce(): Promise<RolloutSnapshot> {
    const clock = await this.clock();
    // The service first: tasks that are listed later can only be newer than the status they are judged with.
    const service = await this.inspect();
    this.startedAt ??= beginning(service);
    const ofService = { service: [this.service.id] };
    const [tasks, upToDate, nodes] = await Promise.all([
      this.docker.listTasks({ filters: ofService, ...within() }),
      // The docker CLI's own filter: tasks whose spec is the service's present one.
      this.docker.listTasks({ filters: { ...ofService, "_up-to-date": ["true"] }, ...within() }),
      this.docker.listNodes(within()),
    ]);
    const shown = tasks as unknown as ApiTask[];
    const ids = new Set((upToDate as unknown as ApiTask[]).map(({ ID }) => ID));
    const forgotten = this.forgotten(service, shown, ids);
    const now = Date.now() + clock;
    this.watchedSince ??= now;
    return {
      service,
      tasks: [...shown, ...forgotten],
      upToDate: new Set([...ids, ...forgotten.map(({ ID }) => ID)]),
      nodes: nodes as unknown as ApiNode[],
      startedAt: this.startedAt,
      watchedSince: this.watchedSince,
      now,
      ...(this.answersSince !== undefined && { answersSince: this.answersSince }),
    };
  }

  /**
   * Tasks of the present spec that failed and that Swarm does not show any more: it keeps the last five of a slot,
   * which do not tell for how long they have been failing.
   */
  private forgotten(
    { Spec }: ApiService,
    shown: readonly ApiTask[],
    upToDate: ReadonlySet<string>,
  ): ApiTask[] {
    const spec = JSON.stringify(Spec);
    if (spec !== this.failedWith) this.failed.clear();
    this.failedWith = spec;
    const known = new Set(shown.map(({ ID }) => ID));
    const forgotten = [...this.failed.values()].filter(({ ID }) => !known.has(ID));
    for (const task of shown) if (upToDate.has(task.ID) && hasFailed(task)) this.failed.set(task.ID, task);
    return forgotten;
  }

  private async inspect(): Promise<ApiService> {
    return (await this.docker.getService(this.service.id).inspect(within())) as ApiService;
  }

  private clock(): Promise<number> {
    let clock = clocks.get(this.host);
    if (clock === undefined) {
      clock = this.info().then(({ SystemTime }) => Date.parse(SystemTime) - Date.now());
      clocks.set(this.host, clock);
    }
    return clock;
  }

  private info(): Promise<Info> {
    // The client takes options here, its types do not know.
    return (this.docker.info as (options: object) => Promise<Info>).call(this.docker, within());
  }

  /** Ends the wait for what will not come back. */
  private refuseIfGone(error: unknown): void {
    if (statusOf(error) !== 404) return;
    throw new Error(
      `Service ${this.service.name} was removed from the swarm of ${this.host} while it was waited for, and ` +
        "not by this run. Run up again to make it anew.",
    );
  }

  /** Why the engine has not shown the service for {@link OUTAGE}. */
  private async lost(error: unknown): Promise<Error> {
    const { host, service } = this;
    // Asked this late, because an engine that is stopping says so too, for as long as its containers take to stop.
    const info = statusOf(error) === 503 ? await this.info().catch(() => undefined) : undefined;
    if (info?.Swarm.LocalNodeState === "inactive") {
      return new Error(
        `The engine at ${host} left its swarm while service ${service.name} was waited for: the ` +
          "service is gone with it. Run make up, which makes the swarm and all that was in it anew.",
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    return new Error(
      `The engine at ${host} has not answered for ${OUTAGE / 1000} s (${reason}) while service ` +
        `${service.name} was waited for; how it ended is not known. Start the engine, then run up again.`,
    );
  }

  /** Undefined when the container is not on this engine. */
  private async containerState(id: string): Promise<ApiContainer["State"] | undefined> {
    try {
      return ((await this.docker.getContainer(id).inspect(within())) as ApiContainer).State;
    } catch {
      return undefined;
    }
  }

  /** Last lines of a task's output; empty when its node has none any more. */
  private async lastLogLines(task: ApiTask): Promise<string[]> {
    try {
      return lastLines(demultiplex(await this.log(task, LOG_LINES)));
    } catch {
      return [];
    }
  }
}

/** The part of GET /info that is read here. */
interface Info {
  readonly SystemTime: string;
  readonly Swarm: { readonly LocalNodeState: string };
}

/** HTTP status of a refusal; undefined when there was no answer at all. */
function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

/** Ms since the epoch. A rollback may already have come and gone, which moves UpdatedAt but not the update's start. */
function beginning({ UpdateStatus, PreviousSpec, CreatedAt, UpdatedAt }: ApiService): number {
  const created = PreviousSpec === undefined ? CreatedAt : undefined;
  return Date.parse(UpdateStatus?.StartedAt ?? created ?? UpdatedAt);
}

/** Streams of the Engine API's frames. */
export const STDOUT = 1;
export const STDERR = 2;
/** What the engine itself says where it can't get a log. */
export const SYSTEM_ERROR = 3;

/**
 * Takes off the 8-byte frame headers that the Engine API puts before each piece of output.
 *
 * @param stream the only one to take. @default all, as they came
 */
export function demultiplex(raw: Buffer, stream?: number): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length;) {
    const length = raw.readUInt32BE(at + 4);
    if (stream === undefined || raw[at] === stream) pieces.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** As many lines of an output as a report shows. */
export function lastLines(output: string): string[] {
  return output.split("\n").filter(Boolean).slice(-LOG_LINES);
}
