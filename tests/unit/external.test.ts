import { missingExternals } from "../../components/compose/external";
import { load } from "../support/stack-file";

const NOTHING = {
  services: new Map(),
  networks: new Map(),
  configs: [],
  secrets: [],
  volumes: new Set<string>(),
};
const FILE = `services: { web: { image: "a:1", networks: [theirs, host] } }
networks:
  theirs: { external: true }
  host: { external: true }
  unused: { external: true }
configs: { conf: { external: true, name: their_conf } }
secrets: { key: { external: true } }
`; // prettier-ignore

test("what others make and is not there is told with the line and the cure, all at once", () => {
  const { stack } = load(FILE);
  expect(missingExternals("shop", stack, NOTHING).map((line) => line.replace(/^.*\//, ""))).toEqual([
    "stack.yml:3: network theirs is external and is not there; do: docker network create --driver overlay theirs",
    "stack.yml:6: config their_conf is external and is not there; do: docker config create their_conf FILE",
    "stack.yml:7: secret key is external and is not there; do: docker secret create key FILE",
  ]);
});

test("what is there is no fault, but for a network of one engine alone", () => {
  const { stack } = load(FILE);
  const there = {
    ...NOTHING,
    configs: [{ name: "their_conf", createdAt: "" }],
    secrets: [{ name: "key", createdAt: "" }],
  };
  const scoped = (scope: string): string[] =>
    missingExternals("shop", stack, { ...there, networks: new Map([["theirs", scope]]) });
  expect(scoped("swarm")).toEqual([]);
  expect(scoped("local")).toEqual([expect.stringContaining("is one of this engine alone (scope local)")]);
});
