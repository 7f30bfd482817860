import type { ServiceDraft } from "./draft";
import type { Findings } from "./faults";
import type { Build, Deploy, Place, RestartPolicy, Service, ServiceNetwork, UpdateConfig } from "./model";
import { defined } from "./values";

/** What docker stack deploy makes of a service when all files are merged (docker/cli, cli/compose/convert). */
export function finishService(draft: Omit<ServiceDraft, "profiles">, findings: Findings): Service {
  const { build, ulimits, healthcheck, logging, networks, deploy, restart, scale, ...same } = draft;
  const finish = new Finish(draft, findings);
  finish.checkImage();
  const { capAdd, capDrop } = capabilities(draft.capAdd ?? [], draft.capDrop ?? []);
  return defined<Service>({
    ...same,
    build: build && finishBuild(build),
    environment: draft.environment ?? {},
    labels: draft.labels ?? {},
    capAdd,
    capDrop,
    sysctls: draft.sysctls ?? {},
    ulimits: Object.entries(ulimits ?? {})
      .map(([name, limits]) => ({ name, ...limits }))
      .sort(by(({ name }) => name)),
    extraHosts: draft.extraHosts ?? [],
    healthcheck: healthcheck && finish.healthcheck(healthcheck),
    logging: logging && { ...logging, options: logging.options ?? {} },
    networks: finishNetworks(networks, draft.place),
    ports: [...(draft.ports ?? [])].sort(by(({ published = 0 }) => published)),
    mounts: draft.mounts ?? [],
    configs: draft.configs ?? [],
    secrets: draft.secrets ?? [],
    dependsOn: uniqueBy(draft.dependsOn ?? [], ({ service }) => service),
    deploy: finish.deploy(deploy ?? {}, restart, scale),
  });
}

function finishBuild(build: NonNullable<ServiceDraft["build"]>): Build {
  return {
    context: ".",
    args: {},
    platforms: [],
    ...build,
  };
}

/** What is in both lists is added; ALL stands for every other. */
function capabilities(
  add: readonly string[],
  drop: readonly string[],
): { capAdd: string[]; capDrop: string[] } {
  const normal = (names: readonly string[]) => {
    const all = names
      .map((name) => name.trim().toUpperCase())
      .map((name) => (/^(ALL|RESET|CAP_.*)$/.test(name) ? name : `CAP_${name}`));
    return all.includes("ALL") ? ["ALL"] : [...new Set(all)].filter((name) => name !== "RESET").sort();
  };
  const capAdd = normal(add);
  return { capAdd, capDrop: normal(drop).filter((name) => !capAdd.includes(name)) };
}

function finishNetworks(networks: ServiceDraft["networks"], place: Place): ServiceNetwork[] {
  const named = Object.entries(networks ?? {});
  if (named.length === 0) return [{ network: "default", place, aliases: [] }];
  return named
    .map(([network, { place, aliases = [], driverOpts }]) => ({
      network,
      place,
      aliases,
      ...(driverOpts && { driverOpts }),
    }))
    .sort(by(({ network }) => network));
}

class Finish {
  constructor(
    private readonly draft: Omit<ServiceDraft, "profiles">,
    private readonly findings: Findings,
  ) {}

  public checkImage(): void {
    const { places } = this.draft;
    if (places.has("image") || places.has("build")) return;
    this.fault("", {
      problem: "has no image",
      cure: "add image:, or build: with the folder that it is built from",
    });
  }

  public healthcheck({
    disable,
    ...check
  }: NonNullable<ServiceDraft["healthcheck"]>): Service["healthcheck"] {
    if (disable !== true) return check.test?.length === 0 ? defined({ ...check, test: undefined }) : check;
    if (check.test !== undefined && check.test.length > 0) {
      this.fault("healthcheck.disable", {
        problem: "is true, and there is a test",
        cure: "keep one of them",
      });
    }
    return { test: ["NONE"] };
  }

