import { contentHash } from "../../components/content-name";
import { SwarmConfig } from "../../components/service/swarm-config";
import { testEnvironment } from "../support/environment";
import { record, Recorded } from "../../review/graph/recorder";

const config = async (content: string): Promise<Recorded> => {
  const graph = await record(
    () => new SwarmConfig("nginx-conf", { environment: testEnvironment(), content }),
  );
  expect(graph.get("SwarmConfig", "nginx-conf").outputs).toEqual({
    configId: "nginx-conf-id",
    configName: graph.get("ServiceConfig", "nginx-conf").inputs.name,
  });
  return graph.get("ServiceConfig", "nginx-conf");
};

test("carries the hash of its content in its name", async () => {
  const content = "worker_processes auto; # größer\n";
  expect((await config(content)).inputs).toEqual({
    name: `dev_nginx-conf-${contentHash(content)}`,
    data: Buffer.from(content).toString("base64"),
    labels: [{ label: "com.docker.stack.namespace", value: "dev" }],
  });
});

test("has another name for other content, and comes before the old one goes", async () => {
  const [first, second] = [await config("a"), await config("b")];
  expect(second.inputs.name).not.toBe(first.inputs.name);
  expect(second.options).toEqual({ deleteBeforeReplace: false });
});
