import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { hashBuildInputs, sourceHashes } from "../../components/images/build-context";
import { contentHash } from "../../components/content-name";
import { ImageBuild, ImageBuildArgs, observeImage } from "../../components/images/image-build";
import { ImageRegistry } from "../../components/images/image-registry";
import { RecordedState, recordedState } from "../../components/recorded-state";
import { ApiAnswer, ApiFault, FakeEngine } from "../support/fake-engine";
import { DIGEST, Graph, record } from "../../review/graph/recorder";
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
  resolved: undefined,
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
  expect(graph.get("ImageBuild", "api").outputs).toEqual({
    reference: `api:${tag}`,
    sources: sourceHashes(build),
  });
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
  expect((await image()).all("ImagePush")).toEqual([]);
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
  expect(pulumi.RunError.isInstance(error)).toBe(true);
  expect(error).toMatchObject({ message: expect.stringContaining(message) as string });
});

describe("in a registry", () => {
  const REPOSITORY = "registry.example.com/team/api";
  const TAG = contentHash(JSON.stringify([hashBuildInputs(build), [["BASE", "base:1@sha256:1"]]]));
  const REFERENCE = `${REPOSITORY}:${TAG}`;
  const RUN = `${REFERENCE}@${DIGEST}`;
  /** What the state holds of a run that built and pushed it. */
  const STATE = {
    "swarm-platform:index:ImageBuild api": { reference: RUN },
    "docker:index/remoteImage:RemoteImage api": { name: REFERENCE },
    "command:local:Command api-push": { environment: { REFERENCE } },
  };
  const FOUND = { Descriptor: { digest: DIGEST } };
  const MISSING = new ApiFault(404, "manifest unknown");
  const SILENT = new ApiFault(500, "connection refused");

  interface Case {
    readonly registry: ApiAnswer;
    /** Whether the engine has the image. @default false */
    readonly local?: boolean;
    readonly state?: Record<string, Record<string, unknown>>;
    readonly preview?: boolean;
  }
  let engine: FakeEngine;
  beforeEach(() => jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined));
  afterEach(async () => {
    await engine.close();
    jest.restoreAllMocks();
  });

  async function declared({ registry: answer, local = false, state = {}, preview = false }: Case) {
    engine = new FakeEngine(({ route }) => {
      if (route === `GET /distribution/${REFERENCE}/json`) return answer;
      return local && route === `GET /images/${REFERENCE}/json` ? { Id: "sha256:1" } : undefined;
    });
    const host = await engine.listen();
    const registry = new ImageRegistry({
      ...{ host, address: "registry.example.com", namespace: "team", login: undefined },
    });
    const resolved = { reference: "base:1@sha256:1", identity: "base:1@sha256:1" };
    const baseImages = { BASE: { ...base("base:1@sha256:1"), resolved } };
    const args = { imageName: "api", build, host, registry, baseImages };
    const graph = await record(
      async () => {
        const observed = await observeImage("api", args, await recordedState());
        return new ImageBuild("api", { ...args, observed }).reference;
      },
      { state, preview },
    );
    const builds = graph.all("RemoteImage").length > 0;
    const [push] = graph.all("Command");
    const { SEEN } = (push?.inputs.environment ?? {}) as { SEEN?: string };
    const pushes = push !== undefined && push.options.ignoreChanges === undefined;
    return { graph, builds, step: push !== undefined, pushes, seen: SEEN, reference: graph.result };
  }

  test("nothing is changed by looking", async () => {
    await declared({ registry: FOUND });
    expect(engine.requests.map(({ route }) => route).sort()).toEqual([
      `GET /distribution/${REFERENCE}/json`,
      `GET /images/${REFERENCE}/json`,
    ]);
  });

  test.each<[string, Case, object]>([
    ["it is neither built nor pushed when it is there", { registry: FOUND }, { builds: false, step: false }],
    ["it is built and pushed when it is missing", { registry: MISSING }, { builds: true, pushes: true }],
    [
      "what this stack has built and pushed stays declared",
      { registry: FOUND, local: true, state: STATE },
      { builds: true, step: true, pushes: false },
    ],
    [
      "what the engine has lost is not built again while the registry has it",
      { registry: FOUND, state: STATE },
      { builds: false, step: true, pushes: false },
    ],
    [
      "what the registry has lost is pushed again",
      { registry: MISSING, local: true, state: STATE },
      { builds: true, pushes: true, seen: expect.stringMatching(/^not in the registry \(/) as string },
    ],
    [
      "another tag of before plays no part",
      {
        registry: FOUND,
        local: true,
        state: {
          "docker:index/remoteImage:RemoteImage api": { name: `${REPOSITORY}:old` },
          "command:local:Command api-push": { environment: { REFERENCE: `${REPOSITORY}:old` } },
        },
      },
      { builds: false, step: false },
    ],
    [
      "a registry that does not answer changes nothing",
      { registry: SILENT, local: true, state: STATE },
      { builds: true, step: true, pushes: false, reference: RUN },
    ],
    [
      "nor where another stack had pushed it",
      { registry: SILENT, state: { "swarm-platform:index:ImageBuild api": { reference: RUN } } },
      { builds: false, step: false, reference: RUN },
    ],
    ["what is new is pushed all the same", { registry: SILENT }, { builds: true, pushes: true }],
  ])("%s", async (_what, one, expected) => {
    expect(await declared(one)).toMatchObject(expected);
  });

  test.each<[string, Case, unknown]>([
    ["known when it is there", { registry: FOUND }, RUN],
    ["known when the same bytes are pushed again", { registry: MISSING, local: true, state: STATE }, RUN],
    ["unknown before a first push", { registry: MISSING }, "<unknown>"],
  ])("in a preview its reference is %s", async (_what, one, expected) => {
    const { graph } = await declared({ ...one, preview: true });
    expect(graph.get("ImageBuild", "api").outputs).toMatchObject({ reference: expected });
  });

  test("while a base image is not known, nothing is looked for", async () => {
    const args = { imageName: "api", build, host: "unix:///none", baseImages: { BASE: base("base:1") } };
    engine = new FakeEngine(() => undefined);
    const registry = new ImageRegistry({ host: await engine.listen(), address: "r", login: undefined });
    expect(await observeImage("api", { ...args, registry }, new RecordedState())).toBeUndefined();
    expect(engine.requests).toEqual([]);
  });
});

