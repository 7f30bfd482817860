import * as pulumi from "@pulumi/pulumi";
import { ImageRegistry, isInsecure } from "../../components/images/image-registry";
import { ApiAnswer, ApiFault, ApiRequest, FakeEngine } from "../support/fake-engine";
import { DIGEST } from "../../review/graph/recorder";

const ADDRESS = "registry.example.com:5000";
const LOGIN = { serveraddress: ADDRESS, username: "me", password: "hunter2" };

let engine: FakeEngine;
let warnings: jest.SpyInstance;
beforeEach(() => {
  warnings = jest.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
});
afterEach(async () => {
  await engine.close();
  jest.restoreAllMocks();
});

async function registry(
  answer: (request: ApiRequest) => ApiAnswer | undefined,
  login: typeof LOGIN | null = LOGIN,
  patience?: number,
): Promise<ImageRegistry> {
  engine = new FakeEngine(answer);
  return new ImageRegistry({
    host: await engine.listen(),
    address: ADDRESS,
    namespace: "team/a",
    login: login ?? undefined,
    patience,
  });
}

const sentLogin = (): unknown =>
  JSON.parse(Buffer.from(String(engine.requests[0]?.headers["x-registry-auth"]), "base64url").toString());
const push = (...events: object[]) =>
  registry(() => Buffer.from(events.map((event) => JSON.stringify(event)).join("\r\n") + "\r\n"));

test("names its images", async () => {
  const one = await registry(() => undefined);
  expect(one.repository("api")).toBe(`${ADDRESS}/team/a/api`);
});

describe("a tag", () => {
  test("that it has is told by its digest, asked by the engine with the login, and nothing is changed", async () => {
    const one = await registry(() => ({ Descriptor: { digest: DIGEST } }));
    expect(await one.find(`${ADDRESS}/team/a/api:1`)).toEqual({ digest: DIGEST });
    expect(engine.requests.map(({ route }) => route)).toEqual([
      `GET /distribution/${ADDRESS}/team/a/api:1/json`,
    ]);
    expect(sentLogin()).toEqual(LOGIN);
  });

  test.each([
    [404, "manifest unknown: manifest unknown"],
    [404, "name unknown: repository name not known to registry"],
  ])("that it does not have is missing, without a warning: %s %s", async (status, message) => {
    const one = await registry(() => new ApiFault(status, message));
    expect(await one.find(`${ADDRESS}/api:1`)).toBe("missing");
    expect(warnings).not.toHaveBeenCalled();
  });

  test("is unknown when it does not answer, with one warning for all", async () => {
    const one = await registry(
      () => new ApiFault(500, "dial tcp 10.0.0.1:5000: connect: connection refused"),
    );
    expect(await Promise.all(["a:1", "b:1"].map((tag) => one.find(tag)))).toEqual(["unknown", "unknown"]);
    expect(warnings.mock.calls).toEqual([
      [
        `The registry ${ADDRESS} can't be asked: dial tcp 10.0.0.1:5000: connect: connection refused; see that it runs ` +
          "and that the engine reaches it (network, proxy, the registry's address). What is known of its images from " +
          "before is used.",
      ],
    ]);
  });

  test("of one that may be about to start is asked again, and told once", async () => {
    let faults = 3;
    const one = await registry(
      () =>
        faults-- > 0
          ? new ApiFault(500, "dial tcp 10.0.0.1:5000: connect: connection refused")
          : { Descriptor: { digest: DIGEST } },
      LOGIN,
      5_000,
    );
    const told = jest.spyOn(pulumi.log, "info").mockResolvedValue(undefined);
    const answers = await Promise.all(["a:1", "b:1"].map((tag) => one.find(tag)));
    expect(answers).toEqual([{ digest: DIGEST }, { digest: DIGEST }]);
    expect(told.mock.calls).toEqual([
      [
        expect.stringMatching(
          /^The registry \S+ can't be asked: .* connection refused; .* It is asked again for 5 s\.$/,
        ),
      ],
    ]);
    expect(warnings).not.toHaveBeenCalled();
  });

  test("is unknown when it has not started by then", async () => {
    const one = await registry(
      () => new ApiFault(500, "dial tcp 10.0.0.1:5000: connect: connection refused"),
      LOGIN,
      300,
    );
    jest.spyOn(pulumi.log, "info").mockResolvedValue(undefined);
    expect(await one.find("a:1")).toBe("unknown");
    expect(engine.requests).toHaveLength(2);
    expect(warnings).toHaveBeenCalledTimes(1);
  });
});

