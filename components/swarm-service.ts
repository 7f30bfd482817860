import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "./environment";
import { normalise, ServiceSpec, serviceFaults, ServiceOptions } from "./service-spec";
import { SwarmConfig } from "./swarm-config";
import { SwarmSecret } from "./swarm-secret";

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
}

/**
 * A service on the swarm, named `<namespace>_<name>` and reachable inside the environment as `<name>`.
 * The base of all services here: its defaults are those of production, and every field that the engine
 * would fill in is declared, so that drift in it shows.
 */
export class SwarmService extends pulumi.ComponentResource {
  public readonly serviceId: pulumi.Output<string>;
  public readonly serviceName: pulumi.Output<string>;

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

    const service = this.declare(name, args, normalise(name, args, args.environment));
    this.serviceId = service.id;
    this.serviceName = service.name;
    this.registerOutputs({ serviceId: this.serviceId, serviceName: this.serviceName });
  }

  private declare(name: string, args: SwarmServiceArgs, spec: ServiceSpec): docker.Service {
    const { gate } = args.environment;
    return new docker.Service(
      name,
      {
        ...spec,
        taskSpec: {
          ...spec.taskSpec,
          containerSpec: {
            ...spec.taskSpec.containerSpec,
            configs: (args.configs ?? []).map((file) => this.configReference(name, args.environment, file)),
            secrets: (args.secrets ?? []).map((file) => this.secretReference(name, args.environment, file)),
          },
        },
      },
      {
        parent: this,
        // Swarm notes the platforms of an image that a registry knows; they are the image's, not ours.
        ignoreChanges: ["taskSpec.placement.platforms"],
        hooks: { afterCreate: [gate], afterUpdate: [gate] },
      },
    );
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
