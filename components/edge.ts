import { PublishedListener, STATUS_PAGE } from "./nginx";
import type { StatusLink } from "./status-page";

/** What the platform's edge serves, as data for {@link Nginx}. */
export function edge(
  ports: { readonly edgePort: number; readonly accountPort: number },
  accounts: string,
): { listeners: PublishedListener[]; links: StatusLink[] } {
  return {
    listeners: [
      {
        port: 8080,
        published: ports.edgePort,
        routes: [
          { path: "/", file: STATUS_PAGE },
          { path: "/accounts/", upstream: accounts },
        ],
      },
      // Straight to accountservice: its tasks scale and roll without competing for a port of the node.
      { port: 6767, published: ports.accountPort, routes: [{ path: "/", upstream: accounts }] },
    ],
    links: [
      { label: "accountservice", href: "/accounts/10000" },
      { label: "quotes-service", href: "/accounts/10000?include=quote" },
    ],
  };
}
