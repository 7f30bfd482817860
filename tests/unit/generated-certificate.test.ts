import * as pulumi from "@pulumi/pulumi";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { GeneratedCertificate, renewal } from "../../components/edge/generated-certificate";
import { issueCertificate, Pair } from "../support/certificates";
import { testEnvironment } from "../support/environment";
import { Graph, record } from "../../review/graph/recorder";

const AUTHORITY = issueCertificate("authority", { NAME: "swarm-platform dev" });
const NAMES = ["localhost", "127.0.0.1", "edge.example.com"];
const SERVER = issueCertificate("server", { NAMES: NAMES.join(",") }, AUTHORITY);
const [authority, server] = [AUTHORITY, SERVER].map((text) => JSON.parse(text) as Pair) as [Pair, Pair];
const DAY = 24 * 60 * 60 * 1000;

describe("what the script makes", () => {
  const [ca, certificate] = [authority, server].map((pair) => new X509Certificate(pair.certificate)) as [
    X509Certificate,
    X509Certificate,
  ];
  const days = ({ validTo }: X509Certificate): number => (Date.parse(validTo) - Date.now()) / DAY;

  test("a certificate for the names, signed by the authority, with its own key", () => {
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(server.key))).toBe(true);
    expect(certificate.subjectAltName).toBe("DNS:localhost, IP Address:127.0.0.1, DNS:edge.example.com");
    expect(certificate.ca).toBe(false);
  });

  test("an authority, which outlasts what it signs", () => {
    expect(ca.ca).toBe(true);
    expect(ca.subject).toBe("CN=swarm-platform dev");
    expect(ca.checkPrivateKey(createPrivateKey(authority.key))).toBe(true);
    expect([days(ca), days(certificate)].map(Math.round)).toEqual([3650, 400]);
  });

  test("both are valid for a client whose clock is behind", () => {
    for (const { validFrom } of [ca, certificate])
      expect(Date.parse(validFrom)).toBeLessThan(Date.now() - 1800_000);
  });

  test("another one each time", () => {
    const again = JSON.parse(issueCertificate("server", { NAMES: "a" }, AUTHORITY)) as Pair;
    expect(new X509Certificate(again.certificate).serialNumber).not.toBe(certificate.serialNumber);
    expect(again.key).not.toBe(server.key);
  });
});

describe("the component", () => {
  const CA = "command:local:Command certificate-authority";
  const EDGE = "command:local:Command edge-certificate";
  const answers = {
    "command:local:Command": (name: string) => ({ stdout: name.endsWith("authority") ? AUTHORITY : SERVER }),
  };
  const generated = (program: (one: GeneratedCertificate) => unknown): Promise<Graph> =>
    record(
      () => {
        const environment = testEnvironment();
        new GeneratedCertificate("registry-certificate", {
          authority: environment.certificateAuthority,
          names: ["registry"],
        });
        return program(
          new GeneratedCertificate("edge-certificate", {
            authority: environment.certificateAuthority,
            names: NAMES,
          }),
        );
      },
      { answers },
    );

  test("certificates of one environment come from one authority", async () => {
    const graph = await generated((one) => [one.certificate, one.key, one.authority]);
    expect(graph.result).toEqual([server.certificate, server.key, authority.certificate]);
    expect(graph.all("command:local:Command").map(({ id }) => id)).toEqual([
      CA,
      EDGE,
      "command:local:Command registry-certificate",
    ]);
    expect(graph.find(EDGE).dependsOn).toEqual([CA]);
  });

  test("keys are secrets, never printed, and handed over by standard input alone", async () => {
    let secrets: boolean[] = [];
    const graph = await generated(async (one) => {
      secrets = await Promise.all(
        [one.certificate, one.key, one.authority].map((output) => pulumi.isSecret(output)),
      );
      return one.key;
    });
    expect(secrets).toEqual([false, true, false]);
    expect(graph.find(EDGE)).toMatchObject({
      inputs: { logging: "none", addPreviousOutputInEnv: false, stdin: { "<secret>": AUTHORITY } },
      options: { additionalSecretOutputs: ["stdout"] },
    });
    expect(graph.find(CA)).toMatchObject({
      inputs: { logging: "none", addPreviousOutputInEnv: false },
      options: { additionalSecretOutputs: ["stdout"], ignoreChanges: ["create", "environment"] },
    });
    const { stdin, ...others } = graph.find(EDGE).inputs;
    expect(stdin).toBeDefined();
    expect(JSON.stringify(others)).not.toContain("PRIVATE");
  });

  test("the names and the time decide when there is a new one", async () => {
    const graph = await generated((one) => one.certificate);
    expect(graph.find(EDGE).inputs.environment).toEqual({
      NAMES: "localhost,127.0.0.1,edge.example.com",
      RENEWAL: renewal(new Date(new X509Certificate(authority.certificate).validFrom), new Date()),
    });
  });
});

test.each([
  [0, "due since 2026-03-01"],
  [299.9, "due since 2026-03-01"],
  [300, "due since 2026-12-26"],
  [599.9, "due since 2026-12-26"],
  [600, "due since 2027-10-22"],
  // A clock that was set back.
  [-5, "due since 2026-03-01"],
])("%d days after the authority was made, the current certificate is %s", (days, due) => {
  const since = new Date("2026-03-01T12:00:00Z");
  expect(renewal(since, new Date(since.getTime() + days * DAY))).toBe(due);
});
