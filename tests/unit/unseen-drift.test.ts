import type { ApiService } from "../../components/engine/engine";
import { unseenDrift } from "../../components/rollout/unseen-drift";

const service = (template: object, fields: object = {}): ApiService =>
  ({ ID: "service1", Spec: { Name: "dev_api", TaskTemplate: template }, ...fields }) as unknown as ApiService;

test("a service as it was made, or none, has nothing unseen", () => {
  expect(unseenDrift(undefined)).toEqual([]);
  const template = { ContainerSpec: { Image: "api:1" }, Resources: { Limits: { MemoryBytes: 1 } } };
  expect(unseenDrift(service(template, { UpdateStatus: { State: "completed" } }))).toEqual([]);
});

test.each([
  ["paused", "an update that Swarm left paused"],
  ["rollback_paused", "an update that Swarm left rollback paused"],
])("an update that is %s", (State, phrase) => {
  expect(unseenDrift(service({}, { UpdateStatus: { State } }))).toEqual([phrase]);
});

test("all that the provider has no field for", () => {
  const container = { Ulimits: [{ Name: "nofile" }, { Name: "core" }], TTY: true, OpenStdin: true };
  expect(unseenDrift(service({ ContainerSpec: container, Resources: { Limits: { Pids: 50 } } }))).toEqual([
    "ulimits set by hand (nofile, core)",
    "a limit of processes set by hand (50)",
    "a TTY set by hand",
    "an open stdin set by hand",
  ]);
});
