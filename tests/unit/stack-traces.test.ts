import { spareStackTraces } from "../../components/stack-traces";

describe("stack traces", () => {
  const before = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace") ?? {};
  beforeEach(() => {
    Error.prepareStackTrace = (error) => `mapped: ${error.message}`;
  });
  afterEach(() => {
    Object.defineProperty(Error, "prepareStackTrace", before);
    delete process.env.PULUMI_DEBUG_PROMISE_LEAKS;
  });
  const debuggablePromise = (): string | undefined => new Error("a promise").stack;

  test("those that the SDK takes of its promises are empty, others are as they were", () => {
    spareStackTraces();
    expect(debuggablePromise()).toBe("");
    expect(new Error("a fault").stack).toBe("mapped: a fault");
  });

  test("those that the SDK takes of declarations are short", () => {
    Error.prepareStackTrace = (_, frames) => frames.length;
    spareStackTraces();
    const callsites = (): unknown => new Error("a declaration").stack;
    const deep = (depth: number): unknown => (depth === 0 ? callsites() : deep(depth - 1));
    expect(deep(9)).toBe(7);
  });

  test("who looks for promises that never end gets all of them", () => {
    process.env.PULUMI_DEBUG_PROMISE_LEAKS = "1";
    spareStackTraces();
    expect(debuggablePromise()).toBe("mapped: a promise");
  });
});
