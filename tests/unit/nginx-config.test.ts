import {
  canKeepConnections,
  holderListeners,
  Listener,
  listenerFaults,
  Place,
  renderNginxConfig,
  Route,
} from "../../components/edge/nginx-config";

const accounts: Route = { path: "/accounts/", upstream: "accountservice:6767" };
const page: Route = { path: "/", file: "/srv/status.html" };
const listener = (...routes: Route[]): Listener => ({ port: 8080, routes });

/** The blocks that a word opens, with what is inside, each line trimmed. */
function blocks(config: string, opening: string): string[][] {
  const found: string[][] = [];
  const lines = config.split("\n");
  for (const [start, line] of lines.entries()) {
    if (!line.trim().startsWith(opening)) continue;
    const indent = /^ */.exec(line)?.[0] ?? "";
    const end = lines.indexOf(`${indent}}`, start);
    found.push(lines.slice(start + 1, end).map((one) => one.trim()));
  }
  return found;
}

describe("the rendered configuration", () => {
  const config = renderNginxConfig([
    listener(page, accounts),
    { port: 6767, routes: [{ ...accounts, path: "/" }] },
  ]);

  test("has one server for each listener, in order", () => {
    expect(blocks(config, "server {").map((lines) => lines[0])).toEqual(["listen 8080;", "listen 6767;"]);
  });

  test("resolves upstreams while it runs, so that a service may come later or move", () => {
    // Swarm's notice is 2 s, and nginx counts whole seconds.
    expect(config).toContain("resolver 127.0.0.11 ipv6=off valid=1s;");
    expect(blocks(config, "location /accounts/ {")).toEqual([
      ["set $upstream tasks.accountservice:6767;", "proxy_pass http://$upstream;"],
    ]);
    // A literal name would be resolved once, at start.
    expect(config.match(/proxy_pass [^;]+/g)).toEqual([
      "proxy_pass http://$upstream",
      "proxy_pass http://$upstream",
    ]);
  });

  test("answers a page from its own folder only", () => {
    expect(blocks(config, "location = / {")).toEqual([["root /srv;", "try_files /status.html =404;"]]);
  });

  test("answers the health check of each listener itself", () => {
    const health = ["access_log off;", "default_type text/plain;", 'return 200 "ok\\n";'];
    expect(blocks(config, "location = /healthz {")).toEqual([health, health]);
  });

  test("logs one JSON object a request, with what the upstream did", () => {
    const format = /log_format json escape=json\n([^;]+);/.exec(config)?.[1] ?? "";
    const line = format.replace(/^\s*'|'$/gm, "").replace(/\n/g, "");
    const filled = line.replace(/\$(status|body_bytes_sent|request_time)\b/g, "1").replace(/\$\w+/g, "x");
    expect(Object.keys(JSON.parse(filled) as object)).toEqual([
      ..."time client method uri status bytes seconds upstream upstreamStatus upstreamSeconds agent".split(
        " ",
      ),
    ]);
    expect(config).toContain("access_log /dev/stdout json;");
  });

  test("writes nothing outside of /tmp, so that the root may be read-only", () => {
    const paths = [...config.matchAll(/(?:pid|_temp_path) (\S+);/g)].map(([, path]) => path ?? "");
    expect(paths).toHaveLength(6);
    expect(paths.filter((path) => !path.startsWith("/tmp/"))).toEqual([]);
  });

  test("asks another task soon when one does not answer, but never twice what must not be repeated", () => {
    const lines = config.split("\n").filter((line) => /^ {2}proxy_(next|connect)/.test(line));
    expect(lines.map((line) => line.trim())).toEqual([
      "proxy_connect_timeout 250ms;",
      "proxy_next_upstream error timeout;",
      "proxy_next_upstream_tries 3;",
      "proxy_next_upstream_timeout 5s;",
    ]);
    expect(config).not.toContain("non_idempotent");
  });

  test("lets upstreams close the connections that are not kept, except an upgraded one", () => {
    expect(blocks(config, "map $http_upgrade $connection_upgrade {")).toEqual([
      ["default upgrade;", "''      close;"],
    ]);
    expect(config).toContain("proxy_set_header Connection $connection_upgrade;");
  });

  test("hides its version", () => {
    expect(config).toContain("server_tokens off;");
  });

  test("closes each block that it opens", () => {
    expect(config.match(/\{$/gm)?.length).toBe(config.match(/^\s*\}$/gm)?.length);
  });

  test("is the same text for the same listeners", () => {
    expect(renderNginxConfig([listener(page)])).toBe(renderNginxConfig([listener({ ...page })]));
  });
});

