import * as pulumi from "@pulumi/pulumi";
import { edge, edgeCertificate, edgeUrls } from "../../components/edge/edge";
import { listenerFaults } from "../../components/edge/nginx-config";
import type { PlatformConfig } from "../../config";
import { issueCertificate, selfSigned } from "../support/certificates";
import { testEnvironment } from "../support/environment";
import { record } from "../../review/graph/recorder";

const { listeners, links } = edge({ edgePort: 80, accountPort: 81 }, "accountservice:6767");

test("both published ports lead where they are said to", () => {
  expect(listeners).toEqual([
    {
      port: 8080,
      published: 80,
      routes: [
        { path: "/", file: "/srv/status.html" },
        { path: "/accounts/", upstream: "accountservice:6767" },
      ],
    },
    { port: 6767, published: 81, routes: [{ path: "/", upstream: "accountservice:6767" }], tls: false },
  ]);
  expect(listenerFaults(listeners)).toEqual([]);
});

test("with TLS the first port only redirects, all others are https", () => {
  const secure = edge({ edgePort: 80, accountPort: 81, tls: { port: 443 } }, "accountservice:6767").listeners;
  expect(secure).toEqual([
    { port: 8080, published: 80, routes: [{ path: "/", httpsPort: 443 }] },
    { ...listeners[0], port: 8443, published: 443, tls: true },
    { ...listeners[1], tls: true },
  ]);
  expect(listenerFaults(secure)).toEqual([]);
});

type Tls = PlatformConfig["nginx"]["tls"];
const config = (tls: Tls): Parameters<typeof edgeCertificate>[0] => ({
  externalAddress: "edge.example.com",
  nginx: { replicas: 1, memoryMiB: 64, edgePort: 80, accountPort: 6767, tls },
});
const generated = { port: 8443, hstsSeconds: 0, provided: undefined };

test.each<[string, Tls, string, string]>([
  ["http", undefined, "http://edge.example.com", "http://edge.example.com:6767"],
  ["https", generated, "https://edge.example.com:8443", "https://edge.example.com:6767"],
  [
    "https on its own port",
    { ...generated, port: 443 },
    "https://edge.example.com",
    "https://edge.example.com:6767",
  ],
])("clients outside use %s", (_scheme, tls, edgeUrl, accountsUrl) => {
  expect(edgeUrls(config(tls))).toEqual({ edgeUrl, accountsUrl });
});

describe("the certificate", () => {
  test("there is none without TLS", async () => {
    const graph = await record(() => edgeCertificate(config(undefined), testEnvironment()));
    expect([graph.result, graph.resources]).toEqual([{}, []]);
  });

  test("a generated one is for the address outside and for this machine", async () => {
    const authority = issueCertificate("authority", { NAME: "dev" });
    const server = issueCertificate("server", { NAMES: "a" }, authority);
    const stdout = (name: string): string => (name === "edge-certificate" ? server : authority);
    const graph = await record(() => edgeCertificate(config(generated), testEnvironment()).authority, {
      answers: { "command:local:Command": (name) => ({ stdout: stdout(name) }) },
    });
    expect(graph.get("command:local:Command", "edge-certificate").inputs.environment).toMatchObject({
      NAMES: "edge.example.com,localhost,127.0.0.1",
    });
    expect(graph.result).toBe((JSON.parse(authority) as { certificate: string }).certificate);
  });

  test("a provided one is used as it is, with a warning where clients won't take it", async () => {
    const provided = await selfSigned({ names: ["www.example.com"], to: 20.5 });
    const warned: string[] = [];
    jest.spyOn(pulumi.log, "warn").mockImplementation((line) => Promise.resolve(void warned.push(line)));
    const graph = await record(() =>
      edgeCertificate(config({ port: 443, hstsSeconds: 5, provided }), testEnvironment()),
    );
    expect([graph.result, graph.resources]).toEqual([{ tls: { ...provided, hstsSeconds: 5 } }, []]);
    expect(warned).toEqual([
      expect.stringMatching(/^edgeTlsCertificate ends in 20 days, on \d{4}-\d\d-\d\d\.$/),
      "edgeTlsCertificate is not for edge.example.com, but for DNS:www.example.com.",
    ]);
  });
});

test("each link of the status page is a route of the first listener", () => {
  const paths = listeners[0]?.routes.map(({ path }) => path).filter((path) => path !== "/") ?? [];
  for (const { href } of links) expect(paths.filter((path) => href.startsWith(path))).toHaveLength(1);
});
