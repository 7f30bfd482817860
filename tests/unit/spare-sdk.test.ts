import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { spareStackTraces } from "../../components/spare-sdk";

const ROOT = path.resolve(__dirname, "../..");

/** What the script prints, in a process of its own that has imported the file as programs do. */
function inProgram(script: string, env: NodeJS.ProcessEnv = {}): unknown {
  const program = `require("./components/spare-sdk");
    const print = (value) => console.log(JSON.stringify(value));
    const loaded = () => Object.keys(require.cache).filter((file) => file.includes("/node_modules/pacote/")).length;
    ${script}`;
  const argv = ["--import", "./tools/typescript.mjs", "--eval", program];
  const options = { cwd: ROOT, env: { ...process.env, ...env }, encoding: "utf8" } as const;
  return JSON.parse(execFileSync(process.execPath, argv, options));
}

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

describe("debug messages", () => {
  const script = `
    const { log } = require("@pulumi/pulumi");
    const sent = [];
    require("@pulumi/pulumi/runtime/settings").getEngine = () => ({ log: (message, done) => { sent.push(message.getMessage()); done(); } });
    log.debug("for nobody");
    log.info("for all").then(() => print(sent));`;

  test("those of the SDK are not sent, others are", () => {
    expect(inProgram(script)).toEqual(["for all"]);
  });

  test("who records the calls gets them", () => {
    expect(inProgram(script, { PULUMI_DEBUG_GRPC: "calls.json" })).toEqual(["for nobody", "for all"]);
  });
});

describe("npm's package manager", () => {
  test("is loaded when it is asked for, and not by the SDK", () => {
    const script = `
      require("@pulumi/pulumi");
      const before = loaded();
      const { Arborist } = require("@npmcli/arborist");
      print([before, loaded() > 0, new Arborist({ path: "." }).path]);`;
    expect(inProgram(script)).toEqual([0, true, ROOT]);
  });
});
