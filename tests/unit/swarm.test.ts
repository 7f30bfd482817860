import { ObservedEngine } from "../../components/engine/engine";
import { Swarm, SwarmArgs } from "../../components/swarm/swarm";
import { EMPTY_SWARM } from "../support/environment";
import { CLUSTER_ID, record, Recorded } from "../../review/graph/recorder";

const observed = (clusterId: string | undefined): ObservedEngine => ({ ...EMPTY_SWARM, clusterId });

/** The swarm's command, for a swarm that is there unless said otherwise. */
async function command(args: Partial<SwarmArgs> = {}, preview = false): Promise<Recorded> {
  const graph = await record(() => new Swarm("swarm", { observed: observed(CLUSTER_ID), ...args }), {
    preview,
  });
  return graph.get("Command", "swarm");
}

test("one script makes and keeps the swarm, another leaves it", async () => {
  expect((await command()).inputs).toEqual({
    create: "sh components/swarm/swarm-init.sh",
    update: "sh components/swarm/swarm-init.sh",
    delete: "sh components/swarm/swarm-leave.sh",
    environment: { SWARM_SEEN: "present" },
  });
});

test("address and pool go to the script, and no empty ones", async () => {
  const { environment } = (await command({ advertiseAddress: "eth0", addressPool: "10.20.0.0/16" })).inputs;
  expect(environment).toMatchObject({ ADVERTISE_ADDRESS: "eth0", ADDRESS_POOL: "10.20.0.0/16" });
});

test("while the swarm is there, what only a new one needs is no change", async () => {
  expect((await command()).options.ignoreChanges).toEqual(["environment"]);
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

test.each([
  ["initialised", true],
  ["adopted", false],
])("its outputs tell the id, and whether it was made here: %s", async (how, madeHere) => {
  const graph = await record(
    () => {
      const swarm = new Swarm("swarm", { observed: observed(CLUSTER_ID) });
      return [swarm.clusterId, swarm.madeHere];
    },
    { answers: { "command:local:Command": () => ({ stdout: `${how} ${CLUSTER_ID}` }) } },
  );
  expect(graph.result).toEqual([CLUSTER_ID, madeHere]);
  expect(graph.get("Swarm", "swarm").outputs).toEqual({ clusterId: CLUSTER_ID, madeHere });
});
