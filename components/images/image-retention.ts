import * as pulumi from "@pulumi/pulumi";
import type Docker from "dockerode";
import { ApiService, connect } from "../engine/engine";

/** One tag of an image on the engine. */
export interface LocalTag {
  /** `repository:tag`. */
  readonly reference: string;
  /** Seconds since the epoch at which the image was built. */
  readonly created: number;
}

/**
 * The tags to remove so that the newest stay.
 *
 * @param current the tag that was just built; always kept.
 * @param used references that a service runs or would roll back to; always kept.
 */
export function surplusTags(
  tags: readonly LocalTag[],
  current: string,
  used: ReadonlySet<string>,
  kept: number,
): string[] {
  return tags
    .filter(({ reference }) => reference !== current)
    .sort((a, b) => b.created - a.created)
    .slice(kept - 1)
    .map(({ reference }) => reference)
    .filter((reference) => !used.has(reference));
}

/** The hook that, after a build, removes all but the newest tags of the same image. A failure is a warning. */
export function keepNewestTags(host: string, kept: number): pulumi.ResourceHookFunction {
  return async ({ newOutputs }) => {
    const current = String(newOutputs?.name);
    try {
      await removeSurplus(connect(host), current, kept);
    } catch (error) {
      await pulumi.log.warn(`Old tags of ${current} could not be removed: ${(error as Error).message}`);
    }
  };
}

async function removeSurplus(docker: Docker, current: string, kept: number): Promise<void> {
  const repository = current.slice(0, current.lastIndexOf(":"));
  const images = await docker.listImages({ filters: { reference: [`${repository}:*`] } });
  const tags = images.flatMap(({ RepoTags, Created }) =>
    (RepoTags ?? [])
      .filter((reference) => reference.startsWith(`${repository}:`))
      .map((reference) => ({ reference, created: Created })),
  );
  for (const reference of surplusTags(tags, current, await usedReferences(docker), kept)) {
    // Not forced: the engine refuses while a container uses the tag, and that is right.
    await docker.getImage(reference).remove().catch(ignoreConflict);
  }
}

/** Images of all services on the swarm and of the specs that they would roll back to. */
async function usedReferences(docker: Docker): Promise<Set<string>> {
  // An engine in no swarm refuses to list services, and has none.
  const services = (await docker.listServices().catch(() => [])) as unknown as ApiService[];
  return new Set(
    services
      .flatMap((service) => [service.Spec, service.PreviousSpec])
      .flatMap((spec) => spec?.TaskTemplate.ContainerSpec?.Image.split("@")[0] ?? []),
  );
}

function ignoreConflict(error: { statusCode?: number }): void {
  if (error.statusCode !== 409 && error.statusCode !== 404) throw error as Error;
}
