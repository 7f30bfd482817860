import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { explainImageFault } from "./image-fault";

export interface ImagePullArgs {
  /** Image with tag, as in `docker pull`. */
  readonly image: string;
}

/**
 * An image that others built. Its digest is recorded when it is first pulled and stays until somebody
 * pulls the tag again (`make update-images`), which the next preview shows.
 */
export class ImagePull extends pulumi.ComponentResource {
  /** `name:tag@sha256:...`, or `name:tag` when the engine got the image without a registry. */
  public readonly reference: pulumi.Output<string>;
  /** What tells its bytes apart from those of another version: the reference, or the image's id without a registry. */
  public readonly identity: pulumi.Output<string>;

  constructor(name: string, args: ImagePullArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:ImagePull", name, {}, opts);

    const image = new docker.RemoteImage(
      name,
      { name: args.image, keepLocally: true },
      { parent: this, hooks: { onError: [explainImageFault(`${name}-pull`, args.image)] } },
    );
    this.reference = image.repoDigest.apply((digest) => pinned(args.image, digest));
    this.identity = pulumi
      .all([image.repoDigest, image.imageId])
      .apply(([digest, id]) => (digest ? pinned(args.image, digest) : id));
    this.registerOutputs({ reference: this.reference, identity: this.identity });
  }
}

/**
 * The tag for people, the digest for machines.
 *
 * @param repoDigest `name@sha256:...` as the engine records it, or empty.
 */
export function pinned(image: string, repoDigest: string | undefined): string {
  const digest = repoDigest?.split("@")[1];
  return digest === undefined || image.includes("@") ? image : `${image}@${digest}`;
}
