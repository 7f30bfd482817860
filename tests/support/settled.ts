import type { Engine } from "./engine";
import { swarmObjects } from "./swarm-objects";
import type { Workspace } from "./workspace";

/** The stack is as declared: nothing to change, these objects and no others, nothing doubled or pending in the state. */
export function expectSettled(
  workspace: Workspace,
  engine: Engine,
  objects: readonly (string | RegExp)[],
): void {
  expect(workspace.preview()).toEqual([]);
  expect(swarmObjects(engine)).toEqual(
    objects.map((object) =>
      typeof object === "string" ? object : (expect.stringMatching(object) as string),
    ),
  );
  const { resources, pending_operations } = workspace.state();
  expect(pending_operations).toBeUndefined();
  const urns = resources.map(({ urn }) => urn);
  expect(urns).toEqual([...new Set(urns)]);
}
