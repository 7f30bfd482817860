import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describeWithEngines, LocalEngine, startEngine } from "../support/engine";
import type { Select } from "../support/scenario";
import { replicas } from "../support/swarm-objects";
import { Workspace } from "../support/workspace";

const MINUTES = 60_000;
const NAMES = ["check-1", "check-2", "check-3"];

interface Lab {
  readonly engines: readonly LocalEngine[];
  readonly workspace: Workspace;
}

interface Case {
  readonly name: string;
  readonly run: (lab: Lab) => void;
}

/** Whether the kernel, which all engines share, has a module or can load it. */
function kernelHas(module: string): boolean {
  return fs.existsSync(`/sys/module/${module}`) || spawnSync("modprobe", ["--quiet", module]).status === 0;
}

/** Takes away what traffic of these kinds there is between an engine and all others, until it is given back. */
function block(engine: LocalEngine | undefined, ports: readonly string[], work: () => void): void {
  const rules = ports.flatMap((port) => {
    const [number = "", protocol = ""] = port.split("/");
    return ["INPUT", "OUTPUT"].map((chain) => [chain, "-p", protocol, "--dport", number, "-j", "DROP"]);
  });
  for (const rule of rules) engine?.inNetwork("iptables", "-w", "-I", ...rule);
  try {
    work();
  } finally {
    for (const rule of rules) engine?.inNetwork("iptables", "-w", "-D", ...rule);
  }
}

/** Deploys from nothing, which the check must refuse, with one line for each fault. */
function expectRefused({ engines, workspace }: Lab, faults: readonly string[]): void {
  const { code, output } = workspace.tool("stack.sh", "up");
  expect(code).not.toBe(0);
  expect(output).toContain(
    'before hook "network-check" failed: the network does not carry what the stack asks of it:',
  );
  expect(output.split("\n").flatMap((line) => /^ +- (.*)$/.exec(line)?.[1] ?? [])).toEqual(faults);
  expect(output).toContain("What needs network-check was left as it is, because network-check failed.");
  expect(engines[0]?.docker("service", "ls", "--quiet")).toBe("");
}

const CASES: readonly Case[] = [
  {
    name: "closed ports between nodes are refused with what to open; with them open it passes",
    run: (lab) => {
      const { engines, workspace } = lab;
      block(engines[2], ["4789/udp"], () => {
        expectRefused(lab, [
          "check-3 and every other node: they find each other, but no packet of the overlay arrives;" +
            " do: open 4789/udp between them, both ways (VXLAN)",
        ]);
      });
      workspace.succeed("stack.sh", "up");
      expect(replicas(engines[0] as LocalEngine, "dev_web")).toBe("1/1");
      expect(engines[0]?.docker("service", "ls", "--format", "{{.Name}}")).toBe("dev_web");
      expect(workspace.preview()).toEqual([]);
    },
  },
  {
    name: "no gossip",
    run: (lab) =>
      block(lab.engines[1], ["7946/tcp", "7946/udp"], () => {
        expectRefused(lab, [
          "check-2 and every other node: they don't find each other's tasks;" +
            " do: open 7946/tcp and 7946/udp between them, both ways (Swarm's gossip)",
        ]);
      }),
  },
  {
    name: "a kernel without ESP under an encrypted overlay, and without IPVS under the mesh",
    run: (lab) => {
      const { workspace } = lab;
      workspace.configure({ routing: "mesh", networkEncrypted: true });
      const nodes = NAMES.join(", ");
      const faults = [
        ...(kernelHas("ip_vs")
          ? []
          : [
              `${nodes}: the kernel lacks IPVS, so virtual IPs and the ingress mesh carry no traffic;` +
                " do: a kernel with it (modprobe ip_vs), or do without: pulumi config set routing host",
            ]),
        ...(kernelHas("esp4")
          ? []
          : [
              `${nodes}: the kernel lacks ESP, so the encrypted overlay carries no traffic between nodes;` +
                " do: a kernel with it (modprobe esp4), or do without: pulumi config set networkEncrypted false",
            ]),
      ];
      if (faults.length > 0) expectRefused(lab, faults);
      else workspace.succeed("stack.sh", "up");
      // Whoever knows better may.
      workspace.configure({ routing: "mesh", networkEncrypted: true, networkCheck: false });
      workspace.succeed("stack.sh", "up");
    },
  },
  {
    name: "another node is another reason to look",
    run: ({ engines, workspace }) => {
      workspace.succeed("stack.sh", "up");
      engines[2]?.docker("swarm", "leave");
      engines[0]?.docker("node", "rm", "--force", "check-3");
      expect(workspace.preview()).toEqual([
        { op: "update", resource: "command:local:Command network-check" },
      ]);
      join(engines[0] as LocalEngine, engines[2] as LocalEngine);
      workspace.succeed("stack.sh", "up");
      expect(workspace.preview()).toEqual([]);
    },
  },
];

function join(manager: LocalEngine, worker: LocalEngine): void {
  const token = manager.docker("swarm", "join-token", "--quiet", "worker");
  worker.docker("swarm", "join", "--token", token, `${manager.address}:2377`);
}

/** What a stack asks of the network between nodes and of their kernels is there, or said to be missing. */
export function networkCheck(select: Select): void {
  describeWithEngines("the check of the network", () => {
    let lab: Lab;

    beforeAll(() => {
      const engines = NAMES.map((name) => startEngine(name));
      const [manager, ...workers] = engines;
      if (manager === undefined) return;
      const workspace = new Workspace("network-check", manager, "dev");
      lab = { engines, workspace };
      manager.docker("swarm", "init", "--advertise-addr", manager.address);
      for (const worker of workers) join(manager, worker);
      workspace.program(`service("web");`);
    }, 3 * MINUTES);
    afterEach(() => {
      lab.workspace.configure({});
      lab.workspace.succeed("stack.sh", "destroy");
    }, MINUTES);
    afterAll(() => lab?.engines.forEach((engine) => engine.stop()), MINUTES);

    test.each(select(CASES))("$name", ({ run }) => run(lab), 5 * MINUTES);
  });
}