describe("without a registry", () => {
  const REFERENCE = `api:${contentHash(JSON.stringify([hashBuildInputs(build), []]))}`;
  const REMOTE = "docker:index/remoteImage:RemoteImage api";

  test.each<[string, boolean, Record<string, unknown> | undefined, boolean]>([
    ["what is nowhere is built", false, undefined, true],
    ["what the engine has is not built again", true, undefined, false],
    ["nor where the stack has built another tag since", true, { name: "api:newer", build: {} }, false],
    ["what this stack has built stays declared so", true, { name: REFERENCE, build: {} }, true],
    ["and what it has not built too", true, { name: REFERENCE }, false],
    ["what the engine has lost is built again", false, { name: REFERENCE, build: {} }, true],
  ])("%s", async (_what, local, recorded, builds) => {
    const engine = new FakeEngine(({ route }) =>
      local && route === `GET /images/${REFERENCE}/json` ? { Id: "sha256:1" } : undefined,
    );
    const args = { imageName: "api", build, host: await engine.listen() };
    const state: Record<string, Record<string, unknown>> = recorded === undefined
      ? {}
      : { [REMOTE]: recorded };
    const graph = await record(
      async () => {
        const observed = await observeImage("api", args, await recordedState());
        return new ImageBuild("api", { ...args, observed }).reference;
      },
      { state },
    );
    await engine.close();
    const { inputs } = graph.get("RemoteImage", "api");
    expect(inputs).toMatchObject({ name: REFERENCE, keepLocally: true });
    expect("build" in inputs).toBe(builds);
    expect(graph.result).toBe(REFERENCE);
  });
});

test("what several nodes are to run needs a registry", async () => {
  let error: unknown;
  await record(() => {
    try {
      new ImageBuild("api", {
        imageName: "api",
        build,
        host: "unix:///run/test.sock",
        nodeNames: ["a", "b"],
      });
    } catch (thrown) {
      error = thrown;
    }
  });
  expect(error).toMatchObject({
    message:
      "registry not set: image api would be on one node alone, and the swarm has several (a, b); allowed: a registry that all " +
      "of them reach, or builtin for one of the stack's own; do: pulumi config set registry builtin",
  });
});
