import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Graph, record, resolved } from "../../review/graph/recorder";

class Parent extends pulumi.ComponentResource {
  constructor(name: string, program: (parent: Parent) => void, opts?: pulumi.ComponentResourceOptions) {
    super("test:index:Parent", name, {}, opts);
    program(this);
    if (name !== "forgetful") this.registerOutputs({ name });
  }
}

const volume = (name: string, opts?: pulumi.CustomResourceOptions): docker.Volume =>
  new docker.Volume(name, { name }, opts);

test("a type without a mock is refused by name", async () => {
  await expect(record(() => new docker.Container("box", { image: "nginx:1.26.3" }))).rejects.toThrow(
    new Error("No mock for:\n  resource docker:index/container:Container box"),
  );
});

test("a call of a provider's function is refused by name", async () => {
  await expect(record(() => docker.getNetwork({ name: "bridge" }))).rejects.toThrow(
    new Error("No mock for:\n  call of docker:index/getNetwork:getNetwork"),
  );
});

test("a read of what is there already is refused by name", async () => {
  await expect(record(() => docker.Volume.get("there", "id"))).rejects.toThrow(
    new Error("No mock for:\n  read of docker:index/volume:Volume there"),
  );
});

test("what the program throws comes out, sooner or later in it", async () => {
  await expect(record(() => Promise.reject(new Error("no config")))).rejects.toThrow("no config");
  await expect(
    record(() => {
      volume("a");
      throw new Error("bad args");
    }),
  ).rejects.toThrow("bad args");
});

test("options are those that reach the engine, inherited ones included", async () => {
  const graph = await record(() => {
    const provider = new docker.Provider("engine", { host: "unix:///x" });
    const hook = new pulumi.ResourceHook("gate", () => undefined);
    new Parent(
      "parent",
      (parent) => {
        volume("parent-a", {
          parent,
          ignoreChanges: ["labels"],
          retainOnDelete: true,
          deleteBeforeReplace: false,
          hooks: { afterCreate: [hook], beforeDelete: [hook] },
        });
      },
      { provider, protect: true },
    );
  });
  expect(graph.get("Volume", "parent-a")).toMatchObject({
    id: "docker:index/volume:Volume parent-a",
    parent: "test:index:Parent parent",
    provider: "engine",
    options: {
      protect: true,
      retainOnDelete: true,
      deleteBeforeReplace: false,
      ignoreChanges: ["labels"],
      hooks: { afterCreate: ["gate"], beforeDelete: ["gate"] },
    },
  });
});

test("dependencies are those on resources, by option or by data, through components", async () => {
  const graph = await record(() => {
    const whole = new Parent("whole", (parent) => void volume("whole-a", { parent }));
    const other = volume("other");
    const last = new docker.Volume(
      "last",
      { name: pulumi.interpolate`${other.name}-2` },
      { dependsOn: [whole] },
    );
    new Parent("after", (parent) => void volume("after-a", { parent }), { dependsOn: [last] });
  });
  const id = (name: string): string => `docker:index/volume:Volume ${name}`;
  expect(graph.get("Volume", "last").dependsOn).toEqual([id("other"), id("whole-a")]);
  expect(graph.get("Volume", "after-a").dependsOn).toEqual([]);
  expect([...graph.before(graph.get("Volume", "after-a"))].sort()).toEqual(
    [id("last"), id("other"), id("whole-a"), "test:index:Parent after", "test:index:Parent whole"].sort(),
  );
});

test("a component that registers no outputs shows by having none", async () => {
  const graph = await record(() => {
    new Parent("complete", () => undefined);
    new Parent("forgetful", () => undefined);
  });
  expect(graph.get("Parent", "complete").outputs).toEqual({ name: "complete" });
  expect(graph.get("Parent", "forgetful").outputs).toEqual({});
});

test("secrets are marked wherever they are", async () => {
  const graph = await record(
    () => new docker.Volume("v", { name: "v", driverOpts: { key: pulumi.secret("x") } }),
  );
  expect(graph.get("Volume", "v").inputs.driverOpts).toEqual({ key: { "<secret>": "x" } });
});

test("resources that nobody waits for are recorded too", async () => {
  const graph = await record(() => {
    void resolved(volume("first").id).then(() => volume("second"));
  });
  expect(graph.resources.map(({ name }) => name)).toEqual(["first", "second"]);
});

test("a search that finds nothing says what there is", () => {
  expect(() => new Graph([], undefined).get("Volume", "x")).toThrow(/Not exactly one Volume is called x/);
  expect(() => new Graph([], undefined).find("x")).toThrow(/No resource "x"/);
});
