import * as fs from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { registryAuth, registryLogin } from "../../components/images/registry-auth";
import { resolved } from "../../review/graph/recorder";
import { tempFolder } from "../support/temp";

/** Path of a docker configuration with this content; without it, of one that is not there. */
const configFile = (content?: object): string =>
  path.join(
    tempFolder(content === undefined ? {} : { "config.json": JSON.stringify(content) }),
    "config.json",
  );

test("the provider gets the login as a secret as a whole, and none where there is none", async () => {
  expect(registryAuth(undefined)).toEqual([]);
  const login = { serveraddress: "registry.example.com:5000", username: "me", password: "word" };
  const given = pulumi.output(registryAuth(login));
  expect(await pulumi.isSecret(given)).toBe(true);
  expect(await resolved(given)).toEqual([
    { address: "registry.example.com:5000", username: "me", password: "word" },
  ]);
});

describe("the login that nodes pull with", () => {
  const HOST = "registry.example.com";
  const login = (content?: object) => registryLogin(HOST, configFile(content));
  const base64 = (text: string): string => Buffer.from(text).toString("base64");

  test.each([
    ["no file", undefined],
    ["a login elsewhere", { auths: { "registry.example.org": {} }, credsStore: "pass" }],
  ])("there is none with %s", async (_what, content) => {
    expect(await login(content)).toBeUndefined();
  });

  test.each([
    ["name and password", HOST, { auth: base64("me:pass:word") }, { username: "me", password: "pass:word" }],
    ["an address", `https://${HOST}`, { auth: base64("me:word") }, { username: "me", password: "word" }],
    ["a token", HOST, { identitytoken: "abc" }, { username: "", password: "", identitytoken: "abc" }],
  ])("comes from the docker CLI's file: %s", async (_what, key, entry, expected) => {
    expect(await login({ auths: { [key]: entry } })).toEqual({ serveraddress: HOST, ...expected });
  });

  describe("from a credential helper", () => {
    const PATH = process.env.PATH;
    afterEach(() => {
      process.env.PATH = PATH;
    });
    /** Puts a helper named `test` on the PATH. */
    const helper = (script: string): void => {
      const folder = tempFolder({ "docker-credential-test": `#!/bin/sh\n${script}\n` });
      fs.chmodSync(path.join(folder, "docker-credential-test"), 0o755);
      process.env.PATH = `${folder}:${PATH}`;
    };
    const ANSWERS = `[ "$1 $(cat)" = "get ${HOST}" ] && echo`;
    const STORE = { auths: { [HOST]: {} }, credsStore: "test" };

    test.each([
      ["of this registry", { credHelpers: { [HOST]: "test" }, credsStore: "other" }],
      ["of all", STORE],
    ])("%s", async (_what, content) => {
      helper(`${ANSWERS} '{"ServerURL":"x","Username":"me","Secret":"word"}'`);
      expect(await login(content)).toEqual({ serveraddress: HOST, username: "me", password: "word" });
    });

    test("that keeps a token", async () => {
      helper(`${ANSWERS} '{"Username":"<token>","Secret":"abc"}'`);
      expect(await login(STORE)).toEqual({
        ...{ serveraddress: HOST, username: "", password: "" },
        identitytoken: "abc",
      });
    });

    test.each([
      ["fails", "echo hunter2; exit 1", "it failed"],
      ["says something else", "cat >/dev/null; echo hunter2", "its answer has none"],
    ])("that %s: the reason without what it said", async (_what, script, reason) => {
      helper(script);
      await expect(login(STORE)).rejects.toThrow(
        new Error(
          `docker-credential-test gives no login to ${HOST}: ${reason}; mend it (docker login ${HOST}), or take it ` +
            "out of the docker CLI's config.json",
        ),
      );
    });

    test("that is not installed", async () => {
      await expect(login(STORE)).rejects.toThrow(/: it is not installed; /);
    });
  });
});
