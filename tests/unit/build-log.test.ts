import * as pulumi from "@pulumi/pulumi";
import * as fs from "node:fs";
import { buildLogFile, handleFailedBuild } from "../../components/images/build-log";
import { FakeEngine } from "../support/fake-engine";
import { record } from "../../review/graph/recorder";
import { tempFolder } from "../support/temp";

afterEach(() => jest.restoreAllMocks());

test("keeps one log for each image, in a folder that it makes", () => {
  const home = process.cwd();
  process.chdir(tempFolder());
  expect(buildLogFile("team/api")).toBe(".build-logs/team_api.log");
  expect(fs.existsSync(".build-logs")).toBe(true);
  process.chdir(home);
});

describe("a build that failed", () => {
  const damaged = "failed to solve: can not convert active l2qw3uf6nc7s to layer";
  let engine: FakeEngine;
  let file: string;
  let call: (...errors: string[]) => Promise<boolean>;
  let shown: jest.SpiedFunction<typeof pulumi.log.error>;

  beforeEach(async () => {
    engine = new FakeEngine(({ route }) =>
      route === "POST /build/prune" ? { SpaceReclaimed: 1 } : undefined,
    );
    file = `${tempFolder()}/api.log`;
    const host = await engine.listen();
    let hook: pulumi.ErrorHook | undefined;
    await record(() => {
      hook = handleFailedBuild("api-build", file, host);
    });
    call = async (...errors) => hook!.callback({ errors } as unknown as pulumi.ErrorHookArgs);
    shown = jest.spyOn(pulumi.log, "error").mockResolvedValue(undefined);
  });
  afterEach(() => engine.close());

  test("shows the end of its log, and asks for no other try", async () => {
    expect(await call()).toBe(false);
    expect(shown).not.toHaveBeenCalled();

    fs.writeFileSync(file, Array.from({ length: 60 }, (_, i) => `line ${i + 1}`).join("\n"));
    expect(await call()).toBe(false);
    expect(shown).toHaveBeenCalledTimes(1);
    const message = shown.mock.calls[0]![0];
    expect(message).toContain(`The end of the build log, ${file}:\nline 21\n`);
    expect(message.endsWith("line 60")).toBe(true);
  });

  test("says what helps", async () => {
    fs.writeFileSync(file, "write /src/main.go: no space left on device");
    expect(await call("building failed")).toBe(false);
    expect(shown.mock.calls[1]![0]).toMatch(
      /^What to do: free space on the engine's disk .*; then run it again\.$/,
    );
    expect(engine.requests).toEqual([]);
  });

  test("is tried again, once, when the network did not answer in time", async () => {
    const late = "dial tcp: lookup proxy.example.org: i/o timeout";
    expect(await call(late)).toBe(true);
    expect(await call(late)).toBe(false);
    expect(await call("dial tcp 10.0.0.1:443: connection refused")).toBe(false);
  });

  test("is tried again, once, when it was for a damaged build cache", async () => {
    const warned = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
    expect(await call(damaged)).toBe(true);
    expect(engine.requests.map(({ route }) => route)).toEqual(["POST /build/prune"]);
    expect(warned.mock.calls[0]![0]).toMatch(
      /^The build cache of the engine .* was damaged, .* Building again\.$/,
    );
    expect(await call(damaged)).toBe(false);
    expect(engine.requests).toHaveLength(1);
  });
});
