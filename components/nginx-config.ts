import * as path from "node:path";

/** One route of the edge: a path prefix and what answers it. */
export type Route = UpstreamRoute | PageRoute;

/** Requests go on to a service of the platform. */
export interface UpstreamRoute {
  /** Path prefix, starting with `/`. */
  readonly path: string;
  /** Service of the overlay and port of its tasks, such as `accountservice:6767`; not another host's name. */
  readonly upstream: string;
}

/** nginx itself answers with a page. */
export interface PageRoute {
  /** Exact path, starting with `/`. */
  readonly path: string;
  /** File inside the container. */
  readonly file: string;
}

/** One port of the edge with its routes. */
export interface Listener {
  /** Port inside the container, 1 to 65535. */
  readonly port: number;
  readonly routes: readonly Route[];
}

/** Path that nginx answers itself, whatever the state of the upstreams. */
export const HEALTH_PATH = "/healthz";

const UPSTREAM = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?:\d{1,5}$/;
const PATH = /^\/[A-Za-z0-9._~/-]*$/;
const FILE = /^\/[A-Za-z0-9._/-]+$/;

/** All faults of the listeners at once, each with property, value, what is allowed; empty when there are none. */
export function listenerFaults(listeners: readonly Listener[]): string[] {
  const faults: string[] = [];
  if (listeners.length === 0) faults.push("listeners is empty; allowed: at least one listener");
  const ports = listeners.map((listener) => listener.port);
  for (const [i, listener] of listeners.entries()) {
    const at = `listeners[${i}]`;
    if (!Number.isInteger(listener.port) || listener.port < 1 || listener.port > 65535) {
      faults.push(`${at}.port = ${listener.port}; allowed: 1 to 65535`);
    } else if (ports.indexOf(listener.port) !== i) {
      faults.push(`${at}.port = ${listener.port}; allowed: a port that no other listener has`);
    }
    const paths = listener.routes.map((route) => route.path);
    for (const [j, route] of listener.routes.entries()) {
      const where = `${at}.routes[${j}]`;
      if (!PATH.test(route.path)) {
        faults.push(
          `${where}.path = "${route.path}"; allowed: "/" followed by letters, digits, ".", "_", "~", "-" and "/"`,
        );
      } else if (route.path === HEALTH_PATH) {
        faults.push(
          `${where}.path = "${route.path}"; allowed: any other path, nginx answers this one itself`,
        );
      } else if (paths.indexOf(route.path) !== j) {
        faults.push(
          `${where}.path = "${route.path}"; allowed: a path that no other route of the listener has`,
        );
      }
      if ("upstream" in route) {
        if (!UPSTREAM.test(route.upstream)) {
          faults.push(
            `${where}.upstream = "${route.upstream}"; allowed: <service>:<port>, such as accountservice:6767`,
          );
        }
      } else if (!FILE.test(route.file)) {
        faults.push(`${where}.file = "${route.file}"; allowed: an absolute path in the container`);
      }
    }
  }
  return faults;
}

/**
 * Where an nginx stands. edge: clients connect to it, and it has the routes. With ports in host mode the two are
 * apart, so that a route can change while the ports stay open: holder has the ports, routes is behind it.
 */
export type Place = "edge" | "holder" | "routes";

/** The listeners of a holder: each passes everything on to the same port of a service behind it. */
export function holderListeners(listeners: readonly Listener[], service: string): Listener[] {
  return listeners.map(({ port }) => ({ port, routes: [{ path: "/", upstream: `${service}:${port}` }] }));
}

const LOG = "access_log /dev/stdout json;";
/** Said by the one that clients connect to; what is behind it passes it on. */
const FROM_CLIENTS = [
  "proxy_set_header X-Real-IP $remote_addr;",
  "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
  "proxy_set_header X-Forwarded-Proto $scheme;",
];
const BY_PLACE: Readonly<Record<Place, readonly string[]>> = {
  edge: [LOG, ...FROM_CLIENTS],
  // The one behind it logs, because that one knows the upstream; what does not reach it is in the error log.
  holder: ["access_log off;", ...FROM_CLIENTS],
  // It publishes no port: who connects to it is the holder, which has set the header itself.
  routes: [LOG, "set_real_ip_from 0.0.0.0/0;", "real_ip_header X-Real-IP;"],
};
/**
 * While a holder's last requests end, its ports are closed and every new one is refused. So these get what an account
 * with a quote is promised in, and not the grace period: longer costs more requests than it saves.
 */
const HOLDER_DRAIN = "\nworker_shutdown_timeout 300ms;";

/**
 * The whole nginx.conf. Upstreams are variables behind Docker's DNS, so that a service may come later, move or
 * scale without a reload. Runs as any user: all it writes is under /tmp.
 *
 * No request is lost while tasks come and go. An upstream is the addresses of its tasks (`tasks.<service>`) with
 * any routing, so that there is another one to ask. Swarm takes a stopping task's name away 2 s before the stop
 * signal (moby's defaultGossipConvergeDelay), so names are remembered for 1 s. A killed task's address never answers
 * and a live task accepts within milliseconds: after 250 ms another one is asked. So it is when an answer breaks
 * off, unless the request must not be repeated (POST, PATCH, LOCK).
 */
export function renderNginxConfig(listeners: readonly Listener[], place: Place = "edge"): string {
  return `worker_processes auto;${place === "holder" ? HOLDER_DRAIN : ""}
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {
  worker_connections 4096;
}

http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;

  log_format json escape=json
    '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","uri":"$request_uri",'
    '"status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,"upstream":"$upstream_addr",'
    '"upstreamStatus":"$upstream_status","upstreamSeconds":"$upstream_response_time","agent":"$http_user_agent"}';

  server_tokens off;
  sendfile on;
  keepalive_timeout 65s;
  reset_timedout_connection on;

  resolver 127.0.0.11 ipv6=off valid=1s;
  resolver_timeout 2s;

  # No connection to an upstream is kept: said so, it closes them, and not nginx, whose ports would run out.
  map $http_upgrade $connection_upgrade {
    default upgrade;
    ''      close;
  }

  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_connect_timeout 250ms;
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
  proxy_next_upstream_timeout 5s;

${BY_PLACE[place].map((line) => `  ${line}\n`).join("")}${listeners.map(renderServer).join("")}}
`;
}

function renderServer(listener: Listener): string {
  return `
  server {
    listen ${listener.port};

    location = ${HEALTH_PATH} {
      access_log off;
      default_type text/plain;
      return 200 "ok\\n";
    }
${listener.routes.map(renderRoute).join("")}  }
`;
}

function renderRoute(route: Route): string {
  if ("file" in route) {
    return `
    location = ${route.path} {
      root ${path.dirname(route.file)};
      try_files /${path.basename(route.file)} =404;
    }
`;
  }
  return `
    location ${route.path} {
      set $upstream tasks.${route.upstream};
      proxy_pass http://$upstream;
    }
`;
}
