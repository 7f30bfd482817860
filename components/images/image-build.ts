import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as path from "node:path";
import { BuildInputs, hashBuildInputs, sourceHashes } from "./build-context";
import { buildLogFile, handleFailedBuild } from "./build-log";
import { contentHash } from "../content-name";
import { connect } from "../engine/engine";
import type { ImagePull } from "./image-pull";
import { ImagePush, pushedReference } from "./image-push";
import { ImageRegistry } from "./image-registry";
import { keepNewestTags } from "./image-retention";
import type { RecordedState } from "../recorded-state";

export interface ImageBuildArgs {
  /** Name of the image, without registry and tag. */
  readonly imageName: string;
  /** What is built; paths are relative to the program. */
  readonly build: BuildInputs;
  /** Build arguments that name base images; new bytes of a base image are a new tag. */
  readonly baseImages?: Readonly<Record<string, Pick<ImagePull, "reference" | "identity" | "resolved">>>;
  /** Engine API of the engine that builds. */
  readonly host: string;
  /** Where the image is pushed to. @default none: the image stays on the engine */
  readonly registry?: ImageRegistry | undefined;
  /** Host names of the swarm's nodes: several can run it from a registry alone. @default one that builds and runs it */
  readonly nodeNames?: readonly string[];
  /** See {@link observeImage}. @default nothing */
  readonly observed?: ObservedImage | undefined;
  /** Tags of this image that stay on the engine, this one included. @default 3 */
  readonly keptImages?: number;
}

/** What there is of an image before a run. */
export interface ObservedImage {
  /** `repository:tag`. */
  readonly reference: string;
  /** Its digest in the registry; when that does not answer, the last one that the stack knew. */
  readonly digest: string | undefined;
  /** The last digest that the stack knew. */
  readonly lastDigest: string | undefined;
  /** Whether the engine that builds has it, and this stack did not build it last: there is nothing to build. */
  readonly ready: boolean;
  /** Whether the stack has built it, and the engine still has that. */
  readonly built: boolean;
  /** Whether the stack has pushed it. */
  readonly pushed: boolean;
}

const TYPE = "swarm-platform:index:ImageBuild";

/**
 * An image built from a folder, under a tag that is the hash of everything that goes into it. The same
 * content is never built twice, and a preview shows a new tag before anything is built. What the engine has is not built,
 * such as after a rollback, and what the registry has is neither built nor pushed, whoever put it there.
 */
export class ImageBuild extends pulumi.ComponentResource {
  /** `name:<hash>`; with a registry, `registry/name:<hash>@sha256:...`. */
  public readonly reference: pulumi.Output<string>;

  constructor(name: string, args: ImageBuildArgs, opts?: pulumi.ComponentResourceOptions) {
    super(TYPE, name, {}, opts);

    const { registry, nodeNames = [] } = args;
    if (registry === undefined && nodeNames.length > 1) {
      throw new pulumi.ResourceError(
        `registry not set: image ${args.imageName} would be on one node alone, and the swarm has several ` +
          `(${nodeNames.join(", ")}); allowed: a registry that all of them reach, or builtin for one of the stack's own; ` +
          "do: pulumi config set registry builtin",
        this,
        true,
      );
    }
    if (registry === undefined) {
      const reference = pulumi.interpolate`${args.imageName}:${this.tag(args)}`;
      this.reference = this.buildImage(name, args, reference, args.observed?.ready).name;
    } else {
      this.reference = this.inRegistry(name, args, registry);
    }
    // Outputs of a component are recorded and make no difference: the next preview can name the files that changed.
    this.registerOutputs({ reference: this.reference, sources: sourceHashes(args.build) });
  }

