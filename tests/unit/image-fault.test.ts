import * as pulumi from "@pulumi/pulumi";
import { explainImageFault, imageCure } from "../../components/images/image-fault";
import { record } from "../../review/graph/recorder";

afterEach(() => jest.restoreAllMocks());

test.each([
  ["write /var/lib/docker/tmp/x: no space left on device", "free space on the engine's disk"],
  ["Cannot connect to the Docker daemon at unix:///run/docker.sock", "the engine went away while it worked"],
  ["Get https://r/v2/: dial tcp 10.0.0.1:443: connect: connection refused", "the registry can't be reached"],
  ["lookup r on 10.0.0.1:53: no such host", "the registry can't be reached"],
  ["denied: requested access to the resource is denied", "log in to the registry"],
  ["manifest unknown", "check the image's name and tag"],
])("%s: says what helps", (said, cure) => {
  expect(imageCure("the provider failed", said)).toContain(cure);
});

test("says nothing where the words are those of the build itself", () => {
  expect(imageCure("main.go:3: syntax error")).toBeUndefined();
});

test("the hook names the image, and asks for no other try", async () => {
  const shown = jest.spyOn(pulumi.log, "error").mockResolvedValue(undefined);
  let hook: pulumi.ErrorHook | undefined;
  await record(() => {
    hook = explainImageFault("api-push", "registry.example/api");
  });
  const call = async (error: string): Promise<boolean> =>
    hook!.callback({ errors: [error] } as unknown as pulumi.ErrorHookArgs);

  expect(await call("something else")).toBe(false);
  expect(shown).not.toHaveBeenCalled();
  expect(await call("unauthorized")).toBe(false);
  expect(shown.mock.calls[0]![0]).toMatch(
    /^Image registry\.example\/api: log in to the registry .*; then run it again\.$/,
  );
});
