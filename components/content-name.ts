import { createHash, createHmac } from "node:crypto";

/** Length of the hash in a name: 48 bits, ample for the versions of one object. */
const HASH_LENGTH = 12;
/** Longest name of a config or secret that Swarm takes. */
const MAX_NAME = 64;

/** First 12 hex digits of the content's SHA-256. */
export function contentHash(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, HASH_LENGTH);
}

/** As {@link contentHash}, but keyed: without the key a guessed value can't be checked against the name. */
export function keyedHash(key: string, content: string): string {
  return createHmac("sha256", key).update(content).digest("hex").slice(0, HASH_LENGTH);
}

/**
 * Name of a config or secret: `<namespace>_<name>-<hash>`, at most 64 of `[A-Za-z0-9._-]`.
 *
 * @throws RangeError when namespace and name are too long together or hold other characters.
 */
export function contentName(namespace: string, name: string, hash: string): string {
  const full = `${namespace}_${name}-${hash}`;
  if (full.length > MAX_NAME || !/^[A-Za-z0-9._-]+$/.test(full)) {
    throw new RangeError(
      `name "${full}"; allowed: at most ${MAX_NAME} of A-Z, a-z, 0-9, ".", "_" and "-"; do: shorten "${name}"`,
    );
  }
  return full;
}
