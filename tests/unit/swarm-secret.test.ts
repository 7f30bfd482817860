import * as pulumi from "@pulumi/pulumi";
import { contentHash, keyedHash } from "../../components/content-name";
import { SwarmSecret } from "../../components/service/swarm-secret";
import { testEnvironment } from "../support/environment";
import { Graph, NAME_KEY, record } from "../../review/graph/recorder";

const PASSWORD = "correct horse";
const secret = (content: pulumi.Input<string> = PASSWORD, preview = false): Promise<Graph> =>
  record(() => new SwarmSecret("api-password", { environment: testEnvironment(), content }), { preview });

/** A value without what is marked as secret, as text. */
const inClear = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && "<secret>" in part ? "hidden" : part,
  );

test.each([
  ["plain text", PASSWORD],
  ["a Pulumi secret", () => pulumi.secret(PASSWORD)],
])("content given as %s is in no input or output but as a Pulumi secret", async (_what, content) => {
  const graph = await record(
    () =>
      new SwarmSecret("api-password", {
        environment: testEnvironment(),
        content: typeof content === "function" ? content() : content,
      }),
  );
  const { inputs } = graph.get("docker:index/secret:Secret", "api-password");
  const data = Buffer.from(PASSWORD).toString("base64");
  expect(inputs.data).toEqual({ "<secret>": data });
  for (const { inputs, outputs } of graph.resources) {
    for (const text of [PASSWORD, data, contentHash(PASSWORD), NAME_KEY]) {
      expect(inClear([inputs, outputs])).not.toContain(text);
    }
  }
});

test("carries a keyed hash of its content in a name that may be seen", async () => {
  const { inputs } = (await secret()).get("docker:index/secret:Secret", "api-password");
  expect(inputs.name).toBe(`dev_api-password-${keyedHash(NAME_KEY, PASSWORD)}`);
  expect(inputs.labels).toEqual([{ label: "com.docker.stack.namespace", value: "dev" }]);
});

test("has another name for another content, and comes before the old one goes", async () => {
  const [first, second] = [await secret("a"), await secret("b")];
  const of = (graph: Graph) => graph.get("docker:index/secret:Secret", "api-password");
  expect(of(second).inputs.name).not.toBe(of(first).inputs.name);
  expect(of(second).options.deleteBeforeReplace).toBe(false);
});

test("waits for the key of its environment", async () => {
  const graph = await secret();
  expect(graph.get("docker:index/secret:Secret", "api-password").dependsOn).toEqual([
    "command:local:Command secret-name-key",
  ]);
});

test("has a name that is known only after the key was made", async () => {
  const graph = await secret(PASSWORD, true);
  expect(graph.get("docker:index/secret:Secret", "api-password").inputs.name).toBe("<unknown>");
});
