import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { once } from "node:events";
import * as tls from "node:tls";
import { issueCertificate, Pair, selfSigned } from "../support/certificates";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import { killTask } from "../support/kill-task";
import { Measured, renderMeasured, underLoad } from "../support/load";
import type { Select } from "../support/scenario";
import { tempFolder } from "../support/temp";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
/** Requests a second, half of them with a handshake of their own. */
const RATE = 60;
/** Requests that a killed task may have been answering. */
const CUT = 10;

/** nginx alone, with the platform's own listeners; accountPort leads to a busybox. */
const PROGRAM = `
  service("backend", {
    replicas: 2,
    command: ["httpd", "-f", "-p", "8080", "-h", "/etc"],
    healthcheck: { test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/passwd"], interval: 1 },
  });
  const { listeners, links } = edge(config.nginx, "backend:8080");
  const { tls, authority } = edgeCertificate(config, environment);
  const nginxImage = new ImagePull("nginx", { image: config.images.nginx }, { provider }).reference;
  const statusPage = { title: "small", links };
  new Nginx("nginx", { environment, ...config.nginx, image: nginxImage, listeners, tls, statusPage }, onSwarm);
  return { ...edgeUrls(config), edgeCa: authority };`;

interface Case {
  readonly name: string;
  readonly run: (edge: Edge) => void | Promise<void>;
}

/** A deployed edge, and what its clients see. */
class Edge {
  readonly measured = new Map<string, Measured>();

  constructor(
    readonly engine: Engine,
    readonly workspace: Workspace,
  ) {}

  /** `make up` with these settings. */
  up(config: Readonly<Record<string, string | number | boolean>>): void {
    this.workspace.configure(config);
    this.workspace.succeed("stack.sh", "up");
  }

  output(name: string): string {
    return this.workspace.pulumi("stack", "output", name).stdout.trim();
  }

