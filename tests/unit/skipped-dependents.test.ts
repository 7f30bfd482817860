import * as pulumi from "@pulumi/pulumi";
import { setTimeout as sleep } from "node:timers/promises";
import {
  explainSkippedDependents,
  holdBackDependents,
  noteFailedHook,
} from "../../components/rollout/skipped-dependents";

type Listener = (error: unknown) => void;

/** What the listener makes of a rejection. */
function explained(error: unknown): unknown {
  const prepend = jest.spyOn(process, "prependListener").mockReturnThis();
  explainSkippedDependents();
  const [event, listener] = prepend.mock.calls[0] as unknown as [string, Listener];
  prepend.mockRestore();
  expect(event).toBe("unhandledRejection");
  listener(error);
  return error;
}

test("a resource that was skipped is explained in one sentence, without a stack trace", () => {
  const error = explained(new Error("resource kafka [docker:index/service:Service] failed to register"));
  const sentence = "What needs kafka was left as it is, because kafka failed.";
  expect(error).toMatchObject({ message: sentence, stack: sentence });
  expect(pulumi.RunError.isInstance(error)).toBe(true);
});

test.each([new Error("socket hang up"), "resource x", undefined])(
  "any other rejection stays as it is: %p",
  (error) => {
    const before = String(error);
    expect(String(explained(error))).toBe(before);
    expect(pulumi.RunError.isInstance(error)).toBeFalsy();
  },
);

describe("what depends on a resource", () => {
  const urn = (name: string): string => `urn:pulumi:dev::p::docker:index/service:Service::${name}`;
  /** A resource whose URN is known once it is made. */
  const resource = (
    name: string,
    finished = Promise.resolve(),
  ): { made: () => void; urn: () => Promise<string> } => {
    let made = (): void => undefined;
    const service = new pulumi.DependencyResource(urn(name));
    const known = new Promise<string>((resolve) => (made = () => resolve(urn(name))));
    Object.assign(service, { urn: pulumi.output(known) });
    holdBackDependents(service, finished);
    // What the SDK does before it declares a dependent.
    return { made, urn: () => (service.urn as unknown as { promise(): Promise<string> }).promise() };
  };

  test("goes on when no hook after it failed", async () => {
    const { made, urn: wait } = resource("api");
    made();
    expect(await wait()).toBe(urn("api"));
  });

  test("is held back when one fails that has to be waited for", async () => {
    const { made, urn: wait } = resource(
      "db",
      sleep(20).then(() => noteFailedHook(urn("db"))),
    );
    made();
    await expect(wait()).rejects.toThrow("What needs db was left as it is, because db failed.");
  });

  test("is held back when one failed, which happens before the resource counts as made", async () => {
    const { made, urn: wait } = resource("web");
    noteFailedHook(urn("web"));
    made();
    const error: unknown = await wait().catch((thrown: unknown) => thrown);
    expect((error as Error).message).toBe("What needs web was left as it is, because web failed.");
    expect(pulumi.RunError.isInstance(error)).toBe(true);
  });
});