describe("by where it stands", () => {
  const config = (place: Place): string => renderNginxConfig([listener(page, accounts)], place);
  const has = (place: Place, text: string): boolean => config(place).includes(text);

  test("a holder passes each port on to the same one behind it, and has no routes of its own", () => {
    const listeners = holderListeners(
      [listener(page, accounts), { port: 6767, routes: [accounts] }],
      "routes",
    );
    expect(listeners).toEqual([
      { port: 8080, routes: [{ path: "/", upstream: "routes:8080" }] },
      { port: 6767, routes: [{ path: "/", upstream: "routes:6767" }] },
    ]);
    expect(listenerFaults(listeners)).toEqual([]);
  });

  test("a holder's text stays the same when a route changes", () => {
    const holder = (...routes: Route[]): string =>
      renderNginxConfig(holderListeners([listener(...routes)], "routes"), "holder");
    expect(holder(page, accounts)).toBe(holder(page));
  });

  test("only a holder cuts long connections off, because its ports are closed until it ends", () => {
    const cuts = (["edge", "holder", "routes"] as const).filter((place) =>
      has(place, "worker_shutdown_timeout 300ms;"),
    );
    expect(cuts).toEqual(["holder"]);
  });

  test.each<[Place, boolean, boolean, boolean]>([
    // place, says who the client is, takes another's word for it, logs
    ["edge", true, false, true],
    ["holder", true, false, false],
    ["routes", false, true, true],
  ])("%s: the client is said once, believed once, and logged once", (place, says, believes, logs) => {
    expect({
      says: ["X-Real-IP $remote_addr", "X-Forwarded-For", "X-Forwarded-Proto"].map((header) =>
        has(place, `proxy_set_header ${header}`),
      ),
      believes: has(place, "real_ip_header X-Real-IP;"),
      logs: has(place, "\n  access_log /dev/stdout json;"),
    }).toEqual({ says: [says, says, says], believes, logs });
  });
});

describe("connections that are kept", () => {
  test.each([
    ["nginx:1.27.3", true],
    ["nginx:1.27.10-alpine", true],
    ["registry.example.com:5000/nginx:1.30.0@sha256:0000", true],
    ["nginx:2.0.0", true],
    ["nginx:1.27.2", false],
    ["nginx:1.26.3", false],
    ["nginx:1.26.9", false],
    ["nginx:0.99.99", false],
    ["nginx:latest", false],
    ["nginx", false],
    ["registry.example.com:5000/nginx", false],
  ])("%s: %s", (image, can) => {
    expect(canKeepConnections(image)).toBe(can);
  });

  const both = [listener(page, accounts), { port: 6767, routes: [{ ...accounts, path: "/" }] }];
  const config = renderNginxConfig(both, "edge", { keepConnections: true });

  test("are of one upstream, which follows its name's addresses", () => {
    expect(blocks(config, "upstream ")).toEqual([
      [
        "zone accountservice_6767 256k;",
        "server tasks.accountservice:6767 resolve max_fails=0;",
        "keepalive 64;",
      ],
    ]);
    expect(config.match(/proxy_pass [^;]+/g)).toEqual(Array(2).fill("proxy_pass http://accountservice_6767"));
  });

  test("are not asked to close, and one that becomes another protocol is told so", () => {
    expect(blocks(config, "map ")).toEqual([["default upgrade;", "''      '';"]]);
    expect(blocks(renderNginxConfig(both), "map ")).toEqual([["default upgrade;", "''      close;"]]);
  });

  test("are none of a holder's streams", () => {
    const tls = [
      { port: 80, routes: [] },
      { port: 443, routes: [accounts], tls: true },
    ];
    const holder = renderNginxConfig(holderListeners(tls, "routes"), "holder", { keepConnections: true });
    expect(holder).toContain("set $upstream tasks.routes:443;");
    expect(holder).not.toContain("upstream routes_443");
  });
});

