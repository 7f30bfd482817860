import { describeWithEngines, Engine, startEngine } from "../support/engine";
import type { Select } from "../support/scenario";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

const WEB = `
    env: { GREETING: "hello" },
    args: [],
    healthcheck: { test: ["CMD", "true"], interval: 2, startPeriod: 0 },
    configs: [{ name: "conf", content: "one", path: "/etc/web.conf" }],
    secrets: [{ name: "token", content: "two", path: "/run/secrets/token" }],
    constraints: ["node.role==manager"],`;
const PROGRAM = `
  service("web", { replicas: 2, ${WEB} });
  service("edge", { ports: [{ target: 80, published: 8080 }] });
  service("data", { stateful: true });
  service("scaled", { replicas: "unmanaged" });`;

interface HandChange {
  readonly name: string;
  /** @default web */
  readonly service?: "web" | "edge";
  /** Arguments of `docker service update`, known only on the engine where they name an object. */
  readonly by: readonly string[] | ((engine: Engine) => readonly string[]);
  /** The fields that the preview must show, and no others, as the provider names them. */
  readonly shows: readonly string[];
  /** The provider can't change it in place. @default false */
  readonly replaces?: boolean;
}

const container = (field: string): string => `taskSpec.containerSpec.${field}`;
const only = (engine: Engine, kind: string): string => engine.docker(kind, "ls", "--format", "{{.Name}}");

/** Puts another object in the place of the service's only config or secret. */
function swap(kind: "config" | "secret", target: string): (engine: Engine) => string[] {
  return (engine) => {
    const name = only(engine, kind);
    engine.docker(kind, "create", "by-hand", "/etc/hostname");
    return [`--${kind}-rm`, name, `--${kind}-add`, `source=by-hand,target=${target}`];
  };
}

/** Settings that nobody changes often, all at once. */
const RARE = {
  "--update-delay 3s": "updateConfig.delay",
  "--update-max-failure-ratio 0.5": "updateConfig.maxFailureRatio",
  "--update-monitor 9s": "updateConfig.monitor",
  "--rollback-delay 3s": "rollbackConfig.delay",
  "--rollback-parallelism 3": "rollbackConfig.parallelism",
  "--rollback-failure-action continue": "rollbackConfig.failureAction",
  "--rollback-max-failure-ratio 0.5": "rollbackConfig.maxFailureRatio",
  "--restart-max-attempts 7": "taskSpec.restartPolicy.maxAttempts",
  "--restart-window 9s": "taskSpec.restartPolicy.window",
  "--health-retries 9": container("healthcheck.retries"),
  "--health-timeout 9s": container("healthcheck.timeout"),
  "--health-start-period 9s": container("healthcheck.startPeriod"),
  "--dns-search-add example.com": container("dnsConfig.searches"),
  "--dns-option-add ndots:2": container("dnsConfig.options"),
  "--reserve-cpu 0.1": "taskSpec.resources.reservation.nanoCpus",
} as const;

