import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiNode, connect, within } from "../engine/engine";
import { Progress, progressHook } from "../progress-hook";
import { unlockKey } from "./swarm-lock";

export interface SwarmKeysArgs {
  /** Engine API of a manager, as in DOCKER_HOST. */
  readonly host: string;
  /** Any text; another one makes new join tokens. @default they stay */
  readonly rotateJoinTokens: string | undefined;
  /** Any text; another one makes a new root CA. @default it stays */
  readonly rotateRootCa: string | undefined;
  /** Whether managers ask for a key when their engines start again. */
  readonly autolock: boolean;
  /** Whether they did before this run; undefined where nobody looked, or there was no swarm. */
  readonly observedAutolock: boolean | undefined;
}

/** How long all nodes may take to get certificates of a new root CA, in ms. */
const ROOT_ROTATION = 120_000;
const POLL = 1_000;

/** What a swarm keeps secret: join tokens, root CA, unlock key. */
export class SwarmKeys extends pulumi.ComponentResource {
  /** Secret: unlocks a manager whose engine has started again; empty without autolock. */
  public readonly unlockKey: pulumi.Output<string>;

  constructor(name: string, args: SwarmKeysArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:SwarmKeys", name, {}, opts);
    // One after the other: all three change the same object of the swarm, which takes no change of an older version.
    const lock = args.autolock ? this.lock(name, args) : undefined;
    const rotated = this.rotateJoinTokens(name, args.rotateJoinTokens, lock);
    this.rotateRootCa(name, args, rotated ?? lock);
    this.unlockKey = pulumi.secret(lock === undefined ? "" : lock.id.apply(() => keyOf(args)));
    this.registerOutputs({ unlockKey: this.unlockKey });
  }

  private rotateJoinTokens(
    name: string,
    asked: string | undefined,
    after: pulumi.Resource | undefined,
  ): pulumi.Resource | undefined {
    if (asked === undefined) return undefined;
    // The CLI prints them, and what a command prints is kept and shown.
    const rotate = ["worker", "manager"].map(
      (role) => `docker swarm join-token --rotate -q ${role} >/dev/null`,
    );
    return new command.local.Command(
      `${name}-join-tokens`,
      { create: rotate.join(" && "), environment: { ASKED: asked } },
      { parent: this, ...(after && { dependsOn: [after] }) },
    );
  }

  private rotateRootCa(
    name: string,
    { host, rotateRootCa: asked }: SwarmKeysArgs,
    after: pulumi.Resource | undefined,
  ): void {
    if (asked === undefined) return;
    const wait = progressHook(`${name}-root-ca`, (progress) => rootRotated(host, progress));
    new command.local.Command(
      `${name}-root-ca`,
      { create: "docker swarm ca --rotate --detach --quiet >/dev/null", environment: { ASKED: asked } },
      {
        parent: this,
        hooks: { afterCreate: [wait], afterUpdate: [wait] },
        ...(after && { dependsOn: [after] }),
      },
    );
  }

  private lock(name: string, { observedAutolock }: SwarmKeysArgs): command.local.Command {
    return new command.local.Command(
      `${name}-autolock`,
      {
        create: "docker swarm update --autolock=true >/dev/null",
        delete: "docker swarm update --autolock=false >/dev/null",
        environment: { SEEN: observedAutolock === false ? `off at ${new Date().toISOString()}` : "on" },
      },
      { parent: this, ignoreChanges: observedAutolock === false ? [] : ["environment.SEEN"] },
    );
  }
}

/** A preview of what is not locked yet has nothing to ask. */
function keyOf({ host, observedAutolock }: SwarmKeysArgs): string | Promise<string> {
  return pulumi.runtime.isDryRun() && !observedAutolock ? "" : unlockKey(host);
}

/**
 * Waits until every node has a certificate of the new root CA.
 *
 * @throws Error naming the nodes that have none.
 */
async function rootRotated(host: string, progress: Progress): Promise<void> {
  const docker = connect(host);
  for (const started = Date.now(); ; await sleep(POLL)) {
    const swarm = (await docker.swarmInspect()) as {
      readonly RootRotationInProgress: boolean;
      readonly TLSInfo: { readonly TrustRoot: string };
    };
    if (!swarm.RootRotationInProgress) return;
    const nodes: unknown = await docker.listNodes(within());
    const late = (
      nodes as (ApiNode & { readonly Description: { readonly TLSInfo?: { readonly TrustRoot: string } } })[]
    )
      .filter(({ Description }) => Description.TLSInfo?.TrustRoot !== swarm.TLSInfo.TrustRoot)
      .map(({ Description, Status }) => `${Description.Hostname} (${Status.State})`);
    progress(`waiting until these nodes have new certificates: ${late.join(", ") || "none is known yet"}`);
    if (Date.now() - started > ROOT_ROTATION) {
      throw new Error(
        `The root CA is being rotated, and after ${ROOT_ROTATION / 1000} s these nodes still have certificates of the old one: ` +
          `${late.join(", ")}; do: bring them back, or take them out of nodes. Swarm goes on by itself; see docker swarm ca.`,
      );
    }
  }
}
