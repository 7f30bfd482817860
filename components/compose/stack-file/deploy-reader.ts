import type { DeployDraft } from "./draft";
import type { Deploy, RestartPolicy, UpdateConfig } from "./model";
import { type At, type Values, defined } from "./values";

/** The least memory that Swarm takes as a limit or a reservation. */
const LEAST_MEMORY = 4 * 2 ** 20;
const CONSTRAINT = /^\s*[a-z_][a-z0-9\-_.]+\s*[=!]=\s*[a-z0-9:\-_\s.*()?+[\]\\^$|/]+$/i;

/** `deploy` of a service. */
export function readDeploy(values: Values, at: At | undefined, service: string): DeployDraft | undefined {
  if (at === undefined) return undefined;
  const placement = values.below(at, "placement");
  const constraints = values.items(values.below(placement, "constraints")).flatMap((item) => {
    const constraint = values.text(item);
    if (constraint === undefined || CONSTRAINT.test(constraint)) return constraint ?? [];
    return (
      values.refuse(
        item,
        "a comparison with == or !=, such as node.role == manager or node.labels.zone != b",
      ) ?? []
    );
  });
  const endpointMode = values.text(values.below(at, "endpoint_mode"))?.toLowerCase();
  if (endpointMode !== undefined && endpointMode !== "vip" && endpointMode !== "dnsrr") {
    values.refuse(values.below(at, "endpoint_mode"), "vip, dnsrr");
  }
  return defined<DeployDraft>({
    mode: values.choice(values.below(at, "mode"), [
      "replicated",
      "global",
      "replicated-job",
      "global-job",
    ] as const),
    replicas: values.integer(values.below(at, "replicas"), 0),
    labels: values.strings(values.below(at, "labels")),
    updateConfig: readUpdate(values, values.below(at, "update_config")),
    rollbackConfig: readUpdate(values, values.below(at, "rollback_config")),
    ...readResources(values, values.below(at, "resources"), service),
    restartPolicy: readRestartPolicy(values, values.below(at, "restart_policy")),
    constraints: values.below(placement, "constraints") && constraints,
    preferences:
      values.below(placement, "preferences") &&
      values.items(values.below(placement, "preferences")).flatMap((item) => {
        const spread = values.text(values.below(item, "spread"));
        return spread ?? values.fault(item, "has no spread", "write - spread: node.labels.<name>") ?? [];
      }),
    maxReplicasPerNode: values.integer(values.below(placement, "max_replicas_per_node"), 0),
    endpointMode: endpointMode as Deploy["endpointMode"],
  });
}

function readUpdate(values: Values, at: At | undefined): Partial<UpdateConfig> | undefined {
  if (at === undefined) return undefined;
  return defined<Partial<UpdateConfig>>({
    parallelism: values.integer(values.below(at, "parallelism"), 0),
    delay: values.duration(values.below(at, "delay")),
    failureAction: values.choice(values.below(at, "failure_action"), [
      "pause",
      "continue",
      "rollback",
    ] as const),
    monitor: values.duration(values.below(at, "monitor")),
    maxFailureRatio: values.number(values.below(at, "max_failure_ratio"), 0, 1),
    order: values.choice(values.below(at, "order"), ["stop-first", "start-first"] as const),
  });
}

function readRestartPolicy(values: Values, at: At | undefined): RestartPolicy | undefined {
  if (at === undefined) return undefined;
  return defined<RestartPolicy>({
    condition: values.choice(values.below(at, "condition"), ["none", "on-failure", "any"] as const),
    delay: values.duration(values.below(at, "delay")),
    maxAttempts: values.integer(values.below(at, "max_attempts"), 0),
    window: values.duration(values.below(at, "window")),
  });
}

function readResources(
  values: Values,
  at: At | undefined,
  service: string,
): Pick<DeployDraft, "limits" | "reservations"> {
  const limits = values.below(at, "limits");
  const reservations = values.below(at, "reservations");
  for (const [key, text] of [
    ["devices", "Swarm reserves no devices; reserve what the nodes advertise: generic_resources"],
    ["pids", "Swarm reserves no processes, it limits them: deploy.resources.limits.pids"],
  ] as const) {
    const given = values.below(reservations, key);
    if (given !== undefined) values.notice(given, text, service);
  }
  return defined({
    limits:
      limits &&
      defined({
        nanoCpus: values.cpus(values.below(limits, "cpus")),
        memory: values.size(values.below(limits, "memory"), LEAST_MEMORY),
        pids: values.integer(values.below(limits, "pids"), -1),
      }),
    reservations:
      reservations &&
      defined({
        nanoCpus: values.cpus(values.below(reservations, "cpus")),
        memory: values.size(values.below(reservations, "memory"), LEAST_MEMORY),
        genericResources:
          values.below(reservations, "generic_resources") &&
          values.items(values.below(reservations, "generic_resources")).flatMap((item) => {
            const spec = values.below(item, "discrete_resource_spec");
            const kind = values.text(values.below(spec, "kind"));
            const value = values.integer(values.below(spec, "value"), 1);
            if (kind !== undefined && value !== undefined) return { kind, value };
            const cure = "write - discrete_resource_spec: {kind: <name>, value: <number>}";
            return values.fault(item, "has no kind or no value", cure) ?? [];
          }),
      }),
  });
}
