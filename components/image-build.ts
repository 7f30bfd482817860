import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { BuildInputs, hashBuildInputs } from "./build-context";
import { buildLogFile, handleFailedBuild } from "./build-log";
import { contentHash } from "./content-name";
import { explainImageFault } from "./image-fault";
import type { ImagePull } from "./image-pull";
import { keepNewestTags } from "./image-retention";

export interface ImageBuildArgs {
  /** Name of the image, without registry and tag. */
  readonly imageName: string;
  /** What is built; paths are relative to the program. */
  readonly build: BuildInputs;
  /** Build arguments that name base images; new bytes of a base image are a new tag. */
  readonly baseImages?: Readonly<Record<string, Pick<ImagePull, "reference" | "identity">>>;
  /** Engine API of the engine that builds. */
  readonly host: string;
  /** `host[:port][/path]` that the image is pushed to. @default none: the image stays on the engine */
  readonly registry?: string;
  /** Tags of this image that stay on the engine, this one included. @default 3 */
  readonly keptImages?: number;
}

/**
 * An image built from a folder, under a tag that is the hash of everything that goes into it. The same
 * content is never built twice, and a preview shows a new tag before anything is built.
 */
export class ImageBuild extends pulumi.ComponentResource {
  /** `[registry/]name:<hash>`, with the digest when it was pushed. */
  public readonly reference: pulumi.Output<string>;

  constructor(name: string, args: ImageBuildArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:ImageBuild", name, {}, opts);

    const repository = args.registry === undefined ? args.imageName : `${args.registry}/${args.imageName}`;
    const tag = this.tag(args);
    const image = this.buildImage(name, args, pulumi.interpolate`${repository}:${tag}`);
    this.reference = args.registry === undefined ? image.name : this.push(name, repository, image);
    this.registerOutputs({ reference: this.reference });
  }

  private tag(args: ImageBuildArgs): pulumi.Output<string> {
    let sources: string;
    try {
      sources = hashBuildInputs(args.build);
    } catch (error) {
      throw new pulumi.ResourceError(`Image ${args.imageName}: ${(error as Error).message}`, this, true);
    }
    const bases = Object.entries(args.baseImages ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    return pulumi
      .output(bases.map(([name, image]) => pulumi.all([name, image.identity])))
      .apply((sorted) => contentHash(JSON.stringify([sources, sorted])));
  }

  private buildImage(
    name: string,
    args: ImageBuildArgs,
    reference: pulumi.Output<string>,
  ): docker.RemoteImage {
    const { build } = args;
    const log = buildLogFile(args.imageName);
    return new docker.RemoteImage(
      name,
      {
        name: reference,
        keepLocally: true,
        build: {
          context: build.context,
          // The provider takes it relative to the context.
          dockerfile: path.relative(build.context, build.dockerfile),
          buildArgs: {
            ...build.args,
            ...Object.fromEntries(
              Object.entries(args.baseImages ?? {}).map(([arg, image]) => [arg, image.reference]),
            ),
          },
          buildLogFile: log,
          ...(build.target !== undefined && { target: build.target }),
          ...(build.platform !== undefined && { platform: build.platform }),
        },
      },
      {
        parent: this,
        hooks: {
          afterCreate: [keepNewestTags(args.host, args.keptImages ?? 3)],
          onError: [handleFailedBuild(`${name}-build`, log, args.host)],
        },
      },
    );
  }

  private push(name: string, repository: string, image: docker.RemoteImage): pulumi.Output<string> {
    const pushed = new docker.RegistryImage(
      name,
      { name: image.name, keepRemotely: true },
      {
        parent: this,
        dependsOn: [image],
        hooks: { onError: [explainImageFault(`${name}-push`, repository)] },
      },
    );
    return pulumi.interpolate`${image.name}@${pushed.sha256Digest}`;
  }
}
