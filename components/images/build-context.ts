import dockerignore from "@balena/dockerignore";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** What decides the bytes of an image, apart from its base images. */
export interface BuildInputs {
  /** Folder that is sent to the builder, relative to the program. */
  readonly context: string;
  /** Dockerfile, relative to the program. */
  readonly dockerfile: string;
  readonly args?: Readonly<Record<string, string>>;
  /** Build stage. */
  readonly target?: string;
  /** `os/arch`, such as linux/arm64. */
  readonly platform?: string;
}

/**
 * SHA-256 (hex) over everything that a build reads: the context's files as `.dockerignore` leaves
 * them (`<Dockerfile>.dockerignore` first, as BuildKit does), with their path, kind, executable bit
 * and content; the Dockerfile; arguments, target and platform. Owner and times play no part, so a
 * fresh clone has the hash of the tree it was cloned from.
 *
 * @throws Error naming the path when context or Dockerfile is missing.
 */
export function hashBuildInputs(inputs: BuildInputs): string {
  const hash = createHash("sha256");
  // Lengths before values keep two different lists from reading alike.
  const add = (value: string | Buffer): void => {
    hash.update(`${Buffer.byteLength(value)}:`).update(value);
  };

  add(readRequired(inputs.dockerfile, "dockerfile"));
  add(JSON.stringify(Object.entries(inputs.args ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))));
  add(inputs.target ?? "");
  add(inputs.platform ?? "");
  for (const file of contextFiles(inputs.context, inputs.dockerfile)) {
    const absolute = path.join(inputs.context, file);
    const stat = fs.lstatSync(absolute);
    add(file);
    if (stat.isSymbolicLink()) {
      add("link");
      add(fs.readlinkSync(absolute));
    } else {
      add(stat.mode & 0o111 ? "executable" : "file");
      add(fs.readFileSync(absolute));
    }
  }
  return hash.digest("hex");
}

/**
 * Files and links of the context that are sent to the builder, as sorted paths with `/`.
 *
 * @throws Error naming the path when the context is missing.
 */
export function contextFiles(context: string, dockerfile: string): string[] {
  if (!fs.statSync(context, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(
      `context = "${context}": no such folder; allowed: the folder that the Dockerfile copies from`,
    );
  }
  const rules = [`${dockerfile}.dockerignore`, path.join(context, ".dockerignore")].find((file) =>
    fs.existsSync(file),
  );
  const ignore = dockerignore({ ignorecase: false });
  if (rules !== undefined) ignore.add(fs.readFileSync(rules, "utf8"));

  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of fs.readdirSync(path.join(context, folder), { withFileTypes: true })) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      // An ignored folder is entered all the same: a later `!` rule may bring back what is in it.
      if (entry.isDirectory()) walk(name);
      else if ((entry.isFile() || entry.isSymbolicLink()) && !ignore.ignores(name)) found.push(name);
    }
  };
  walk("");
  return found.sort();
}

function readRequired(file: string, property: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch {
    throw new Error(`${property} = "${file}": no such file; allowed: a path relative to the project`);
  }
}
