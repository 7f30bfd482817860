import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { contentName, keyedHash } from "../content-name";
import type { Environment } from "../environment";

export interface SwarmSecretArgs {
  readonly environment: Environment;
  /** Text of the secret, treated as a Pulumi secret whether it is one or not. At most 500 KiB. */
  readonly content: pulumi.Input<string>;
}

/**
 * A Swarm secret whose name carries a keyed hash of its content: a new value is a new object that
 * services switch to by a rolling update, and nobody without the stack's key can check a guess against
 * the name.
 */
export class SwarmSecret extends pulumi.ComponentResource {
  public readonly secretId: pulumi.Output<string>;
  public readonly secretName: pulumi.Output<string>;

  constructor(name: string, args: SwarmSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:SwarmSecret", name, {}, opts);

    const { namespace, secretNameKey, observedSecrets } = args.environment;
    const content = pulumi.secret(args.content);
    const secret = new docker.Secret(
      name,
      {
        // The name may be seen: it is made of a keyed hash.
        name: pulumi.unsecret(
          pulumi
            .all([secretNameKey, content])
            .apply(([key, text]) => contentName(namespace, name, keyedHash(key, text), observedSecrets)),
        ),
        data: content.apply((text) => Buffer.from(text).toString("base64")),
        labels: [{ label: "com.docker.stack.namespace", value: namespace }],
      },
      // The name changes with the content, so the new object can come before the old one goes; the provider's
      // bridge would delete first, which Swarm refuses while a service uses it.
      { parent: this, deleteBeforeReplace: false },
    );
    this.secretId = secret.id;
    this.secretName = secret.name;
    this.registerOutputs({ secretId: this.secretId, secretName: this.secretName });
  }
}
