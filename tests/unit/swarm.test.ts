import * as pulumi from "@pulumi/pulumi";
import { ObservedEngine } from "../../components/engine";
import { Swarm, SwarmArgs } from "../../components/swarm";
import { EMPTY_SWARM } from "../support/environment";
import { FakeEngine } from "../support/fake-engine";
import { CLUSTER_ID, Graph, record, Recorded, resolved } from "../support/recorder";

const engine = new FakeEngine(({ route }) =>
  route === "GET /swarm" ? { JoinTokens: { Worker: "worker-token", Manager: "manager-token" } } : undefined,
);
let host: string;
beforeAll(async () => {
  delete process.env.DOCKER_HOST;
  host = await engine.listen();
});
afterAll(() => engine.close());

const observed = (clusterId: string | undefined): ObservedEngine => ({ ...EMPTY_SWARM, clusterId });

/** The swarm's command, for a swarm that is there unless said otherwise. */
async function command(args: Partial<SwarmArgs> = {}, preview = false): Promise<Recorded> {
  const graph = await record(() => new Swarm("swarm", { host, observed: observed(CLUSTER_ID), ...args }), {
    preview,
  });
  return graph.get("Command", "swarm");
}

test("one script makes and keeps the swarm, another leaves it", async () => {
  expect((await command()).inputs).toEqual({
    create: "sh components/swarm-init.sh",
    update: "sh components/swarm-init.sh",
    delete: "sh components/swarm-leave.sh",
    environment: { DOCKER_HOST: host, SWARM_SEEN: "present" },
  });
});

test("address and pool go to the script, and no empty ones", async () => {
  const { environment } = (await command({ advertiseAddress: "eth0", addressPool: "10.20.0.0/16" })).inputs;
  expect(environment).toMatchObject({ ADVERTISE_ADDRESS: "eth0", ADDRESS_POOL: "10.20.0.0/16" });
});

test("while the swarm is there, having seen it is no change", async () => {
  expect((await command()).options.ignoreChanges).toEqual(["environment.SWARM_SEEN"]);
});

test.each([false, true])(
  "when the swarm is gone, each run shows the repair (preview: %s)",
  async (preview) => {
    const first = await command({ observed: observed(undefined) }, preview);
    expect(first.inputs.environment).toMatchObject({
      SWARM_SEEN: expect.stringMatching(/^none at \d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
    expect(first.options.ignoreChanges).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 2));
    const second = await command({ observed: observed(undefined) }, preview);
    expect(second.inputs.environment).not.toEqual(first.inputs.environment);
  },
);

test("nothing ever replaces the swarm", async () => {
  for (const seen of [CLUSTER_ID, undefined]) {
    // A replacement would make the new one first and then leave the swarm.
    const { inputs, options } = await command({ observed: observed(seen) });
    expect(inputs).not.toHaveProperty("triggers");
    expect(options.deleteBeforeReplace).toBeUndefined();
  }
});

describe("its outputs", () => {
  /** Records a swarm and what its outputs hold. */
  async function outputs(stdout: string): Promise<{ graph: Graph; values: unknown; secret: boolean[] }> {
    let secret: boolean[] = [];
    const graph = await record(
      async () => {
        const { clusterId, workerToken, managerToken } = new Swarm("swarm", {
          host,
          observed: observed(CLUSTER_ID),
        });
        secret = await Promise.all([clusterId, workerToken, managerToken].map((one) => pulumi.isSecret(one)));
        return [clusterId, workerToken, managerToken];
      },
      { answers: { "command:local:Command": () => ({ stdout }) } },
    );
    return { graph, values: graph.result, secret };
  }

  test.each(["initialised", "adopted"])(
    "are the id and the join tokens of a swarm that was %s",
    async (how) => {
      const { graph, values, secret } = await outputs(`${how} ${CLUSTER_ID}`);
      expect(values).toEqual([CLUSTER_ID, "worker-token", "manager-token"]);
      expect(secret).toEqual([false, true, true]);
      expect(graph.get("Swarm", "swarm").outputs).toEqual({
        clusterId: CLUSTER_ID,
        workerToken: { "<secret>": "worker-token" },
        managerToken: { "<secret>": "manager-token" },
      });
    },
  );

  test("are empty when the command said nothing, and nobody is asked", async () => {
    const before = engine.requests.length;
    expect((await outputs("")).values).toEqual(["", "", ""]);
    expect(engine.requests).toHaveLength(before);
  });

  test("don't ask a swarm that a preview would only make", async () => {
    const before = engine.requests.length;
    const answers = { "command:local:Command": () => ({ stdout: "initialised gone" }) };
    await record(
      async () => {
        const swarm = new Swarm("swarm", { host, observed: observed(undefined) });
        await Promise.race([resolved(swarm.workerToken), new Promise((resolve) => setTimeout(resolve, 20))]);
      },
      { preview: true, answers },
    );
    expect(engine.requests).toHaveLength(before);
  });
});
