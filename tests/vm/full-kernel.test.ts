import { execFileSync } from "node:child_process";
import * as path from "node:path";
import type { Engine } from "../support/engine";
import { underLoad } from "../support/load";
import { tempFolder } from "../support/temp";
import { describeWithMachines, Machine } from "../support/vm";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
/** Requests a second, over both nodes: a machine without acceleration has little to spare. */
const RATE = 10;
/** Part of a request, so that it is found in any packet that carries the request in clear. */
const MARKER = "MARKER-IN-CLEAR";
/** Where the packets of one capture are kept in the machine. */
const CAPTURE = "/tmp/capture";

/**
 * web: a task on each node. client: one task, on the worker, that answers too.
 * Without acceleration the start of a program takes long, so health is checked seldom.
 */
const program = (version: number): string => `
  const seldom = { interval: 15, timeout: 60, retries: 5, startPeriod: 0 };
  const memoryMiB = 64; // 16 are too few for the start of a container: runc itself was killed in them
  service("web", {
    image: "quotes-service:${version}",
    replicas: 2,
    ports: [{ target: 8080, published: 8080 }],
    command: undefined,
    init: false,
    stopGracePeriod: 30,
    memoryMiB,
    healthcheck: { test: ["CMD", "/quotes-service", "healthcheck"], ...seldom },
  });
  service("client", {
    command: ["httpd", "-f", "-p", "8080", "-h", "/etc"],
    ports: [{ target: 8080, published: 8081 }],
    constraints: ["node.role==worker"],
    memoryMiB,
    healthcheck: { test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8080/hostname"], ...seldom },
  });
`;

