const CURES: readonly (readonly [RegExp, string])[] = [
  [
    /x509|tls:/i,
    "BASE_URL must name a host that the certificate is for, signed by the stack's own authority or one that this machine trusts",
  ],
  [
    /refused|timeout|no such host|unreachable|no route/,
    "see that it runs (make status) and that this machine reaches it (name, port, firewall, proxy), or set BASE_URL",
  ],
  [/status 3/, "BASE_URL must be the address that it sends clients to, such as https:// for http://"],
  [
    /status 4/,
    "BASE_URL must be where /accounts/10000 is an account: accountsUrl or edgeUrl of pulumi stack output",
  ],
  [/status 5/, "make status and make logs SERVICE=accountservice tell more"],
];

/** What to do about an account that can't be asked for. @param reason in k6's words, or `status 503` */
export function cureOf(reason: string): string {
  return CURES.find(([of]) => of.test(reason))?.[1] ?? "see that curl gets an answer there, or set BASE_URL";
}
