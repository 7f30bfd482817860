import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "./environment";
import { SwarmService } from "./service/swarm-service";

export interface QuotesServiceArgs {
  readonly environment: Environment;
  readonly image: pulumi.Input<string>;
  /** @default 1 */
  readonly replicas?: number | "unmanaged";
  /** Memory limit of one task in MiB. @default 64 */
  readonly memoryMiB?: number;
}

/** Port inside the environment. */
export const QUOTES_SERVICE_PORT = 8080;

/** Quotes over HTTP, for services of the environment only: never published. */
export class QuotesService extends pulumi.ComponentResource {
  /** Base URL inside the environment. */
  public readonly url: string;
  public readonly serviceName: pulumi.Output<string>;

  constructor(name: string, args: QuotesServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:QuotesService", name, {}, opts);

    this.url = `http://${name}:${QUOTES_SERVICE_PORT}`;
    const service = new SwarmService(
      name,
      {
        environment: args.environment,
        image: args.image,
        replicas: args.replicas ?? 1,
        memoryMiB: args.memoryMiB ?? 64,
        // Set by the image too.
        user: "65534:65534",
        readOnly: true,
        capDrop: ["ALL"],
        stopGracePeriod: 20,
        healthcheck: { test: ["CMD", "/quotes-service", "healthcheck"], interval: 2, startPeriod: 10 },
      },
      { parent: this },
    );
    this.serviceName = service.serviceName;
    this.registerOutputs({ url: this.url, serviceName: this.serviceName });
  }
}
