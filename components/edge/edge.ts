import * as pulumi from "@pulumi/pulumi";
import type { EdgeTls, PlatformConfig } from "../../config";
import { certificateWarnings } from "./certificate";
import type { Environment } from "../environment";
import { GeneratedCertificate } from "./generated-certificate";
import { EdgeCertificate, PublishedListener, STATUS_PAGE } from "./nginx";
import type { RedirectRoute, Route } from "./nginx-config";
import type { StatusLink } from "./status-page";

/** What the platform's edge serves, as data for {@link Nginx}. */
export function edge(
  ports: {
    readonly edgePort: number;
    readonly accountPort: number;
    readonly tls?: Pick<EdgeTls, "port"> | undefined;
  },
  accounts: string,
): { listeners: PublishedListener[]; links: StatusLink[] } {
  const routes: Route[] = [
    { path: "/", file: STATUS_PAGE },
    { path: "/accounts/", upstream: accounts },
  ];
  const tls = ports.tls !== undefined;
  const redirect = (httpsPort: number): RedirectRoute => ({ path: "/", httpsPort });
  return {
    listeners: [
      ...(ports.tls === undefined
        ? [{ port: 8080, published: ports.edgePort, routes }]
        : [
            { port: 8080, published: ports.edgePort, routes: [redirect(ports.tls.port)] },
            { port: 8443, published: ports.tls.port, routes, tls },
          ]),
      // Straight to accountservice: its tasks scale and roll without competing for a port of the node.
      { port: 6767, published: ports.accountPort, routes: [{ path: "/", upstream: accounts }], tls },
    ],
    links: [
      { label: "accountservice", href: "/accounts/10000" },
      { label: "quotes-service", href: "/accounts/10000?include=quote" },
    ],
  };
}

/**
 * The certificate of the edge: the stack's own, or one that the environment's authority makes. Warns of one that
 * clients outside won't take, or not for long.
 */
export function edgeCertificate(
  { externalAddress, nginx: { tls } }: Pick<PlatformConfig, "externalAddress" | "nginx">,
  environment: Environment,
): { readonly tls?: EdgeCertificate; readonly authority?: pulumi.Output<string> } {
  if (tls === undefined) return {};
  const { hstsSeconds, provided } = tls;
  if (provided !== undefined) {
    for (const warning of certificateWarnings(provided.certificate, externalAddress, new Date())) {
      void pulumi.log.warn(`edgeTlsCertificate ${warning}.`);
    }
    return { tls: { ...provided, hstsSeconds } };
  }
  const names = [...new Set([externalAddress, "localhost", "127.0.0.1"])];
  const generated = new GeneratedCertificate("edge-certificate", {
    authority: environment.certificateAuthority,
    names,
  });
  return { tls: { ...generated, hstsSeconds }, authority: generated.authority };
}

/** URLs of the two published listeners, outside. */
export function edgeUrls({
  externalAddress,
  nginx: { edgePort, accountPort, tls },
}: Pick<PlatformConfig, "externalAddress" | "nginx">): { edgeUrl: string; accountsUrl: string } {
  const scheme = tls === undefined ? "http" : "https";
  const url = (port: number): string => new URL(`${scheme}://${externalAddress}:${port}`).origin;
  return { edgeUrl: url(tls?.port ?? edgePort), accountsUrl: url(accountPort) };
}
