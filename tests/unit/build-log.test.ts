import * as pulumi from "@pulumi/pulumi";
import * as fs from "node:fs";
import { buildLogFile, showFailedBuild } from "../../components/build-log";
import { record } from "../support/recorder";
import { tempFolder } from "../support/temp";

afterEach(() => jest.restoreAllMocks());

test("keeps one log for each image, in a folder that it makes", () => {
  const home = process.cwd();
  process.chdir(tempFolder());
  expect(buildLogFile("team/api")).toBe(".build-logs/team_api.log");
  expect(fs.existsSync(".build-logs")).toBe(true);
  process.chdir(home);
});

test("shows the end of the log of a failed build, and asks for no other try", async () => {
  const file = `${tempFolder()}/api.log`;
  const shown = jest.spyOn(pulumi.log, "error").mockResolvedValue(undefined);
  let hook: pulumi.ErrorHook | undefined;
  await record(() => {
    hook = showFailedBuild("api-build-log", file);
  });
  const call = async (...errors: string[]): Promise<boolean> =>
    hook!.callback({ errors } as unknown as pulumi.ErrorHookArgs);

  expect(await call()).toBe(false);
  expect(shown).not.toHaveBeenCalled();

  fs.writeFileSync(file, Array.from({ length: 60 }, (_, i) => `line ${i + 1}`).join("\n"));
  expect(await call()).toBe(false);
  expect(shown).toHaveBeenCalledTimes(1);
  const message = shown.mock.calls[0]![0];
  expect(message).toContain(`The end of the build log, ${file}:\nline 21\n`);
  expect(message.endsWith("line 60")).toBe(true);

  fs.writeFileSync(file, "write /src/main.go: no space left on device");
  expect(await call("building failed")).toBe(false);
  expect(shown).toHaveBeenCalledTimes(3);
  expect(shown.mock.calls[2]![0]).toMatch(
    /^What to do: free space on the engine's disk .*; then run it again\.$/,
  );
});
