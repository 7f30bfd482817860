import * as pulumi from "@pulumi/pulumi";
import { setImmediate as nextTurn } from "node:timers/promises";
import { START_CALL, startProviders } from "../../components/compose/engine-resource";

test("the providers' process is started by a call whose failure means nothing", async () => {
  const calls: string[] = [];
  await pulumi.runtime.setMocks({
    call: ({ token }) => {
      calls.push(token);
      throw new Error(`unknown function ${token}`);
    },
    newResource: ({ inputs }) => ({ id: undefined, state: inputs as Record<string, unknown> }),
  });
  const unhandled = jest.fn();
  process.on("unhandledRejection", unhandled);
  startProviders();
  await nextTurn();
  await pulumi.runtime.disconnect();
  process.off("unhandledRejection", unhandled);
  expect(calls).toEqual([START_CALL]);
  expect(unhandled).not.toHaveBeenCalled();
});
