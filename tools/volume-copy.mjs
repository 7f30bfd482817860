// A volume's content into an archive and back, through containers that are made and never started, on the node that has
// the volume: any image of that node will do, and the archive has owners, modes and times as they are.
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { interrupt, lines, on, Refusal, stream, through } from "./docker-streams.mjs";

/** On the containers that the volumes are copied through, with the namespace. */
const COPY_LABEL = "swarm-platform.volume-copy";
const NAMESPACE_LABEL = "com.docker.stack.namespace";
/** Where such a container has the volume, and so what each path in an archive begins with. */
const TOP = "volume";

/** Copying containers of a run that was killed. */
export async function removeLeftovers(host, namespace) {
  const left = lines(
    await on(host, "ps", "--all", "--quiet", "--filter", `label=${COPY_LABEL}=${namespace}`),
  );
  if (left.length > 0) await on(host, "rm", "--force", "--volumes", ...left);
}

/**
 * Copies a volume into an archive. Notes in it `bytes` while it reads, then `archiveBytes` and `sha256`.
 *
 * @param one the volume, its `namespace`, the `host` of its node and an `image` there.
 */
export async function save(one, file) {
  await withContainer(one, async (container) => {
    const hash = createHash("sha256");
    const cp = stream(one.host, "cp", `${container}:/${TOP}`, "-");
    const count = counting((bytes) => (one.bytes = bytes));
    const hashing = tapping((piece) => hash.update(piece));
    await through(cp, cp.stdout, count, createGzip(), hashing, createWriteStream(file));
    one.sha256 = hash.digest("hex");
    one.archiveBytes = (await stat(file)).size;
  });
}

/** Puts the archive's content in the place of the volume's; `exists` tells whether there is one. */
export async function load(one, file) {
  await replaceVolume(one);
  await withContainer(one, async (container) => {
    const cp = stream(one.host, "cp", "-", `${container}:/`);
    const count = counting((bytes) => (one.bytes = bytes));
    await through(cp, createReadStream(file), createGunzip(), count, cp.stdin);
    one.archiveBytes = (await stat(file)).size;
  });
}

/** Makes it anew, empty, with its driver and labels. */
async function replaceVolume({ host, volume, exists, namespace }) {
  let flags = ["--label", `${NAMESPACE_LABEL}=${namespace}`];
  if (exists) {
    const [{ Driver, Labels, Options }] = JSON.parse(await on(host, "volume", "inspect", volume));
    const pairs = (flag, map) =>
      Object.entries(map ?? {}).flatMap(([key, value]) => [flag, `${key}=${value}`]);
    flags = ["--driver", Driver, ...pairs("--label", Labels), ...pairs("--opt", Options)];
    await on(host, "volume", "rm", volume);
  }
  await on(host, "volume", "create", ...flags, volume);
}

/** Makes a container that has the volume, for `docker cp`, and removes it. It is never started. */
async function withContainer({ host, image, volume, namespace }, work) {
  const label = ["--label", `${COPY_LABEL}=${namespace}`];
  const create = [
    "create",
    "--network",
    "none",
    ...label,
    "--volume",
    `${volume}:/${TOP}`,
    image,
    "never-started",
  ];
  const container = await on(host, ...create);
  try {
    await work(container);
  } finally {
    await on(host, "rm", "--force", "--volumes", container);
  }
}

/** Reads an archive as it lies there: its checksum, and that it can be unpacked to its end. */
export async function verify(file, { sha256, bytes }) {
  const hash = createHash("sha256");
  let unpacked = 0;
  const sink = new Writable({
    write(piece, _, done) {
      unpacked += piece.length;
      done();
    },
  });
  let broken;
  await pipeline(
    createReadStream(file),
    tapping((piece) => hash.update(piece)),
    createGunzip(),
    sink,
    {
      signal: interrupt,
    },
  ).catch((error) => {
    interrupt.throwIfAborted();
    broken = error.code === "ENOENT" ? "it is missing" : error.message;
  });
  if (broken === undefined && hash.digest("hex") !== sha256)
    broken = "its checksum is not that of the manifest";
  if (broken === undefined && unpacked !== bytes) broken = `it holds ${unpacked} bytes instead of ${bytes}`;
  if (broken !== undefined)
    throw new Refusal(`archive ${file} is damaged: ${broken}; take another backup. Nothing was changed.`);
}

function tapping(see) {
  return new Transform({
    transform(piece, _, done) {
      see(piece);
      done(undefined, piece);
    },
  });
}

function counting(note) {
  let bytes = 0;
  return tapping((piece) => note((bytes += piece.length)));
}
