import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";

const DAY = 24 * 60 * 60 * 1000;
/** From how many days before its end on a certificate is a warning. */
const NEAR_END_DAYS = 21;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** What is wrong with a certificate and with its key, each as a sentence without a subject. */
export interface PairFaults {
  readonly certificate: readonly string[];
  readonly key: readonly string[];
}

/**
 * Faults of a server's certificate and key, all at once; nothing of the key is in them.
 *
 * @param chain PEM: the server's certificate, then those that signed it, each signed by the next.
 * @param key PEM, without a passphrase.
 */
export function pairFaults(chain: string, key: string, now: Date): PairFaults {
  const certificates = read(() => parseChain(chain));
  const privateKey = read(() => createPrivateKey(key));
  const certificate: string[] = [];
  const keyFaults: string[] = [];

  const [own] = certificates ?? [];
  if (chain.trim() === "") certificate.push("is not set");
  else if (own === undefined) certificate.push("is not a readable certificate in PEM");
  for (const one of certificates ?? []) certificate.push(...timeFaults(one, now));
  for (const [i, one] of (certificates ?? []).entries()) {
    const next = certificates?.[i + 1];
    if (next === undefined || (one.checkIssued(next) && one.verify(next.publicKey))) continue;
    certificate.push(`is out of order: ${subject(one)} is not signed by ${subject(next)}, which follows it`);
  }

  if (key.trim() === "") keyFaults.push("is not set");
  else if (/ENCRYPTED/.test(key))
    keyFaults.push("is encrypted with a passphrase, which nobody could type in");
  else if (privateKey === undefined) keyFaults.push("is not a readable private key in PEM");
  else if (own !== undefined && !own.checkPrivateKey(privateKey)) {
    keyFaults.push(`does not belong to the certificate of ${subject(own)}`);
  }
  return { certificate, key: keyFaults };
}

/** What a certificate without faults still deserves to be said about. */
export function certificateWarnings(chain: string, name: string, now: Date): string[] {
  const [own] = parseChain(chain);
  if (own === undefined) return [];
  const warnings: string[] = [];
  const days = Math.floor((Date.parse(own.validTo) - now.getTime()) / DAY);
  if (days < NEAR_END_DAYS) warnings.push(`ends in ${days} days, on ${date(own.validTo)}`);
  const covered = isIP(name) === 0 ? own.checkHost(name) : own.checkIP(name);
  if (covered === undefined) {
    warnings.push(`is not for ${name}, but for ${own.subjectAltName ?? "no name at all"}`);
  }
  return warnings;
}

function parseChain(chain: string): X509Certificate[] {
  return (chain.match(BLOCK) ?? []).map((pem) => new X509Certificate(pem));
}

function timeFaults(one: X509Certificate, now: Date): string[] {
  if (Date.parse(one.validTo) <= now.getTime()) {
    return [`has expired: ${subject(one)} ended on ${date(one.validTo)}`];
  }
  if (Date.parse(one.validFrom) > now.getTime()) {
    return [`is not valid yet: ${subject(one)} begins on ${date(one.validFrom)}`];
  }
  return [];
}

/** The whole subject in one line, else its names. */
function subject(one: X509Certificate): string {
  return one.subject?.replace(/\n/g, ", ") || one.subjectAltName || `number ${one.serialNumber}`;
}

function date(text: string): string {
  return new Date(text).toISOString().slice(0, 10);
}

function read<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
