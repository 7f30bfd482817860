import { inWordsOf, isSame, serviceSpec, shownService } from "../../components/compose/provider/shown-spec";

const SPEC = {
  Name: "shop_web",
  Labels: { "com.docker.stack.image": "busybox:1.35", Delay: "5" },
  TaskTemplate: {
    ContainerSpec: {
      Image: "busybox:1.35",
      Labels: { a: "b" },
      Env: ["A=1", "A_B=x=y", "EMPTY=", "UNSET"],
      StopGracePeriod: 90_000_000_000,
      Healthcheck: { Test: ["CMD", "true"], Interval: 1_500_000_000 },
      Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1_000_000, Mode: 0o1777 } }],
      Configs: [{ ConfigName: "c", File: { Name: "/c", UID: "0", GID: "0", Mode: 0o444 } }],
      Privileges: {},
    },
    Resources: { Limits: { MemoryBytes: 64 * 2 ** 20, NanoCPUs: 500_000_000 } },
    RestartPolicy: { Condition: "on-failure", Delay: 0 },
    Networks: [{ Target: "shop_default", Aliases: ["web"] }],
  },
  Mode: { Replicated: { Replicas: 2 } },
  UpdateConfig: { Parallelism: 0, Delay: 10_000_000_000 },
  EndpointSpec: { Mode: "vip" },
};

test("a spec is shown on one level, variables by name, with units", () => {
  expect(shownService(SPEC)).toEqual({
    Name: "shop_web",
    Labels: SPEC.Labels,
    ContainerLabels: { a: "b" },
    Image: "busybox:1.35",
    Env: { A: "1", A_B: "x=y", EMPTY: "" },
    UnsetEnv: ["UNSET"],
    StopGracePeriod: "1m30s",
    Healthcheck: { Test: ["CMD", "true"], Interval: "1s500ms" },
    Mounts: [{ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: "1000000B", Mode: "01777" } }],
    Configs: [{ ConfigName: "c", File: { Name: "/c", UID: "0", GID: "0", Mode: "0444" } }],
    Privileges: {},
    Resources: { Limits: { MemoryBytes: "64MiB", NanoCPUs: 500_000_000 } },
    RestartPolicy: { Condition: "on-failure", Delay: "0s" },
    Networks: [{ Target: "shop_default", Aliases: ["web"] }],
    Mode: { Replicated: { Replicas: 2 } },
    UpdateConfig: { Parallelism: 0, Delay: "10s" },
    EndpointSpec: { Mode: "vip" },
  });
});

test("the way back is without a loss", () => {
  expect(serviceSpec(shownService(SPEC))).toEqual(SPEC);
});

test.each([
  [
    "what is not given is the engine's default",
    { Mode: { Replicated: {} } },
    { Mode: { Replicated: { Replicas: 1 } } },
  ],
  [
    "a job of one task",
    { Mode: { ReplicatedJob: {} } },
    { Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } } },
  ],
  ["empty is none", { Resources: {}, Privileges: { CredentialSpec: null } }, {}],
  ["none is empty", { Mounts: [] }, {}],
  ["as inspect fills it in", { Isolation: "default", Runtime: "container", ForceUpdate: 0 }, {}],
  ["no attempts are no limit", { RestartPolicy: { Condition: "any", MaxAttempts: 0 } }, {}],
])("%s", (_, a, b) => {
  expect(isSame(a, b)).toBe(true);
});

test.each([
  ["no tasks", { Mode: { Replicated: { Replicas: 0 } } }, { Mode: { Replicated: {} } }],
  ["no init", { Init: false }, {}],
  ["no grace", { StopGracePeriod: "0s" }, {}],
  ["no delay", { RestartPolicy: { Delay: "0s" } }, {}],
  ["all at once", { UpdateConfig: { Parallelism: 0 } }, {}],
  ["an empty variable", { Env: { A: "" } }, {}],
  ["an empty label", { Labels: { a: "" } }, { Labels: {} }],
  ["another mode", { Mode: { Global: {} } }, { Mode: { Replicated: {} } }],
])("%s is a difference", (_, a, b) => {
  expect(isSame(a, b)).toBe(false);
});

test("what means the same keeps its words, and only the rest differs", () => {
  const declared = { Resources: {}, Mode: { Replicated: {} }, Env: { A: "1" }, Privileges: {} };
  const seen = {
    Mode: { Replicated: { Replicas: 1 } },
    Env: { A: "2" },
    Isolation: "default",
    StopGracePeriod: "3s",
  };
  expect(inWordsOf(declared, seen)).toEqual({ ...declared, Env: { A: "2" }, StopGracePeriod: "3s" });
});
