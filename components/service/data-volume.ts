import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../environment";

export interface DataVolumeArgs {
  readonly environment: Environment;
  /** Full name on the node. */
  readonly volume: string;
  /** Host name of the node that it is on; undefined for the manager's own. */
  readonly node: string | undefined;
  /** Whether destroy deletes it. @default false */
  readonly purgeData?: boolean | undefined;
}

/**
 * The volume of a service that keeps data. In a swarm of several nodes Swarm makes it with the task: the provider asks
 * one engine alone, and that is another one as soon as another manager is spoken to.
 */
export function dataVolume(
  name: string,
  { environment, volume, node, purgeData }: DataVolumeArgs,
  parent: pulumi.Resource,
): pulumi.Input<string> {
  const { namespace, nodeName, nodeNames } = environment;
  if (nodeNames.length > 1 || (node !== undefined && node !== nodeName)) return volume;
  const labels = [{ label: "com.docker.stack.namespace", value: namespace }];
  const options = { parent, retainOnDelete: !(purgeData ?? false) };
  return new docker.Volume(name, { name: volume, driver: "local", labels }, options).name;
}
