import * as pulumi from "@pulumi/pulumi";
import bcrypt from "bcryptjs";
import { randomBytes } from "node:crypto";
import { dataVolume } from "../service/data-volume";
import type { Environment } from "../environment";
import { GeneratedCertificate } from "../edge/generated-certificate";
import type { RecordedState } from "../recorded-state";
import { SwarmService } from "../service/swarm-service";

export interface BuiltinRegistryArgs {
  readonly environment: Environment;
  /** Image of the registry. */
  readonly image: pulumi.Input<string>;
  /** Image of nginx, with its stream module. */
  readonly gateImage: pulumi.Input<string>;
  /** Port of every node, at which its engine reaches the registry. */
  readonly port: number;
  /** Host name of the node that has the images. @default the one that has them, else the manager's own */
  readonly node?: string | undefined;
  readonly login: BuiltinLogin;
  /** Whether destroy deletes the images. @default false */
  readonly purgeData?: boolean;
}

/** Name and password, and both as a line of htpasswd. */
export interface BuiltinLogin {
  readonly username: string;
  readonly password: string;
  readonly htpasswd: string;
}

const USERNAME = "swarm-platform";
/** Inside the overlay. */
const PORT = 5000;
const DATA = "/var/lib/registry";
/** Where it tells of its storage, inside its container alone. */
const HEALTH = "127.0.0.1:5001";
/** The gate's own health, inside its container alone. */
const GATE_HEALTH = "127.0.0.1:8081";
/** Set by the image of nginx; it needs no more rights. */
const NGINX_USER = "101:101";
const STASH = "pulumi:index:Stash";

/**
 * A registry of built images as a service of the environment, for teams that have none. Swarm publishes on every address
 * of a node, so it has TLS and a login. Engines take any certificate from 127.0.0.0/8, and so need no CA: each reaches
 * it at a port of its own node, where a global service leads to it through the overlay.
 */
export class BuiltinRegistry extends pulumi.ComponentResource {
  /** Comes when nodes can pull; known in a preview. */
  public readonly ready: pulumi.Output<string>;
  /** Whether both services were there before this run. */
  public readonly exists: boolean;

  constructor(name: string, args: BuiltinRegistryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:BuiltinRegistry", name, {}, opts);

    const { namespace, observedServices } = args.environment;
    this.exists = [name, gateName(name)].every((one) => observedServices.has(`${namespace}_${one}`));
    const registry = this.registry(name, args);
    const gate = this.gate(name, args);
    this.ready = pulumi.all([registry.serviceName, gate.serviceName]).apply((names) => names.join());
    this.registerOutputs({ ready: this.ready });
  }

  private registry(name: string, args: BuiltinRegistryArgs): SwarmService {
    const { environment, image } = args;
    const { namespace, nodeName, observedServices, certificateAuthority: authority } = environment;
    const own = { parent: this };
    // One that is there stays where its images are.
    const node = args.node ?? (observedServices.has(`${namespace}_${name}`) ? undefined : nodeName);
    const volumeArgs = { ...args, node, volume: `${namespace}_${name}-data` };
    const certificate = new GeneratedCertificate(name, { authority, names: [name, "127.0.0.1"] }, own);
    const stash = new pulumi.Stash(`${name}-login`, { input: pulumi.secret(args.login) }, own);
    const htpasswd = stash.output.apply((login: BuiltinLogin) => login.htpasswd);
    return new SwarmService(
      name,
      {
        environment,
        image,
        stateful: true,
        ...(node !== undefined && { node }),
        command: ["registry", "serve", "/etc/docker/registry/config.yml"],
        memoryMiB: 256,
        mounts: [
          { type: "volume", source: dataVolume(name, volumeArgs, this), target: DATA },
          { type: "tmpfs", target: "/tmp", sizeMiB: 16 },
        ],
        configs: [
          { name: "config", content: CONFIG, path: "/etc/docker/registry/config.yml" },
          {
            name: "certificate",
            content: certificate.certificate,
            path: "/etc/docker/registry/certificate.pem",
          },
        ],
        secrets: [
          { name: "key", content: certificate.key, path: "/run/secrets/key.pem" },
          { name: "htpasswd", content: htpasswd, path: "/run/secrets/htpasswd" },
        ],
        readOnly: true,
        capDrop: ["ALL"],
        healthcheck: {
          test: ["CMD", "wget", "-q", "-O", "/dev/null", `http://${HEALTH}/debug/health`],
          interval: 2,
          startPeriod: 10,
        },
      },
      own,
    );
  }

  /** It passes bytes on; TLS ends at the registry. */
  private gate(name: string, { environment, gateImage, port }: BuiltinRegistryArgs): SwarmService {
    return new SwarmService(
      gateName(name),
      {
        environment,
        image: gateImage,
        command: ["nginx", "-g", "daemon off;"],
        replicas: "global",
        memoryMiB: 32,
        ports: [{ target: port, published: port, mode: "host" }],
        configs: [{ name: "conf", content: gateConfig(name, port), path: "/etc/nginx/nginx.conf" }],
        user: NGINX_USER,
        readOnly: true,
        capDrop: ["ALL"],
        mounts: [{ type: "tmpfs", target: "/tmp", sizeMiB: 8 }],
        restartDelay: 1,
        stopGracePeriod: 10,
        healthcheck: {
          test: ["CMD", "curl", "-fsS", "-o", "/dev/null", `http://${GATE_HEALTH}/`],
          interval: 2,
          startPeriod: 10,
        },
      },
      { parent: this },
    );
  }
}

/**
 * The login that was made with the registry, or a new one.
 *
 * @param name of the {@link BuiltinRegistry}.
 */
export function builtinLogin(name: string, recorded: RecordedState): BuiltinLogin {
  const kept = recorded.of(STASH, `${name}-login`)?.output;
  if (kept !== undefined) return kept as BuiltinLogin;
  const password = randomBytes(24).toString("hex");
  // So long a password can't be guessed, whatever a guess costs; and every request costs one check.
  return { username: USERNAME, password, htpasswd: `${USERNAME}:${bcrypt.hashSync(password, 5)}` };
}

function gateName(name: string): string {
  return `${name}-gate`;
}

const CONFIG = `version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: ${DATA}
  delete:
    enabled: true
http:
  addr: :${PORT}
  tls:
    certificate: /etc/docker/registry/certificate.pem
    key: /run/secrets/key.pem
  debug:
    addr: ${HEALTH}
auth:
  htpasswd:
    realm: swarm-platform
    path: /run/secrets/htpasswd
health:
  storagedriver:
    enabled: true
`;

function gateConfig(name: string, port: number): string {
  return `include /etc/nginx/modules-enabled/*.conf;
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {
  worker_connections 1024;
}

stream {
  resolver 127.0.0.11 ipv6=off valid=1s;

  server {
    listen ${port};
    set $registry tasks.${name}:${PORT};
    proxy_pass $registry;
    proxy_connect_timeout 5s;
    # A push may think for long about a layer.
    proxy_timeout 10m;
  }
}

http {
  access_log off;
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;

  server {
    listen ${GATE_HEALTH};
    return 204;
  }
}
`;
}