const HAND_CHANGES: readonly HandChange[] = [
  { name: "number of tasks", by: ["--replicas", "1"], shows: ["mode.replicated.replicas"] },
  { name: "variable added", by: ["--env-add", "DRIFT=1"], shows: [container("env.DRIFT")] },
  { name: "variable changed", by: ["--env-add", "GREETING=hi"], shows: [container("env.GREETING")] },
  { name: "variable removed", by: ["--env-rm", "TZ"], shows: [container("env.TZ")] },
  {
    name: "image",
    by: (engine) => {
      engine.docker("tag", "busybox:1.35", "busybox:by-hand");
      return ["--no-resolve-image", "--image", "busybox:by-hand"];
    },
    shows: [container("image")],
  },
  { name: "command", by: ["--entrypoint", "sleep 7200"], shows: [container("commands[1]")] },
  { name: "arguments", by: ["--args", "5000"], shows: [container("args")] },
  { name: "memory limit", by: ["--limit-memory", "32M"], shows: ["taskSpec.resources.limits.memoryBytes"] },
  { name: "CPU limit", by: ["--limit-cpu", "0.5"], shows: ["taskSpec.resources.limits.nanoCpus"] },
  {
    name: "memory reservation",
    by: ["--reserve-memory", "8M"],
    shows: ["taskSpec.resources.reservation.memoryBytes"],
  },
  { name: "label added", by: ["--label-add", "drift=1"], shows: ["labels[1]"] },
  { name: "label removed", by: ["--label-rm", "com.docker.stack.namespace"], shows: ["labels"] },
  {
    name: "port added",
    service: "edge",
    by: ["--publish-add", "mode=host,published=8090,target=90"],
    shows: ["endpointSpec.ports[1]"],
  },
  {
    name: "port changed",
    service: "edge",
    by: [
      "--publish-rm",
      "mode=host,published=8080,target=80",
      "--publish-add",
      "mode=host,published=8081,target=80",
    ],
    shows: ["endpointSpec.ports[0].publishedPort"],
  },
  {
    name: "port removed",
    service: "edge",
    by: ["--publish-rm", "mode=host,published=8080,target=80"],
    shows: ["endpointSpec.ports"],
  },
  {
    name: "config removed",
    by: (engine) => ["--config-rm", only(engine, "config")],
    shows: [container("configs")],
  },
  {
    name: "config swapped",
    by: swap("config", "/etc/web.conf"),
    shows: [container("configs[0].configId"), container("configs[0].configName")],
  },
  {
    name: "secret removed",
    by: (engine) => ["--secret-rm", only(engine, "secret")],
    shows: [container("secrets")],
  },
  {
    name: "secret swapped",
    by: swap("secret", "/run/secrets/token"),
    shows: [container("secrets[0].secretId"), container("secrets[0].secretName")],
  },
  {
    name: "constraint added",
    by: ["--constraint-add", "node.platform.os==linux"],
    shows: ["taskSpec.placement.constraints[0]"],
  },
  {
    name: "constraint removed",
    by: ["--constraint-rm", "node.role==manager"],
    shows: ["taskSpec.placement.constraints"],
  },
  {
    name: "placement preference",
    by: ["--placement-pref-add", "spread=node.labels.zone"],
    shows: ["taskSpec.placement.prefs"],
  },
  { name: "tasks per node", by: ["--replicas-max-per-node", "3"], shows: ["taskSpec.placement.maxReplicas"] },
  { name: "update's parallelism", by: ["--update-parallelism", "2"], shows: ["updateConfig.parallelism"] },
  {
    name: "update's failure action",
    by: ["--update-failure-action", "continue"],
    shows: ["updateConfig.failureAction"],
  },
  { name: "update's order", by: ["--update-order", "stop-first"], shows: ["updateConfig.order"] },
  { name: "rollback's monitor", by: ["--rollback-monitor", "20s"], shows: ["rollbackConfig.monitor"] },
  { name: "grace period", by: ["--stop-grace-period", "20s"], shows: [container("stopGracePeriod")] },
  { name: "stop signal", by: ["--stop-signal", "SIGINT"], shows: [container("stopSignal")] },
  {
    name: "health check's interval",
    by: ["--health-interval", "7s"],
    shows: [container("healthcheck.interval")],
  },
  {
    name: "health check's command",
    by: ["--health-cmd", "true || true"],
    shows: [container("healthcheck.tests[0]"), container("healthcheck.tests[1]")],
  },
  {
    name: "restart condition",
    by: ["--restart-condition", "on-failure"],
    shows: ["taskSpec.restartPolicy.condition"],
  },
  { name: "restart delay", by: ["--restart-delay", "9s"], shows: ["taskSpec.restartPolicy.delay"] },
  { name: "mount", by: ["--mount-add", "type=tmpfs,destination=/scratch"], shows: [container("mounts")] },
  { name: "user", by: ["--user", "1000"], shows: [container("user")] },
  { name: "working folder", by: ["--workdir", "/tmp"], shows: [container("dir")] },
  { name: "group", by: ["--group-add", "100"], shows: [container("groups")] },
  { name: "read-only root", by: ["--read-only"], shows: [container("readOnly")] },
  { name: "host name", by: ["--hostname", "other"], shows: [container("hostname")] },
  { name: "init", by: ["--init=false"], shows: [container("init")] },
  { name: "capability added", by: ["--cap-add", "NET_ADMIN"], shows: [container("capAdds")] },
  { name: "capability dropped", by: ["--cap-drop", "CHOWN"], shows: [container("capDrops")] },
  { name: "name server", by: ["--dns-add", "10.0.0.2"], shows: [container("dnsConfig.nameservers")] },
  {
    name: "log options",
    by: ["--log-driver", "json-file", "--log-opt", "max-size=5m"],
    shows: ['taskSpec.logDriver.options["max-file"]', 'taskSpec.logDriver.options["max-size"]'],
  },
  {
    name: "what nobody changes often",
    by: Object.keys(RARE).flatMap((option) => option.split(" ")),
    shows: Object.values(RARE).sort(),
  },
  {
    name: "ulimit, which the provider does not know",
    by: ["--ulimit-add", "nofile=1000"],
    shows: ["taskSpec.forceUpdate"],
  },
  { name: "limit of processes, likewise", by: ["--limit-pids", "50"], shows: ["taskSpec.forceUpdate"] },
  {
    name: "container label",
    by: ["--container-label-add", "drift=1"],
    shows: [container("labels[1]")],
    replaces: true,
  },
  { name: "host entry", by: ["--host-add", "db:10.0.0.3"], shows: [container("hosts")], replaces: true },
  {
    name: "kernel parameter",
    by: ["--sysctl-add", "net.ipv4.ip_forward=1"],
    shows: [container('sysctl["net.ipv4.ip_forward"]')],
    replaces: true,
  },
  {
    name: "network",
    by: (engine) => {
      engine.docker("network", "create", "--driver", "overlay", "by-hand");
      return ["--network-add", "by-hand"];
    },
    shows: ["taskSpec.networksAdvanceds[1]"],
    replaces: true,
  },
];

