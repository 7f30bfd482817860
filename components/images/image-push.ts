import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ImageRegistry } from "./image-registry";
import { progressHook } from "../progress-hook";

export interface ImagePushArgs {
  readonly registry: ImageRegistry;
  /** `repository:tag`. */
  readonly reference: pulumi.Input<string>;
  /** Its digest in the registry before this run; undefined when it must be pushed. */
  readonly digest: string | undefined;
  /** The digest that a push will give, for a preview; undefined when that is not known. */
  readonly expected: string | undefined;
}

/** An image that this stack has put into its registry. */
export class ImagePush extends pulumi.ComponentResource {
  /** Its digest there; unknown in the preview of a first push. */
  public readonly digest: pulumi.Output<string>;

  constructor(name: string, args: ImagePushArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:ImagePush", name, {}, opts);

    let { digest } = args;
    const push = progressHook(name, async (progress, { newInputs }) => {
      const { REFERENCE } = (newInputs as { environment: { REFERENCE: string } }).environment;
      digest = await args.registry.push(REFERENCE, progress);
    });
    // A command has no Read, so an input carries what was seen. While the image is there it is ignored and nothing
    // differs. The hook pushes before it, and when that fails nothing is noted as done.
    const pushed = new command.local.Command(
      name,
      {
        create: "echo pushed",
        update: "echo pushed",
        environment: {
          REFERENCE: args.reference,
          SEEN:
            digest === undefined ? `not in the registry (${new Date().toISOString()})` : "in the registry",
        },
      },
      {
        parent: this,
        ignoreChanges: digest === undefined ? [] : ["environment.SEEN"],
        hooks: { beforeCreate: [push], beforeUpdate: [push] },
      },
    );
    const { expected } = args;
    this.digest =
      expected !== undefined && pulumi.runtime.isDryRun()
        ? pulumi.output(expected)
        : pushed.stdout.apply(() => digest ?? "");
    this.registerOutputs({ digest: this.digest });
  }
}

/** The reference that was pushed by the command of this name, see {@link ImagePush}; undefined without one. */
export function pushedReference(outputs: Readonly<Record<string, unknown>> | undefined): string | undefined {
  return (outputs?.environment as { readonly REFERENCE?: string } | undefined)?.REFERENCE;
}
