import * as path from "node:path";
import type { ServiceDraft } from "./draft";
import type { Paths } from "./mounts";
import { type At, type Values, defined } from "./values";

const USED = ["context", "dockerfile", "args", "target", "platforms"];

/** Keys of a build that have no effect here, with what happens instead. */
const IGNORED: Readonly<Record<string, string>> = {
  cache_from: "the engine that builds has a cache of its own",
  cache_to: "the engine that builds has a cache of its own",
  labels: "write them into the Dockerfile (LABEL), or as labels: of the service",
  no_cache: "the same content is built once; with other content it is built anew",
  pull: "the engine pulls what it has not",
  tags: "the image's tag is made of its content",
};

/** How the image of a service is built; what the builder is not asked for is said. */
export function readBuild(
  values: Values,
  at: At | undefined,
  { folder }: Paths,
  service: string,
): ServiceDraft["build"] {
  if (at === undefined) return undefined;
  const { place } = at.node;
  if (at.node.kind === "scalar") return { place, context: contextOf(values, at, folder) };
  for (const entry of values.entries(at)) {
    if (USED.includes(entry.key) || entry.key.startsWith("x-")) continue;
    if (entry.key === "dockerfile_inline") {
      values.fault(entry, "is not possible here", "write it into a file, and name that in dockerfile:");
      continue;
    }
    const instead = Object.hasOwn(IGNORED, entry.key) ? `: ${IGNORED[entry.key]}` : "";
    values.notice(entry, `${entry.key} of a build is left out${instead}`, service);
  }
  const get = (name: string) => values.below(at, name);
  const platforms = values.texts(get("platforms"));
  if (platforms !== undefined && platforms.length > 1) {
    values.notice(at, `it is built for ${platforms[0]} alone, the first of its platforms`, service);
  }
  return defined<NonNullable<ServiceDraft["build"]>>({
    place,
    context: contextOf(values, get("context"), folder),
    dockerfile: values.text(get("dockerfile")),
    args: values.pairs(get("args")),
    target: values.text(get("target")),
    platforms,
  });
}

function contextOf(values: Values, at: At | undefined, folder: string): string {
  const context = values.text(at) ?? ".";
  if (/^[a-z+]+:\/\/|^git@/.test(context)) {
    values.refuse(at, "a folder", "clone that repository, and name its folder");
  }
  return path.resolve(folder, context);
}
