import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { connect } from "../engine/engine";
import { explainImageFault } from "./image-fault";
import { digestOf } from "./image-registry";
import type { RecordedState } from "../recorded-state";

export interface ImagePullArgs {
  /** Image with tag, as in `docker pull`; with a digest too, that one is used. */
  readonly image: string;
  /** See {@link resolveImage}. @default what the engine has once it is pulled */
  readonly resolved?: ResolvedImage | undefined;
}

/** What a tag stands for. */
export interface ResolvedImage {
  /** See {@link ImagePull.reference}. */
  readonly reference: string;
  /** See {@link ImagePull.identity}. */
  readonly identity: string;
}

const TYPE = "swarm-platform:index:ImagePull";

/**
 * An image that others built. Its digest is recorded when it is first used and stays, whatever becomes of the tag, until
 * somebody asks for another one (`make update-images`).
 */
export class ImagePull extends pulumi.ComponentResource {
  /** `name:tag@sha256:...`, or `name:tag` when the engine got the image without a registry. */
  public readonly reference: pulumi.Output<string>;
  /** What tells its bytes apart from those of another version: the reference, or the image's id without a registry. */
  public readonly identity: pulumi.Output<string>;
  /** Both, where they were known before it was pulled. */
  public readonly resolved: ResolvedImage | undefined;

  constructor(name: string, args: ImagePullArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);

    const { image: wanted, resolved } = args;
    const image = new docker.RemoteImage(
      name,
      { name: wanted, keepLocally: true },
      { parent: this, hooks: { onError: [explainImageFault(`${name}-pull`, wanted)] } },
    );
    const pulled = pulumi.all([image.repoDigest, image.imageId]).apply(([digest, id]) => ({
      reference: pinned(wanted, digest),
      identity: digest ? pinned(wanted, digest) : id,
    }));
    // The URN is known in a preview, and what needs the image still waits for it.
    const known = resolved === undefined ? pulled : image.urn.apply(() => resolved);
    this.reference = known.reference;
    this.identity = known.identity;
    this.resolved = resolved;
    this.registerOutputs({ reference: this.reference, identity: this.identity });
  }
}

/**
 * What a tag stands for, without pulling it: the digest that was recorded, else what the engine has, else what the
 * registry has.
 *
 * @param name of its {@link ImagePull}.
 * @returns undefined when only a pull can tell.
 */
export async function resolveImage(
  host: string,
  name: string,
  image: string,
  recorded: RecordedState,
): Promise<ResolvedImage | undefined> {
  if (image.includes("@")) return { reference: image, identity: image };
  const reference = recorded.of(TYPE, name)?.reference;
  if (typeof reference === "string" && reference.startsWith(`${image}@`)) {
    return { reference, identity: reference };
  }
  const docker = connect(host);
  try {
    const { Id, RepoDigests } = await docker.getImage(image).inspect();
    const digest = ownDigest(image, RepoDigests ?? []);
    return { reference: pinned(image, digest), identity: digest === undefined ? Id : pinned(image, digest) };
  } catch {
    const digest = await digestOf(docker, image).catch(() => undefined);
    if (digest === undefined) return undefined;
    return { reference: `${image}@${digest}`, identity: `${image}@${digest}` };
  }
}

/** The one of an image's digests that is of its own repository; an image may have come from several. */
function ownDigest(image: string, repoDigests: readonly string[]): string | undefined {
  const repository = image.slice(0, image.lastIndexOf(":"));
  return repoDigests.find((digest) => digest.startsWith(`${repository}@`));
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
