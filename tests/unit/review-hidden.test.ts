import { hideLogins, hideSecrets } from "../../review/hidden";

const secret = (value: string): object => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  ciphertext: value,
});

test("what is a secret in one version of a resource is one in all of them", () => {
  const versions = [
    { env: { LOGIN: secret("v1:abc"), GREETING: "hello" } },
    // As the provider read it back from the swarm.
    { env: { LOGIN: "hush", GREETING: "hi" } },
  ];
  expect(hideSecrets(versions)).toEqual([
    { env: { LOGIN: "[secret]", GREETING: "hello" } },
    { env: { LOGIN: "[secret]", GREETING: "hi" } },
  ]);
});

test("an entry of a list is a secret wherever it has moved to", () => {
  const versions = [{ args: ["a", secret("v1:abc")] }, { args: ["hush", "a"] }];
  expect(JSON.stringify(hideSecrets(versions))).not.toContain("hush");
});

test("a secret that holds others, or is in another, shows nothing", () => {
  expect(hideSecrets([{ a: secret("v1:abc") }, { a: { b: ["hush"] } }])).toEqual([
    { a: "[secret]" },
    { a: "[secret]" },
  ]);
});

test.each([
  ["env", "DB_PASSWORD", true],
  ["env", "SESSION_SECRET", true],
  ["env", "API_KEY", true],
  ["environment", "GITHUB_TOKEN", true],
  ["env", "DB_PASSWORD_FILE", false],
  ["env", "KEYBOARD", false],
  ["labels", "secretName", false],
])("in %s, %s is hidden by its name: %s", (block, key, hidden) => {
  expect(hideSecrets([{ [block]: { [key]: "value" } }])).toEqual([
    { [block]: { [key]: hidden ? "[secret]" : "value" } },
  ]);
});

test("logins to registries and inside addresses are hidden, and what is not known yet is said", () => {
  expect(
    hideSecrets([
      {
        registryAuth: [{ address: "registry.example.com", password: "hush" }],
        url: "amqp://app:hush@queue:5672/",
        id: "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
      },
    ]),
  ).toEqual([{ registryAuth: "[secret]", url: "amqp://[secret]@queue:5672/", id: "[known after up]" }]);
  expect(hideLogins("pull https://u:hush@r.example.com/x failed")).toBe(
    "pull https://[secret]@r.example.com/x failed",
  );
});