  /** What curl prints, or how it failed. */
  curl(...args: string[]): string {
    try {
      const common = ["--silent", "--show-error", "--max-time", "10"];
      return execFileSync("curl", [...common, ...args], { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      return String((error as { stderr: string }).stderr);
    }
  }

  /** Serial number and signer of the certificate that a new connection sees. */
  async certificate(): Promise<{ serial: string; signer: string }> {
    const socket = tls.connect({ host: this.engine.address, port: 8443, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { serialNumber, issuer } = socket.getPeerCertificate();
    socket.destroy();
    return { serial: serialNumber, signer: String(issuer.CN) };
  }

  /** Makes a change under load, by clients that trust the given authority. */
  async underLoad(name: string, ca: string, change: () => void | Promise<void>): Promise<Measured> {
    const { address } = this.engine;
    const targets = [
      { url: `https://${address}:8443/`, expect: "<title>small", ca },
      { url: `https://${address}:6767/passwd`, expect: "root:", ca },
    ];
    const result = await underLoad(targets, RATE, change);
    this.measured.set(`${name}; ${result.again} asked again`, result);
    return result;
  }
}

/** An authority of the test's own, and what signs with it. */
const AUTHORITY = issueCertificate("authority", { NAME: "tests" });
const CA = (JSON.parse(AUTHORITY) as Pair).certificate;
const signed = (name: string): Pair =>
  JSON.parse(issueCertificate("server", { NAMES: name }, AUTHORITY)) as Pair;

/** Settings of a provided certificate, as a stack's file has them. */
function provided({ certificate, key }: Pair): Record<string, string> {
  return {
    edgeTls: "provided",
    edgeTlsCertificate: JSON.stringify(certificate),
    edgeTlsKey: JSON.stringify(key),
  };
}

const CASES: readonly Case[] = [
  {
    name: "a generated certificate: trusted by its authority, http redirects, old TLS is refused",
    run: (edge) => {
      const { workspace, engine } = edge;
      edge.up({ edgeTls: "generated", edgeHstsSeconds: 3600 });
      const [edgeUrl, accountsUrl] = [edge.output("edgeUrl"), edge.output("accountsUrl")];
      expect([edgeUrl, accountsUrl]).toEqual([
        `https://${engine.address}:8443`,
        `https://${engine.address}:6767`,
      ]);
      const ca = path.join(tempFolder(), "ca.pem");
      fs.writeFileSync(ca, `${edge.output("edgeCa")}\n`);

      const page = edge.curl("--cacert", ca, "--include", edgeUrl);
      expect(page).toMatch(/^HTTP\/2 200/);
      expect(page).toMatch(/^strict-transport-security: max-age=3600\r$/m);
      expect(page).toContain("<title>small</title>");
      expect(edge.curl("--cacert", ca, `${accountsUrl}/passwd`)).toContain("root:");
      expect(edge.curl(edgeUrl)).toContain("SSL certificate problem");

      const location = (url: string): string =>
        edge.curl("--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}", url);
      expect(location(`http://${engine.address}:8080/a?b=c`)).toBe(`308 ${edgeUrl}/a?b=c`);
      expect(location(`http://${engine.address}:6767/a?b=c`)).toBe(`308 ${accountsUrl}/a?b=c`);

      const old = ["--cacert", ca, "--ciphers", "DEFAULT@SECLEVEL=0", "--tlsv1.0", "--tls-max"];
      expect(edge.curl(...old, "1.1", edgeUrl)).toContain("alert protocol version");
      expect(edge.curl(...old, "1.2", edgeUrl)).toContain("<title>small</title>");

      // The client's own address, and not that of the task in between.
      const routes = engine.docker("ps", "--quiet", "--filter", "name=dev_nginx-routes").split("\n");
      const logs = routes.map((id) => engine.docker("logs", id)).join("\n");
      expect(logs).toMatch(/"client":"10\.213\.0\.1","method":"GET","uri":"\/passwd"/);
      expect(workspace.preview()).toEqual([]);
      expect(workspace.stateFile()).not.toContain("PRIVATE KEY");
    },
  },
  {
    name: "another provided certificate loses no request",
    run: async (edge) => {
      const { workspace, engine } = edge;
      edge.up(provided(signed(engine.address)));
      const before = await edge.certificate();
      expect(before.signer).toBe("tests");
      workspace.configure(provided(signed(engine.address)));
      expect(workspace.preview()).toEqual([
        { op: "replace", resource: "docker:index/secret:Secret nginx-routes-tls" },
        { op: "update", resource: "docker:index/service:Service nginx-routes" },
      ]);
      const { lost, faults } = await edge.underLoad("another certificate", CA, () => {
        workspace.succeed("stack.sh", "up");
      });
      expect({ lost, faults }).toEqual({ lost: 0, faults: {} });
      const after = await edge.certificate();
      expect(after.serial).not.toBe(before.serial);
      expect(workspace.preview()).toEqual([]);
    },
  },
  {
    name: "a killed task of nginx-routes costs what it was answering, and no more",
    run: async (edge) => {
      edge.up(provided(signed(edge.engine.address)));
      const { lost, faults, outage } = await edge.underLoad("a killed task of nginx-routes", CA, () =>
        killTask(edge.engine, "dev_nginx-routes"),
      );
      expect(Object.keys(faults).filter((reason) => !reason.startsWith("ECONNRESET"))).toEqual([]);
      expect(lost).toBeLessThan(CUT);
      expect(outage).toBeLessThan(1000);
    },
  },
  {
    name: "other names, and time, make another certificate of the same authority",
    run: async (edge) => {
      const { workspace } = edge;
      edge.up({ edgeTls: "generated" });
      const [authority, first] = [edge.output("edgeCa"), await edge.certificate()];
      workspace.configure({ edgeTls: "generated", externalAddress: "edge.example.com" });
      const changes = (field: string): string[] => [
        `update command:local:Command edge-certificate: environment.${field}`,
        "replace docker:index/secret:Secret nginx-routes-tls: data, name",
        expect.stringMatching(/^update docker:index\/service:Service nginx-routes: /) as string,
      ];
      expect(workspace.previewFields()).toEqual(changes("NAMES"));
      workspace.succeed("stack.sh", "up");
      const second = await edge.certificate();
      expect(second).toEqual({
        signer: first.signer,
        serial: expect.not.stringMatching(first.serial) as string,
      });

      workspace.edit(
        "components/edge/generated-certificate.ts",
        "new Date())",
        "new Date(Date.now() + 301 * DAY))",
      );
      expect(workspace.previewFields()).toEqual(changes("RENEWAL"));
      workspace.succeed("stack.sh", "up");
      expect((await edge.certificate()).serial).not.toBe(second.serial);
      expect(edge.output("edgeCa")).toBe(authority);
      expect(workspace.preview()).toEqual([]);
    },
  },
  {
    name: "a certificate and a key that can't be used are refused before anything changes",
    run: async (edge) => {
      const { workspace } = edge;
      edge.up({ edgeTls: "generated" });
      const seen = await edge.certificate();
      const expired = await selfSigned({ from: -10, to: -1 });
      const key = signed("a").key;
      workspace.configure(provided({ ...expired, key }));
      const { code, output } = workspace.tool("stack.sh", "up");
      expect(code).not.toBe(0);
      expect(output).toContain("The configuration of stack dev has 2 faults; nothing was changed.");
      expect(output).toContain("- edgeTlsCertificate has expired: CN=test ended on ");
      expect(output).toContain("- edgeTlsKey does not belong to the certificate of CN=test;");
      expect(output).not.toContain(key.split("\n")[1]);
      expect(await edge.certificate()).toEqual(seen);

      // As a secret of the stack's file, which the command's output must not show either.
      const good = signed(edge.engine.address);
      workspace.configure({ edgeTls: "provided", externalAddress: "edge.example.com" });
      workspace.pulumi("config", "set", "edgeTlsCertificate", `\n${good.certificate}`);
      workspace.pulumi("config", "set", "--secret", "edgeTlsKey", `\n${good.key}`);
      const up = workspace.succeed("stack.sh", "up").output;
      expect(up).toContain("edgeTlsCertificate is not for edge.example.com, but for IP Address:");
      for (const text of [up, workspace.stateFile()]) expect(text).not.toContain(good.key.split("\n")[1]);
      expect((await edge.certificate()).signer).toBe("tests");
    },
  },
  {
    // Without IPVS in the kernel no traffic comes in by the mesh, so it is not checked, and asked from inside.
    name: "with mesh routing one service has the ports and ends TLS",
    run: (edge) => {
      const { engine, workspace } = edge;
      edge.up({ routing: "mesh", networkCheck: false, edgeTls: "generated" });
      const format = "{{.Name}} {{.Replicas}} {{.Ports}}";
      const services = engine.docker("service", "ls", "--filter", "name=dev_nginx", "--format", format);
      expect(services).toMatch(/^dev_nginx 1\/1 .*\*:8443->8443\/tcp[^\n]*$/);
      const task = engine.docker(
        "ps",
        "--quiet",
        "--filter",
        "name=dev_nginx.",
        "--filter",
        "health=healthy",
      );
      const page = engine.docker("exec", task, "curl", "-sSik", "https://127.0.0.1:8443/");
      expect(page).toMatch(/^HTTP\/2 200/);
      expect(page).toContain("<title>small</title>");
      expect(workspace.preview()).toEqual([]);
    },
  },
  {
    name: "an edge on each node comes, changes without a lost request, and goes",
    run: async (edge) => {
      const { engine, workspace } = edge;
      const settings = (): Record<string, string> => ({
        ...provided(signed(engine.address)),
        nginxReplicas: "global",
      });
      edge.up(settings());
      const mode = (service: string): string =>
        engine.docker("service", "ls", "--filter", `name=${service}`, "--format", "{{.Mode}} {{.Replicas}}");
      expect(["dev_nginx", "dev_nginx-routes"].flatMap((name) => mode(name).split("\n"))).toEqual([
        "global 1/1",
        "global 1/1",
        "global 1/1",
      ]);
      workspace.configure(settings());
      const { lost, faults } = await edge.underLoad("another certificate, one task on each node", CA, () => {
        workspace.succeed("stack.sh", "up");
      });
      expect({ lost, faults }).toEqual({ lost: 0, faults: {} });
      expect(workspace.preview()).toEqual([]);
      edge.up({ edgeTls: "off" });
      expect(edge.curl(`http://${engine.address}:8080/`)).toContain("<title>small</title>");
    },
  },
];

export function edgeTls(engineName: string, select: Select): void {
  describeWithEngines("TLS at the edge", () => {
    let edge: Edge;

    beforeAll(() => {
      const engine = startEngine(engineName);
      const workspace = new Workspace(engineName, engine, "dev");
      workspace.program(PROGRAM);
      edge = new Edge(engine, workspace);
    }, MINUTES);
    afterAll(() => {
      if (edge.measured.size > 0) console.log(`${RATE} requests a second\n${renderMeasured(edge.measured)}`);
      edge.engine.stop();
    }, MINUTES);

    test.each(select(CASES))("$name", ({ run }) => run(edge), 10 * MINUTES);
  });
}