describe("with TLS", () => {
  const listeners: Listener[] = [
    { port: 8080, routes: [{ path: "/", httpsPort: 8443 }] },
    { port: 8443, routes: [page, accounts], tls: true },
  ];
  const config = (place: Place, hstsSeconds = 0): string =>
    renderNginxConfig(place === "holder" ? holderListeners(listeners, "routes") : listeners, place, {
      hstsSeconds,
    });
  const redirect = (httpsPort: number): string[][] =>
    blocks(renderNginxConfig([{ port: 80, routes: [{ path: "/", httpsPort }] }]), "location / {");

  test("http is sent to the same place by https, and a POST stays one", () => {
    expect(redirect(8443)).toEqual([["return 308 https://$host:8443$request_uri;"]]);
    expect(redirect(443)).toEqual([["return 308 https://$host$request_uri;"]]);
  });

  test("who asks a port with TLS by http is sent to https at the same port", () => {
    expect(blocks(config("edge"), "server {")[1]?.slice(0, 2)).toEqual([
      "listen 8443 ssl;",
      "error_page 497 =308 https://$http_host$request_uri;",
    ]);
  });

  test("nothing older than TLS 1.2, forward secrecy and authenticated ciphers only, HTTP/2", () => {
    const text = config("edge");
    expect(text).toContain("  ssl_protocols TLSv1.2 TLSv1.3;\n");
    const ciphers = /ssl_ciphers ([^;]+);/.exec(text)?.[1]?.split(":") ?? [];
    expect(ciphers).toHaveLength(6);
    for (const cipher of ciphers)
      expect(cipher).toMatch(/^ECDHE-(ECDSA|RSA)-(AES\d+-GCM-SHA\d+|CHACHA20-POLY1305)$/);
    expect(text).toContain("  http2 on;\n");
  });

  test("browsers are bound to https only where that is wanted, and only by https", () => {
    const said = (text: string): number => text.match(/Strict-Transport-Security/g)?.length ?? 0;
    expect([said(config("edge")), said(config("edge", 60)), said(config("holder", 60))]).toEqual([0, 1, 0]);
    expect(blocks(config("edge", 60), "server {")[1]).toContain(
      'add_header Strict-Transport-Security "max-age=60" always;',
    );
  });

  test("a holder passes TLS through with the client's address in front, and redirects by itself", () => {
    const text = config("holder");
    expect(text.startsWith("include /etc/nginx/modules-enabled/*.conf;\n")).toBe(true);
    const [http = "", stream = ""] = text.split("\nstream {\n");
    expect(blocks(http, "server {").map(([listen]) => listen)).toEqual(["listen 8080;"]);
    expect(blocks(stream, "server {")).toEqual([
      ["listen 8443;", "set $upstream tasks.routes:8443;", "proxy_pass $upstream;"],
    ]);
    expect(stream).toContain("  proxy_protocol on;\n");
    expect(stream).toContain("  resolver 127.0.0.11 ipv6=off valid=1s;\n");
    expect(text).not.toContain("ssl_");
  });

  test("behind it TLS ends, and the client is who the holder says", () => {
    const text = config("routes");
    expect(blocks(text, "server {").map(([listen]) => listen)).toEqual([
      "listen 8080;",
      "listen 8443 ssl proxy_protocol;",
    ]);
    expect(text).toContain("  real_ip_header proxy_protocol;\n");
    expect(text).toContain("  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n");
    expect(text).toContain("  ssl_certificate /run/secrets/tls.pem;\n");
  });

  test("a holder's text stays the same when a route changes", () => {
    const other = listeners.map((one) => (one.tls ? { ...one, routes: [page] } : one));
    expect(renderNginxConfig(holderListeners(other, "routes"), "holder")).toBe(config("holder"));
  });
});

