import type { ApiNode } from "../../components/engine/engine";
import { nodesHeardOf } from "../../components/swarm/nodes-heard-of";
import { apiNode } from "../support/environment";
import { FakeEngine } from "../support/fake-engine";

const a = (own: Parameters<typeof apiNode>[1] = {}) => apiNode("a", { role: "manager", ...own });
const running = (node: string) => ({ NodeID: `${node}-id`, Status: { State: "running" } });

test.each<[string, ApiNode, readonly object[], number]>([
  ["all are ready", a(), [], 1],
  ["one is down, and nothing is left on it", a({ state: "down", reachability: "unreachable" }), [], 1],
  ["the new leader has yet to hear of one", a({ state: "unknown" }), [], 2],
  ["a manager that can't be reached passes for ready", a({ reachability: "unreachable" }), [], 2],
  ["tasks of one that is down pass for running", a({ state: "down" }), [running("a")], 2],
])("%s", async (_what, first, tasks, looks) => {
  let asked = 0;
  const engine = new FakeEngine(({ route, query }) => {
    if (route === "GET /nodes") return [asked++ === 0 ? first : a(), apiNode("b")];
    if (route !== "GET /tasks") return undefined;
    expect(JSON.parse(query.get("filters") ?? "")).toEqual({ node: ["a-id"], "desired-state": ["running"] });
    return tasks;
  });
  await nodesHeardOf(await engine.listen());
  await engine.close();
  expect(asked).toBe(looks);
});

test("an engine that does not answer is no matter of this", () =>
  expect(nodesHeardOf("unix:///nowhere.sock")).resolves.toBeUndefined());
