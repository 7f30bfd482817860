import { UNKNOWN } from "./properties";
import type { Text } from "./subject";

/** The last words of a name whose value is a secret. `*_FILE` says where one is, and `*_TTL` something about one. */
const TELLING_NAME =
  /(^|[^a-z])pass$|(password|passwd|passphrase|secret|token|api[_.-]?key|(access|private|secret|encryption|signing|master)[_.-]?key|(^|[_.-])pwd)([_.-]?\d+)?$/i;
/** Nothing to hide: none, a switch, a path, what a shell or Swarm puts in. */
const HARMLESS = /^(|true|false|yes|no|on|off|none|null|(file:\/\/)?\/.*|\$\{?\w+\}?|\$\(.*\)|\{\{.*\}\})$/is;

/** What a text holds that is a secret whatever its name; a group is the secret itself, where it may be harmless. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----/, "a private key"],
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*:([^\s/@]+)@/i, "an address with a password"],
  [
    /\b(?:password|passwd|pwd|accountkey|sharedaccesskey|secretkey)\s*=\s*["']?([^\s"';,&]+)/i,
    "a connection string with a password",
  ],
  [/\bauthorization\s*:\s*(?:basic|bearer)\s+([^\s"']+)/i, "a login"],
  [/\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,})/, "a token of a source host"],
  [/\bxox[abeprs]-[\w-]{10,}/, "a token of Slack"],
  [/\b[rs]k_live_[A-Za-z0-9]{16,}/, "a key of Stripe"],
  [/\bAIza[\w-]{35}/, "a key of Google"],
  [/\bnpm_[A-Za-z0-9]{36}/, "a token of npm"],
  [/\bdckr_pat_[\w-]{20,}/, "a token of Docker Hub"],
  [/\bpul-[a-f0-9]{40}/, "a token of Pulumi"],
  [/\bSWMTKN-1-[a-z0-9]{40,}/, "a join token of a swarm"],
  [/\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/, "a signed token (JWT)"],
];
/** A shorter secret of the stack is found only where it is all of a text: anything may contain a few letters. */
const LEAST_CONTAINED = 8;

/**
 * Why a text is, or holds, a secret; undefined when nothing says so. The reason never quotes it.
 *
 * @param stackSecrets values of the stack's secret configuration, by key.
 */
export function secretIn(
  { name, found }: Text,
  stackSecrets: Readonly<Record<string, string>>,
): string | undefined {
  if (found.secret) return "a Pulumi secret";
  if (found.value === UNKNOWN || found.value === undefined) return undefined;
  const text = typeof found.value === "string" ? found.value : JSON.stringify(found.value);
  for (const [key, secret] of Object.entries(stackSecrets)) {
    const contained = secret.length >= LEAST_CONTAINED && text.includes(secret);
    if (secret !== "" && (contained || text === secret)) return `the stack's secret ${key}`;
  }
  for (const [pattern, what] of PATTERNS) {
    const match = pattern.exec(text);
    if (match !== null && !HARMLESS.test(match[1] ?? match[0])) return what;
  }
  if (name !== undefined && TELLING_NAME.test(name) && !HARMLESS.test(text))
    return "a secret, as its name says";
  return undefined;
}

/** The same for a text that may well speak of passwords: what it holds counts, not what it calls it. */
export function certainSecretIn(
  text: Text,
  stackSecrets: Readonly<Record<string, string>>,
): string | undefined {
  const reason = secretIn({ ...text, name: undefined }, stackSecrets);
  return reason === "a connection string with a password" ? undefined : reason;
}
