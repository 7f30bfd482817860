import * as path from "node:path";
import { typeOf } from "../../components/compose/engine-resource";
import { Held, programGraph } from "../../review/graph/program-graph";
import { recordedPreview } from "../../review/graph-preview";
import type { Graph } from "../../review/graph/recorder";
import type * as stackConfig from "../../review/graph/stack-config";
import { makeReport, Report } from "../../review/report";
import { tempFolder } from "../support/temp";

/** Configuration in the place of a stack's file. */
let mockConfig: Readonly<Record<string, string>> | undefined;
afterEach(() => (mockConfig = undefined));
jest.mock("../../review/graph/stack-config", () => {
  const actual = jest.requireActual<typeof stackConfig>("../../review/graph/stack-config");
  return { ...actual, stackConfig: (stack: string) => ({ ...actual.stackConfig(stack), ...mockConfig }) };
});

const ENCRYPTED = {
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  ciphertext: "v1:x",
};

/** The graph of a stack file, beside what a state holds. */
function graphOf(text: string, held: Readonly<Record<string, object>> = {}): Promise<Graph> {
  const file = path.join(tempFolder({ "stack.yml": text }), "stack.yml");
  mockConfig = {
    platform: "false",
    stacks: JSON.stringify([{ name: "shop", files: [file], env: { KEY: "open sesame" } }]),
  };
  const there = Object.entries(held).map(([id, one]): [string, Held] => [
    id,
    { inputs: one, outputs: { id: "1", ...one } } as Held,
  ]);
  return programGraph("dev", new Map(there));
}

test("what stack files call external is taken to be there", async () => {
  const graph = await graphOf(`
services: { web: { image: "a:1", networks: [theirs], configs: [conf], secrets: [key] } }
networks: { theirs: { external: true } }
configs: { conf: { external: true } }
secrets: { key: { external: true, name: their_key } }
`);
  expect(graph.get(typeOf("Service"), "shop-web").inputs).toMatchObject({
    Networks: [{ Target: "theirs" }],
    Configs: [{ ConfigName: "conf" }],
    Secrets: [{ SecretName: "their_key" }],
  });
  expect(graph.all(typeOf("Network"))).toEqual([]);
});

test.each([
  ["a name of its own", "name: fixed, ", "fixed"],
  ["a name that is made of its content", "", "shop_key-0123456789ab"],
])("a secret with %s keeps it, as its content can't be compared", async (_, name, Name) => {
  const graph = await graphOf(
    `
services: { web: { image: "a:1", secrets: [key] } }
secrets: { key: { ${name}environment: KEY } }
`,
    { [`${typeOf("Secret")} shop-key`]: { Name, Text: ENCRYPTED } },
  );
  expect(graph.get(typeOf("Service"), "shop-web").inputs.Secrets).toMatchObject([{ SecretName: Name }]);
});

describe("the example hit-counter beside its own state", () => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await programGraph("hit-counter");
  });

  /** What a report without an engine says when the last `up` left something else. */
  function reportOf(was: Readonly<Record<string, object>>): Report {
    const urn = (id: string): string => `urn:pulumi:hit-counter::swarm-platform::${id.replace(" ", "::")}`;
    const resources = graph.resources.map(({ id, type, parent, inputs, outputs, options }) => {
      const fields = { ...inputs, ...was[id] };
      return {
        type,
        urn: urn(id),
        parent: parent && urn(parent),
        inputs: fields,
        outputs: outputs ?? fields,
        ...options,
      };
    });
    const preview = recordedPreview("hit-counter", JSON.stringify({ deployment: { resources } }));
    const origin = { stack: "hit-counter", commit: "", basisNote: "", encrypted: [] };
    return makeReport(preview, { ...origin, basis: "recorded" });
  }
  const [WEB, NETWORK, CONFIG] = [
    `${typeOf("Service")} hit-counter-web`,
    `${typeOf("Network")} hit-counter-default`,
    `${typeOf("Config")} hit-counter-edge`,
  ] as const;

  test("that is the same is no change, whatever words were used for it", () => {
    const { verdict, changes } = reportOf({ [WEB]: { Mode: { Replicated: { Replicas: 3 } }, TTY: false } });
    expect({ verdict, changes }).toEqual({ verdict: "none", changes: [] });
  }, 60_000);

  test("differs by fields, in place or not", () => {
    const { services, other } = reportOf({
      [WEB]: { Mode: { Replicated: { Replicas: 2 } } },
      [`${typeOf("Service")} hit-counter-redis`]: { Mode: { Global: {} } },
      [CONFIG]: { Labels: {} },
    });
    expect(services).toMatchObject([
      { name: "hit-counter/redis", operation: "replace" },
      { name: "hit-counter/web", operation: "update", changes: [{ field: "replicas", from: "2", to: "3" }] },
    ]);
    expect(other).toMatchObject([{ kind: "config", name: "hit-counter/edge", operation: "update" }]);
  }, 60_000);

  test("a network that differs is replaced with its services", () => {
    const { services, dangers } = reportOf({ [NETWORK]: { Internal: true } });
    expect(services.map(({ name, operation }) => `${operation} ${name}`)).toEqual([
      "replace hit-counter/edge",
      "replace hit-counter/redis",
      "replace hit-counter/web",
    ]);
    expect(dangers.map(({ where }) => where)).toEqual(
      expect.arrayContaining(["network hit-counter/default", "hit-counter/redis"]),
    );
  }, 60_000);
});
