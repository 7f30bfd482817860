import { ImagePull, pinned, resolveImage } from "../../components/images/image-pull";
import { RecordedState } from "../../components/recorded-state";
import { ApiAnswer, ApiFault, FakeEngine } from "../support/fake-engine";
import { DIGEST, record } from "../../review/graph/recorder";

test.each([
  ["nginx:1.26.3", `nginx@${DIGEST}`, `nginx:1.26.3@${DIGEST}`],
  ["localhost:5000/nginx:1.26.3", `localhost:5000/nginx@${DIGEST}`, `localhost:5000/nginx:1.26.3@${DIGEST}`],
  // Loaded or imported: no registry, no digest.
  ["nginx:1.26.3", "", "nginx:1.26.3"],
  ["nginx:1.26.3", undefined, "nginx:1.26.3"],
  // Already pinned.
  [`nginx:1.26.3@${DIGEST}`, `nginx@sha256:${"0".repeat(64)}`, `nginx:1.26.3@${DIGEST}`],
])("%s with digest %s is %s", (image, digest, reference) => {
  expect(pinned(image, digest)).toBe(reference);
});

const IMAGE_ID = `sha256:${"1".repeat(64)}`;

test.each([
  ["from a registry, by its digest", `nginx@${DIGEST}`, `nginx:1.26.3@${DIGEST}`, `nginx:1.26.3@${DIGEST}`],
  // The tag alone would not tell a rebuilt image from the one before.
  ["without a registry, by its id", "", "nginx:1.26.3", IMAGE_ID],
])("stays on the engine and is known %s", async (_where, repoDigest, reference, identity) => {
  const graph = await record(
    () => {
      const image = new ImagePull("nginx", { image: "nginx:1.26.3" });
      return [image.reference, image.identity];
    },
    { answers: { "docker:index/remoteImage:RemoteImage": () => ({ repoDigest, imageId: IMAGE_ID }) } },
  );
  expect(graph.get("RemoteImage", "nginx")).toMatchObject({
    parent: "swarm-platform:index:ImagePull nginx",
    inputs: { name: "nginx:1.26.3", keepLocally: true },
  });
  expect(graph.get("ImagePull", "nginx").outputs).toEqual({ reference, identity });
  expect(graph.result).toEqual([reference, identity]);
});

describe("what a tag stands for", () => {
  const OTHER = `sha256:${"2".repeat(64)}`;
  const BY_DIGEST = (digest: string) => ({
    reference: `nginx:1.26.3@${digest}`,
    identity: `nginx:1.26.3@${digest}`,
  });
  const recorded = (reference: string): RecordedState =>
    new RecordedState(new Map([["swarm-platform:index:ImagePull nginx", { reference }]]));
  const PULLED = { Id: IMAGE_ID, RepoDigests: [`other/nginx@${OTHER}`, `nginx@${DIGEST}`] };

  test.each<[string, RecordedState, ApiAnswer, ApiAnswer, unknown]>([
    [
      "is what was recorded, whatever there is now",
      recorded(`nginx:1.26.3@${OTHER}`),
      PULLED,
      PULLED,
      BY_DIGEST(OTHER),
    ],
    ["is not that of another tag", recorded(`nginx:1.26.2@${OTHER}`), PULLED, PULLED, BY_DIGEST(DIGEST)],
    ["is else what the engine has", new RecordedState(), PULLED, PULLED, BY_DIGEST(DIGEST)],
    [
      "is the image's id where the engine has it from no registry",
      recorded("nginx:1.26.3"),
      { Id: IMAGE_ID, RepoDigests: [] },
      PULLED,
      { reference: "nginx:1.26.3", identity: IMAGE_ID },
    ],
    [
      "is else what the registry has",
      new RecordedState(),
      new ApiFault(404, "no such image"),
      { Descriptor: { digest: OTHER } },
      BY_DIGEST(OTHER),
    ],
    [
      "is unknown where nobody tells",
      new RecordedState(),
      new ApiFault(404, "no such image"),
      new ApiFault(500, "connection refused"),
      undefined,
    ],
  ])("%s", async (_what, state, local, registry, expected) => {
    const engine = new FakeEngine(({ route }) => (route.includes("/distribution/") ? registry : local));
    expect(await resolveImage(await engine.listen(), "nginx", "nginx:1.26.3", state)).toEqual(expected);
    expect(engine.requests.every(({ route }) => route.startsWith("GET "))).toBe(true);
    await engine.close();
  });

  test("is its digest where the stack gives one", async () => {
    const image = `nginx:1.26.3@${OTHER}`;
    const resolved = await resolveImage("unix:///none", "nginx", image, recorded(`nginx:1.26.3@${DIGEST}`));
    expect(resolved).toEqual({ reference: image, identity: image });
  });

  test("is known in a preview, and what needs the image still waits for it", async () => {
    const resolved = BY_DIGEST(OTHER);
    const graph = await record(
      () => {
        const { reference } = new ImagePull("nginx", { image: "nginx:1.26.3", resolved });
        return reference;
      },
      { preview: true },
    );
    expect(graph.get("ImagePull", "nginx").outputs).toEqual(resolved);
  });
});
