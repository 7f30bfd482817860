import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../environment";
import {
  HEALTH_PATH,
  holderListeners,
  Listener,
  listenerFaults,
  Place,
  renderNginxConfig,
  TLS_FILE,
} from "./nginx-config";
import { renderStatusPage, StatusLink } from "./status-page";
import { ConfigFile, SecretFile, SwarmService, SwarmServiceArgs } from "../service/swarm-service";

/** A listener of the edge and the port under which clients outside reach it. */
export interface PublishedListener extends Listener {
  readonly published: number;
}

/** What listeners with TLS show to clients; all PEM. */
export interface EdgeCertificate {
  /** The server's own first, then those that signed it. */
  readonly certificate: pulumi.Input<string>;
  /** Its private key, without a passphrase; treated as a secret whether it is one or not. */
  readonly key: pulumi.Input<string>;
  /** For how long browsers use nothing but https for the name and all its ports, in seconds. @default 0, not said */
  readonly hstsSeconds?: number;
}

export interface NginxArgs {
  readonly environment: Environment;
  readonly image: pulumi.Input<string>;
  /** The first one without TLS answers the health check. */
  readonly listeners: readonly PublishedListener[];
  /** Needed when a listener has TLS. @default none */
  readonly tls?: EdgeCertificate | undefined;
  /** What the front page names and asks; it is the file {@link STATUS_PAGE}. */
  readonly statusPage: { readonly title: string; readonly links: readonly StatusLink[] };
  /** Whether connections to upstreams are kept; not every nginx can. @default false */
  readonly keepConnections?: boolean;
  /** "global": one on each node. @default 1 */
  readonly replicas?: number | "global" | "unmanaged";
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
 * edge is two services: `<name>` only holds the ports, `<name>-routes` behind it has routes, pages and certificate,
 * and changes of those lose no request. It has two tasks at least, so that a killed one loses none either. In the
 * mesh the edge is `<name>` alone, which is updated start-first.
 */
export class Nginx extends pulumi.ComponentResource {
  public readonly serviceName: pulumi.Output<string>;

  constructor(name: string, args: NginxArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:Nginx", name, {}, opts);

    const faults = listenerFaults(args.listeners);
    if (args.tls === undefined && args.listeners.some((listener) => listener.tls)) {
      faults.push("tls is not set; allowed: a certificate and its key, as a listener has tls");
    }
    if (faults.length > 0) {
      throw new pulumi.ResourceError(
        `The edge ${name} can't be configured:\n${faults.map((line) => `  - ${line}`).join("\n")}`,
        this,
        true,
      );
    }

    const { listeners, tls, keepConnections = false } = args;
    const ports = listeners.map(({ port, published }) => ({ target: port, published }));
    const status = renderStatusPage(args.statusPage.title, args.statusPage.links);
    const page = { name: "status", content: status, path: STATUS_PAGE };
    const conf = (of: readonly Listener[], place: Place): ConfigFile => ({
      name: "conf",
      content: renderNginxConfig(of, place, { hstsSeconds: tls?.hstsSeconds, keepConnections }),
      path: "/etc/nginx/nginx.conf",
    });

    const secrets = tls === undefined ? [] : [secretFile(tls)];

    let service: SwarmService;
    if (args.environment.routing === "mesh") {
      service = this.service(name, args, {
        ports,
        configs: [conf(listeners, "edge"), page],
        secrets,
      });
    } else {
      const behind = `${name}-routes`;
      const replicas = args.replicas === undefined || args.replicas === 1 ? 2 : args.replicas;
      const routes = this.service(
        behind,
        { ...args, replicas },
        { configs: [conf(listeners, "routes"), page], secrets },
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
    own: Pick<SwarmServiceArgs, "ports" | "configs" | "secrets" | "restartDelay">,
    opts: pulumi.ComponentResourceOptions = {},
  ): SwarmService {
    const plain = args.listeners.find(({ tls }) => !tls);
    const health = `http://127.0.0.1:${plain?.port}${HEALTH_PATH}`;
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

/** One file, so that certificate and key change together. */
function secretFile({ certificate, key }: EdgeCertificate): SecretFile {
  const pems = pulumi.all([certificate, pulumi.secret(key)]);
  const [uid, gid] = NGINX_USER.split(":");
  return {
    name: "tls",
    content: pems.apply((parts) => parts.map((pem) => `${pem.trim()}\n`).join("")),
    path: TLS_FILE,
    mode: 0o400,
    uid,
    gid,
  };
}
