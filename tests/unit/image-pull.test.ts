import { ImagePull, pinned } from "../../components/image-pull";
import { DIGEST, record } from "../support/recorder";

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
