import { generateKeyPairSync } from "node:crypto";
import { certificateWarnings, pairFaults } from "../../components/edge/certificate";
import { issueCertificate, Pair, selfSigned } from "../support/certificates";

const AUTHORITY = issueCertificate("authority", { NAME: "the authority" });
const authority = JSON.parse(AUTHORITY) as Pair;
const server = JSON.parse(issueCertificate("server", { NAMES: "a.example.com,10.0.0.1" }, AUTHORITY)) as Pair;
const NOW = new Date();
const inDays = (days: number): Date => new Date(NOW.getTime() + days * 24 * 60 * 60 * 1000);
const NONE = { certificate: [], key: [] };

describe("faults of a pair", () => {
  test("are none for a certificate and its key, with those that signed it or without", () => {
    expect(pairFaults(server.certificate, server.key, NOW)).toEqual(NONE);
    expect(pairFaults(server.certificate + authority.certificate, server.key, NOW)).toEqual(NONE);
  });

  test("are none whatever stands around the PEM blocks, and with Windows line ends", () => {
    const text = `subject=CN = a\n${server.certificate}`.replace(/\n/g, "\r\n");
    expect(pairFaults(text, `\n${server.key}`, NOW)).toEqual(NONE);
  });

  test("are none for an RSA key in its own format", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs1", format: "pem" }) as string;
    expect(pairFaults(server.certificate, pem, NOW).key).toEqual([
      "does not belong to the certificate of CN=a.example.com",
    ]);
  });

  const encrypted = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const cipher = { format: "pem", cipher: "aes-256-cbc", passphrase: "x" } as const;
  test.each<[string, string, string, string[], string[]]>([
    ["nothing", "", " \n", ["is not set"], ["is not set"]],
    [
      "text",
      "certificate",
      "key",
      ["is not a readable certificate in PEM"],
      ["is not a readable private key in PEM"],
    ],
    [
      "a damaged certificate",
      server.certificate.replace(/[A-Z]/g, "x").replace(/-----\w+ \w+-----/g, (line) => line.toUpperCase()),
      server.key,
      ["is not a readable certificate in PEM"],
      [],
    ],
    [
      "a key in place of the certificate",
      server.key,
      server.key,
      ["is not a readable certificate in PEM"],
      [],
    ],
    [
      "a certificate in place of the key",
      server.certificate,
      server.certificate,
      [],
      ["is not a readable private key in PEM"],
    ],
    [
      "another key",
      server.certificate,
      authority.key,
      [],
      ["does not belong to the certificate of CN=a.example.com"],
    ],
    [
      "an encrypted key (PKCS #8)",
      server.certificate,
      encrypted.export({ type: "pkcs8", ...cipher }) as string,
      [],
      ["is encrypted with a passphrase, which nobody could type in"],
    ],
    [
      "an encrypted key (SEC 1)",
      server.certificate,
      encrypted.export({ type: "sec1", ...cipher }) as string,
      [],
      ["is encrypted with a passphrase, which nobody could type in"],
    ],
    [
      "the signer first",
      authority.certificate + server.certificate,
      server.key,
      ["is out of order: CN=the authority is not signed by CN=a.example.com, which follows it"],
      ["does not belong to the certificate of CN=the authority"],
    ],
  ])("%s", (_what, chain, key, certificateFaults, keyFaults) => {
    expect(pairFaults(chain, key, NOW)).toEqual({ certificate: certificateFaults, key: keyFaults });
  });

  test("a certificate before and after its time", () => {
    const at = (days: number): readonly string[] =>
      pairFaults(server.certificate, server.key, inDays(days)).certificate;
    expect(at(-1)).toEqual([expect.stringMatching(/^is not valid yet: CN=a.example.com begins on /)]);
    expect(at(401)).toEqual([
      `has expired: CN=a.example.com ended on ${inDays(400).toISOString().slice(0, 10)}`,
    ]);
    expect(at(399)).toEqual([]);
  });
});

describe("warnings", () => {
  test.each<[string, string[]]>([
    ["a.example.com", []],
    ["10.0.0.1", []],
    ["b.example.com", ["is not for b.example.com, but for DNS:a.example.com, IP Address:10.0.0.1"]],
    ["10.0.0.2", ["is not for 10.0.0.2, but for DNS:a.example.com, IP Address:10.0.0.1"]],
  ])("for clients that ask for %s: %p", (name, warnings) => {
    expect(certificateWarnings(server.certificate, name, NOW)).toEqual(warnings);
  });

  test("a wildcard covers the names below it", async () => {
    const { certificate } = await selfSigned({ names: ["*.example.com"] });
    expect(certificateWarnings(certificate, "edge.example.com", NOW)).toEqual([]);
  });

  test("its end is near", () => {
    const warnings = (left: number): string[] =>
      certificateWarnings(server.certificate, "a.example.com", inDays(400 - left));
    expect(warnings(21.5)).toEqual([]);
    expect(warnings(20.5)).toEqual([expect.stringMatching(/^ends in 20 days, on \d{4}-\d\d-\d\d$/)]);
  });
});
