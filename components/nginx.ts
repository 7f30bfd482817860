import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "./environment";
import { HEALTH_PATH, Listener, listenerFaults, renderNginxConfig } from "./nginx-config";
import { renderStatusPage, StatusLink } from "./status-page";
import { SwarmService } from "./swarm-service";

/** A listener of the edge and the port under which clients outside reach it. */
export interface PublishedListener extends Listener {
  readonly published: number;
}

export interface NginxArgs {
  readonly environment: Environment;
  readonly image: pulumi.Input<string>;
  /** The first one answers the health check. */
  readonly listeners: readonly PublishedListener[];
  /** What the front page names and asks; it is the file {@link STATUS_PAGE}. */
  readonly statusPage: { readonly title: string; readonly links: readonly StatusLink[] };
  /** @default 1 */
  readonly replicas?: number;
  /** Memory limit of one task in MiB. @default 64 */
  readonly memoryMiB?: number;
}

/** File of the front page inside the container, for a route. */
export const STATUS_PAGE = "/srv/status.html";

/** The user of the official image and of Debian's package layout made like it. */
const NGINX_USER = "101:101";

/** The edge: the one way in, by routes that are data. */
export class Nginx extends pulumi.ComponentResource {
  public readonly serviceName: pulumi.Output<string>;

  constructor(name: string, args: NginxArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:Nginx", name, {}, opts);

    const faults = listenerFaults(args.listeners);
    if (faults.length > 0) {
      throw new pulumi.ResourceError(
        `The edge ${name} can't be configured:\n${faults.map((line) => `  - ${line}`).join("\n")}`,
        this,
        true,
      );
    }

    const [first] = args.listeners;
    const service = new SwarmService(
      name,
      {
        environment: args.environment,
        image: args.image,
        replicas: args.replicas ?? 1,
        memoryMiB: args.memoryMiB ?? 64,
        ports: args.listeners.map(({ port, published }) => ({ target: port, published })),
        configs: [
          { name: "conf", content: renderNginxConfig(args.listeners), path: "/etc/nginx/nginx.conf" },
          {
            name: "status",
            content: renderStatusPage(args.statusPage.title, args.statusPage.links),
            path: STATUS_PAGE,
          },
        ],
        user: NGINX_USER,
        readOnly: true,
        capDrop: ["ALL"],
        mounts: [{ type: "tmpfs", target: "/tmp", sizeMiB: 32 }],
        // SIGQUIT lets requests in flight end; the grace period is the longest that one may take.
        stopSignal: "SIGQUIT",
        stopGracePeriod: 30,
        healthcheck: {
          test: ["CMD", "curl", "-fsS", "-o", "/dev/null", `http://127.0.0.1:${first?.port}${HEALTH_PATH}`],
          interval: 2,
          startPeriod: 10,
        },
      },
      { parent: this },
    );
    this.serviceName = service.serviceName;
    this.registerOutputs({ serviceName: this.serviceName });
  }
}
