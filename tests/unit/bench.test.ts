import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { Case, CASES, plan } from "../../bench/cases";
import { processOf, treeMemory } from "../../bench/command";
import { allContenders, CONTENDER_IDS } from "../../bench/contenders";
import { isSettled } from "../../bench/engine";
import { updateEnded } from "../../bench/gate";
import { readOptions } from "../../bench/options";
import { plotSvg } from "../../bench/plot";
import { clock, expectedSeconds } from "../../bench/progress";
import { describeMachine, joined, Results } from "../../bench/results";
import { scene } from "../../bench/scene";
import { stackFile } from "../../bench/stack-file";
import { median, quantile } from "../../bench/statistics";
import { targets } from "../../bench/targets";
import { tofuFile } from "../../bench/tofu-file";
import { platformTables, platformTargets } from "../../bench/platform/platform-report";
import type { PlatformResults } from "../../bench/platform/platform-run";
import { EngineService, stackOfServices } from "../../bench/platform/stack-of-services";
import { parseWrk } from "../../bench/platform/wrk";
import { load } from "../support/stack-file";

const ROOT = path.resolve(__dirname, "../..");
const owner = { namespace: "bench-x", host: "unix:///x", address: "10.0.0.1" };

describe("statistics", () => {
  test("the median is the middle, or between the two in the middle", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  test("quantiles lie between their neighbours", () => {
    expect(quantile([0, 10, 20, 30], 0.25)).toBe(7.5);
    expect(quantile([0, 10, 20, 30], 1)).toBe(30);
  });
});

describe("the plan", () => {
  const all = { sizes: [5, 50], runs: 2, cases: CASES };
  const everything = (): boolean => true;

  test("all contenders go through a case before the next one, and each run begins with another", () => {
    const steps = plan({ ...all, sizes: [5] }, ["a", "b"], everything);
    const shown = steps.map((step) => `${step.run} ${step.case} ${step.contender}`);
    expect(shown.slice(0, 4)).toEqual(["1 deploy a", "1 deploy b", "1 again a", "1 again b"]);
    expect(shown.slice(CASES.length * 2, CASES.length * 2 + 2)).toEqual(["2 deploy b", "2 deploy a"]);
    expect(steps).toHaveLength(2 * 2 * CASES.length);
  });

  test("a run deploys and destroys, whatever else is asked for", () => {
    const steps = plan({ sizes: [5], runs: 1, cases: ["drift"] }, ["a"], everything);
    expect(steps.map((step) => step.case)).toEqual(["deploy", "drift", "destroy"]);
  });

  test("services without tasks have no rollout to wait for, and 1000 are measured once", () => {
    const steps = plan({ sizes: [1000], runs: 5, cases: ["gate"] }, ["a"], everything);
    expect(steps.map((step) => `${step.run} ${step.case}`)).toEqual(["1 deploy", "1 destroy"]);
  });
});

describe("options", () => {
  test("are lists with commas or blanks", () => {
    const options = readOptions({ SIZES: "5, 10", CASES: "drift image", RUNS: "3" }, CONTENDER_IDS);
    expect(options).toEqual({
      parts: ["services", "platform"],
      sizes: [5, 10],
      runs: 3,
      cases: ["drift", "image"],
      contenders: [],
      loadSeconds: 15,
      otherNginx: undefined,
    });
  });

  test("all that is wrong is told at once, with what is allowed", () => {
    const wrong = { PARTS: "all", SIZES: "4", RUNS: "0", CASES: "drfit", CONTENDERS: "k8s" };
    expect(() => readOptions(wrong, ["ours"])).toThrow(
      "SIZES=4; allowed: whole numbers from 5 to 4000, such as 5,10,50,200,1000\n" +
        "RUNS=0; allowed: a whole number from 1\n" +
        "PARTS=all: no all; allowed: services,platform\n" +
        `CASES=drfit: no drfit; allowed: ${CASES.join(",")}\n` +
        "CONTENDERS=k8s: no k8s; allowed: ours",
    );
  });
});

describe("the scene", () => {
  test("each change is of one thing in one service", () => {
    const before = scene(10, owner);
    for (const [change, field, value] of [
      ["image", "image", "nginx:1.26.3"],
      ["env", "timezone", "Asia/Shanghai"],
      ["scale", "replicas", 2],
    ] as const) {
      const after = scene(10, owner, new Set([change])).services;
      const changed = after.filter((service, index) => service[field] !== before.services[index]?.[field]);
      expect(changed.map((service) => service[field])).toEqual([value]);
    }
    expect(scene(10, owner, new Set(["config"] as const)).config).not.toBe(before.config);
  });

  test("beyond ten services there are no tasks", () => {
    expect(scene(10, owner).services[9]?.replicas).toBe(1);
    expect(scene(11, owner).services[9]?.replicas).toBe(0);
  });

  test("as a stack file it is what the project's own reader takes, without a notice", () => {
    const text = stackFile(scene(5, owner), true);
    const { stack, notices } = load({ "stack.yml": text, "settings.txt": "x" });
    expect(notices).toEqual([]);
    expect([...stack.services.keys()]).toEqual(["s0000", "s0001", "s0002", "s0003", "s0004"]);
    expect(stack.configs.get("settings")?.name).toMatch(/^bench-x_settings-[0-9a-f]{12}$/);
  });

  test("for OpenTofu it has the same services, one with the config", () => {
    const file = JSON.parse(tofuFile(scene(5, owner), "1.2.3")) as {
      resource: {
        docker_service: Record<string, { task_spec: { container_spec: Record<string, unknown> } }>;
      };
    };
    const services = Object.entries(file.resource.docker_service);
    expect(services.map(([name]) => name)).toEqual(["s0000", "s0001", "s0002", "s0003", "s0004"]);
    const withConfig = services.filter(([, { task_spec }]) => "configs" in task_spec.container_spec);
    expect(withConfig.map(([name]) => name)).toEqual(["s0003"]);
    expect(services[0]?.[1].task_spec.container_spec.image).toBe("${docker_image.busybox.repo_digest}");
  });
});

test("OpenTofu gets the provider that the docker plugin bridges", () => {
  const commit = (file: string): string | undefined =>
    /terraform-provider-docker => \S+ (\S+)/.exec(fs.readFileSync(path.join(ROOT, file), "utf8"))?.[1];
  expect(commit("bench/peers/terraform-provider-docker/go.mod")).toBe(
    commit("tools/offline/pulumi-resource-docker/go.mod"),
  );
});

test("the names of contenders that may be chosen are those that there are", () => {
  const tofu = { program: "/x/tofu", version: "1", cliConfig: "/x/rc", providerVersion: "1" };
  const ids = allContenders(tofu).map(({ id }) => id);
  expect(ids.sort()).toEqual([...CONTENDER_IDS].sort());
});

describe("settled", () => {
  const spec = { Image: "a" };
  const service = (replicas: number, state?: string) =>
    ({
      Spec: {
        Name: "x",
        Mode: { Replicated: { Replicas: replicas } },
        TaskTemplate: { ContainerSpec: spec },
      },
      ...(state !== undefined && { UpdateStatus: { State: state } }),
    }) as const;
  const task = (image: string, state: string) => ({
    Spec: { ContainerSpec: { Image: image } },
    Status: { State: state, Timestamp: "" },
  });

  test("when the wanted number of tasks runs by the present spec", () => {
    expect(isSettled(service(1), [task("a", "running")])).toBe(true);
    expect(isSettled(service(2), [task("a", "running")])).toBe(false);
    expect(isSettled(service(1), [task("a", "preparing")])).toBe(false);
    expect(isSettled(service(1), [task("old", "running")])).toBe(false);
  });

  test("not while an update goes on, although the tasks run", () => {
    expect(isSettled(service(1, "updating"), [task("a", "running")])).toBe(false);
    expect(isSettled(service(1, "completed"), [task("a", "running")])).toBe(true);
  });
});

describe("memory", () => {
  test("is that of a process and all below it", () => {
    const all = [
      { pid: 1, parent: 0, memory: 1000 },
      { pid: 2, parent: 1, memory: 10 },
      { pid: 3, parent: 2, memory: 5 },
      { pid: 4, parent: 3, memory: 1 },
    ];
    expect(treeMemory(all, 2)).toBe(16);
  });

  test("is read from a line whose name has blanks and brackets", () => {
    const stat = "7 (a b) c) S 3 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99 123456 25 18446744073709551615";
    expect(processOf(stat)).toEqual({
      pid: 7,
      parent: 3,
      program: "a b) c",
      memory: 25 * 4096,
      seconds: 0.11,
      secondsOfChildren: 0.15,
    });
  });
});

test("the end of an update is that of its registration, after its hooks", () => {
  const line = (progress: string, method: string, timestamp: string, urn?: string): string =>
    JSON.stringify({ method: `/pulumirpc.${method}`, progress, timestamp, response: { urn } });
  const urn = "urn:pulumi:bench::x::docker:index/service:Service::s0004";
  const log = [
    line("response_completed", "ResourceProvider/Update", "2026-01-01T00:00:01Z"),
    line("response_completed", "ResourceMonitor/RegisterResource", "2026-01-01T00:00:02Z", `${urn}5`),
    line("response_completed", "ResourceMonitor/RegisterResource", "2026-01-01T00:00:03Z", urn),
  ].join("\n");
  expect(updateEnded(log, "s0004")).toBe(Date.parse("2026-01-01T00:00:03Z"));
  expect(() => updateEnded(log, "s0001")).toThrow("has no service s0001");
});

describe("progress", () => {
  test("what is to come is taken from what was, of the same size first", () => {
    const step = { size: 40, run: 2, case: "drift", contender: "a" } as const;
    const made = [
      { ...step, size: 10, run: 1, seconds: 4 },
      { ...step, contender: "b", seconds: 100 },
    ];
    expect(expectedSeconds([step], made)).toBeCloseTo(8.3);
    expect(expectedSeconds([step], [...made, { ...step, run: 1, seconds: 5 }])).toBeCloseTo(5.3);
  });

  test("a clock", () => expect(clock(3725.4)).toBe("1:02:05"));
});

describe("the plot", () => {
  test("has a line for each contender, in words too, and no text that would end it", () => {
    const points = [
      { x: 10, median: 2, least: 1.9, most: 2.2 },
      { x: 50, median: 4, least: 3.5, most: 4 },
    ];
    const svg = plotSvg({ title: "a < b", unit: "s", series: [{ id: "ours", title: "A & B", points }] });
    expect(svg).toContain("A &amp; B: 2 at 10, 4 at 50");
    expect(svg).toContain('<title id="title">a &lt; b</title>');
    expect(svg.match(/<polyline/g)).toHaveLength(1);
  });
});

describe("runs in one report", () => {
  const run = (began: string, sizes: readonly number[], own: Partial<Results> = {}): Results => ({
    machine: { ...describeMachine({ Node: "v24" }), load: 0.1 },
    began,
    ended: `${began}, later`,
    contenders: [{ id: "ours", title: "ours", commands: {} }],
    skipped: {},
    failures: [],
    samples: sizes.map((size) => ({
      size,
      run: 1,
      case: "preview",
      contender: "ours",
      value: Number(began),
    })),
    ...own,
  });

  test("each size is that of the last one that has it", () => {
    const all = joined([run("1", [10, 50]), run("2", [50, 200])]);
    expect(all.samples.map(({ size, value }) => [size, value])).toEqual([
      [10, 1],
      [50, 2],
      [200, 2],
    ]);
    expect([all.began, all.ended, all.contenders.length]).toEqual(["1", "2, later", 1]);
  });

  test("the command lines of each size are told, each once", () => {
    const deploys = (...lines: string[]): Partial<Results> => ({
      contenders: [{ id: "stack", title: "stack", commands: { deploy: lines } }],
    });
    const all = joined([run("1", [10], deploys("wait", "same")), run("2", [50], deploys("same", "no wait"))]);
    expect(all.contenders.map(({ commands }) => commands)).toEqual([{ deploy: ["wait", "same", "no wait"] }]);
  });

  test("one that was interrupted shows", () =>
    expect(joined([run("1", [10]), run("2", [50], { ended: undefined })]).ended).toBeUndefined());

  test("a program that one of them had no use for is told all the same", () => {
    const versions = (...names: string[]): Partial<Results> => ({
      machine: { ...describeMachine(Object.fromEntries(names.map((name) => [name, "v24"]))), load: 0.1 },
    });
    const all = joined([
      run("1", [10], versions("Node", "OpenTofu")),
      run("2", [50], versions("Node", "wrk")),
    ]);
    expect(Object.keys(all.machine.versions)).toEqual(["Node", "OpenTofu", "wrk"]);
  });

  test("figures of other versions are refused", () =>
    expect(() =>
      joined([run("1", [10]), run("2", [50], { machine: describeMachine({ Node: "v26" }) })]),
    ).toThrow("the runs of 1 and 2 are of different machines or versions"));
});

describe("targets", () => {
  const sample = (contender: string, one: Case, size: number, value: number) => ({
    size,
    run: 1,
    case: one,
    contender,
    value,
  });
  const verdicts = (...samples: ReturnType<typeof sample>[]): Record<string, string> =>
    Object.fromEntries(targets(samples).map(({ target, verdict }) => [target, verdict]));

  test("a ratio above the limit is not met, one that was not measured is neither", () => {
    const found = verdicts(
      sample("ours", "preview", 10, 2.3),
      sample("bare", "preview", 10, 2),
      sample("ours", "drift", 50, 5),
      sample("tofu", "drift", 50, 10),
    );
    expect(found["preview of 10, no drift check, ours <= 1.1 x bare"]).toBe("not met");
    expect(found["preview of 50 with drift check, each by its defaults, ours <= 0.6 x tofu plan"]).toBe(
      "met",
    );
    expect(found["preview of 200, no drift check, ours <= 1.1 x bare"]).toBe("not measured");
  });

  test("make up counts at the least size that it was measured at", () => {
    const found = verdicts(
      sample("ours", "again", 5, 4),
      sample("ours", "again", 10, 5),
      sample("make", "again", 10, 6),
    );
    expect(found["second make up of 10, bootstrap included <= 1.3 x pulumi up"]).toBe("met");
    const without = verdicts(sample("ours", "again", 5, 4));
    expect(without["second make up of 5, bootstrap included <= 1.3 x pulumi up"]).toBe("not measured");
  });
});

describe("the platform", () => {
  test("wrk's output is read in its units, with all that failed", () => {
    const output = `Running 15s test @ http://x/accounts/10000
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20ms    1.11ms  30.00ms   90.00%
    Req/Sec    26.00k     1.00k   29.00k    70.00%
  Latency Distribution
     50%  853.00us
     75%    1.50ms
     90%    2.40ms
     99%    1.20s
  517000 requests in 15.01s, 100MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 12
Requests/sec:  51650.12
Transfer/sec:     10.0MB
`;
    const { p50, ...others } = parseWrk(output);
    expect(p50).toBeCloseTo(0.853);
    expect(others).toEqual({ rate: 51650.12, p99: 1200, failed: 15 });
    const calm = output.replace(/^.*(Socket errors|Non-2xx).*\n/gm, "");
    expect(parseWrk(calm).failed).toBe(0);
    expect(() => parseWrk("unable to connect to x:80 Connection refused")).toThrow(
      "no output of wrk:\nunable to connect",
    );
  });

  const service: EngineService = {
    Spec: {
      Name: "bench-platform_web",
      TaskTemplate: {
        ContainerSpec: {
          Image: "nginx:1.26.3",
          Command: ["nginx"],
          Args: ["-g", "daemon off;"],
          Env: ["TZ=UTC"],
          ReadOnly: true,
          Init: false,
          CapabilityDrop: ["ALL"],
          StopGracePeriod: 30e9,
          Healthcheck: { Test: ["CMD", "true"], Interval: 2e9, Timeout: 3e9, Retries: 3, StartPeriod: 10e9 },
          Mounts: [
            { Type: "volume", Source: "data", Target: "/data" },
            { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: 1024 } },
          ],
          Configs: [{ ConfigName: "conf", File: { Name: "/c", Mode: 0o444, UID: "0", GID: "0" } }],
        },
        Resources: { Limits: { MemoryBytes: 64 << 20 } },
        RestartPolicy: { Condition: "any", Delay: 5e9 },
        Placement: { Constraints: ["node.hostname==n1"] },
        LogDriver: { Name: "json-file", Options: { "max-size": "10m" } },
        Networks: [{ Aliases: ["web"] }],
      },
      Mode: { Replicated: { Replicas: 2 } },
      UpdateConfig: { Parallelism: 1, FailureAction: "rollback", Monitor: 5e9, Order: "start-first" },
      RollbackConfig: {
        Parallelism: 1,
        Delay: 1e9,
        FailureAction: "pause",
        Monitor: 5e9,
        Order: "start-first",
      },
      EndpointSpec: {
        Mode: "dnsrr",
        Ports: [{ Protocol: "tcp", PublishMode: "host", PublishedPort: 8080, TargetPort: 80 }],
      },
    },
  };

  test("a peer's stack file makes the same services", () => {
    const file = stackOfServices([service], "bench-platform", new Map([["conf", "./conf"]]));
    const document = parse(file) as { services: { web: Record<string, unknown> } };
    expect(document).toMatchObject({
      networks: { network: { driver: "overlay" } },
      volumes: { data: {} },
      configs: { conf: { file: "./conf" } },
    });
    expect(document.services.web).toMatchObject({
      image: "nginx:1.26.3",
      entrypoint: ["nginx"],
      command: ["-g", "daemon off;"],
      stop_grace_period: "30000ms",
      healthcheck: { interval: "2000ms", start_period: "10000ms" },
      volumes: [
        { type: "volume", source: "data", target: "/data" },
        { type: "tmpfs", target: "/tmp", tmpfs: { size: 1024 } },
      ],
      ports: [{ target: 80, published: 8080, protocol: "tcp", mode: "host" }],
      networks: { network: { aliases: ["web"] } },
      deploy: { replicas: 2, endpoint_mode: "dnsrr", placement: { constraints: ["node.hostname==n1"] } },
    });
  });

  test("tables have medians, and targets their verdicts", () => {
    const results: PlatformResults = {
      samples: [
        { what: "deploy", by: "pulumi up", value: 20 },
        { what: "deploy", by: "docker stack deploy", value: 15 },
        { what: "again", by: "pulumi up", value: 5 },
        { what: "again", by: "make up", value: 7 },
      ],
      loads: [1, 2, 6].map((p99) => ({
        way: "direct",
        rate: 60_000,
        p50: 1,
        p99,
        failed: 0,
        cores: { wrk: 0.5, accountservice: p99 / 10 },
      })),
      memory: { idle: 11, after: 21.5 },
      images: { accountservice: 9.9 },
      printed: [],
      skipped: [],
    };
    expect(platformTables(results).map(({ rows }) => rows[1])).toEqual([
      ["fresh deploy, images present, to ready", "20.00 s (20.00-20.00)", "", "15.00 s (15.00-15.00)"],
      ["direct", "60000", "1.0 ms", "2.0 ms", "0"],
      ["direct", "0.20", "0.50"],
      ["accountservice", "9.9"],
    ]);
    expect(platformTargets(results).map(({ verdict }) => verdict)).toEqual(
      ["met", "not met", "met", "met", "not met", "met"], // 20 <= 1.2 * 15 + 3; 7 / 5 > 1.3
    );
    const nothing = { samples: [], loads: [], memory: {}, images: {}, printed: [], skipped: [] };
    expect(platformTargets(nothing).every(({ verdict }) => verdict === "not measured")).toBe(true);
    expect(platformTables(nothing)).toEqual([]);
  });
});
