import type Docker from "dockerode";
import { dial, within } from "../engine/engine";
import type { RegistryLogin } from "./registry-auth";

/** What the services of an image run. */
export interface StackImage {
  /** As the file names it. */
  readonly image: string;
  /** `name:tag@sha256:...`; without the digest where the registry did not answer. */
  readonly reference: string;
  /** For which it is, as the registry says. */
  readonly platforms: readonly { readonly Architecture?: string; readonly OS: string }[];
}

/** Longest wait for a registry, in ms. */
const ANSWER = 20_000;
const DIGEST = /@sha256:[0-9a-f]{64}$/;

/** As the docker CLI writes an image before it sends it: without Docker Hub's own names, and with a tag. */
export function taggedImage(image: string): string {
  const familiar = image.replace(/^(index\.)?docker\.io\//, "").replace(/^library\/(?=[^/]+$)/, "");
  const last = familiar.slice(familiar.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? familiar : `${familiar}:latest`;
}

/**
 * Swarm looks up the digest of a tag when a service is created or updated, and runs that. What it found stays the image
 * of the service, whatever becomes of the tag, as long as the tag is the one that is wanted.
 *
 * @param recorded image of the service as it was read from the swarm.
 */
export function keptDigest(image: string, recorded: unknown): string {
  return typeof recorded === "string" && recorded.startsWith(`${taggedImage(image)}@`) ? recorded : image;
}

/** Registry that an image comes from, as in `docker login`; that of Docker Hub has another name there. */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost && !/^(index\.)?docker\.io$/.test(first) ? first : "https://index.docker.io/v1/";
}

/**
 * What a tag stands for in its registry, asked through the engine as the docker CLI does.
 *
 * @throws Error when the registry does not tell.
 */
export async function askRegistry(
  docker: Docker,
  image: string,
  login: RegistryLogin | undefined,
): Promise<StackImage> {
  const tagged = taggedImage(image);
  const { Descriptor, Platforms } = await dial<{
    readonly Descriptor: { readonly digest: string };
    readonly Platforms: readonly { readonly architecture: string; readonly os: string }[] | null;
  }>(docker, {
    path: `/distribution/${tagged}/json`,
    method: "GET",
    statusCodes: { 200: true },
    authconfig: login,
    ...within(ANSWER),
  });
  return {
    image,
    reference: DIGEST.test(tagged) ? tagged : `${tagged}@${Descriptor.digest}`,
    platforms: (Platforms ?? []).map(({ architecture, os }) =>
      // Images say arm, and nodes armv7l (moby/swarmkit#2294).
      /^arm$/i.test(architecture) ? { OS: os } : { Architecture: architecture, OS: os },
    ),
  };
}
