import type { ApiTask } from "../engine/engine";

/** What is wrong with a task, for a reader who does not know the engine's words. */
export interface TaskFault {
  /** In plain words, without a full stop. */
  readonly words: string;
  /** What to do about it. */
  readonly cure: string;
  /** Whether trying again can't heal it. A port that gets free or a peer that comes up heals the others. */
  readonly final?: true;
}

const FAULTS: readonly (TaskFault & { readonly pattern: RegExp })[] = [
  {
    pattern: /No such image|manifest unknown|pull access denied|repository does not exist/i,
    words: "the image can't be had",
    cure: "check the image's name and tag, and that this node can pull it",
    final: true,
  },
  {
    pattern: /bind source path does not exist/,
    words: "the source of a bind mount is not on this node",
    cure: "make the folder on every node that may run the task, or correct the mount's source",
    final: true,
  },
  {
    pattern: /(secret|config)\S* .*(not found|unavailable|does not exist)/i,
    words: "a secret or a config is missing",
    cure: "see whether somebody removed it (docker secret ls, docker config ls)",
    final: true,
  },
  {
    pattern: /host-mode port|port is already allocated|address already in use/i,
    words: "a published port is taken",
    cure: "free the published port on the node, or publish another one",
  },
  {
    pattern: /no suitable node.*constraints/i,
    words: "no node satisfies its placement constraints",
    cure:
      "correct the constraints, or give a node what they ask for " +
      "(docker node update --label-add KEY=VALUE NODE)",
  },
  {
    pattern: /no suitable node.*resources/i,
    words: "no node has enough memory or CPU left",
    cure: "lower the reservations, or add a node",
  },
  {
    pattern: /no suitable node.*platform/i,
    words: "the image is for another platform than the nodes",
    cure: "take an image for the platform of a node (docker node inspect), or add a node",
  },
  {
    pattern: /no suitable node/i,
    words: "no node may run it",
    cure: "check that nodes are ready and active (docker node ls)",
  },
  {
    pattern: /out of memory/,
    words: "it ran out of memory",
    cure: "raise the memory limit, or make the program need less",
  },
  {
    pattern: /unhealthy/,
    words: "its health check failed",
    cure: "see what the check and the program said; correct the service or its health check",
  },
  {
    pattern: /still starting/,
    words: "its health check has not succeeded yet",
    cure:
      "see what the check and the program said; correct them, or allow more time " +
      "(pulumi config set rolloutTimeoutSeconds)",
  },
  {
    pattern: /still ready/,
    words: "the task before it has not stopped yet",
    cure:
      "make the program end when it is told to, lower stopGracePeriod, or allow more time " +
      "(pulumi config set rolloutTimeoutSeconds)",
  },
  {
    pattern: /still preparing/,
    words: "its image is still being pulled",
    cure: "check that the node reaches the registry, or allow more time (pulumi config set rolloutTimeoutSeconds)",
  },
  {
    pattern: /told to stop/,
    words: "Swarm stopped it",
    cure: "see whether its node went down or was drained (docker node ls); bring it back, or let another one run it",
  },
  {
    pattern: /still running/,
    words: "it has not ended yet",
    cure: "see what it printed last, or allow more time (pulumi config set rolloutTimeoutSeconds)",
  },
  {
    pattern: /exec: "|unable to find user|executable file not found/,
    words: "its program can't be started",
    cure: "check command, arguments and user against what the image has",
    final: true,
  },
  {
    pattern: /exit \(137\)/,
    words: "it was killed from outside (SIGKILL)",
    cure: "raise the memory limit if it ran out of memory (its node knows: docker inspect, OOMKilled), else find who kills it",
  },
  {
    pattern: /non-zero exit/,
    words: "its program ended by itself",
    cure: "see the log lines; correct the program, its arguments or its environment",
  },
  {
    pattern: /exit \(0\)/,
    words: "its program ended by itself, without an error",
    cure: "a service's program has to keep running: start it in the foreground",
  },
];

/** What a task's error, see {@link taskError}, means and what helps. */
export function taskFault(error: string): TaskFault {
  return (
    FAULTS.find(({ pattern }) => pattern.test(error)) ?? {
      words: "it does not run",
      cure: "see docker service ps --no-trunc",
    }
  );
}

/** The layers that wrap a container's error, and the ids in it that differ from task to task. */
const WRAPPING =
  /^task: |dockerexec: |starting container failed: |failed to create (shim )?task: |OCI runtime create failed: |runc create failed: |unable to start container process: |driver failed programming external connectivity on endpoint \S+ \([0-9a-f]+\): |container [0-9a-f]{64}: |endpoint join on GW Network failed: |: unknown$|\.[0-9a-z]{25}$/g;

/** The engine's words for what is wrong with a task, without their wrapping. */
export function taskError({ Spec, DesiredState, Status: { State, Err, ContainerStatus } }: ApiTask): string {
  const { Healthcheck, Configs = [], Secrets = [] } = Spec?.ContainerSpec ?? {};
  if (Err !== undefined && Err !== "") {
    const names = new Map([
      ...Configs.map(({ ConfigID, ConfigName }) => [ConfigID, ConfigName] as const),
      ...Secrets.map(({ SecretID, SecretName }) => [SecretID, SecretName] as const),
    ]);
    return Err.replace(WRAPPING, "").replace(/\b[0-9a-z]{25}\b/g, (id) => names.get(id) ?? id);
  }
  if (State === "complete") return `exit (${ContainerStatus?.ExitCode ?? 0})`;
  if (DesiredState === "shutdown") return "told to stop";
  // Without a health check a task starts only until its container runs.
  return State === "starting" && Healthcheck?.Test?.[0] === "NONE" ? "still being started" : `still ${State}`;
}
