import * as path from "node:path";

/** One route of the edge: a path prefix and what answers it. */
export type Route = UpstreamRoute | PageRoute | RedirectRoute;

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

/** nginx sends clients to the same place by https. */
export interface RedirectRoute {
  /** Path prefix, starting with `/`. */
  readonly path: string;
  /** Port outside of a listener with TLS, 1 to 65535. */
  readonly httpsPort: number;
}

/** One port of the edge with its routes. */
export interface Listener {
  /** Port inside the container, 1 to 65535. */
  readonly port: number;
  readonly routes: readonly Route[];
  /** Whether clients come by https. Then one without TLS beside it only redirects. @default false */
  readonly tls?: boolean;
}

/** Path that nginx answers itself, whatever the state of the upstreams. */
export const HEALTH_PATH = "/healthz";

const UPSTREAM = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?:\d{1,5}$/;
const PATH = /^\/[A-Za-z0-9._~/-]*$/;
const FILE = /^\/[A-Za-z0-9._/-]+$/;
const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65535;
const redirects = (route: Route): route is RedirectRoute => "httpsPort" in route;
const passesOn = (route: Route): route is UpstreamRoute => "upstream" in route;
const endsTls = (listeners: readonly Listener[]): boolean => listeners.some(({ tls }) => tls);

