import { askRegistry, keptDigest, registryOf, taggedImage } from "../../components/images/image-reference";
import { connect } from "../../components/engine/engine";
import { FakeEngine } from "../support/fake-engine";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["busybox", "busybox:latest"],
  ["busybox:1.35", "busybox:1.35"],
  ["docker.io/library/busybox", "busybox:latest"],
  ["index.docker.io/team/app:1", "team/app:1"],
  ["localhost:5000/app", "localhost:5000/app:latest"],
  [`busybox@${DIGEST}`, `busybox@${DIGEST}`],
  [`busybox:1.35@${DIGEST}`, `busybox:1.35@${DIGEST}`],
])("%s is sent as %s", (image, tagged) => {
  expect(taggedImage(image)).toBe(tagged);
});

test.each([
  ["busybox:1.35", "https://index.docker.io/v1/"],
  ["team/app", "https://index.docker.io/v1/"],
  ["docker.io/team/app", "https://index.docker.io/v1/"],
  ["localhost/app", "localhost"],
  ["registry.example.com/team/app:1", "registry.example.com"],
  ["10.0.0.1:5000/app", "10.0.0.1:5000"],
])("%s is of the registry %s", (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});

test.each([
  ["busybox:1.35", `busybox:1.35@${DIGEST}`, `busybox:1.35@${DIGEST}`],
  ["docker.io/library/busybox", `busybox:latest@${DIGEST}`, `busybox:latest@${DIGEST}`],
  ["busybox:1.36", `busybox:1.35@${DIGEST}`, "busybox:1.36"],
  [
    `busybox:1.35@sha256:${"b".repeat(64)}`,
    `busybox:1.35@${DIGEST}`,
    `busybox:1.35@sha256:${"b".repeat(64)}`,
  ],
  ["busybox:1.35", "busybox:1.35", "busybox:1.35"],
  ["busybox:1.35", undefined, "busybox:1.35"],
])("%s, where Swarm had found %s, stays %s", (image, recorded, kept) => {
  expect(keptDigest(image, recorded)).toBe(kept);
});

describe("what a registry says", () => {
  const engine = new FakeEngine(({ route }) =>
    route === "GET /distribution/app:latest/json"
      ? {
          Descriptor: { digest: DIGEST },
          Platforms: [
            { architecture: "amd64", os: "linux" },
            { architecture: "arm", os: "linux", variant: "v7" },
          ],
        }
      : undefined,
  );
  let host: string;
  beforeAll(async () => (host = await engine.listen()));
  afterAll(() => engine.close());

  test("pins the tag, with its platforms as nodes name them", async () => {
    expect(await askRegistry(connect(host), "app", undefined)).toEqual({
      image: "app",
      reference: `app:latest@${DIGEST}`,
      platforms: [{ Architecture: "amd64", OS: "linux" }, { OS: "linux" }],
    });
  });

  test("is an error where it has no such image", async () => {
    await expect(askRegistry(connect(host), "other:1", undefined)).rejects.toThrow("no route");
  });
});
