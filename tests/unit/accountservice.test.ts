import { AccountService, AccountServiceArgs } from "../../components/accountservice";
import { testEnvironment } from "../support/environment";
import { Graph, record } from "../../review/graph/recorder";

const accounts = (args: Partial<AccountServiceArgs> = {}): Promise<Graph> =>
  record(() => {
    const service = new AccountService("accountservice", {
      environment: testEnvironment(),
      image: "accountservice:1",
      quotesUrl: "http://quotes-service:8080/api/quote?strength=4",
      ...args,
    });
    return [service.upstream, service.serviceName];
  });
const service = (graph: Graph) => graph.get("docker:index/service:Service", "accountservice").inputs;

test("asks for quotes where it is told to, and needs no rights", async () => {
  expect(service(await accounts())).toMatchObject({
    name: "dev_accountservice",
    taskSpec: {
      containerSpec: {
        image: "accountservice:1",
        args: ["-quotes-url", "http://quotes-service:8080/api/quote?strength=4"],
        env: { TZ: "UTC" },
        readOnly: true,
        capDrops: ["ALL"],
        mounts: [{ type: "tmpfs", target: "/tmp", tmpfsOptions: { sizeBytes: 16 * 2 ** 20 } }],
        stopGracePeriod: "20s",
        healthcheck: { tests: ["CMD", "/accountservice", "healthcheck"], interval: "2s", startPeriod: "10s" },
      },
    },
  });
});

test("is two tasks of 64 MiB unless told otherwise, none included", async () => {
  const size = (replicas: number, mib: number) => ({
    mode: { replicated: { replicas } },
    taskSpec: { resources: { limits: { memoryBytes: mib * 2 ** 20 } } },
  });
  expect(service(await accounts())).toMatchObject(size(2, 64));
  expect(service(await accounts({ replicas: 0, memoryMiB: 128 }))).toMatchObject(size(0, 128));
});

test.each(["mesh", "host"] as const)("is not published with routing %s", async (routing) => {
  const graph = await record(
    () =>
      new AccountService("accountservice", {
        environment: testEnvironment({ routing }),
        image: "a:1",
        quotesUrl: "",
      }),
  );
  expect(service(graph)).toMatchObject({
    endpointSpec: { ports: [] },
    updateConfig: { order: "start-first" },
  });
});

test("hands out where it is", async () => {
  const graph = await accounts();
  expect(graph.result).toEqual(["accountservice:6767", "dev_accountservice"]);
  expect(graph.get("AccountService", "accountservice").outputs).toEqual({
    upstream: "accountservice:6767",
    serviceName: "dev_accountservice",
  });
});
