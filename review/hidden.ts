import { isObject, SECRET, UNKNOWN } from "./preview";
import type { Value, Values } from "./preview";

/** How Pulumi marks a special value in JSON (sdk/go/common/resource/sig). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
/** How it writes a value that is not known yet, by kind (sdk/go/common/resource/plugin/rpc.go). */
const UNKNOWNS = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);
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
  if (typeof value === "string") return UNKNOWNS.has(value) ? UNKNOWN : hideLogins(value);
  if (Array.isArray(value)) return value.map((one) => hide(one, `${path}/*`, secret));
  if (!isObject(value)) return value;
  if (SIGNATURE in value) return SECRET;
  const variables = /\/(env|environment)$/.test(path);
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      const hidden = key === "registryAuth" || (variables && TELLING_NAME.test(key));
      return [key, hidden ? SECRET : hide(one, `${path}/${key}`, secret)];
    }),
  );
}
