import * as pulumi from "@pulumi/pulumi";
import { Nginx, NginxArgs, STATUS_PAGE } from "../../components/edge/nginx";
import { holderListeners, renderNginxConfig } from "../../components/edge/nginx-config";
import { renderStatusPage } from "../../components/edge/status-page";
import type { Routing } from "../../config";
import { testEnvironment } from "../support/environment";
import { Graph, record } from "../../review/graph/recorder";

const listeners: NginxArgs["listeners"] = [
  { port: 8080, published: 80, routes: [{ path: "/", file: STATUS_PAGE }] },
  { port: 6767, published: 81, routes: [{ path: "/", upstream: "accountservice:6767" }] },
];
const statusPage = { title: "dev", links: [{ label: "accounts", href: "/accounts/1" }] };

const nginx = (args: Partial<NginxArgs> = {}): Promise<Graph> =>
  record(
    () =>
      new Nginx("nginx", {
        environment: testEnvironment(),
        image: "nginx:1.26.3",
        listeners,
        statusPage,
        ...args,
      }).serviceName,
  );
const data = (graph: Graph, name: string): string =>
  Buffer.from(String(graph.get("ServiceConfig", name).inputs.data), "base64").toString("utf8");

test("serves the rendered configuration and page, as configs by content", async () => {
  const graph = await nginx();
  expect(data(graph, "nginx-conf")).toBe(renderNginxConfig(listeners));
  expect(data(graph, "nginx-status")).toBe(renderStatusPage("dev", statusPage.links));
  expect(graph.get("docker:index/service:Service", "nginx").inputs.taskSpec).toMatchObject({
    containerSpec: {
      configs: [
        {
          fileName: "/etc/nginx/nginx.conf",
          configName: graph.get("ServiceConfig", "nginx-conf").inputs.name,
        },
        { fileName: STATUS_PAGE, configName: graph.get("ServiceConfig", "nginx-status").inputs.name },
      ],
    },
  });
});

test("a changed route is a new config, and only that one", async () => {
  const names = (graph: Graph) => graph.all("ServiceConfig").map(({ inputs }) => inputs.name);
  const [conf, status] = names(await nginx());
  const changed = names(await nginx({ listeners: listeners.slice(0, 1) }));
  expect(changed[0]).not.toBe(conf);
  expect(changed[1]).toBe(status);
});

test("publishes each listener, in order", async () => {
  expect((await nginx()).get("docker:index/service:Service", "nginx").inputs.endpointSpec).toEqual({
    mode: "vip",
    ports: [
      { targetPort: 8080, publishedPort: 80, protocol: "tcp", publishMode: "ingress" },
      { targetPort: 6767, publishedPort: 81, protocol: "tcp", publishMode: "ingress" },
    ],
  });
});

test("runs with no rights, drains before it stops, and is asked on its first listener", async () => {
  expect((await nginx()).get("docker:index/service:Service", "nginx").inputs).toMatchObject({
    mode: { replicated: { replicas: 1 } },
    taskSpec: {
      containerSpec: {
        commands: ["nginx", "-g", "daemon off;"],
        user: "101:101",
        readOnly: true,
        capDrops: ["ALL"],
        mounts: [{ type: "tmpfs", target: "/tmp" }],
        stopSignal: "SIGQUIT",
        stopGracePeriod: "30s",
        healthcheck: {
          tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/healthz"],
        },
      },
      resources: { limits: { memoryBytes: 64 * 2 ** 20 } },
    },
  });
});

test("has the size that it is given", async () => {
  const graph = await nginx({ replicas: 0, memoryMiB: 128 });
  expect(graph.get("docker:index/service:Service", "nginx").inputs).toMatchObject({
    mode: { replicated: { replicas: 0 } },
    taskSpec: { resources: { limits: { memoryBytes: 128 * 2 ** 20 } } },
  });
});

