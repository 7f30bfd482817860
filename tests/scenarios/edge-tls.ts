import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { X509Certificate } from "node:crypto";
import * as tls from "node:tls";
import { selfSigned } from "../support/certificates";
import { describeWithEngines, Engine, startEngine } from "../support/engine";
import type { Select } from "../support/scenario";
import { tempFolder } from "../support/temp";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;

/** nginx alone, with the platform's own listeners; /accounts/ and accountPort lead to a busybox. */
const PROGRAM = `
  const upstream = service("backend", {
    command: ["httpd", "-f", "-p", "8080", "-h", "/etc"],
    healthcheck: { test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/passwd"], interval: 1 },
  });
  const { listeners, links } = edge(config.nginx, "backend:8080");
  const { tls, authority } = edgeCertificate(config, environment);
  const nginxImage = new ImagePull("nginx", { image: config.images.nginx }, { provider }).reference;
  const statusPage = { title: "small", links };
  new Nginx("nginx", { environment, ...config.nginx, image: nginxImage, listeners, tls, statusPage }, onSwarm);
  return { ...edgeUrls(config), edgeCa: authority };`;

interface Edge {
  readonly engine: Engine;
  readonly workspace: Workspace;
  /** curl with the given arguments: its output, or how it failed. */
  readonly curl: (...args: string[]) => string;
}

interface Case {
  readonly name: string;
  readonly run: (edge: Edge) => void | Promise<void>;
}

const CASES: readonly Case[] = [
  {
    name: "a generated certificate: trusted by its authority, http redirects, old TLS refused",
    run: ({ engine, workspace, curl }) => {
      workspace.configure({ edgeTls: "generated", edgeHstsSeconds: 3600 });
      workspace.succeed("stack.sh", "up");
      const output = (name: string): string => workspace.pulumi("stack", "output", name).stdout.trim();
      const ca = path.join(tempFolder(), "ca.pem");
      fs.writeFileSync(ca, output("edgeCa"));
      const [edgeUrl, accountsUrl] = [output("edgeUrl"), output("accountsUrl")];
      expect([edgeUrl, accountsUrl]).toEqual([
        `https://${engine.address}:8443`,
        `https://${engine.address}:6767`,
      ]);
      console.log(curl("-v", "--cacert", ca, edgeUrl));
      console.log(curl("-v", "--cacert", ca, accountsUrl + "/passwd"));
      console.log(curl("-v", `http://${engine.address}:8080/x?y=1`));
      console.log(curl("-v", `http://${engine.address}:6767/x?y=1`));
      console.log(curl("-v", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", "--cacert", ca, edgeUrl));
      console.log(engine.docker("service", "logs", "dev_nginx-routes"));
      console.log(engine.docker("service", "logs", "dev_nginx"));
      expect(workspace.preview()).toEqual([]);
    },
  },
];

export function edgeTls(engineName: string, select: Select): void {
  describeWithEngines("TLS at the edge", () => {
    let engine: Engine;
    let workspace: Workspace;

    beforeAll(() => {
      engine = startEngine(engineName);
      workspace = new Workspace(engineName, engine, "dev");
      workspace.program(PROGRAM);
    }, MINUTES);
    afterAll(() => engine?.stop(), MINUTES);

    const curl = (...args: string[]): string => {
      try {
        return execFileSync("curl", ["--silent", "--show-error", "--max-time", "10", ...args], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        });
      } catch (error) {
        return String((error as { stderr: string }).stderr);
      }
    };

    test.each(select(CASES))("$name", ({ run }) => run({ engine, workspace, curl }), 10 * MINUTES);
  });
}