describe("faults", () => {
  const PATHS = 'allowed: "/" followed by letters, digits, ".", "_", "~", "-" and "/"';
  test.each<[string, Listener[], string]>([
    ["no listener", [], "listeners is empty; allowed: at least one listener"],
    ["port 0", [{ port: 0, routes: [] }], "listeners[0].port = 0; allowed: 1 to 65535"],
    ["a port too high", [{ port: 65536, routes: [] }], "listeners[0].port = 65536; allowed: 1 to 65535"],
    ["half a port", [{ port: 80.5, routes: [] }], "listeners[0].port = 80.5; allowed: 1 to 65535"],
    [
      "one port twice",
      [listener(), listener()],
      "listeners[1].port = 8080; allowed: a port that no other listener has",
    ],
    [
      "a relative path",
      [listener({ ...accounts, path: "accounts" })],
      `listeners[0].routes[0].path = "accounts"; ${PATHS}`,
    ],
    [
      "a path that would end the block",
      [listener({ ...accounts, path: "/ { } location /" })],
      `listeners[0].routes[0].path = "/ { } location /"; ${PATHS}`,
    ],
    [
      "the health path",
      [listener({ ...accounts, path: "/healthz" })],
      'listeners[0].routes[0].path = "/healthz"; allowed: any other path, nginx answers this one itself',
    ],
    [
      "one path twice",
      [listener(accounts, page, accounts)],
      'listeners[0].routes[2].path = "/accounts/"; allowed: a path that no other route of the listener has',
    ],
    [
      "an upstream without a port",
      [listener({ path: "/", upstream: "accountservice" })],
      'listeners[0].routes[0].upstream = "accountservice"; allowed: <service>:<port>, such as accountservice:6767',
    ],
    [
      "an upstream that would end the line",
      [listener({ path: "/", upstream: "a:1; return 200" })],
      'listeners[0].routes[0].upstream = "a:1; return 200"; allowed: <service>:<port>, such as accountservice:6767',
    ],
    [
      "a redirect to no port",
      [listener({ path: "/", httpsPort: 0 })],
      "listeners[0].routes[0].httpsPort = 0; allowed: 1 to 65535",
    ],
    [
      "TLS alone",
      [{ ...listener(page), tls: true }],
      "listeners all have tls; allowed: one without, which answers the health check and redirects",
    ],
    [
      "http beside TLS",
      [listener(page), { port: 8443, routes: [page], tls: true }],
      "listeners[0].tls is not set; allowed: true, or redirects alone, as another listener has tls",
    ],
    [
      "a relative file",
      [listener({ path: "/", file: "status.html" })],
      'listeners[0].routes[0].file = "status.html"; allowed: an absolute path in the container',
    ],
  ])("%s", (_what, listeners, fault) => {
    expect(listenerFaults(listeners)).toEqual([fault]);
  });

  test("are reported all together", () => {
    const bad: Listener[] = [
      { port: 0, routes: [{ path: "x", upstream: "y" }] },
      { port: 80, routes: [{ path: "/healthz", file: "z" }] },
    ];
    expect(listenerFaults(bad).map((fault) => fault.split(" = ")[0])).toEqual([
      "listeners[0].port",
      "listeners[0].routes[0].path",
      "listeners[0].routes[0].upstream",
      "listeners[1].routes[0].path",
      "listeners[1].routes[0].file",
    ]);
  });

  test("are none for good listeners; two of them may share a path", () => {
    expect(listenerFaults([listener(page, accounts), { port: 6767, routes: [page] }])).toEqual([]);
  });
});
