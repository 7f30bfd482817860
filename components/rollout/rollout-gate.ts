import * as pulumi from "@pulumi/pulumi";
import { setTimeout as sleep } from "node:timers/promises";
import { isJob, judge, RolloutSnapshot, Verdict } from "./rollout";
import { RolloutObserver } from "./rollout-observer";
import { RolloutProgress } from "./rollout-progress";
import { report, telltales } from "./rollout-report";
import { errorWithoutStack, noteFailedHook } from "./skipped-dependents";

/** Time between two looks, in ms; the gate returns at most this long after the swarm has settled. */
const POLL = 400;
const FAILED_LABEL = "swarm-platform.rollout";

/** Keeps `up` from ending before the rollouts of services are true. */
export interface RolloutGate {
  /** To be bound to every service, after create and after update. A throw fails the deployment with its message. */
  readonly hook: pulumi.ResourceHook;
  /**
   * The same for a service that need not be changed, and so has no hook. Returns at once where the hook has run.
   *
   * @throws pulumi.RunError
   */
  readonly watch: (service: WatchedService) => Promise<void>;
  /** Whether a service was created or updated in this run. */
  readonly changed: (urn: pulumi.URN) => boolean;
}

interface WatchedService {
  readonly id: string;
  readonly urn: pulumi.URN;
  /** Full name. */
  readonly name: string;
}

/**
 * @param host Engine API of a manager.
 * @param timeoutSeconds how long one service may take.
 */
export function rolloutGate(host: string, timeoutSeconds: number): RolloutGate {
  const changed = new Set<pulumi.URN>();
  const wait = async ({ urn, ...service }: WatchedService): Promise<void> => {
    const resource = new pulumi.DependencyResource(urn);
    const progress = new RolloutProgress((line) => {
      // Ephemeral: a terminal shows the newest in the service's row, a log file a row for each.
      void pulumi.log.info(line, resource, undefined, true);
    });
    try {
      await waitForRollout({ host, service, timeoutSeconds, progress: (line) => progress.show(line) });
    } catch (error) {
      noteFailedHook(urn);
      throw error;
    }
  };
  return {
    changed: (urn) => changed.has(urn),
    hook: new pulumi.ResourceHook("rollout", async ({ id, urn, name, newOutputs }) => {
      changed.add(urn);
      const { name: byProvider, Name: byEngine } = (newOutputs ?? {}) as Record<string, string | undefined>;
      await wait({ id, urn, name: byProvider ?? byEngine ?? name });
    }),
    watch: async (service) => {
      if (changed.has(service.urn)) return;
      await wait(service).catch((error: unknown) => {
        throw errorWithoutStack(error instanceof Error ? error.message : String(error));
      });
    },
  };
}

/** What to wait for. */
export interface RolloutWait {
  /** Engine API of a manager. */
  readonly host: string;
  readonly service: { readonly id: string; readonly name: string };
  readonly timeoutSeconds: number;
  /** Called at each look with what is waited for. */
  readonly progress: (line: string) => void;
}

/**
 * Waits until the service's present spec runs everywhere it should.
 *
 * @throws Error naming service, task, node, reason, last log lines and what to do.
 */
export async function waitForRollout(wait: RolloutWait): Promise<void> {
  const { host, service, timeoutSeconds, progress } = wait;
  const observer = new RolloutObserver(host, service, () => progress("waiting for the engine to answer"));
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const snapshot = await observer.look();
    const verdict = judge(snapshot);
    if (verdict.state === "done") return;
    if (verdict.state === "failed") throw await failure(observer, wait, snapshot, verdict.reason);

    const line = progressLine(verdict);
    progress(line);
    if (Date.now() > deadline) {
      throw await failure(observer, wait, snapshot, `not ready after ${timeoutSeconds} s: ${line}`);
    }
    await sleep(POLL);
  }
}

function progressLine({ ready, wanted, for: what }: Verdict & { state: "waiting" }): string {
  return `${ready}/${wanted} tasks ready, waiting for ${what}`;
}

async function failure(
  observer: RolloutObserver,
  wait: RolloutWait,
  snapshot: RolloutSnapshot,
  reason: string,
): Promise<Error> {
  const tasks = telltales(snapshot);
  const evidence = await Promise.all(
    tasks.map(async (task) => [task, await observer.evidence(task)] as const),
  );
  const outcome = await showOnSwarm(observer, wait).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    return `; the swarm could not be made to show it, so the next preview may call it unchanged (${why})`;
  });
  return new Error(report(snapshot, `${reason}${outcome}`, new Map(evidence)));
}

/**
 * Makes the swarm show that the rollout failed. By now the state holds the new spec, so a preview would call it
 * unchanged where the service has it too. A rollback takes it from the service. Else a label on the service is
 * drift, which the next preview shows and the next `up` repairs, with this gate behind it; no task is restarted by it.
 *
 * @returns what was done, for the report.
 */
async function showOnSwarm(observer: RolloutObserver, wait: RolloutWait): Promise<string> {
  for (;;) {
    const { service } = await observer.look();
    // Any change would run a job again; what it came to shows when it is read (components/compose).
    if (isJob(service)) return "";
    const update = service.UpdateStatus?.State ?? "none";
    // A rolled back service has its old spec. A label would resume a paused update: see SwarmService for that.
    if (/^(paused|rollback)/.test(update)) return "";
    if (update === "updating" && service.Spec.UpdateConfig?.FailureAction === "rollback") {
      // A label would become what Swarm rolls back to when it finds the failure too.
      if (await observer.change(service, "previous")) return `; ${await rollback(observer, wait)}`;
    } else {
      const Labels = { ...service.Spec.Labels, [FAILED_LABEL]: "failed" };
      if (await observer.change(service, { ...service.Spec, Labels })) return "";
    }
    // Swarm has changed the service in between: what is right may be another thing now.
  }
}

/** Waits for the end of a rollback, at most as long as for a rollout; returns how it ended. */
async function rollback(
  observer: RolloutObserver,
  { timeoutSeconds, progress }: RolloutWait,
): Promise<string> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const snapshot = await observer.look();
    const verdict = judge(snapshot);
    if (verdict.state === "waiting" && Date.now() < deadline) {
      progress(progressLine(verdict));
      await sleep(POLL);
      continue;
    }
    const ended = snapshot.service.UpdateStatus?.State === "rollback_completed";
    return ended ? "it was rolled back" : "it is being rolled back, which does not succeed either";
  }
}
