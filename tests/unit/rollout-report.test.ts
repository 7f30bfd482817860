import type { ApiService, ApiTask } from "../../components/engine/engine";
import type { RolloutSnapshot } from "../../components/rollout/rollout";
import { report, telltales } from "../../components/rollout/rollout-report";

const task = (ID: string, State: string, more: Partial<ApiTask> & { Err?: string } = {}): ApiTask => {
  const { Err, ...fields } = more;
  return {
    ID,
    CreatedAt: "2026-01-01T00:00:01Z",
    Slot: 1,
    NodeID: "node1",
    DesiredState: State === "failed" ? "shutdown" : "running",
    Status: { State, Timestamp: "2026-01-01T00:00:02Z", ...(Err !== undefined && { Err }) },
    ...fields,
  };
};

const snapshot = (tasks: ApiTask[]): RolloutSnapshot => ({
  service: {
    ID: "service1",
    Version: { Index: 1 },
    UpdatedAt: "2026-01-01T00:00:00Z",
    Spec: { Name: "dev_api", Mode: {}, TaskTemplate: {} },
  } satisfies ApiService,
  tasks,
  upToDate: new Set(tasks.map(({ ID }) => ID)),
  nodes: [
    {
      ID: "node1",
      Version: { Index: 1 },
      Spec: { Role: "worker", Availability: "active" },
      Description: { Hostname: "manager-1" },
      Status: { State: "ready" },
    },
  ],
  startedAt: Date.parse("2026-01-01T00:00:00Z"),
  watchedSince: Date.parse("2026-01-01T00:00:00Z"),
  now: Date.parse("2026-01-01T00:01:00Z"),
});

describe("telltales", () => {
  const ids = (...tasks: ApiTask[]): string[] => telltales(snapshot(tasks)).map(({ ID }) => ID);
  const exit = (ID: string, code: number, second: number, Slot = 1): ApiTask =>
    task(ID, "failed", {
      Err: `task: non-zero exit (${code})`,
      CreatedAt: `2026-01-01T00:00:0${second}Z`,
      Slot,
    });

  test("are the newest task of each different fault", () => {
    expect(ids(exit("a", 1, 1), exit("b", 1, 5), exit("c", 2, 3, 2), exit("d", 2, 2, 2))).toEqual(["b", "c"]);
  });

  test("are three at most", () => {
    expect(ids(exit("a", 1, 1), exit("b", 2, 2), exit("c", 3, 3), exit("d", 4, 4))).toEqual(["d", "c", "b"]);
  });

  test("include what does not get ready, but not what only waits for its turn after a failure", () => {
    expect(ids(exit("a", 1, 1), task("next", "ready"), task("stuck", "starting", { Slot: 2 }))).toEqual([
      "a",
      "stuck",
    ]);
  });

  test("include nothing that has just begun while another task failed", () => {
    const begun = (UpdatedAt: string): ApiTask => task("begun", "starting", { Slot: 2, UpdatedAt });
    expect(ids(exit("a", 1, 1), begun("2026-01-01T00:00:58Z"))).toEqual(["a"]);
    expect(ids(begun("2026-01-01T00:00:58Z"))).toEqual(["begun"]);
  });

  test("begin with what has no node, also where its forerunner failed", () => {
    const unplaced = task("next", "pending", {
      Err: "no suitable node (1 node not available for new tasks)",
    });
    expect(ids(exit("a", 1, 1), unplaced)).toEqual(["next", "a"]);
  });

  test("are none where all tasks run", () => {
    expect(ids(task("t1", "running"))).toEqual([]);
  });
});

describe("report", () => {
  test("without a task says what to do about the reason", () => {
    expect(
      report(snapshot([]), "no suitable node (no active node satisfies its constraints: a==b)", new Map()),
    ).toBe(
      [
        "Service dev_api did not roll out: no suitable node (no active node satisfies its constraints: a==b).",
        "  What to do: correct the constraints, or give a node what they ask for " +
          "(docker node update --label-add KEY=VALUE NODE). Then run up again.",
      ].join("\n"),
    );
  });

  test("names a global service's task by its node, and says where there is none", () => {
    const name = (more: Partial<ApiTask>): string | undefined =>
      report(
        snapshot([]),
        "reason",
        new Map([[task("t", "failed", { Err: "x", ...more }), { log: [] }]]),
      ).split("\n")[1];
    expect(name({ Slot: undefined })).toBe("  Task dev_api on manager-1: it does not run: x");
    expect(name({ NodeID: undefined })).toBe("  Task dev_api.1 on no node: it does not run: x");
  });

  test("shows each fault with its log, its health check and its cure; long ones shortened", () => {
    const evidence = new Map([
      [
        task("a", "failed", { Err: "task: non-zero exit (137)" }),
        { outOfMemory: true, log: ["x".repeat(400), "short"] },
      ],
      [
        task("b", "failed", { Err: "task: non-zero exit (1): dockerexec: unhealthy container", Slot: 2 }),
        { outOfMemory: false, healthCheck: { exitCode: 1, output: "1\n2\n3\n4\n\n5\n6\n" }, log: [] },
      ],
    ]);
    expect(report(snapshot([]), "reason", evidence)).toBe(
      [
        "Service dev_api did not roll out: reason.",
        "  Task dev_api.1 on manager-1: it ran out of memory: non-zero exit (137), out of memory",
        "  Its last log lines:",
        `    ${"x".repeat(300)}...`,
        "    short",
        "  What to do: raise the memory limit, or make the program need less. Then run up again.",
        "  Task dev_api.2 on manager-1: its health check failed: non-zero exit (1): unhealthy container",
        "  Its last health check ended with exit code 1:",
        ...["2", "3", "4", "5", "6"].map((line) => `    ${line}`),
        "  What to do: see what the check and the program said; correct the service or its health check. Then run up again.",
      ].join("\n"),
    );
  });
});
