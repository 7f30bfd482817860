import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { contentHash, contentName } from "../content-name";
import type { Environment } from "../environment";

export interface SwarmConfigArgs {
  readonly environment: Environment;
  /** Text of the file; not for secrets, it is kept and shown in clear. At most 500 KiB. */
  readonly content: pulumi.Input<string>;
}

/**
 * A Swarm config whose name carries the hash of its content: new content is a new object that services
 * switch to by a rolling update, and the old one goes afterwards.
 */
export class SwarmConfig extends pulumi.ComponentResource {
  public readonly configId: pulumi.Output<string>;
  public readonly configName: pulumi.Output<string>;

  constructor(name: string, args: SwarmConfigArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:SwarmConfig", name, {}, opts);

    const { namespace, observedConfigs } = args.environment;
    const config = new docker.ServiceConfig(
      name,
      {
        name: pulumi
          .output(args.content)
          .apply((text) => contentName(namespace, name, contentHash(text), observedConfigs)),
        data: pulumi.output(args.content).apply((text) => Buffer.from(text).toString("base64")),
        labels: [{ label: "com.docker.stack.namespace", value: namespace }],
      },
      // The name changes with the content, so the new object can come before the old one goes; the provider's
      // bridge would delete first, which Swarm refuses while a service uses it.
      { parent: this, deleteBeforeReplace: false },
    );
    this.configId = config.id;
    this.configName = config.name;
    this.registerOutputs({ configId: this.configId, configName: this.configName });
  }
}
