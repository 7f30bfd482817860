import dockerignore from "@balena/dockerignore";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { contentHash } from "../content-name";

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
    const { kind, content } = readSource(path.join(inputs.context, file));
    add(file);
    add(kind);
    add(content);
  }
  return hash.digest("hex");
}

/**
 * A hash of each file that a build reads, the Dockerfile included, by its path relative to the program. It tells which
 * files made another image; {@link hashBuildInputs} alone decides whether there is one.
 */
export function sourceHashes({ context, dockerfile }: BuildInputs): Record<string, string> {
  const files = contextFiles(context, dockerfile).map((file) => path.join(context, file));
  return Object.fromEntries(
    [...new Set([path.normalize(dockerfile), ...files])].sort().map((file) => {
      const { kind, content } = readSource(file);
      return [file, contentHash(Buffer.concat([Buffer.from(`${kind}\n`), content]))];
    }),
  );
}

/** A file or link as the builder sees it. */
function readSource(file: string): { readonly kind: string; readonly content: Buffer } {
  const stat = fs.lstatSync(file);
  if (stat.isSymbolicLink()) return { kind: "link", content: Buffer.from(fs.readlinkSync(file)) };
  return { kind: stat.mode & 0o111 ? "executable" : "file", content: fs.readFileSync(file) };
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
