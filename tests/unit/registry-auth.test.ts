import * as path from "node:path";
import { registryAuth } from "../../components/registry-auth";
import { tempFolder } from "../support/temp";

/** Path of a docker configuration with this content; without it, of one that is not there. */
const configFile = (content?: object): string =>
  path.join(
    tempFolder(content === undefined ? {} : { "config.json": JSON.stringify(content) }),
    "config.json",
  );

test("without a registry there is nothing to log in to", () => {
  expect(registryAuth(undefined, configFile())).toEqual([]);
});

test.each([
  ["no file", undefined],
  ["an empty file", {}],
  ["a login elsewhere", { auths: { "registry.example.org": {} } }],
  ["a helper elsewhere", { credHelpers: { "registry.example.org": "pass" } }],
])("a registry that the docker CLI does not know is used without a login: %s", (_what, content) => {
  expect(registryAuth("registry.example.com/team", configFile(content))).toEqual([
    { address: "registry.example.com", authDisabled: true },
  ]);
});

test.each([
  ["by name", { auths: { "registry.example.com:5000": { auth: "dXNlcjpwYXNzd29yZA==" } } }],
  ["by address", { auths: { "https://registry.example.com:5000": {} } }],
  ["by a helper", { credHelpers: { "registry.example.com:5000": "pass" } }],
])("a login that the docker CLI knows %s is left in its file", (_what, content) => {
  const file = configFile(content);
  expect(registryAuth("registry.example.com:5000/team", file)).toEqual([
    { address: "registry.example.com:5000", configFile: file },
  ]);
});

test.each([
  ["localhost:5000", "http://localhost:5000"],
  ["localhost/team", "http://localhost"],
  ["127.0.0.1:5000/team", "http://127.0.0.1:5000"],
  ["localhost.example.com", "localhost.example.com"],
])("%s is spoken to as %s: engines use plain HTTP on loopback alone", (registry, address) => {
  expect(registryAuth(registry, configFile())).toEqual([{ address, authDisabled: true }]);
});
