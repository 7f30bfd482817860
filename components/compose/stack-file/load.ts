import * as fs from "node:fs";
import * as path from "node:path";
import { callerVariables } from "./caller-environment";
import { checkStack } from "./checks";
import type { ServiceDraft } from "./draft";
import { reason } from "./environment-reader";
import { Findings, wholeFile } from "./faults";
import { interpolate } from "./interpolation";
import { mergeService } from "./merge";
import type { FileObject, Item, Network, StackFile, Volume } from "./model";
import type { Paths } from "./mounts";
import { checkFormat } from "./old-format";
import { applyTags } from "./override-tags";
import { checkSchema } from "./schema-check";
import { readFileObject, readNetwork, readVolume } from "./section-reader";
import { by, finishService } from "./service-finish";
import { readService } from "./service-reader";
import { type Entry, type MapNode, child, entriesOf } from "./tree";
import { REFUSED_AT_TOP } from "./unsupported";
import { Values } from "./values";
import type { Variables } from "./variables";
import { readYaml } from "./yaml-reader";

export interface StackFileArgs {
  /** At least one; of what several say the later wins. Messages name them as they are given here. */
  readonly files: readonly string[];
  /** What variables of the files are filled in with. Nothing else is: the caller passes its own environment if it wants to. */
  readonly env: Readonly<Record<string, string>>;
  /** Files of variables, such as .env, that {@link env} is before. @default none, also none that lies there */
  readonly envFiles?: readonly string[];
  /** Profiles whose services are deployed beside those that have none. @default none */
  readonly profiles?: readonly string[];
  /** Folder that the files' names are relative to. @default the working folder */
  readonly folder?: string;
}

/** All faults of the files, a line each, `file:line:column: path = "value" ...; allowed: ...; do: ...`. */
export class StackFileError extends Error {
  constructor(
    files: readonly string[],
    public readonly faults: readonly string[],
  ) {
    const many = faults.length === 1 ? "a fault" : `${faults.length} faults`;
    super(
      `${files.join(", ")}: ${many}; nothing was changed.\n${faults.map((line) => `  - ${line}`).join("\n")}`,
    );
    this.name = "StackFileError";
  }
}

/**
 * What stack files declare, read as `docker stack deploy -c ...` reads them: same variables, same defaults, same merge of several files;
 * paths are relative to the folder of the first. Reads files alone; no engine is asked.
 *
 * @throws StackFileError with all faults at once.
 */
export function loadStackFiles(args: StackFileArgs): StackFile {
  const { files, env, envFiles = [], profiles = [], folder = process.cwd() } = args;
  const findings = new Findings(files);
  const stackFolder = path.dirname(path.resolve(folder, files[0] ?? "."));
  const variables = callerVariables(env, envFiles, folder, stackFolder, findings);
  const trees = readTrees(files, folder, variables, findings);
  for (const tree of trees) checkTop(tree, findings);
  const stack = mergeFiles(trees, { folder: stackFolder, lookup: variables.lookup }, profiles, findings);
  // What is left of files that can't be read would be said to be missing.
  if (trees.length === files.length) {
    checkStack(stack, findings);
    if (files.length === 0 || stack.services.size === 0) {
      findings.fault(wholeFile(files[0] ?? "files"), {
        path: "services",
        problem: "there are none",
        cure: "add a service",
      });
    }
  }
  const faults = findings.faultLines();
  if (faults.length > 0) throw new StackFileError(files, faults);
  return { ...stack, notices: findings.notices() };
}

/** The files that can be read, checked one by one against the schema. */
function readTrees(
  files: readonly string[],
  folder: string,
  variables: Variables,
  findings: Findings,
): MapNode[] {
  const trees = files.flatMap((file) => {
    const text = readUtf8(path.resolve(folder, file), file, findings);
    const tree = text === undefined ? undefined : readYaml(file, text, findings);
    if (tree === undefined || checkFormat(tree, findings)) return [];
    return [interpolate(tree, variables, findings)];
  });
  const tagged = applyTags(trees);
  for (const tree of tagged) checkSchema(tree, findings);
  checkVersions(tagged, findings);
  return tagged;
}

