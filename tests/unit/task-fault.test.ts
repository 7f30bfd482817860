import type { ApiTask } from "../../components/engine/engine";
import { taskError, taskFault } from "../../components/rollout/task-fault";

const task = (State: string, status: Partial<ApiTask["Status"]> = {}): ApiTask => ({
  ID: "task1",
  CreatedAt: "2026-01-01T00:00:00Z",
  DesiredState: "running",
  Status: { State, Timestamp: "2026-01-01T00:00:00Z", ...status },
});

// The engine's own words, of versions 20.10 and 28.
test.each([
  ["task: non-zero exit (3)", "non-zero exit (3)"],
  ["task: non-zero exit (143): dockerexec: unhealthy container", "non-zero exit (143): unhealthy container"],
  [
    "starting container failed: driver failed programming external connectivity on endpoint api.1.6rcthxxbvcssfyweue7u8khgu " +
      "(b246846e9f48a628d227c1228535b48d60159321f897f008488d8f6267daf8d6): Bind for 0.0.0.0:7777 failed: port is already allocated",
    "Bind for 0.0.0.0:7777 failed: port is already allocated",
  ],
  [
    "starting container failed: failed to create shim task: OCI runtime create failed: runc create failed: unable to start " +
      'container process: exec: "/nosuch": stat /nosuch: no such file or directory: unknown',
    'exec: "/nosuch": stat /nosuch: no such file or directory',
  ],
  [
    "starting container failed: container 3f0dad2fca0473bcd90110a463a17070c759856683faafc1594a0ed2fd53996b: endpoint join on " +
      "GW Network failed: Bind for 0.0.0.0:8090 failed: port is already allocated",
    "Bind for 0.0.0.0:8090 failed: port is already allocated",
  ],
  ["No such container: dev_api.1.g3l37zcwdu4oqvsptx5ciubxa", "No such container: dev_api.1"],
])("%s is shown without its wrapping", (Err, shown) => {
  expect(taskError(task("failed", { Err }))).toBe(shown);
});

test("a task without an error of its own is named by its state", () => {
  expect(taskError(task("complete", { ContainerStatus: { ExitCode: 0 } }))).toBe("exit (0)");
  expect(taskError(task("complete"))).toBe("exit (0)");
  expect(taskError(task("starting", { Err: "" }))).toBe("still starting");
  expect(taskError({ ...task("running"), DesiredState: "shutdown" })).toBe("told to stop");
});

test("a task that has no health check does not wait for one", () => {
  const starting = (Test?: string[]): ApiTask => ({
    ...task("starting"),
    Spec: { ContainerSpec: { Image: "api", ...(Test && { Healthcheck: { Test } }) } },
  });
  expect(taskError(starting(["NONE"]))).toBe("still being started");
  expect(taskError(starting(["CMD", "check"]))).toBe("still starting");
  expect(taskError(starting())).toBe("still starting");
});

test("secrets and configs are shown by name", () => {
  const missing = (kind: string, id: string): ApiTask => ({
    ...task("failed", {
      Err: `starting container failed: unable to get ${kind} from ${kind} store: ${kind} ${id} not found`,
    }),
    Spec: {
      ContainerSpec: {
        Image: "api",
        Secrets: [{ SecretID: "fa6vmilrqwu7hkz4eioif9oue", SecretName: "dev_db-password-1" }],
        Configs: [{ ConfigID: "wpdxva7hsgxwtib993l854aue", ConfigName: "dev_nginx-1" }],
      },
    },
  });
  expect(taskError(missing("secret", "fa6vmilrqwu7hkz4eioif9oue"))).toBe(
    "unable to get secret from secret store: secret dev_db-password-1 not found",
  );
  expect(taskError(missing("config", "wpdxva7hsgxwtib993l854aue"))).toBe(
    "unable to get config from config store: config dev_nginx-1 not found",
  );
  expect(taskError(missing("secret", "msn5jxtaprefhad8bhwzs5gh2"))).toMatch(
    /secret msn5jxtaprefhad8bhwzs5gh2 not/,
  );
});

const FINAL = true;
const HEALS = false;

test.each<[error: string, words: string, cure: RegExp, final: boolean]>([
  ["No such image: api:2", "the image can't be had", /name and tag/, FINAL],
  ["pull access denied for api", "the image can't be had", /name and tag/, FINAL],
  [
    'invalid mount config for type "bind": bind source path does not exist: /x',
    "the source of a bind mount is not on this node",
    /make the folder/,
    FINAL,
  ],
  [
    "unable to get secret from secret store: secret db-password not found",
    "a secret or a config is missing",
    /docker secret ls/,
    FINAL,
  ],
  [
    "Bind for 0.0.0.0:80 failed: port is already allocated",
    "a published port is taken",
    /free the published port/,
    HEALS,
  ],
  [
    "no suitable node (host-mode port already in use on 1 node)",
    "a published port is taken",
    /free the published port/,
    HEALS,
  ],
  [
    "no suitable node (scheduling constraints not satisfied on 1 node)",
    "no node satisfies its placement constraints",
    /--label-add/,
    HEALS,
  ],
  [
    "no suitable node (insufficient resources on 3 nodes)",
    "no node has enough memory or CPU left",
    /reservations/,
    HEALS,
  ],
  [
    "no suitable node (unsupported platform on 1 node)",
    "the image is for another platform than the nodes",
    /platform of a node/,
    HEALS,
  ],
  ["no suitable node (1 node not available for new tasks)", "no node may run it", /docker node ls/, HEALS],
  ["non-zero exit (143): unhealthy container", "its health check failed", /health check/, HEALS],
  ["non-zero exit (137), out of memory", "it ran out of memory", /raise the memory limit/, HEALS],
  ["non-zero exit (1), out of memory", "it ran out of memory", /raise the memory limit/, HEALS],
  ["non-zero exit (137)", "it was killed from outside (SIGKILL)", /OOMKilled/, HEALS],
  ["non-zero exit (2)", "its program ended by itself", /arguments/, HEALS],
  ["exit (0)", "its program ended by itself, without an error", /foreground/, HEALS],
  ["still starting", "its health check has not succeeded yet", /rolloutTimeoutSeconds/, HEALS],
  ["still running", "it has not ended yet", /rolloutTimeoutSeconds/, HEALS],
  ["told to stop", "Swarm stopped it", /docker node ls/, HEALS],
  ["still ready", "the task before it has not stopped yet", /stopGracePeriod/, HEALS],
  ["still preparing", "its image is still being pulled", /registry/, HEALS],
  ['exec: "/nosuch": stat /nosuch: no such file', "its program can't be started", /command/, FINAL],
  ["unable to find user nobody: no matching entries", "its program can't be started", /user/, FINAL],
  ["something else", "it does not run", /docker service ps --no-trunc/, HEALS],
])("%s", (error, words, cure, final) => {
  const fault = taskFault(error);
  expect(fault.words).toBe(words);
  expect(fault.cure).toMatch(cure);
  expect(fault.final ?? false).toBe(final);
});
