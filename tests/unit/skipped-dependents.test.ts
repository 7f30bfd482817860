import { RunError } from "@pulumi/pulumi";
import { explainSkippedDependents } from "../../components/skipped-dependents";

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
  expect((error as Error).message).toBe("What needs kafka was left as it is, because kafka failed.");
  expect(RunError.isInstance(error)).toBe(true);
});

test.each([new Error("socket hang up"), "resource x", undefined])(
  "any other rejection stays as it is: %p",
  (error) => {
    const before = String(error);
    expect(String(explained(error))).toBe(before);
    expect(RunError.isInstance(error)).toBeFalsy();
  },
);
