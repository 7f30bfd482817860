import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../environment";
import { keptDigest } from "../images/image-reference";
import { serviceReplacement } from "./replacement";
import { unfinished } from "../rollout/rollout";
import { aliases, normalise, ServiceSpec, serviceFaults, ServiceOptions } from "./service-spec";
import { holdBackDependents } from "../rollout/skipped-dependents";
import { SwarmConfig } from "./swarm-config";
import { SwarmSecret } from "./swarm-secret";
import { unseenDrift } from "../rollout/unseen-drift";

/** A file that every task of the service sees. */
interface MountedFile {
  /** Absolute path in the container. */
  readonly path: string;
  /** Permission bits. @default 0o444 */
  readonly mode?: number;
  /** Numeric owner. @default "0" */
  readonly uid?: string;
  /** Numeric group. @default "0" */
  readonly gid?: string;
}

/** A config of this service alone, by content, or one that services share. */
export type ConfigFile = MountedFile &
  ({ readonly name: string; readonly content: pulumi.Input<string> } | { readonly config: SwarmConfig });

/** A secret of this service alone, by content, or one that services share. */
export type SecretFile = MountedFile &
  ({ readonly name: string; readonly content: pulumi.Input<string> } | { readonly secret: SwarmSecret });

export interface SwarmServiceArgs extends ServiceOptions {
  readonly environment: Environment;
  /** Files that may be seen. @default none */
  readonly configs?: readonly ConfigFile[];
  /** Files that may not. @default none */
  readonly secrets?: readonly SecretFile[];
  /** Waits before the service is created or updated; a throw fails it. @default nothing to wait for */
  readonly before?: pulumi.ResourceHook;
}

/**
 * A service on the swarm, named `<namespace>_<name>` and reachable inside the environment as `<name>`.
 * The base of all services here: its defaults are those of production, and every field that the engine
 * would fill in is declared, so that drift in it shows.
 */
export class SwarmService extends pulumi.ComponentResource {
  public readonly serviceId: pulumi.Output<string>;
  public readonly serviceName: pulumi.Output<string>;
  /** Whether it was created or updated in this run; known when that is over. */
  public readonly changed: pulumi.Output<boolean>;

  constructor(name: string, args: SwarmServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:SwarmService", name, {}, opts);

    const faults = serviceFaults(name, args);
    if (faults.length > 0) {
      throw new pulumi.ResourceError(
        `Service ${name} can't be declared:\n${faults.map((line) => `  - ${line}`).join("\n")}`,
        this,
        true,
      );
    }

    const spec = normalise(name, args, args.environment);
    this.checkReplacement(name, args);
    this.nameUnseenDrift(name, args);
    const service = this.declare(name, args, spec);
    const finished = this.finishRollout(name, args, service);
    holdBackDependents(service, finished);
    this.serviceId = pulumi.all([service.id, finished]).apply(([id]) => id);
    this.serviceName = service.name;
    this.changed = pulumi
      .all([service.urn, this.serviceId])
      .apply(([urn]) => args.environment.gate.changed(urn));
    this.registerOutputs({ serviceId: this.serviceId, serviceName: this.serviceName });
  }

  private declare(name: string, args: SwarmServiceArgs, spec: ServiceSpec): docker.Service {
    const { gate, network } = args.environment;
    const { resource } = network;
    return new docker.Service(
      name,
      {
        ...spec,
        mode: this.mode(name, args, spec),
        taskSpec: {
          ...spec.taskSpec,
          containerSpec: {
            ...spec.taskSpec.containerSpec,
            image: this.image(name, args),
            configs: (args.configs ?? []).map((file) => this.configReference(name, args.environment, file)),
            secrets: (args.secrets ?? []).map((file) => this.secretReference(name, args.environment, file)),
          },
        },
      },
      {
        parent: this,
        // Swarm notes the platforms of an image that a registry knows; they are the image's, not ours.
        ignoreChanges: ["taskSpec.placement.platforms"],
        // Swarm can't change it, and the provider tries to all the same: "must specify only one service mode".
        replaceOnChanges: ["mode.global"],
        // First of all: a network in use can't be removed.
        ...(resource !== undefined && { replaceWith: [resource] }),
        // As the provider does it, because two services can't share a name.
        deleteBeforeReplace: true,
        hooks: {
          ...(args.before !== undefined && { beforeCreate: [args.before], beforeUpdate: [args.before] }),
          afterCreate: [gate.hook],
          afterUpdate: [gate.hook],
        },
      },
    );
  }

  private image(name: string, { environment, image }: SwarmServiceArgs): pulumi.Output<string> {
    const was = environment.recorded.of("docker:index/service:Service", name)?.taskSpec;
    const recorded = (was as docker.types.output.ServiceTaskSpec | undefined)?.containerSpec.image;
    return pulumi.output(image).apply((wanted) => keptDigest(wanted, recorded));
  }