  /**
   * What this stack has built and pushed stays declared while it is wanted, although the registry has it now: else the
   * next preview would show that it goes.
   */
  private inRegistry(name: string, args: ImageBuildArgs, registry: ImageRegistry): pulumi.Output<string> {
    const { digest, lastDigest, built, pushed } = args.observed ?? {};
    const reference = pulumi.interpolate`${registry.repository(args.imageName)}:${this.tag(args)}`;
    const ready = pulumi.all([reference, registry.ready]).apply(([known]) => known);
    const build = digest === undefined || built ? this.buildImage(name, args, reference) : undefined;
    if (digest === undefined || pushed) {
      const push = new ImagePush(
        `${name}-push`,
        {
          registry,
          reference: pulumi.all([ready, build?.name]).apply(([known]) => known),
          digest,
          expected: built ? lastDigest : undefined,
        },
        { parent: this },
      );
      if (digest === undefined) return pulumi.interpolate`${ready}@${push.digest}`;
    }
    return pulumi.interpolate`${ready}@${digest}`;
  }

  private tag(args: ImageBuildArgs): pulumi.Output<string> {
    const identities = Object.entries(args.baseImages ?? {}).map(([base, image]) =>
      pulumi.all([base, image.identity]),
    );
    const sources = sourcesHash(args);
    return pulumi.output(identities).apply((bases) => imageTag(sources, bases));
  }

  private buildImage(
    name: string,
    args: ImageBuildArgs,
    reference: pulumi.Output<string>,
    ready = false,
  ): docker.RemoteImage {
    const { build } = args;
    const log = buildLogFile(args.imageName);
    const sources = {
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
    };
    return new docker.RemoteImage(
      name,
      // Without sources the provider takes what the engine has under the name.
      { name: reference, keepLocally: true, ...(!ready && { build: sources }) },
      {
        parent: this,
        hooks: {
          afterCreate: [keepNewestTags(args.host, args.keptImages ?? 3)],
          onError: [handleFailedBuild(`${name}-build`, log, args.host)],
        },
      },
    );
  }
}

/** @param bases build argument and identity of each base image. */
function imageTag(sources: string, bases: readonly (readonly [string, string])[]): string {
  const sorted = [...bases].sort(([a], [b]) => (a < b ? -1 : 1));
  return contentHash(JSON.stringify([sources, sorted]));
}

/**
 * Looks for a built image before it is declared, in the registry if there is one and on the engine. Changes nothing.
 *
 * @param name of its {@link ImageBuild}.
 * @returns undefined where there is nothing to look for: while a base image is not known.
 */
export async function observeImage(
  name: string,
  args: ImageBuildArgs,
  recorded: RecordedState,
): Promise<ObservedImage | undefined> {
  const { registry, host } = args;
  const bases = Object.entries(args.baseImages ?? {}).flatMap(([base, { resolved }]) =>
    resolved === undefined ? [] : [[base, resolved.identity] as const],
  );
  if (bases.length < Object.keys(args.baseImages ?? {}).length) return undefined;
  const repository = registry?.repository(args.imageName) ?? args.imageName;
  const reference = `${repository}:${imageTag(sourcesHash(args), bases)}`;

  const local = connect(host).getImage(reference).inspect();
  const [found, onEngine] = await Promise.all([
    registry?.find(reference) ?? ("missing" as const),
    local.then(
      () => true,
      () => false,
    ),
  ]);
  const [last, digest] = String(recorded.of(TYPE, name)?.reference).split("@");
  const lastDigest = last === reference ? digest : undefined;
  const image = recorded.of("docker:index/remoteImage:RemoteImage", name);
  const isCurrent = image?.name === reference;
  return {
    reference,
    digest: found === "missing" ? undefined : found === "unknown" ? lastDigest : found.digest,
    lastDigest,
    ready: onEngine && !(isCurrent && image?.build),
    built: onEngine && isCurrent,
    pushed: pushedReference(recorded.of("command:local:Command", `${name}-push`)) === reference,
  };
}

/** @throws pulumi.RunError when context or Dockerfile is missing. */
function sourcesHash({ imageName, build }: ImageBuildArgs): string {
  try {
    return hashBuildInputs(build);
  } catch (error) {
    throw new pulumi.RunError(`Image ${imageName}: ${(error as Error).message}`);
  }
}
