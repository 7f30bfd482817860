import { QuotesService, QuotesServiceArgs } from "../../components/quotes-service";
import { testEnvironment } from "../support/environment";
import { Graph, record } from "../../review/graph/recorder";

const quotes = (args: Partial<QuotesServiceArgs> = {}, routing: "mesh" | "host" = "mesh"): Promise<Graph> =>
  record(() => {
    const environment = testEnvironment({ routing });
    const service = new QuotesService("quotes-service", { environment, image: "quotes-service:1", ...args });
    return [service.url, service.serviceName];
  });
const service = (graph: Graph) => graph.get("docker:index/service:Service", "quotes-service").inputs;

test("needs no rights, no storage and no settings", async () => {
  expect(service(await quotes())).toMatchObject({
    name: "dev_quotes-service",
    taskSpec: {
      containerSpec: {
        image: "quotes-service:1",
        env: { TZ: "UTC" },
        readOnly: true,
        capDrops: ["ALL"],
        mounts: [],
        stopGracePeriod: "20s",
        healthcheck: { tests: ["CMD", "/quotes-service", "healthcheck"], interval: "2s", startPeriod: "10s" },
      },
    },
  });
});

test("is one task of 64 MiB unless told otherwise, none included", async () => {
  const size = (replicas: number, mib: number) => ({
    mode: { replicated: { replicas } },
    taskSpec: { resources: { limits: { memoryBytes: mib * 2 ** 20 } } },
  });
  expect(service(await quotes())).toMatchObject(size(1, 64));
  expect(service(await quotes({ replicas: 0, memoryMiB: 128 }))).toMatchObject(size(0, 128));
});

test.each(["mesh", "host"] as const)("is never published, with routing %s", async (routing) => {
  expect(service(await quotes({}, routing))).toMatchObject({ endpointSpec: { ports: [] } });
});

test("hands out where it is", async () => {
  const graph = await quotes();
  expect(graph.result).toEqual(["http://quotes-service:8080", "dev_quotes-service"]);
  expect(graph.get("QuotesService", "quotes-service").outputs).toEqual({
    url: "http://quotes-service:8080",
    serviceName: "dev_quotes-service",
  });
});
