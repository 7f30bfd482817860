import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { loadStackFiles } from "../components/compose/stack-file/load";
import type { Build } from "../components/compose/stack-file/model";
import { asRaw, declaredKeys, effective, settingsIn } from "./stack-file";

/** An image of the platform's own services. */
export interface PlatformImage {
  /** The key of the configuration that names it. */
  readonly key: string;
  readonly image: string;
}

/** An image of the stack files. */
export interface FileImage {
  /** Name of the entry of `stacks`. */
  readonly stack: string;
  /** Place of that entry. */
  readonly at: number;
  /** The services that run it; none where builds start from it. */
  readonly services: readonly string[];
  readonly image: string;
}

const PLATFORM_KEYS = ["goImage", "nginxImage", "kafkaImage"];

interface Entry {
  readonly name: string;
  readonly files: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly envFiles?: readonly string[];
  readonly profiles?: readonly string[];
}

/**
 * The images that others build, as the files of a stack of the project name them; secrets in them are not read.
 *
 * @throws StackFileError
 */
export function stackImages(stack: string): { platform: PlatformImage[]; files: FileImage[] } {
  const own = `Pulumi.${stack}.yaml`;
  const settings = existsSync(own) ? settingsIn(readFileSync(own, "utf8")) : {};
  const raw = asRaw(effective(declaredKeys(readFileSync("Pulumi.yaml", "utf8")), settings));
  const isBuiltin = raw.registry === "builtin";
  const keys = raw.platform === "false" ? [] : PLATFORM_KEYS;
  const stacks = JSON.parse(raw.stacks || "[]") as Entry[];
  return {
    platform: [...keys, ...(isBuiltin ? ["registryImage"] : [])].map((key) => ({
      key,
      image: raw[key] ?? "",
    })),
    files: stacks.flatMap(fileImages),
  };
}

function fileImages({ name, files, env = {}, envFiles, profiles }: Entry, at: number): FileImage[] {
  const services = new Map<string, string[]>();
  for (const { key, image, build } of loadStackFiles({ files, env, envFiles, profiles }).services.values()) {
    const used = build === undefined ? [image ?? ""] : bases(build);
    for (const one of used)
      services.set(one, [...(services.get(one) ?? []), ...(build === undefined ? [key] : [])]);
  }
  return [...services].map(([image, its]) => ({ stack: name, at, services: its, image }));
}

/** What a Dockerfile begins its stages with, as far as it is known before the build. */
function bases({ context, dockerfile = "Dockerfile", args }: Build): string[] {
  const file = path.resolve(context, dockerfile);
  if (!existsSync(file)) return [];
  const text = readFileSync(file, "utf8");
  const defaults = [...text.matchAll(/^ARG +(\w+)=(\S+)/gim)].map(
    ([, name = "", value]) => [name, value] as const,
  );
  const variables = new Map([...defaults, ...Object.entries(args)]);
  const stages = new Set(["scratch"]);
  const images: string[] = [];
  for (const [, from = "", stage] of text.matchAll(/^FROM +(?:--\S+ +)*(\S+)(?: +AS +(\S+))?/gim)) {
    const image = from.replace(/\$\{?(\w+)\}?/g, (unknown, name: string) => variables.get(name) ?? unknown);
    if (!stages.has(image) && !image.includes("$")) images.push(image);
    if (stage !== undefined) stages.add(stage);
  }
  return images;
}