  /**
   * Waits for a rollout that goes on although there is nothing to change, see {@link unfinished}. Never rejects: a
   * failure is an error of the program.
   */
  private finishRollout(name: string, args: SwarmServiceArgs, service: docker.Service): Promise<void> {
    const { gate, namespace, observedServices } = args.environment;
    const fullName = `${namespace}_${name}`;
    const reason = unfinished(observedServices.get(fullName));
    if (reason === undefined) return Promise.resolve();
    if (pulumi.runtime.isDryRun()) {
      void pulumi.log.warn(
        `${fullName} is not what it should be yet (${reason}): up waits until it is.`,
        this,
      );
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      pulumi
        .all([service.id, service.urn])
        // What it throws is handled by nobody, and so the SDK prints it and fails the deployment.
        .apply(([id, urn]) => gate.watch({ id, urn, name: fullName }).finally(resolve));
    });
  }

  private mode(name: string, args: SwarmServiceArgs, spec: ServiceSpec): ServiceSpec["mode"] {
    const { namespace, observedServices, currentReplicas } = args.environment;
    const fullName = `${namespace}_${name}`;
    if (args.replicas !== "unmanaged" || !observedServices.has(fullName) || pulumi.runtime.isDryRun()) {
      return spec.mode;
    }
    // The autoscaler may act while the image is being built: the number that is sent is asked for after that.
    const replicas = pulumi.output(args.image).apply(async () => (await currentReplicas(fullName)) ?? 1);
    return { replicated: { replicas } };
  }

  /**
   * Names what replaces the service instead of updating it. One that keeps data is replaced only with consent.
   */
  private checkReplacement(name: string, args: SwarmServiceArgs): void {
    const { namespace, network, observedServices, allowReplace } = args.environment;
    const observed = observedServices.get(`${namespace}_${name}`);
    const wanted = {
      global: args.replicas === "global",
      containerLabels: { "com.docker.stack.namespace": namespace },
      aliases: aliases(name, args),
    };
    const reasons = serviceReplacement(observed, wanted, network.observedId).concat(
      observed === undefined ? [] : network.replacedFor,
    );
    if (reasons.length === 0) return;

    const what =
      `${namespace}_${name} can't be updated in place: it is removed and made anew, and does not run meanwhile.\n` +
      reasons.map((reason) => `  - ${reason}`).join("\n");
    if (!args.stateful || allowReplace.includes(name)) {
      void pulumi.log.warn(what, this);
      return;
    }
    const cure =
      `  It keeps data, so this needs consent: pulumi config set allowReplace ${[...allowReplace, name].join(",")}\n` +
      "  Its volume stays. Without consent: undo the change, or put right by hand what was changed by hand.";
    // A preview goes on, to show the rest as well.
    if (pulumi.runtime.isDryRun()) void pulumi.log.warn(`${what}\n${cure}\n  Until then up refuses.`, this);
    else throw new pulumi.ResourceError(`${what}\n${cure}`, this, true);
  }

  /** The diff shows only that the tasks are to be started anew; this says why. */
  private nameUnseenDrift(name: string, { environment }: SwarmServiceArgs): void {
    const fullName = `${environment.namespace}_${name}`;
    const drift = unseenDrift(environment.observedServices.get(fullName));
    if (drift.length === 0) return;
    void pulumi.log.warn(`${fullName} is updated (forceUpdate) because of ${drift.join(", ")}.`, this);
  }

  private configReference(
    name: string,
    environment: Environment,
    file: ConfigFile,
  ): docker.types.input.ServiceTaskSpecContainerSpecConfig {
    const config =
      "config" in file
        ? file.config
        : new SwarmConfig(`${name}-${file.name}`, { environment, content: file.content }, { parent: this });
    return { configId: config.configId, configName: config.configName, ...fileFields(file) };
  }

  private secretReference(
    name: string,
    environment: Environment,
    file: SecretFile,
  ): docker.types.input.ServiceTaskSpecContainerSpecSecret {
    const secret =
      "secret" in file
        ? file.secret
        : new SwarmSecret(`${name}-${file.name}`, { environment, content: file.content }, { parent: this });
    return { secretId: secret.secretId, secretName: secret.secretName, ...fileFields(file) };
  }
}

function fileFields(file: MountedFile): {
  fileName: string;
  fileMode: number;
  fileUid: string;
  fileGid: string;
} {
  return {
    fileName: file.path,
    fileMode: file.mode ?? 0o444,
    fileUid: file.uid ?? "0",
    fileGid: file.gid ?? "0",
  };
}