/** All faults of the listeners at once, each with property, value, what is allowed; empty when there are none. */
export function listenerFaults(listeners: readonly Listener[]): string[] {
  const faults: string[] = [];
  if (listeners.length === 0) faults.push("listeners is empty; allowed: at least one listener");
  if (listeners.length > 0 && listeners.every(({ tls }) => tls)) {
    faults.push("listeners all have tls; allowed: one without, which answers the health check and redirects");
  }
  const ports = listeners.map((listener) => listener.port);
  for (const [i, listener] of listeners.entries()) {
    const at = `listeners[${i}]`;
    if (!isPort(listener.port)) {
      faults.push(`${at}.port = ${listener.port}; allowed: 1 to 65535`);
    } else if (ports.indexOf(listener.port) !== i) {
      faults.push(`${at}.port = ${listener.port}; allowed: a port that no other listener has`);
    }
    if (!listener.tls && endsTls(listeners) && !listener.routes.every(redirects)) {
      faults.push(`${at}.tls is not set; allowed: true, or redirects alone, as another listener has tls`);
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
      if (passesOn(route)) {
        if (!UPSTREAM.test(route.upstream)) {
          faults.push(
            `${where}.upstream = "${route.upstream}"; allowed: <service>:<port>, such as accountservice:6767`,
          );
        }
      } else if (redirects(route)) {
        if (!isPort(route.httpsPort)) {
          faults.push(`${where}.httpsPort = ${route.httpsPort}; allowed: 1 to 65535`);
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

/**
 * The listeners of a holder: each passes everything on to the same port of a service behind it. TLS is passed through
 * and ends there, so that another certificate leaves the ports open; a redirect needs nobody behind.
 */
export function holderListeners(listeners: readonly Listener[], service: string): Listener[] {
  return listeners.map((listener) =>
    listener.routes.length > 0 && listener.routes.every(redirects)
      ? listener
      : { ...listener, routes: [{ path: "/", upstream: `${service}:${listener.port}` }] },
  );
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
/** With TLS, a holder only redirects, and the one behind it speaks to the clients. */
const BY_PLACE_WITH_TLS: Readonly<Record<Place, readonly string[]>> = {
  edge: BY_PLACE.edge,
  holder: [LOG],
  routes: [LOG, ...FROM_CLIENTS, "set_real_ip_from 0.0.0.0/0;", "real_ip_header proxy_protocol;"],
};
/** File in the container with the certificate, those that signed it, and its key. */
export const TLS_FILE = "/run/secrets/tls.pem";
/**
 * Mozilla's intermediate configuration, version 6.0 (https://ssl-config.mozilla.org/guidelines/6.0.json), without its
 * list of curves: an OpenSSL older than 3.5 refuses the post-quantum one in it, and a newer one has it by itself.
 */
const TLS = [
  `ssl_certificate ${TLS_FILE};`,
  `ssl_certificate_key ${TLS_FILE};`,
  "ssl_protocols TLSv1.2 TLSv1.3;",
  "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" +
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;",
  "ssl_prefer_server_ciphers off;",
  "ssl_session_timeout 1d;",
  "ssl_session_cache shared:tls:10m;",
  "http2 on;",
];
/**
 * While a holder's last requests end, its ports are closed and every new one is refused. So these get what an account
 * with a quote is promised in, and not the grace period: longer costs more requests than it saves.
 */
const HOLDER_DRAIN = "\nworker_shutdown_timeout 300ms;";

/** The official nginx has stream built in; that of a distribution loads it, and names it here. */
const MODULES = "include /etc/nginx/modules-enabled/*.conf;\n";
/** Finds a service's tasks, for http and for stream. */
const RESOLVER = `  resolver 127.0.0.11 ipv6=off valid=1s;
  resolver_timeout 2s;`;

/** Since it, an upstream that keeps connections can follow its name's addresses (https://nginx.org/en/CHANGES). */
const FIRST_WITH_RESOLVE = "1.27.3";

/**
 * Whether the nginx of an image can keep connections to upstreams whose addresses come and go, by its tag; a tag that
 * is no version can't be told.
 */
export function canKeepConnections(image: string): boolean {
  const version = /:(\d+\.\d+\.\d+)(?:-[\w.-]+)?(?:@|$)/.exec(image)?.[1];
  return version !== undefined && version.localeCompare(FIRST_WITH_RESOLVE, "en", { numeric: true }) >= 0;
}

export interface NginxConfigOptions {
  /** For how long browsers use nothing but https for the name, in seconds; 0 says nothing to them. @default 0 */
  readonly hstsSeconds?: number | undefined;
  /** Whether connections to upstreams are kept, see {@link canKeepConnections}. @default false */
  readonly keepConnections?: boolean;
}

/** Idle connections that each worker keeps to each upstream. */
const KEPT = 64;

/**
 * The whole nginx.conf. Upstreams are found by Docker's DNS while it runs, so that a service may come later, move or
 * scale without a reload. Runs as any user: all it writes is under /tmp.
 *
 * No request is lost while tasks come and go. An upstream is the addresses of its tasks (`tasks.<service>`) with
 * any routing, so that there is another one to ask. Swarm takes a stopping task's name away 2 s before the stop
 * signal (moby's defaultGossipConvergeDelay), so names are remembered for 1 s. A killed task's address never answers
 * and a live task accepts within milliseconds: after 250 ms another one is asked. So it is when an answer breaks
 * off, unless the request must not be repeated (POST, PATCH, LOCK); but a holder that passes TLS through can't repeat
 * what is inside.
 */
export function renderNginxConfig(
  listeners: readonly Listener[],
  place: Place = "edge",
  { hstsSeconds = 0, keepConnections = false }: NginxConfigOptions = {},
): string {
  const passed = place === "holder" ? listeners.filter(({ tls }) => tls) : [];
  const served = listeners.filter((listener) => !passed.includes(listener));
  const upstreams = new Set(
    served.flatMap(({ routes }) => routes.filter(passesOn).map((one) => one.upstream)),
  );
  const lines = [
    ...(endsTls(listeners) ? BY_PLACE_WITH_TLS : BY_PLACE)[place],
    ...(endsTls(served) ? TLS : []),
  ];
  return `${passed.length > 0 ? MODULES : ""}worker_processes auto;${place === "holder" ? HOLDER_DRAIN : ""}
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

${RESOLVER}

  ${keepConnections ? KEPT_CONNECTIONS : CLOSED_CONNECTIONS}

  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_connect_timeout 250ms;
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
  proxy_next_upstream_timeout 5s;

${lines.map((line) => `  ${line}\n`).join("")}${keepConnections ? [...upstreams].map(renderUpstream).join("") : ""}${served
    .map((one) => renderServer(one, { place, hstsSeconds, keepConnections }))
    .join("")}}
${passed.length > 0 ? renderStream(passed) : ""}`;
}

/** What a request says to an upstream of their connection, unless it becomes another protocol. */
const connectionHeader = (plain: string): string => `map $http_upgrade $connection_upgrade {
    default upgrade;
    ''      ${plain};
  }`;
const KEPT_CONNECTIONS = connectionHeader("''");
const CLOSED_CONNECTIONS = `# No connection to an upstream is kept: said so, it closes them, and not nginx, whose ports would run out.
  ${connectionHeader("close")}`;

/** Its place among the others is not lost by a failure: who is gone loses its name, and is no longer asked. */
function renderUpstream(upstream: string): string {
  const name = upstreamName(upstream);
  return `
  upstream ${name} {
    zone ${name} 256k;
    server tasks.${upstream} resolve max_fails=0;
    keepalive ${KEPT};
  }
`;
}

function upstreamName(upstream: string): string {
  return upstream.replace(":", "_");
}

interface ServerOptions {
  readonly place: Place;
  readonly hstsSeconds: number;
  readonly keepConnections: boolean;
}

function renderServer(
  { port, routes, tls }: Listener,
  { place, hstsSeconds, keepConnections }: ServerOptions,
): string {
  const lines = [`listen ${port};`];
  if (tls) {
    lines[0] = `listen ${port} ssl${place === "routes" ? " proxy_protocol" : ""};`;
    // Who comes by http is sent to https at the same port.
    lines.push("error_page 497 =308 https://$http_host$request_uri;");
    if (hstsSeconds > 0) lines.push(`add_header Strict-Transport-Security "max-age=${hstsSeconds}" always;`);
  }
  return `
  server {
${lines.map((line) => `    ${line}\n`).join("")}
    location = ${HEALTH_PATH} {
      access_log off;
      default_type text/plain;
      return 200 "ok\\n";
    }
${routes.map((route) => renderRoute(route, keepConnections)).join("")}  }
`;
}

/** TLS connections go on as they are, with the client's address in front (PROXY protocol). */
function renderStream(listeners: readonly Listener[]): string {
  const servers = listeners.flatMap(({ port, routes }) =>
    routes.filter(passesOn).map(
      ({ upstream }) => `
  server {
    listen ${port};
    set $upstream tasks.${upstream};
    proxy_pass $upstream;
  }
`,
    ),
  );
  return `
stream {
${RESOLVER}

  proxy_protocol on;
  proxy_connect_timeout 250ms;
  proxy_next_upstream_tries 3;
  proxy_next_upstream_timeout 5s;
${servers.join("")}}
`;
}

function renderRoute(route: Route, keepConnections: boolean): string {
  if ("file" in route) {
    return `
    location = ${route.path} {
      root ${path.dirname(route.file)};
      try_files /${path.basename(route.file)} =404;
    }
`;
  }
  if (redirects(route)) {
    const port = route.httpsPort === 443 ? "" : `:${route.httpsPort}`;
    // 308 and not 301: a POST stays one.
    return `
    location ${route.path} {
      return 308 https://$host${port}$request_uri;
    }
`;
  }
  const pass = keepConnections
    ? `proxy_pass http://${upstreamName(route.upstream)};`
    : `set $upstream tasks.${route.upstream};
      proxy_pass http://$upstream;`;
  return `
    location ${route.path} {
      ${pass}
    }
`;
}
