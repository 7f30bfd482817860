import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "./environment";
import {
  HEALTH_PATH,
  holderListeners,
  Listener,
  listenerFaults,
  Place,
  renderNginxConfig,
} from "./nginx-config";
import { renderStatusPage, StatusLink } from "./status-page";
import { ConfigFile, SwarmService, SwarmServiceArgs } from "./swarm-service";

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
  readonly replicas?: number | "unmanaged";
  /** Memory limit of one task in MiB. @default 64 */
  readonly memoryMiB?: number;
}

/** File of the front page inside the container, for a route. */
export const STATUS_PAGE = "/srv/status.html";

/** The user of the official image and of Debian's package layout made like it. */
const NGINX_USER = "101:101";

/**
 * The edge: the one way in, by routes that are data.
 *
 * A port in host mode has one task at a time, and Swarm takes a second to give it to the next one. There, the
 * edge is two services: `<name>` only holds the ports, `<name>-routes` behind it has routes and pages, and
 * changes of those lose no request. It has two tasks at least, so that a killed one loses none either. In the
 * mesh the edge is `<name>` alone, which is updated start-first.
 */
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

    const { listeners } = args;
    const ports = listeners.map(({ port, published }) => ({ target: port, published }));
    const status = renderStatusPage(args.statusPage.title, args.statusPage.links);
    const page = { name: "status", content: status, path: STATUS_PAGE };
    const conf = (of: readonly Listener[], place: Place): ConfigFile => ({
      name: "conf",
      content: renderNginxConfig(of, place),
      path: "/etc/nginx/nginx.conf",
    });

    let service: SwarmService;
    if (args.environment.routing === "mesh") {
      service = this.service(name, args, { ports, configs: [conf(listeners, "edge"), page] });
    } else {
      const behind = `${name}-routes`;
      const replicas = args.replicas === undefined || args.replicas === 1 ? 2 : args.replicas;
      const routes = this.service(
        behind,
        { ...args, replicas },
        { configs: [conf(listeners, "routes"), page] },
      );
      const holder = conf(holderListeners(listeners, behind), "holder");
      // Nobody answers until the next task has the ports; most of that would be the usual delay.
      const own = { ports, configs: [holder], restartDelay: 1 };
      service = this.service(name, args, own, { dependsOn: routes });
    }
    this.serviceName = service.serviceName;
    this.registerOutputs({ serviceName: this.serviceName });
  }

  private service(
    name: string,
    args: NginxArgs,
    own: Pick<SwarmServiceArgs, "ports" | "configs" | "restartDelay">,
    opts: pulumi.ComponentResourceOptions = {},
  ): SwarmService {
    const health = `http://127.0.0.1:${args.listeners[0]?.port}${HEALTH_PATH}`;
    return new SwarmService(
      name,
      {
        environment: args.environment,
        image: args.image,
        // Without the official image's entrypoint, whose scripts edit files that are read-only here.
        command: ["nginx", "-g", "daemon off;"],
        replicas: args.replicas ?? 1,
        memoryMiB: args.memoryMiB ?? 64,
        ...own,
        user: NGINX_USER,
        readOnly: true,
        capDrop: ["ALL"],
        mounts: [{ type: "tmpfs", target: "/tmp", sizeMiB: 32 }],
        // SIGQUIT lets requests in flight end; the grace period is the longest that one may take.
        stopSignal: "SIGQUIT",
        stopGracePeriod: 30,
        healthcheck: {
          test: ["CMD", "curl", "-fsS", "-o", "/dev/null", health],
          interval: 2,
          startPeriod: 10,
        },
      },
      { parent: this, ...opts },
    );
  }
}
