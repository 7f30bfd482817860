import { createHash, createHmac } from "node:crypto";

/** Length of the hash in a name: 48 bits, ample for the versions of one object. */
const HASH_LENGTH = 12;
/** Longest name of a config or secret that Swarm takes. */
const MAX_NAME = 64;
/** Room for `-2` to `-9`. */
const MAX_SUFFIX = 2;

/** First 12 hex digits of the content's SHA-256. */
export function contentHash(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, HASH_LENGTH);
}

/** As {@link contentHash}, but keyed: without the key a guessed value can't be checked against the name. */
export function keyedHash(key: string, content: string): string {
  return createHmac("sha256", key).update(content).digest("hex").slice(0, HASH_LENGTH);
}

/** A config or secret that is on the swarm. */
export interface NamedObject {
  readonly name: string;
  /** RFC 3339, as the engine gives it. */
  readonly createdAt: string;
}

/**
 * Name of a config or secret: `<namespace>_<name>-<hash>`, at most 62 of `[A-Za-z0-9._-]`.
 *
 * The name may be taken by an older object that still waits to be deleted: content was changed, the services rolled
 * back to the older object, and now the older content is wanted again. Then the name ends in `-2`, `-3` and so on.
 * The newest object is the one that the state holds as current, because each change of content makes one.
 *
 * @param there the swarm's objects of that kind, before this run.
 * @throws RangeError when namespace and name are too long together or hold other characters.
 */
export function contentName(
  namespace: string,
  name: string,
  hash: string,
  there: readonly NamedObject[],
): string {
  const full = `${namespace}_${name}-${hash}`;
  if (full.length > MAX_NAME - MAX_SUFFIX || !/^[A-Za-z0-9._-]+$/.test(full)) {
    throw new RangeError(
      `name "${full}"; allowed: at most ${MAX_NAME - MAX_SUFFIX} of A-Z, a-z, 0-9, ".", "_" and "-"; do: shorten "${name}"`,
    );
  }
  const versions = there.filter(({ name: one }) => isVersion(one, `${namespace}_${name}-`));
  const newest = versions.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))[0]?.name;
  if (newest !== undefined && (newest === full || newest.startsWith(`${full}-`))) return newest;
  const taken = new Set(versions.map((version) => version.name));
  let free = full;
  for (let number = 2; taken.has(free); number++) free = `${full}-${number}`;
  return free;
}

/** Whether a name is that of one version of the object whose names start so. */
function isVersion(name: string, start: string): boolean {
  return name.startsWith(start) && /^[0-9a-f]{12}(-\d+)?$/.test(name.slice(start.length));
}
