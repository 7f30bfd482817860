import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Routing } from "../config";
import type { NamedObject } from "./content-name";
import type { ApiService } from "./engine/engine";
import { CertificateAuthority } from "./edge/generated-certificate";
import type { RegistryLogin } from "./images/registry-auth";
import type { RecordedState } from "./recorded-state";
import type { RolloutGate } from "./rollout/rollout-gate";

export interface EnvironmentArgs {
  /** Engine API of a manager, as in DOCKER_HOST. */
  readonly host: string;
  /** Host name of the manager's own node. */
  readonly nodeName: string;
  /** Prefix of every name on the swarm. */
  readonly namespace: string;
  /** Overlay network that every service joins. */
  readonly network: {
    readonly networkId: pulumi.Input<string>;
    /** The resource itself, with which services are replaced. */
    readonly resource?: pulumi.Resource;
    readonly observedId: string | undefined;
    readonly replacedFor: readonly string[];
  };
  readonly routing: Routing;
  /** IANA time zone, set as TZ in every service. */
  readonly timezone: string;
  /** Fails when the rollout of a service does. */
  readonly gate: RolloutGate;
  /** How long one rollout may take. */
  readonly rolloutTimeoutSeconds: number;
  /** Host names of the swarm's nodes, those that join in this run included; none when there is no swarm yet. */
  readonly nodeNames: readonly string[];
  readonly recorded: RecordedState;
  /** Services that were there before this run, by full name. */
  readonly observedServices: ReadonlyMap<string, ApiService>;
  /** The manager's volumes that were there before this run, by full name. */
  readonly observedVolumes: readonly string[];
  /** Configs that were there before this run. */
  readonly observedConfigs: readonly NamedObject[];
  /** Secrets that were there before this run. */
  readonly observedSecrets: readonly NamedObject[];
  /** Number of tasks that a service should have right now, by full name; undefined when it is not there. */
  readonly currentReplicas: (serviceName: string) => Promise<number | undefined>;
  /** With which nodes pull built images; undefined without a login. */
  readonly registryLogin: RegistryLogin | undefined;
  /** Short names of the stateful services that may be replaced. */
  readonly allowReplace: readonly string[];
  /** @default one of this environment's own */
  readonly nameKey?: SecretNameKey;
}

/**
 * Secret key for the hashes in secrets' names, made once per Pulumi stack and kept in its state. One without secrets has
 * none.
 */
export class SecretNameKey {
  private key: pulumi.Output<string> | undefined;

  constructor(private readonly opts?: pulumi.CustomResourceOptions) {}

  get value(): pulumi.Output<string> {
    this.key ??= new command.local.Command(
      "secret-name-key",
      {
        create: "head -c 32 /dev/urandom | base64",
        // Marked as secret alone it would still be printed while it is made (pulumi/pulumi-command#260).
        logging: command.local.Logging.None,
      },
      { ...this.opts, additionalSecretOutputs: ["stdout"] },
    ).stdout;
    return this.key;
  }
}

/** What all services of one environment share. */
export class Environment implements Omit<EnvironmentArgs, "nameKey"> {
  readonly host: EnvironmentArgs["host"];
  readonly nodeName: EnvironmentArgs["nodeName"];
  readonly namespace: EnvironmentArgs["namespace"];
  readonly network: EnvironmentArgs["network"];
  readonly routing: EnvironmentArgs["routing"];
  readonly timezone: EnvironmentArgs["timezone"];
  readonly gate: EnvironmentArgs["gate"];
  readonly rolloutTimeoutSeconds: EnvironmentArgs["rolloutTimeoutSeconds"];
  readonly nodeNames: EnvironmentArgs["nodeNames"];
  readonly recorded: EnvironmentArgs["recorded"];
  readonly observedServices: EnvironmentArgs["observedServices"];
  readonly observedVolumes: EnvironmentArgs["observedVolumes"];
  readonly observedConfigs: EnvironmentArgs["observedConfigs"];
  readonly observedSecrets: EnvironmentArgs["observedSecrets"];
  readonly currentReplicas: EnvironmentArgs["currentReplicas"];
  readonly registryLogin: EnvironmentArgs["registryLogin"];
  readonly allowReplace: EnvironmentArgs["allowReplace"];
  private readonly nameKey: SecretNameKey;
  private authority: CertificateAuthority | undefined;

  constructor(
    args: EnvironmentArgs,
    private readonly opts?: pulumi.CustomResourceOptions,
  ) {
    this.host = args.host;
    this.nodeName = args.nodeName;
    this.namespace = args.namespace;
    this.network = args.network;
    this.routing = args.routing;
    this.timezone = args.timezone;
    this.gate = args.gate;
    this.rolloutTimeoutSeconds = args.rolloutTimeoutSeconds;
    this.nodeNames = args.nodeNames;
    this.recorded = args.recorded;
    this.observedServices = args.observedServices;
    this.observedVolumes = args.observedVolumes;
    this.observedConfigs = args.observedConfigs;
    this.observedSecrets = args.observedSecrets;
    this.currentReplicas = args.currentReplicas;
    this.registryLogin = args.registryLogin;
    this.allowReplace = args.allowReplace;
    this.nameKey = args.nameKey ?? new SecretNameKey(opts);
  }

  /** See {@link SecretNameKey}. */
  get secretNameKey(): pulumi.Output<string> {
    return this.nameKey.value;
  }

  /** Signs the environment's own certificates. An environment that needs none has no authority. */
  get certificateAuthority(): CertificateAuthority {
    this.authority ??= new CertificateAuthority(
      "certificate-authority",
      `swarm-platform ${this.namespace}`,
      this.opts,
    );
    return this.authority;
  }
}
