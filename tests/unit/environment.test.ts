import * as pulumi from "@pulumi/pulumi";
import { testEnvironment } from "../support/environment";
import { NAME_KEY, record } from "../../review/graph/recorder";

const KEY = "command:local:Command secret-name-key";

test("an environment without secrets has no key", async () => {
  const graph = await record(() => testEnvironment().namespace);
  expect(graph.resources).toEqual([]);
});

test("the key is made once, however many ask for it, and is a secret", async () => {
  let same = false;
  let secret = false;
  const graph = await record(async () => {
    const environment = testEnvironment();
    const [first, second] = [environment.secretNameKey, environment.secretNameKey];
    same = first === second;
    secret = await pulumi.isSecret(first);
    return first;
  });
  expect([same, secret, graph.result]).toEqual([true, true, NAME_KEY]);
  expect(graph.resources.map(({ id }) => id)).toEqual([KEY]);
});

test("the key is never printed nor kept in clear, and changes with nothing", async () => {
  const graph = await record(() => testEnvironment().secretNameKey);
  expect(graph.find(KEY)).toMatchObject({
    inputs: { create: "head -c 32 /dev/urandom | base64", logging: "none" },
    options: { additionalSecretOutputs: ["stdout"] },
  });
  expect(Object.keys(graph.find(KEY).inputs).sort()).toEqual(["create", "logging"]);
});
