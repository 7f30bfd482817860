import { readFileSync } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiNode, ApiTask } from "../engine/engine";
import { Known, NetworkNeeds, networkFaults, networkWarning, NodeProbe } from "./network-faults";
import { explained } from "../service/one-shot-task";
import type { Progress } from "../progress-hook";
import { hasFailed, RolloutSnapshot } from "../rollout/rollout";
import { demultiplex, lastLines, RolloutObserver, STDOUT } from "../rollout/rollout-observer";
import { withTemporaryService } from "../service/temporary-service";

export interface NetworkProbeArgs extends NetworkNeeds {
  /** Engine API of a manager. */
  readonly host: string;
  readonly namespace: string;
  /** Id or name of the overlay network. */
  readonly network: string;
  /** An image with nginx, a shell and curl that every node can pull. */
  readonly image: string;
  /** How long nodes may take to pull the image and to start it. */
  readonly timeoutSeconds: number;
  readonly progress: Progress;
}

const SCRIPT = path.join(__dirname, "network-probe.sh");
/** How long tasks may take to find and reach each other once all of them run, in ms; a few seconds are usual. */
const PATIENCE = 20_000;
/** Time between two looks, in ms. */
const POLL = 500;
const LINE = /^ipvs=(\w+) esp=(\w+) sees=(\S*) reaches=(\S*) virtual=(\w+)$/;

/**
 * Runs a task on every node that takes tasks, until all of them reach one another, and leaves nothing behind. Nodes
 * that are down or drained are not asked.
 *
 * @returns a warning; undefined when there is none.
 * @throws Error with a sentence for each problem, its nodes and what to do.
 */
export async function probeNetwork(args: NetworkProbeArgs): Promise<string | undefined> {
  const { host, namespace, image, network, progress, virtualIps } = args;
  const name = "network-check";
  const spec = {
    TaskTemplate: {
      ContainerSpec: {
        Image: image,
        Command: ["sh", "-c", readFileSync(SCRIPT, "utf8")],
        Env: [`SERVICE=${namespace}_${name}`],
      },
      Networks: [{ Target: network }],
    },
    Mode: { Global: {} },
    EndpointSpec: { Mode: virtualIps ? "vip" : "dnsrr" },
  };
  return withTemporaryService({ host, namespace, name, spec, progress }, (service) =>
    settled(new RolloutObserver(host, service, () => progress("waiting for the engine")), args),
  );
}

/** Waits until traffic flows, as long as that may take. */
async function settled(observer: RolloutObserver, args: NetworkProbeArgs): Promise<string | undefined> {
  const startBy = Date.now() + args.timeoutSeconds * 1000;
  for (let reachBy = Infinity; ; await sleep(POLL)) {
    const snapshot = await observer.look();
    const refuse = (tasks: readonly ApiTask[], reason: string): Promise<Error> =>
      explained(observer, { ...snapshot, tasks }, reason);
    const failed = snapshot.tasks.filter(hasFailed);
    if (failed.length > 0) throw await refuse(failed, "a task of it could not run");
    const nodes = snapshot.nodes.filter(takesTasks).sort(byHostname);
    const idle = nodes.filter((node) => taskOn(node, snapshot) === undefined);
    if (idle.length > 0) {
      args.progress(`waiting for a task on ${hostnames(idle)}`);
      if (Date.now() > startBy) {
        const late = snapshot.tasks.filter(({ Status }) => Status.State !== "running");
        throw await refuse(late, `none runs on ${hostnames(idle)} after ${args.timeoutSeconds} s`);
      }
      continue;
    }
    if (reachBy === Infinity) reachBy = Date.now() + PATIENCE;

    const { probes, silent } = await probe(observer, nodes, snapshot);
    const faults = [
      ...(silent.length === 0
        ? []
        : [`${hostnames(silent)}: what the task printed does not arrive here; do: see docker node ls`]),
      ...networkFaults(probes, args),
    ];
    if (faults.length === 0) return networkWarning(probes, args);
    args.progress(`waiting for traffic between ${hostnames(nodes)}`);
    if (Date.now() > reachBy) throw new Error(refusal(faults));
  }
}

function refusal(faults: readonly string[]): string {
  return (
    "the network does not carry what the stack asks of it:\n" +
    faults.map((fault) => `  - ${fault}`).join("\n") +
    "\n  What needs the network was not changed. If you know better: pulumi config set networkCheck false."
  );
}

/** The newest line of each node's task. */
async function probe(
  observer: RolloutObserver,
  nodes: readonly ApiNode[],
  snapshot: RolloutSnapshot,
): Promise<{ readonly probes: NodeProbe[]; readonly silent: ApiNode[] }> {
  const nodeOf = new Map<string, string>();
  for (const node of nodes) {
    const attachments = taskOn(node, snapshot)?.NetworksAttachments ?? [];
    for (const address of attachments.flatMap(({ Addresses }) => Addresses ?? [])) {
      nodeOf.set(address.replace(/\/.*/, ""), node.Description.Hostname);
    }
  }
  const named = (addresses = ""): string[] =>
    addresses.split(",").flatMap((address) => nodeOf.get(address) ?? []);
  const found = await Promise.all(
    nodes.map(async (node): Promise<NodeProbe | ApiNode> => {
      const task = taskOn(node, snapshot);
      const raw = task && (await observer.log(task, 1).catch(() => undefined));
      const [line = ""] = raw === undefined ? [] : lastLines(demultiplex(raw, STDOUT)).slice(-1);
      const [, ipvs, esp, sees, reaches, virtual] = LINE.exec(line) ?? [];
      if (ipvs === undefined) return node;
      return {
        node: node.Description.Hostname,
        ipvs: ipvs as Known,
        esp: esp as Known,
        sees: named(sees),
        reaches: named(reaches),
        virtual: virtual === "yes",
      };
    }),
  );
  return {
    probes: found.filter((one): one is NodeProbe => "sees" in one),
    silent: found.filter((one): one is ApiNode => !("sees" in one)),
  };
}

function byHostname(a: ApiNode, b: ApiNode): number {
  return a.Description.Hostname < b.Description.Hostname ? -1 : 1;
}

function takesTasks({ Spec, Status }: ApiNode): boolean {
  return Spec.Availability === "active" && Status.State === "ready";
}

function taskOn({ ID }: ApiNode, { tasks }: RolloutSnapshot): ApiTask | undefined {
  return tasks.find(({ NodeID, Status }) => NodeID === ID && Status.State === "running");
}

function hostnames(nodes: readonly ApiNode[]): string {
  return nodes.map(({ Description }) => Description.Hostname).join(", ");
}