  public deploy(
    draft: NonNullable<ServiceDraft["deploy"]>,
    restart: string | undefined,
    scale: number | undefined,
  ): Deploy {
    const mode = draft.mode ?? "replicated";
    const replicas = this.replicas(draft.replicas, scale);
    if (replicas !== undefined && mode.startsWith("global")) {
      this.fault(draft.replicas === undefined ? "scale" : "deploy.replicas", {
        problem: `is given, and the mode is ${mode}: one task a node`,
        cure: "delete it, or write mode: replicated",
      });
    }
    if (mode.endsWith("-job")) this.checkJob(draft);
    const updateConfig = draft.updateConfig && withParallelism(draft.updateConfig);
    const rollbackConfig = draft.rollbackConfig && withParallelism(draft.rollbackConfig);
    return defined<Deploy>({
      mode,
      replicas,
      labels: draft.labels ?? {},
      updateConfig,
      rollbackConfig,
      limits: draft.limits,
      reservations: draft.reservations && {
        ...draft.reservations,
        genericResources: draft.reservations.genericResources ?? [],
      },
      restartPolicy: draft.restartPolicy ?? this.restartPolicy(restart),
      constraints: draft.constraints ?? [],
      preferences: draft.preferences ?? [],
      maxReplicasPerNode: draft.maxReplicasPerNode,
      endpointMode: draft.endpointMode,
    });
  }

  private replicas(replicas: number | undefined, scale: number | undefined): number | undefined {
    if (scale === undefined) return replicas;
    if (replicas !== undefined && replicas !== scale) {
      this.fault("scale", {
        problem: `= ${scale} is another number than deploy.replicas`,
        cure: "delete scale:",
      });
    }
    this.notice("scale", "scale is taken as deploy.replicas; docker stack deploy refuses it");
    return scale;
  }

  private checkJob(draft: NonNullable<ServiceDraft["deploy"]>): void {
    if (draft.updateConfig !== undefined) {
      this.fault("deploy.update_config", {
        problem: "is given for a job, which Swarm starts anew as a whole",
        cure: "delete it",
      });
    }
  }

  private restartPolicy(restart: string | undefined): RestartPolicy | undefined {
    if (restart === undefined) return undefined;
    const [, name = "", attempts] = /^([^:]*)(?::(.*))?$/.exec(restart) ?? [];
    const known = ["", "no", "always", "unless-stopped", "on-failure"].includes(name);
    if (!known || (attempts !== undefined && !/^\d*$/.test(attempts))) {
      this.fault("restart", {
        value: restart,
        allowed: "always, unless-stopped, on-failure[:number] or no",
        cure: "write deploy.restart_policy.condition: any, on-failure or none",
      });
      return undefined;
    }
    if (name === "no" || name === "") {
      this.notice(
        "restart",
        `restart: "${restart}" does not keep Swarm from restarting the service, docker stack deploy leaves it out too; write deploy.restart_policy.condition: none`,
      );
      return undefined;
    }
    if (name === "on-failure") {
      const maxAttempts = Number(attempts ?? 0);
      this.notice(
        "restart",
        `is taken as deploy.restart_policy: {condition: on-failure, max_attempts: ${maxAttempts}}, as docker stack deploy does (0 is without end)`,
      );
      return { condition: "on-failure", maxAttempts };
    }
    this.notice(
      "restart",
      `restart: ${restart} is taken as deploy.restart_policy.condition: any, as docker stack deploy does`,
    );
    return { condition: "any" };
  }

  private fault(
    path: string,
    fault: { value?: string; problem?: string; allowed?: string; cure: string },
  ): void {
    this.findings.fault(this.place(path), { path: this.path(path), ...fault });
  }

  private notice(path: string, text: string): void {
    this.findings.notice({ ...this.place(path), path: this.path(path), service: this.draft.key, text });
  }

  private place(path: string): Place {
    return this.draft.places.get(path) ?? this.draft.place;
  }

  private path(path: string): string {
    return ["services", this.draft.key, path].filter(Boolean).join(".");
  }
}

function withParallelism(config: Partial<UpdateConfig>): UpdateConfig {
  return { ...config, parallelism: config.parallelism ?? 1 };
}

/** Orders numbers and texts as they are, without a locale. */
export function by<T>(key: (item: T) => string | number): (a: T, b: T) => number {
  return (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}
