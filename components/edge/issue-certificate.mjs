// Makes a certificate and its key and prints them as JSON, {"certificate": PEM, "key": PEM}. Run by
// generated-certificate.ts, which keeps the output as a secret; nothing secret is in arguments or errors.
//
//   issue-certificate.mjs authority   a CA; NAME is its common name
//   issue-certificate.mjs server      a server's, for NAMES (host names and IP addresses, separated by commas);
//                                     standard input is what `authority` printed
import "reflect-metadata"; // @peculiar/x509 needs it to be there first
import * as x509 from "@peculiar/x509";
import { isIP } from "node:net";
import { text } from "node:stream/consumers";

const DAY = 24 * 60 * 60 * 1000;
const AUTHORITY_DAYS = 3650;
// Apple's systems refuse a server certificate of more than 825 days, whoever signed it (support.apple.com/103769).
const SERVER_DAYS = 400;
const HOUR = 60 * 60 * 1000; // by which a client's clock may be behind
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }; // which all clients know

const validity = (days) => ({
  notBefore: new Date(Date.now() - HOUR),
  notAfter: new Date(Date.now() + days * DAY),
});
const newKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

async function print(certificate, { privateKey }) {
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", privateKey);
  const key = x509.PemConverter.encode(pkcs8, x509.PemConverter.PrivateKeyTag);
  console.log(JSON.stringify({ certificate: `${certificate.toString("pem")}\n`, key: `${key}\n` }));
}

async function authority() {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [process.env.NAME] }],
    ...validity(AUTHORITY_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await print(certificate, keys);
}

async function server() {
  const issuer = JSON.parse(await text(process.stdin));
  const [pkcs8] = x509.PemConverter.decode(issuer.key);
  const signingKey = await crypto.subtle.importKey("pkcs8", pkcs8, ALGORITHM, false, ["sign"]);
  const parent = new x509.X509Certificate(issuer.certificate);
  const names = process.env.NAMES.split(",");
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    // Clients look at the alternative names alone.
    subject: [{ CN: [names[0].slice(0, 64)] }],
    issuer: parent.subjectName,
    ...validity(SERVER_DAYS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(parent.publicKey),
    ],
  });
  await print(certificate, keys);
}

await { authority, server }[process.argv[2]]();
