import { edge } from "../../components/edge";
import { listenerFaults } from "../../components/nginx-config";

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
    { port: 6767, published: 81, routes: [{ path: "/", upstream: "accountservice:6767" }] },
  ]);
  expect(listenerFaults(listeners)).toEqual([]);
});

test("each link of the status page is a route of the first listener", () => {
  const paths = listeners[0]?.routes.map(({ path }) => path).filter((path) => path !== "/") ?? [];
  for (const { href } of links) expect(paths.filter((path) => href.startsWith(path))).toHaveLength(1);
});
