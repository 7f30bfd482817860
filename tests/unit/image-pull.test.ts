import { ImagePull, pinned } from "../../components/image-pull";
import { DIGEST, record, resolved } from "../support/recorder";

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

test("keeps the image on the engine and hands out its pinned reference", async () => {
  let reference: unknown;
  const graph = await record(async () => {
    reference = await resolved(new ImagePull("nginx", { image: "nginx:1.26.3" }).reference);
  });
  expect(graph.get("RemoteImage", "nginx")).toMatchObject({
    parent: "swarm-platform:index:ImagePull nginx",
    inputs: { name: "nginx:1.26.3", keepLocally: true },
  });
  expect(graph.get("ImagePull", "nginx").outputs).toEqual({ reference: `nginx:1.26.3@${DIGEST}` });
  expect(reference).toBe(`nginx:1.26.3@${DIGEST}`);
});