describe("a push", () => {
  test("gives the digest, and tells how far it is", async () => {
    const one = await push(
      { status: "The push refers to repository [x]" },
      { status: "Preparing", progressDetail: {}, id: "layer1" },
      { status: "Layer already exists", progressDetail: {}, id: "layer0" },
      { status: "Pushing", progressDetail: { current: 1_500_000, total: 3_000_000 }, id: "layer1" },
      { status: "Pushed", progressDetail: {}, id: "layer1" },
      { progressDetail: {}, aux: { Tag: "1", Digest: DIGEST, Size: 528 } },
    );
    const lines: string[] = [];
    expect(await one.push(`${ADDRESS}/api:1`, (line) => lines.push(line))).toBe(DIGEST);
    expect(lines).toEqual([
      "pushing: 0 of 1 layers are there, 0.0 MB sent",
      "pushing: 1 of 2 layers are there, 0.0 MB sent",
      "pushing: 1 of 2 layers are there, 1.5 MB sent",
      "pushing: 2 of 2 layers are there, 1.5 MB sent",
    ]);
    expect(engine.requests[0]).toMatchObject({ route: `POST /images/${ADDRESS}/api/push` });
    expect(engine.requests[0]?.query.get("tag")).toBe("1");
    expect(sentLogin()).toEqual(LOGIN);
  });

  test("without a login sends an empty one, which the engine wants", async () => {
    const one = await registry(() => Buffer.from(`${JSON.stringify({ aux: { Digest: DIGEST } })}\n`), null);
    await one.push(`${ADDRESS}/api:1`, () => undefined);
    expect(sentLogin()).toEqual({ serveraddress: ADDRESS, username: "", password: "" });
  });

  test.each([
    ["no basic auth credentials", "the login of me is wrong, has expired, or may not do this: docker login"],
    ["denied: requested access to the resource is denied", "the login of me is wrong, has expired"],
    ["unknown: mkdir /var/lib/registry: no space left on device", "free space on the registry's own disk"],
    [
      "x509: certificate signed by unknown authority",
      `at /etc/docker/certs.d/${ADDRESS}/ca.crt on every node`,
    ],
    ["http: server gave HTTP response to HTTPS client", `"insecure-registries": ["${ADDRESS}"]`],
    ["dial tcp: lookup r: no such host", "see that it runs and that the engine reaches it"],
  ])("that fails says why and what helps: %s", async (message, cure) => {
    const one = await push(
      { status: "Preparing", id: "layer1" },
      { error: message, errorDetail: { message } },
    );
    const error = await one.push(`${ADDRESS}/api:1`, () => undefined).catch(String);
    expect(error).toContain(`${ADDRESS}/api:1 can't be pushed: ${message}; `);
    expect(error).toContain(cure);
    expect(error).not.toContain("hunter2");
  });

  test("that the engine ends early fails", async () => {
    const one = await push({ status: "Preparing", id: "layer1" });
    await expect(one.push(`${ADDRESS}/api:1`, () => undefined)).rejects.toThrow(
      "the engine ended the push without a digest",
    );
  });
});

describe("a registry without TLS", () => {
  const USUAL = { InsecureRegistryCIDRs: ["127.0.0.0/8"], IndexConfigs: { "docker.io": { Secure: true } } };

  test.each([
    ["10.1.2.3:5000", USUAL, false],
    ["127.0.0.1:5000", USUAL, true],
    ["localhost:5000", USUAL, true],
    ["r.example.com", USUAL, false],
    ["r.example.com:5000", { IndexConfigs: { "r.example.com:5000": { Secure: false } } }, true],
    ["r.example.com:5001", { IndexConfigs: { "r.example.com:5000": { Secure: false } } }, false],
    ["10.1.2.3:5000", { InsecureRegistryCIDRs: ["10.1.0.0/16"] }, true],
    ["10.2.2.3:5000", { InsecureRegistryCIDRs: ["10.1.0.0/16"], IndexConfigs: null }, false],
    // Its address may be in that subnet; the engine looks it up.
    ["r.example.com:5000", { InsecureRegistryCIDRs: ["10.1.0.0/16"] }, true],
    ["r.example.com:5000", { InsecureRegistryCIDRs: null }, false],
  ])("%s with %j is used: %s", (address, config, expected) => {
    expect(isInsecure(address, config)).toBe(expected);
  });

  test("that the engine would not use is refused, with the node and what to do", async () => {
    const one = await registry(() => ({ Name: "node1", RegistryConfig: USUAL }));
    await expect(one.requireInsecure()).rejects.toThrow(
      `registry.insecure is true, but the engine of node1 would not use ${ADDRESS} without TLS: give it a certificate, ` +
        `or let every node use it without: "insecure-registries": ["${ADDRESS}"] in /etc/docker/daemon.json, then ` +
        "restart Docker there. Or, if it has a certificate that nodes trust: pulumi config set --path registry.insecure false",
    );
  });
});

test("one that has yet to be made has nothing, and is not asked", async () => {
  engine = new FakeEngine(() => undefined);
  const one = new ImageRegistry({
    host: await engine.listen(),
    address: ADDRESS,
    login: LOGIN,
    exists: false,
  });
  expect(await one.find(`${ADDRESS}/api:1`)).toBe("missing");
  expect(engine.requests).toEqual([]);
});
