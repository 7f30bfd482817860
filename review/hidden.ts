import { UNKNOWN_VALUES } from "../policy/unknown-values";
import { isObject, SECRET, UNKNOWN } from "./preview";
import type { Value, Values } from "./preview";

/** How Pulumi marks a special value in JSON (sdk/go/common/resource/sig). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
/** Names of variables that are nobody's business, whether they are marked as secret or not; a path of a file is not. */
const TELLING_NAME = /(passw(or)?d|passphrase|secret|token|credential|api_?key|private_?key)(?!.*_FILE$)/i;
/** A name and password inside an address. */
const LOGIN_IN_ADDRESS = /(:\/\/)[^/\s:@]+:[^/\s@]+@/g;

/**
 * Several versions of the properties of one resource, with secrets hidden. What is a secret in one of them is one in all:
 * what a provider reads back from the real world has lost its mark.
 */
export function hideSecrets(versions: readonly Values[]): Values[] {
  const secret = new Set<string>();
  for (const version of versions) markedPaths(version, "", secret);
  return versions.map((version) => hide(version, "", secret) as Values);
}

/** Text of which only a login inside an address is hidden. */
export function hideLogins(text: string): string {
  return text.replace(LOGIN_IN_ADDRESS, `$1${SECRET}@`);
}

/** Indexes of lists count as one: an entry may have moved. */
function markedPaths(value: Value, path: string, found: Set<string>): void {
  if (!isObject(value)) return;
  if (value[SIGNATURE] === SECRET_SIGNATURE) {
    found.add(path);
    return;
  }
  const list = Array.isArray(value);
  for (const [key, one] of Object.entries(value)) markedPaths(one, `${path}/${list ? "*" : key}`, found);
}

function hide(value: Value, path: string, secret: ReadonlySet<string>): Value {
  if (value === undefined) return undefined;
  if (secret.has(path)) return SECRET;
  if (typeof value === "string") return UNKNOWN_VALUES.has(value) ? UNKNOWN : hideLogins(value);
  if (Array.isArray(value)) return value.map((one) => hide(one, `${path}/*`, secret));
  if (!isObject(value)) return value;
  if (SIGNATURE in value) return SECRET;
  const variables = /\/(env|environment)$/i.test(path);
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      const hidden = key === "registryAuth" || (variables && TELLING_NAME.test(key));
      return [key, hidden ? SECRET : hide(one, `${path}/${key}`, secret)];
    }),
  );
}
