import * as pulumi from "@pulumi/pulumi";
import { SwarmKeys, SwarmKeysArgs } from "../../components/swarm/swarm-keys";
import { FakeEngine } from "../support/fake-engine";
import { Graph, record } from "../../review/graph/recorder";

const engine = new FakeEngine(({ route }) =>
  route === "GET /swarm/unlockkey" ? { UnlockKey: "SWMKEY-1" } : undefined,
);
let host = "";
beforeAll(async () => {
  host = await engine.listen();
});
afterAll(() => engine.close());

async function declare(args: Partial<SwarmKeysArgs>): Promise<Graph> {
  return record(async () => {
    const none = {
      rotateJoinTokens: undefined,
      rotateRootCa: undefined,
      autolock: false,
      observedAutolock: undefined,
    };
    const { unlockKey } = new SwarmKeys("swarm-keys", { host, ...none, ...args });
    expect(await pulumi.isSecret(unlockKey)).toBe(true);
    return unlockKey;
  });
}

test("nothing is done where nothing is asked for", async () => {
  const graph = await declare({});
  expect(graph.all("Command")).toEqual([]);
  expect(graph.result).toBe("");
});

test("rotations run again for another text, and print no token", async () => {
  const graph = await declare({ rotateJoinTokens: "one", rotateRootCa: "two" });
  expect(graph.get("Command", "swarm-keys-join-tokens").inputs).toEqual({
    create:
      "docker swarm join-token --rotate -q worker >/dev/null && docker swarm join-token --rotate -q manager >/dev/null",
    environment: { ASKED: "one" },
  });
  expect(graph.get("Command", "swarm-keys-root-ca").inputs).toEqual({
    create: "docker swarm ca --rotate --detach --quiet >/dev/null",
    environment: { ASKED: "two" },
  });
});

test("autolock gives the key as a secret, and is switched off when it goes", async () => {
  const graph = await declare({ autolock: true, observedAutolock: true });
  expect(graph.result).toBe("SWMKEY-1");
  const { inputs, options } = graph.get("Command", "swarm-keys-autolock");
  expect(inputs).toEqual({
    create: "docker swarm update --autolock=true >/dev/null",
    delete: "docker swarm update --autolock=false >/dev/null",
    environment: { SEEN: "on" },
  });
  expect(options.ignoreChanges).toEqual(["environment.SEEN"]);
});

test("autolock that somebody switched off is a difference", async () => {
  const { inputs, options } = (await declare({ autolock: true, observedAutolock: false })).get(
    "Command",
    "swarm-keys-autolock",
  );
  expect(inputs.environment).toEqual({ SEEN: expect.stringMatching(/^off at \d{4}-/) as string });
  expect(options.ignoreChanges ?? []).toEqual([]);
});
