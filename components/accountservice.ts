import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "./environment";
import { SwarmService } from "./service/swarm-service";

export interface AccountServiceArgs {
  readonly environment: Environment;
  readonly image: pulumi.Input<string>;
  /** Where quotes are asked for, such as http://quotes-service:8080/api/quote?strength=4. */
  readonly quotesUrl: string;
  /** Bootstrap addresses of Kafka, separated by commas, for an event per lookup. @default no events */
  readonly kafkaBrokers?: string;
  /** @default 2 */
  readonly replicas?: number | "unmanaged";
  /** Memory limit of one task in MiB. @default 64 */
  readonly memoryMiB?: number;
}

/** The topic of its events. */
export const ACCOUNT_EVENTS = { name: "account.viewed", partitions: 3 };

/** Port inside the environment. */
export const ACCOUNTSERVICE_PORT = 6767;

/** Accounts over HTTP, each with a quote on demand. Not published: the edge leads to it. */
export class AccountService extends pulumi.ComponentResource {
  /** `name:port` inside the environment. */
  public readonly upstream: string;
  public readonly serviceName: pulumi.Output<string>;

  constructor(name: string, args: AccountServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:AccountService", name, {}, opts);

    this.upstream = `${name}:${ACCOUNTSERVICE_PORT}`;
    const service = new SwarmService(
      name,
      {
        environment: args.environment,
        image: args.image,
        // Not an environment variable: with a second one, scaling would restart the tasks (see ServiceOptions.env).
        args: [
          "-quotes-url",
          args.quotesUrl,
          ...(args.kafkaBrokers === undefined ? [] : ["-kafka-brokers", args.kafkaBrokers]),
        ],
        replicas: args.replicas ?? 2,
        memoryMiB: args.memoryMiB ?? 64,
        // Set by the image too.
        user: "65534:65534",
        readOnly: true,
        capDrop: ["ALL"],
        mounts: [{ type: "tmpfs", target: "/tmp", sizeMiB: 16 }],
        stopGracePeriod: 20,
        healthcheck: { test: ["CMD", "/accountservice", "healthcheck"], interval: 2, startPeriod: 10 },
      },
      { parent: this },
    );
    this.serviceName = service.serviceName;
    this.registerOutputs({ upstream: this.upstream, serviceName: this.serviceName });
  }
}