function readUtf8(absolute: string, file: string, findings: Findings): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(fs.readFileSync(absolute));
  } catch (error) {
    const encoding = error instanceof TypeError;
    findings.fault(wholeFile(file), {
      path: "",
      problem: encoding
        ? "the file is not in UTF-8"
        : `can't be read: ${reason(error as NodeJS.ErrnoException)}`,
      cure: encoding ? "save it in UTF-8" : `make ${absolute}, or correct its name in files`,
    });
    return undefined;
  }
}

function checkVersions(trees: readonly MapNode[], findings: Findings): void {
  const versionOf = (tree: MapNode) => {
    const version = child(tree, "version");
    return version?.kind === "scalar" ? version.text : "";
  };
  const [first, ...others] = trees;
  for (const tree of others) {
    if (first === undefined || versionOf(tree) === versionOf(first)) continue;
    const place = tree.entries.get("version")?.place ?? tree.place;
    const text =
      "the files have not all the same version, and docker stack deploy refuses them together; delete the line in all of them";
    findings.notice({ ...place, path: "version", text });
  }
}

function checkTop(tree: MapNode, findings: Findings): void {
  for (const [key, { place }] of tree.entries) {
    const cure = Object.hasOwn(REFUSED_AT_TOP, key) ? REFUSED_AT_TOP[key] : undefined;
    if (cure !== undefined) {
      findings.fault(place, {
        path: key,
        problem: "is not possible here, docker stack deploy refuses it",
        cure,
      });
    }
    if (key === "name") {
      const text =
        "the stack's name is given where it is declared, this one is left out; docker stack deploy refuses the key";
      findings.notice({ ...place, path: key, text });
    }
    if (key === "models")
      findings.notice({
        ...place,
        path: key,
        text: "Swarm runs no models, they are left out; run one as a service",
      });
  }
}

function mergeFiles(
  trees: readonly MapNode[],
  paths: Paths,
  profiles: readonly string[],
  findings: Findings,
): Omit<StackFile, "notices"> {
  const values = new Values(findings);
  const drafts = new Map<string, ServiceDraft>();
  const networks = new Map<string, Network>();
  const volumes = new Map<string, Volume>();
  const configs = new Map<string, FileObject>();
  const secrets = new Map<string, FileObject>();
  for (const tree of trees) {
    const section = (name: string): [string, Entry][] => entriesOf(child(tree, name));
    for (const [key, entry] of section("services")) {
      const draft = readService(values, key, entry, paths);
      const before = drafts.get(key);
      drafts.set(key, before === undefined ? draft : mergeService(before, draft, findings));
    }
    // What a later file says of one of these stands for all of it, as with docker stack deploy.
    for (const [key, entry] of section("networks")) networks.set(key, readNetwork(values, key, entry));
    for (const [key, entry] of section("volumes")) volumes.set(key, readVolume(values, key, entry));
    for (const [key, entry] of section("configs"))
      configs.set(key, readFileObject(values, "configs", key, entry, paths));
    for (const [key, entry] of section("secrets"))
      secrets.set(key, readFileObject(values, "secrets", key, entry, paths));
  }
  const services = [...drafts.values()].flatMap(({ profiles: own = [], ...draft }) =>
    isDeployed(draft, own, profiles, findings) ? [finishService(draft, findings)] : [],
  );
  return {
    services: sorted(services),
    networks: sorted(networks.values()),
    volumes: sorted(volumes.values()),
    configs: sorted(configs.values()),
    secrets: sorted(secrets.values()),
  };
}

function isDeployed(
  { key, place, places }: Item,
  profiles: readonly string[],
  active: readonly string[],
  findings: Findings,
): boolean {
  if (profiles.length === 0 || profiles.some((profile) => active.includes(profile))) return true;
  findings.notice({
    ...(places.get("profiles") ?? place),
    path: `services.${key}.profiles`,
    service: key,
    text: `the service is left out: it is of profile ${profiles.join(", ")} alone, and profiles has none of them`,
  });
  return false;
}

function sorted<T extends Item>(items: Iterable<T>): ReadonlyMap<string, T> {
  return new Map([...items].sort(by(({ key }) => key)).map((item) => [item.key, item]));
}
