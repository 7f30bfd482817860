import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Routing } from "../config";

export interface EnvironmentArgs {
  /** Prefix of every name on the swarm. */
  readonly namespace: string;
  /** Overlay network that every service joins. */
  readonly networkId: pulumi.Input<string>;
  readonly routing: Routing;
  /** IANA time zone, set as TZ in every service. */
  readonly timezone: string;
  /** Runs after each create and update of a service and fails when its rollout does. */
  readonly gate: pulumi.ResourceHook;
}

/** What all services of one environment share. */
export class Environment {
  readonly namespace: string;
  readonly networkId: pulumi.Input<string>;
  readonly routing: Routing;
  readonly timezone: string;
  readonly gate: pulumi.ResourceHook;
  private key: pulumi.Output<string> | undefined;

  constructor(
    args: EnvironmentArgs,
    private readonly opts?: pulumi.CustomResourceOptions,
  ) {
    this.namespace = args.namespace;
    this.networkId = args.networkId;
    this.routing = args.routing;
    this.timezone = args.timezone;
    this.gate = args.gate;
  }

  /**
   * Secret key for the hashes in secrets' names, made once per environment and kept in its state. An
   * environment without secrets has none.
   */
  get secretNameKey(): pulumi.Output<string> {
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