interface OtherCase {
  readonly name: string;
  readonly run: (engine: Engine, workspace: Workspace) => void;
}

const SERVICE = "docker:index/service:Service";

const OTHER_CASES: readonly OtherCase[] = [
  {
    name: "a number of tasks that an autoscaler owns is never a difference, and an update keeps it",
    run: (engine, workspace) => {
      engine.docker("service", "scale", "--detach", "dev_scaled=3");
      expect(workspace.preview()).toEqual([]);
      const changed = PROGRAM.replace('"unmanaged"', '"unmanaged", memoryMiB: 24');
      workspace.program(changed);
      expect(workspace.previewFields()).toEqual([
        `update ${SERVICE} scaled: taskSpec.resources.limits.memoryBytes`,
      ]);
      workspace.succeed("stack.sh", "up");
      expect(replicas(engine, "dev_scaled")).toBe("3/3");
      workspace.program(PROGRAM);
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "a service that keeps data is replaced only with consent",
    run: (engine, workspace) => {
      const id = (): string => engine.docker("service", "inspect", "dev_data", "--format", "{{.ID}}");
      const before = id();
      engine.docker("service", "update", "--detach", "--container-label-add", "drift=1", "dev_data");
      const preview = workspace.pulumi("preview");
      expect(preview).toMatchObject({ code: 0 });
      expect(preview.output).toContain("dev_data can't be updated in place");
      expect(preview.output).toContain(
        'container labels: ["com.docker.stack.namespace=dev","drift=1"] -> ["com.docker.stack.namespace=dev"]',
      );
      const refused = workspace.tool("stack.sh", "up");
      expect(refused.code).not.toBe(0);
      expect(refused.output).toContain("pulumi config set allowReplace data");
      expect(id()).toBe(before);
      workspace.configure({ allowReplace: "data", nodes: nodeLabels("ssd") });
      workspace.succeed("stack.sh", "up");
      expect(id()).not.toBe(before);
      workspace.configure({ nodes: nodeLabels("ssd") });
    },
  },
  {
    name: "a service that was removed is made again",
    run: (engine, workspace) => {
      engine.docker("service", "rm", "dev_web");
      expect(workspace.previewFields()).toEqual([`create ${SERVICE} web: `]);
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "a network that was removed is made again, with the services on it",
    run: (engine, workspace) => {
      const services = ["dev_data", "dev_edge", "dev_scaled", "dev_web"];
      engine.docker("service", "rm", ...services);
      for (let tries = 0; tries < 50 && engine.docker("ps", "--quiet") !== ""; tries++)
        engine.docker("version");
      engine.docker("network", "rm", "dev_network");
      expect(workspace.previewFields().sort()).toEqual([
        "create docker:index/network:Network network: ",
        ...["data", "edge", "scaled", "web"].map((name) => `create ${SERVICE} ${name}: `),
      ]);
      workspace.succeed("stack.sh", "up");
      expect(engine.docker("service", "ls", "--format", "{{.Name}}").split("\n").sort()).toEqual(services);
    },
  },
  {
    name: "labels and availability of a node are put right, and others' labels left alone",
    run: (engine, workspace) => {
      const node = engine.docker("node", "ls", "--format", "{{.Hostname}}");
      const [disk, others] = ["disk", "others"].map(
        (label) => () => engine.docker("node", "inspect", node, "--format", `{{.Spec.Labels.${label}}}`),
      );
      engine.docker("node", "update", "--label-add", "disk=hdd", "--label-add", "others=1", node);
      expect(workspace.previewFields()).toEqual([
        `update command:local:Command node-${node}: environment.SEEN`,
      ]);
      workspace.succeed("stack.sh", "up");
      expect([disk?.(), others?.()]).toEqual(["ssd", "1"]);
      expect(workspace.preview()).toEqual([]);
      workspace.configure({});
      workspace.succeed("stack.sh", "up");
      expect([disk?.(), others?.()]).toEqual(["<no value>", "1"]);
    },
  },
];

const nodeLabels = (disk: string): string => JSON.stringify({ drift: { labels: { disk } } });

/** What people change by hand is shown as just that field, and put right in place. */
export function drift(select: Select): void {
  describeWithEngines("drift", () => {
    let engine: Engine;
    let workspace: Workspace;

    beforeAll(() => {
      engine = startEngine("drift");
      workspace = new Workspace("drift", engine, "dev", { nodes: nodeLabels("ssd") });
      workspace.program(PROGRAM);
      workspace.succeed("stack.sh", "up");
    }, 5 * MINUTES);
    afterAll(() => engine?.stop(), MINUTES);

    /** Id and spec of a service, without what may differ: restarts, and the order of variables. */
    const inspect = (service: string): { ID: string; Spec: object } => {
      const [{ ID, Spec }] = JSON.parse(engine.docker("service", "inspect", `dev_${service}`)) as [
        { ID: string; Spec: { TaskTemplate: { ForceUpdate?: number; ContainerSpec: { Env: string[] } } } },
      ];
      delete Spec.TaskTemplate.ForceUpdate;
      Spec.TaskTemplate.ContainerSpec.Env.sort();
      return { ID, Spec };
    };

    test.each(select(HAND_CHANGES))(
      "by hand: $name",
      ({ by, shows, service = "web", replaces = false }) => {
        const before = inspect(service);
        const args = typeof by === "function" ? by(engine) : by;
        engine.docker("service", "update", "--detach", ...args, `dev_${service}`);
        expect(inspect(service).Spec).not.toEqual(before.Spec);
        const op = replaces ? "replace" : "update";
        expect(workspace.previewFields()).toEqual([`${op} ${SERVICE} ${service}: ${shows.join(", ")}`]);
        workspace.succeed("stack.sh", "up");
        const after = inspect(service);
        expect(after.Spec).toEqual(before.Spec);
        expect(after.ID === before.ID).toBe(!replaces);
        for (const kind of ["config", "secret"]) {
          if (args.includes(`--${kind}-add`)) engine.docker(kind, "rm", "by-hand");
        }
      },
      2 * MINUTES,
    );

    test.each(select(OTHER_CASES))("$name", ({ run }) => run(engine, workspace), 4 * MINUTES);
  });
}