describe("with TLS", () => {
  const secure: NginxArgs["listeners"] = [
    { port: 8443, published: 443, routes: [{ path: "/", file: STATUS_PAGE }], tls: true },
    { port: 8080, published: 80, routes: [{ path: "/", httpsPort: 443 }] },
  ];
  const tls = { certificate: "own\nsigner\n", key: "key", hstsSeconds: 60 };
  const service = (graph: Graph, name: string) => graph.get("docker:index/service:Service", name).inputs;
  const secured = (args: Partial<NginxArgs> = {}): Promise<Graph> =>
    nginx({ listeners: secure, tls, ...args });
  const hosted = (args: Partial<NginxArgs> = {}): Promise<Graph> =>
    record(
      () =>
        new Nginx("nginx", {
          environment: testEnvironment({ routing: "host" }),
          image: "nginx:1.26.3",
          listeners: secure,
          tls,
          statusPage,
          ...args,
        }).serviceName,
    );

  test("certificate and key are one secret file that nginx alone may read", async () => {
    const graph = await secured();
    const secret = graph.get("docker:index/secret:Secret", "nginx-tls").inputs;
    const file = Buffer.from("own\nsigner\nkey\n").toString("base64");
    expect(secret.data).toEqual({ "<secret>": file });
    expect(service(graph, "nginx").taskSpec).toMatchObject({
      containerSpec: {
        secrets: [
          {
            secretName: secret.name,
            fileName: "/run/secrets/tls.pem",
            fileMode: 0o400,
            fileUid: "101",
            fileGid: "101",
          },
        ],
        healthcheck: { tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/healthz"] },
      },
    });
    expect(data(graph, "nginx-conf")).toBe(renderNginxConfig(secure, "edge", { hstsSeconds: 60 }));
  });

  test("in host mode another certificate changes only the service behind the one that holds the ports", async () => {
    const [before, after] = [await hosted(), await hosted({ tls: { ...tls, certificate: "other" } })];
    expect(service(after, "nginx")).toEqual(service(before, "nginx"));
    expect(service(after, "nginx-routes")).not.toEqual(service(before, "nginx-routes"));
    expect(before.all("Secret").map(({ name }) => name)).toEqual(["nginx-routes-tls"]);
    expect(service(before, "nginx").taskSpec).toMatchObject({ containerSpec: { secrets: [] } });
  });

  test("a listener with TLS needs a certificate", async () => {
    await expect(secured({ tls: undefined })).rejects.toThrow(
      "The edge nginx can't be configured:\n" +
        "  - tls is not set; allowed: a certificate and its key, as a listener has tls",
    );
  });
});

describe("on each node", () => {
  test.each<[Routing, string[]]>([
    ["mesh", ["nginx"]],
    ["host", ["nginx", "nginx-routes"]],
  ])("with routing %s, one task of %p", async (routing, names) => {
    const graph = await record(
      () =>
        new Nginx("nginx", {
          environment: testEnvironment({ routing }),
          image: "nginx:1.26.3",
          listeners,
          statusPage,
          replicas: "global",
        }).serviceName,
    );
    const services = graph.all("docker:index/service:Service");
    expect(services.map(({ name, inputs }) => [name, inputs.mode])).toEqual(
      names.map((name) => [name, { global: true }]),
    );
  });
});

describe("with ports in host mode", () => {
  const hosted = (args: Partial<NginxArgs> = {}): Promise<Graph> =>
    nginx({ environment: testEnvironment({ routing: "host" }), ...args });
  const service = (graph: Graph, name: string) => graph.get("docker:index/service:Service", name);

  test("one service holds the ports, and comes after the one with the routes, which is updated start-first", async () => {
    const graph = await hosted();
    expect(service(graph, "nginx").inputs).toMatchObject({
      name: "dev_nginx",
      endpointSpec: { ports: [{ publishMode: "host" }, { publishMode: "host" }] },
      taskSpec: { restartPolicy: { delay: "1s" } },
      updateConfig: { order: "stop-first" },
    });
    expect(service(graph, "nginx-routes").inputs).toMatchObject({
      name: "dev_nginx-routes",
      endpointSpec: { ports: [] },
      taskSpec: { restartPolicy: { delay: "5s" } },
      updateConfig: { order: "start-first" },
    });
    expect([...graph.before(service(graph, "nginx"))]).toContain("docker:index/service:Service nginx-routes");
    expect(graph.result).toBe("dev_nginx");
  });

  test("each has its own configuration, and the page is where the routes are", async () => {
    const graph = await hosted();
    expect(graph.all("ServiceConfig").map(({ name }) => name)).toEqual([
      "nginx-conf",
      "nginx-routes-conf",
      "nginx-routes-status",
    ]);
    const holder = holderListeners(listeners, "nginx-routes");
    expect(data(graph, "nginx-conf")).toBe(renderNginxConfig(holder, "holder"));
    expect(data(graph, "nginx-routes-conf")).toBe(renderNginxConfig(listeners, "routes"));
  });

  test("a changed route or page leaves the one that holds the ports as it is", async () => {
    const before = await hosted();
    const after = await hosted({
      listeners: listeners.map((one) => ({
        ...one,
        routes: [...one.routes, { path: "/new", upstream: "new:80" }],
      })),
      statusPage: { ...statusPage, title: "changed" },
    });
    expect(service(after, "nginx").inputs).toEqual(service(before, "nginx").inputs);
    expect(service(after, "nginx-routes").inputs).not.toEqual(service(before, "nginx-routes").inputs);
  });

  test.each([
    [undefined, 1, 2],
    [1, 1, 2],
    [0, 0, 0],
    ["unmanaged", 1, 1],
  ] as const)(
    "of %s tasks, one holds the ports and another one can be asked for a killed one",
    async (replicas, holder, routes) => {
      const graph = await hosted({ replicas });
      const tasks = (name: string) => service(graph, name).inputs.mode;
      expect(tasks("nginx")).toEqual({ replicated: { replicas: holder } });
      expect(tasks("nginx-routes")).toEqual({ replicated: { replicas: routes } });
    },
  );

  test("both have the size and the rights that it is given", async () => {
    const graph = await hosted({ replicas: 3, memoryMiB: 128 });
    for (const name of ["nginx", "nginx-routes"]) {
      expect(service(graph, name).inputs).toMatchObject({
        mode: { replicated: { replicas: 3 } },
        taskSpec: {
          containerSpec: { user: "101:101", readOnly: true, capDrops: ["ALL"], stopSignal: "SIGQUIT" },
          resources: { limits: { memoryBytes: 128 * 2 ** 20 } },
        },
      });
    }
  });
});

test("all faults of its listeners are reported together, without a stack trace", async () => {
  const bad: NginxArgs["listeners"] = [{ port: 0, published: 80, routes: [{ path: "x", upstream: "y" }] }];
  const error: unknown = await nginx({ listeners: bad }).catch((reason: unknown) => reason);
  expect(pulumi.ResourceError.isInstance(error)).toBe(true);
  expect(error).toMatchObject({
    hideStack: true,
    message: [
      "The edge nginx can't be configured:",
      "  - listeners[0].port = 0; allowed: 1 to 65535",
      '  - listeners[0].routes[0].path = "x"; allowed: "/" followed by letters, digits, ".", "_", "~", "-" and "/"',
      '  - listeners[0].routes[0].upstream = "y"; allowed: <service>:<port>, such as accountservice:6767',
    ].join("\n"),
  });
});

test("registers its service", async () => {
  const graph = await nginx();
  expect(graph.result).toBe("dev_nginx");
  expect(graph.get("Nginx", "nginx").outputs).toEqual({ serviceName: "dev_nginx" });
});
