import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { Engine, facts, WORK } from "./engine";

const TOOLS = path.resolve(__dirname, "../../tools");
const SCRIPT = path.join(TOOLS, "throwaway-vm.sh");

/** How long an engine may take to start without acceleration on a busy machine, in seconds. */
const ENGINE_TIMEOUT = 300;

/** A virtual machine of the test's own, with a kernel that has IPVS and ESP, and a newer Docker engine. */
export class Machine {
  private constructor(
    private readonly folder: string,
    private readonly config: string,
    private readonly mirror: string,
  ) {}

  /** Boots one. */
  static start(name: string): Machine {
    const folder = path.join(WORK, "machines", name);
    const { SSH_CONFIG = "", MIRROR = "" } = facts(
      execFileSync(SCRIPT, ["start", folder], { encoding: "utf8" }),
    );
    const machine = new Machine(folder, SSH_CONFIG, MIRROR);
    const script = fs.readFileSync(path.join(TOOLS, "throwaway-engine.sh"));
    machine.run("cat >throwaway-engine.sh; chmod +x throwaway-engine.sh", script);
    return machine;
  }

  /** Runs a shell's line as root and returns what it printed; throws with its output when it fails. */
  run(line: string, input: string | Buffer = ""): string {
    return execFileSync("ssh", ["-F", this.config, "vm", line], {
      encoding: "utf8",
      input,
      stdio: "pipe",
    }).trim();
  }

  /** Starts an engine in the machine, which docker and Pulumi of this one reach through a socket. */
  startEngine(name: string): Engine {
    const script = (command: string): string =>
      `START_TIMEOUT=${ENGINE_TIMEOUT} ./throwaway-engine.sh ${command} engines/${name}`;
    const { DOCKER_HOST: inside = "", ENGINE_ADDRESS: address = "" } = facts(
      this.run(`${script("start")} ${name} --registry-mirror ${this.mirror}`),
    );
    const socket = path.join(this.folder, `${name}.sock`);
    this.forward(`${socket}:${inside.slice("unix://".length)}`);
    const host = `unix://${socket}`;
    const command = (one: string) => (): void => void this.run(script(one));
    return {
      host,
      address,
      docker: (...args) =>
        execFileSync("docker", ["--host", host, ...args], { encoding: "utf8", stdio: "pipe" }).trim(),
      restart: command("restart"),
      kill: command("kill"),
      stop: command("stop"),
    };
  }

  /** Base URL, on this machine's loopback, of a TCP port in the other one. */
  async url(address: string, port: number): Promise<string> {
    const here = await freePort();
    this.forward(`127.0.0.1:${here}:${address}:${port}`);
    return `http://127.0.0.1:${here}`;
  }

  stop(): void {
    execFileSync(SCRIPT, ["stop", this.folder], { stdio: ["ignore", "ignore", "inherit"] });
  }

  private forward(from: string): void {
    execFileSync("ssh", ["-F", this.config, "-O", "forward", "-L", from, "vm"], { stdio: "pipe" });
  }
}

/** `describe` for tests in virtual machines; where there can be none they are skipped, and the reason is printed. */
export function describeWithMachines(name: string, tests: () => void): void {
  const reason = whyNoMachines();
  if (reason !== undefined) console.log(`tests in a virtual machine are skipped: ${reason}`);
  (reason === undefined ? describe : describe.skip)(name, tests);
}

/** Why there can be no virtual machine here; undefined when there can. */
function whyNoMachines(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "they need Linux on amd64";
  if (process.getuid?.() !== 0) return "they need root, to make the disk";
  const found = (process.env.PATH ?? "")
    .split(":")
    .some((folder) => fs.existsSync(path.join(folder, "qemu-system-x86_64")));
  return found ? undefined : "qemu-system-x86_64 is not installed";
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
