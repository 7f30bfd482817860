import {
  holderListeners,
  Listener,
  listenerFaults,
  Place,
  renderNginxConfig,
  Route,
} from "../../components/nginx-config";

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