describeWithMachines("two nodes with a full kernel and the engine of Debian 13", () => {
  let machine: Machine;
  let manager: Engine;
  let worker: Engine;
  let workspace: Workspace;

  const up = (encrypted: boolean, version: number): void => {
    workspace.configure({ routing: "mesh", networkEncrypted: encrypted, rolloutTimeoutSeconds: 600 });
    workspace.program(program(version));
    workspace.succeed("stack.sh", "up");
  };

  /** Runs a command in the client's task. */
  const inClient = (...command: string[]): string => {
    const task = worker.docker("ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=dev_client");
    return worker.docker("exec", task, ...command);
  };
  /** The tasks of web that answer the client, as `hostname/address`; each request is a new connection. */
  const whoAnswers = (address: string): Set<string> => {
    const line = `for i in 1 2 3 4 5 6; do wget -qO- "http://${address}:8080/api/quote?${MARKER}"; echo; done`;
    const answers = inClient("sh", "-c", line).split("\n").filter(Boolean);
    expect(answers).toHaveLength(6);
    return new Set(answers.map((answer) => (JSON.parse(answer) as { ipAddress: string }).ipAddress));
  };

  /** What is on the wire between the nodes while the client asks web, half of whose tasks are on the other node. */
  const captureTraffic = (): { esp: number; vxlan: number; marked: boolean } => {
    // VXLAN of this network alone, by its id in the header: that of published ports is Swarm's own and never encrypted.
    const options = '{{index .Options "com.docker.network.driver.overlay.vxlanid_list"}}';
    const vxlanId = manager.docker("network", "inspect", "dev_network", "--format", options);
    const clear = `udp dst port 4789 and udp[12:4] >> 8 = ${vxlanId}`;
    const between = `host ${manager.address} and host ${worker.address} and (esp or (${clear}))`;
    // The bridge between the nodes sees what goes from one to the other, as they send it.
    const pid = machine.run(
      `rm -f ${CAPTURE}*; tcpdump -i swarmtest0 --immediate-mode -U -w ${CAPTURE} '${between}' </dev/null >/dev/null 2>${CAPTURE}.log & ` +
        `until grep -q listening ${CAPTURE}.log; do sleep 0.1; done; echo $!`,
    );
    expect(whoAnswers("web").size).toBe(2);
    // What tcpdump has not read when it is ended is lost; with --immediate-mode that is not the whole last second.
    machine.run(`sleep 2; kill ${pid}; while kill -0 ${pid} 2>/dev/null; do sleep 0.1; done`);
    const packets = (filter: string): number =>
      Number(machine.run(`tcpdump -nr ${CAPTURE} '${filter}' 2>/dev/null | wc -l`));
    return {
      esp: Math.min(packets(`esp and src ${manager.address}`), packets(`esp and src ${worker.address}`)),
      vxlan: packets(clear),
      marked: machine.run(`grep -c ${MARKER} ${CAPTURE} || true`) !== "0",
    };
  };

  beforeAll(() => {
    machine = Machine.start("full-kernel");
    manager = machine.startEngine("manager");
    worker = machine.startEngine("worker");
    manager.docker("swarm", "init", "--advertise-addr", manager.address, "--dispatcher-heartbeat", "60s");
    const token = manager.docker("swarm", "join-token", "--quiet", "worker");
    worker.docker("swarm", "join", "--token", token, `${manager.address}:2377`);
    importQuotesService([manager, worker]);
    workspace = new Workspace("full-kernel", manager, "dev");
    up(true, 1);
  }, 15 * MINUTES);
  afterAll(() => machine?.stop(), MINUTES);

  test("the engine is of a newer generation than Debian 12's", () => {
    const [major] = manager.docker("version", "--format", "{{.Server.Version}}").split(".");
    expect(Number(major)).toBeGreaterThanOrEqual(26);
  });

  test(
    "what was declared is what is read back: no change after up",
    () => {
      expect(workspace.previewFields()).toEqual([]);
    },
    2 * MINUTES,
  );

  test(
    "a published port answers on each node, with and without a task there",
    async () => {
      for (const node of [manager, worker]) {
        const web = await fetch(`${await machine.url(node.address, 8080)}/api/quote`);
        expect(await web.json()).toMatchObject({ operatingSystem: "linux" });
        const client = await fetch(`${await machine.url(node.address, 8081)}/hostname`);
        expect(client.status).toBe(200);
      }
    },
    MINUTES,
  );

  test(
    "a service's name is its virtual IP, behind which its tasks on both nodes take turns",
    () => {
      const addresses = manager.docker(
        ...["service", "inspect", "dev_web", "--format", "{{range .Endpoint.VirtualIPs}}{{.Addr}} {{end}}"],
      );
      const [, address = ""] = /(10\.0\.9\.\d+)\//.exec(addresses) ?? [];
      expect(inClient("nslookup", "web")).toMatch(new RegExp(`^Address.*: ${address}$`, "m"));
      expect(whoAnswers(address).size).toBe(2);
    },
    2 * MINUTES,
  );

  test(
    "traffic between the nodes is ESP, and nothing of it is in clear",
    () => {
      const { esp, vxlan, marked } = captureTraffic();
      expect({ vxlan, marked }).toEqual({ vxlan: 0, marked: false });
      // Three connections, of at least four packets each way.
      expect(esp).toBeGreaterThanOrEqual(12);
    },
    2 * MINUTES,
  );

  test(
    "a rolling update through the mesh loses no request on either node",
    async () => {
      const urls = [await machine.url(manager.address, 8080), await machine.url(worker.address, 8080)];
      const targets = urls.map((url) => ({ url: `${url}/api/quote`, expect: "quote" }));
      const result = await underLoad(targets, RATE, () => up(true, 2));
      console.log(`${RATE} requests a second: ${JSON.stringify(result)}`);
      const images = manager.docker(
        "service",
        "ps",
        "dev_web",
        "--filter",
        "desired-state=running",
        "--format",
        "{{.Image}}",
      );
      expect(images.split("\n")).toEqual(["quotes-service:2", "quotes-service:2"]);
      expect(result).toMatchObject({ lost: 0, faults: {} });
    },
    12 * MINUTES,
  );

  test(
    "without encryption the same traffic is VXLAN in clear, so the capture would have shown it",
    () => {
      up(false, 2);
      const { esp, vxlan, marked } = captureTraffic();
      expect({ esp, marked }).toEqual({ esp: 0, marked: true });
      expect(vxlan).toBeGreaterThanOrEqual(24);
    },
    12 * MINUTES,
  );
});

/** An image of quotes-service under two tags, on engines that share no registry and would take minutes to compile it. */
function importQuotesService(engines: readonly Engine[]): void {
  const folder = tempFolder();
  const services = path.resolve(__dirname, "../../services");
  const build = ["build", "-C", services, "-trimpath", "-ldflags=-s -w", "-o", folder, "./quotes-service"];
  execFileSync("go", build, { env: { ...process.env, CGO_ENABLED: "0" } });
  const archive = path.join(folder, "image.tar");
  execFileSync("tar", ["-C", folder, "-cf", archive, "quotes-service"]);
  for (const engine of engines) {
    engine.docker("import", "--change", 'ENTRYPOINT ["/quotes-service"]', archive, "quotes-service:1");
    engine.docker("tag", "quotes-service:1", "quotes-service:2");
  }
}
