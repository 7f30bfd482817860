import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ApiNetwork } from "./engine";
import { networkReplacement } from "./replacement";

export interface OverlayNetworkArgs {
  /** Name of the network on the swarm. */
  readonly networkName: string;
  /** Environment that owns it. */
  readonly namespace: string;
  /** IPv4 subnet, CIDR. */
  readonly subnet: string;
  /** IPv4 gateway inside the subnet. */
  readonly gateway: string;
  /** Encrypt traffic between nodes with IPsec. @default true */
  readonly encrypted?: boolean;
  /** Let containers that are no tasks join. @default false */
  readonly attachable?: boolean;
  /** The network of that name before this run; undefined when there is none. */
  readonly observed: ApiNetwork | undefined;
}

/** The overlay network of one environment. Nothing in it can change in place: any change replaces it. */
export class OverlayNetwork extends pulumi.ComponentResource {
  /** Id of the network. */
  public readonly networkId: pulumi.Output<string>;
  /** Id before this run; undefined when it was not there. */
  public readonly observedId: string | undefined;
  /** Why this run replaces it, as `field: is -> wanted`; empty when it stays. */
  public readonly replacedFor: readonly string[];

  constructor(name: string, args: OverlayNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:OverlayNetwork", name, {}, opts);

    this.observedId = args.observed?.Id;
    this.replacedFor = networkReplacement(args.observed, args);
    const encrypted = args.encrypted ?? true;
    const network = new docker.Network(
      name,
      {
        name: args.networkName,
        driver: "overlay",
        attachable: args.attachable ?? false,
        internal: false,
        ingress: false,
        ipv6: false,
        ipamDriver: "default",
        ipamConfigs: [{ subnet: args.subnet, gateway: args.gateway }],
        // The driver looks only at the key: `encrypted: "false"` would encrypt.
        options: encrypted ? { encrypted: "" } : {},
        labels: [
          { label: "com.docker.stack.namespace", value: args.namespace },
          { label: "swarm-platform.encrypted", value: String(encrypted) },
        ],
      },
      // The engine adds options of its own, which would read as drift and replace the network. The label
      // carries what was asked for, so that switching encryption still shows as the replacement it is.
      { parent: this, ignoreChanges: ["options"], deleteBeforeReplace: true },
    );
    this.networkId = network.id;
    this.registerOutputs({ networkId: this.networkId });
  }
}
