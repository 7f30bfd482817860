import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { hashBuildInputs } from "../../components/build-context";
import { contentHash } from "../../components/content-name";
import { ImageBuild, ImageBuildArgs } from "../../components/image-build";
import { DIGEST, Graph, record } from "../support/recorder";
import { tempFolder } from "../support/temp";

const folder = tempFolder({ "api/Dockerfile": "FROM scratch\nCOPY . /\n", "api/main.go": "package main\n" });
const build = { context: folder, dockerfile: path.join(folder, "api/Dockerfile") };

const image = (args: Partial<ImageBuildArgs> = {}, preview = false): Promise<Graph> =>
  record(
    () => {
      const host = "unix:///var/run/docker.sock";
      return new ImageBuild("api", { imageName: "api", build, host, ...args }).reference;
    },
    { preview },
  );
const nameOf = (graph: Graph): unknown => graph.get("RemoteImage", "api").inputs.name;

/** What an ImagePull tells of itself. */
const base = (reference: string) => ({
  reference: pulumi.output(reference),
  identity: pulumi.output(reference),
});

test("is tagged with the hash of everything that goes into it", async () => {
  const graph = await image();
  const tag = contentHash(JSON.stringify([hashBuildInputs(build), []]));
  expect(graph.get("RemoteImage", "api").inputs).toEqual({
    name: `api:${tag}`,
    keepLocally: true,
    // The provider takes the Dockerfile relative to the context.
    build: {
      context: folder,
      dockerfile: "api/Dockerfile",
      buildLogFile: ".build-logs/api.log",
      buildArgs: {},
    },
  });
  expect(graph.result).toBe(`api:${tag}`);
  expect(graph.get("ImageBuild", "api").outputs).toEqual({ reference: `api:${tag}` });
});

test("shows its tag in a preview, before anything is built", async () => {
  expect(nameOf(await image({}, true))).toBe(nameOf(await image()));
});

test("has another tag with another base image, whatever their order", async () => {
  const bases: Record<string, ReturnType<typeof base>>[] = [
    { A: base("a:1"), B: base("b:1") },
    { A: base("a:1"), B: base("b:2") },
    { A: base("a:1") },
    {},
  ];
  const tags: unknown[] = [];
  for (const baseImages of bases) tags.push(nameOf(await image({ baseImages })));
  expect(new Set(tags).size).toBe(4);
  expect(nameOf(await image({ baseImages: { B: base("b:1"), A: base("a:1") } }))).toBe(tags[0]);
});

test("has another tag when an image without a digest has other bytes", async () => {
  const [one, other] = ["sha256:1", "sha256:2"].map((id) => ({
    ...base("a:1"),
    identity: pulumi.output(id),
  }));
  expect(nameOf(await image({ baseImages: { A: one! } }))).not.toBe(
    nameOf(await image({ baseImages: { A: other! } })),
  );
});

test("passes arguments, base images, target and platform to the builder", async () => {
  const graph = await image({
    build: { ...build, args: { VERSION: "1" }, target: "server", platform: "linux/arm64" },
    baseImages: { GO_IMAGE: base("golang:1") },
  });
  expect(graph.get("RemoteImage", "api").inputs.build).toMatchObject({
    buildArgs: { VERSION: "1", GO_IMAGE: "golang:1" },
    target: "server",
    platform: "linux/arm64",
  });
});

test("stays on the engine without a registry", async () => {
  expect((await image()).all("RegistryImage")).toEqual([]);
});

test("is pushed to a registry, stays there, and is run by digest", async () => {
  const graph = await image({ registry: "registry.example.com/team" });
  const name = nameOf(graph) as string;
  expect(name).toMatch(/^registry\.example\.com\/team\/api:[0-9a-f]{12}$/);
  expect(graph.get("RegistryImage", "api")).toMatchObject({
    inputs: { name, keepRemotely: true },
    dependsOn: ["docker:index/remoteImage:RemoteImage api"],
    parent: "swarm-platform:index:ImageBuild api",
  });
  expect(graph.result).toBe(`${name}@${DIGEST}`);
});

test("cleans up after each build, of which there is one for each tag", async () => {
  expect((await image()).get("RemoteImage", "api").options.hooks).toEqual({
    afterCreate: [expect.any(String)],
    onError: ["api-build"],
  });
});

test.each([
  [{ ...build, context: "no/such/folder" }, 'Image api: context = "no/such/folder": no such folder;'],
  [{ ...build, dockerfile: "no/Dockerfile" }, 'Image api: dockerfile = "no/Dockerfile": no such file;'],
])("missing sources are a fault of the image, without a stack trace", async (missing, message) => {
  const error: unknown = await image({ build: missing }).catch((reason: unknown) => reason);
  expect(pulumi.ResourceError.isInstance(error)).toBe(true);
  expect(error).toMatchObject({ message: expect.stringContaining(message) as string, hideStack: true });
});
