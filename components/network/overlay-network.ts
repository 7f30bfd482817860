import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ApiNetwork, ApiService } from "../engine/engine";
import { networkReplacement } from "../service/replacement";

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
  /** The environment's services before this run, by full name. */
  readonly observedServices: ReadonlyMap<string, ApiService>;
  /** Short names of the stateful services that may be replaced. */
  readonly allowReplace: readonly string[];
}

/** The overlay network of one environment. Nothing in it can change in place: any change replaces it. */
export class OverlayNetwork extends pulumi.ComponentResource {
  /** Id of the network. */
  public readonly networkId: pulumi.Output<string>;
  /** Id before this run; undefined when it was not there. */
  public readonly observedId: string | undefined;
  /** Services are replaced with it: it can't go while one of them uses it. */
  public readonly resource: pulumi.Resource;
  /** Why this run replaces it, as `field: is -> wanted`; empty when it stays. */
  public readonly replacedFor: readonly string[];

  constructor(name: string, args: OverlayNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("swarm-platform:index:OverlayNetwork", name, {}, opts);

    this.observedId = args.observed?.Id;
    this.replacedFor = networkReplacement(args.observed, args);
    this.requireConsent(args);
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
    this.resource = network;
    this.networkId = network.id;
    this.registerOutputs({ networkId: this.networkId });
  }

  /** Asked for here, because with the network Pulumi begins to remove services before the program names them. */
  private requireConsent({
    networkName,
    namespace,
    observedServices,
    allowReplace,
  }: OverlayNetworkArgs): void {
    if (this.replacedFor.length === 0 || pulumi.runtime.isDryRun()) return;
    const keepers = [...observedServices.values()]
      .filter(({ Spec }) => Spec.TaskTemplate.ContainerSpec?.Mounts?.some(({ Type }) => Type === "volume"))
      .map(({ Spec }) => Spec.Name.slice(namespace.length + 1))
      .filter((name) => !allowReplace.includes(name));
    if (keepers.length === 0) return;
    throw new pulumi.ResourceError(
      `Network ${networkName} can't be updated in place: it is removed and made anew, and so is every service in it.\n` +
        this.replacedFor.map((reason) => `  - ${reason}\n`).join("") +
        `  These keep data, so this needs consent: pulumi config set allowReplace ${[...allowReplace, ...keepers].join(",")}\n` +
        "  Their volumes stay. Without consent: undo the change, or put right by hand what was changed by hand.",
      this,
      true,
    );
  }
}
