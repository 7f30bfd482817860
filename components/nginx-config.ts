import * as path from "node:path";

/** One route of the edge: a path prefix and what answers it. */
export type Route = UpstreamRoute | PageRoute;

/** Requests go on to a service of the platform. */
export interface UpstreamRoute {
  /** Path prefix, starting with `/`. */
  readonly path: string;
  /** Service and port inside the overlay, such as `accountservice:6767`. */
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
 * The whole nginx.conf of an edge. Upstreams are variables behind Docker's DNS, so that a service may
 * come later, move or scale without a reload. Runs as any user: all it writes is under /tmp.
 */
export function renderNginxConfig(listeners: readonly Listener[]): string {
  return `worker_processes auto;
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
  access_log /dev/stdout json;

  server_tokens off;
  sendfile on;
  keepalive_timeout 65s;
  reset_timedout_connection on;

  resolver 127.0.0.11 ipv6=off valid=5s;
  resolver_timeout 2s;

  map $http_upgrade $connection_upgrade {
    default upgrade;
    ''      '';
  }

  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_connect_timeout 2s;
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
${listeners.map(renderServer).join("")}}
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
      set $upstream ${route.upstream};
      proxy_pass http://$upstream;
    }
`;
}
