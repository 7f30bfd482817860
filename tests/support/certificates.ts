import "reflect-metadata"; // @peculiar/x509 needs it to be there first
import * as x509 from "@peculiar/x509";
import { execFileSync } from "node:child_process";
import { isIP } from "node:net";

const DAY = 24 * 60 * 60 * 1000;
const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate and its key, in PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** What the script of generated certificates prints. */
export function issueCertificate(kind: "authority" | "server", env: NodeJS.ProcessEnv, input = ""): string {
  return execFileSync(process.execPath, ["components/edge/issue-certificate.mjs", kind], {
    input,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

/** A self-signed server's certificate; times in days from now. */
export async function selfSigned({
  names = ["localhost"],
  from = -1,
  to = 90,
}: { names?: readonly string[]; from?: number; to?: number } = {}): Promise<Pair> {
  const keys = await crypto.subtle.generateKey(EC, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ["test"] }],
    notBefore: new Date(Date.now() + from * DAY),
    notAfter: new Date(Date.now() + to * DAY),
    signingAlgorithm: EC,
    keys,
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value })),
      ),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(pkcs8, x509.PemConverter.PrivateKeyTag)}\n`,
  };
}
