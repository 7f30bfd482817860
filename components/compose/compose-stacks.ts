import type * as pulumi from "@pulumi/pulumi";
import type { SwarmFoundation } from "../foundation";
import { ComposeStack, ComposeStackArgs, observeBuilds } from "./compose-stack";
import { stackEnvironment } from "./stack-environment";

/** A stack of the configuration. */
export interface StackSettings extends Omit<
  ComposeStackArgs,
  "environment" | "namespace" | "observedBuilds"
> {
  readonly name: string;
}

/** Declares the stacks of the configuration. @returns full names of their services, by stack. */
export async function composeStacks(
  stacks: readonly StackSettings[],
  ground: SwarmFoundation,
): Promise<Readonly<Record<string, pulumi.Output<string[]>>>> {
  if (stacks.length === 0) return {};
  const environment = await stackEnvironment(ground);
  const declared = stacks.map(async ({ name, ...settings }) => {
    const args = { ...settings, environment };
    const observedBuilds = await observeBuilds(name, args);
    return [name, new ComposeStack(name, { ...args, observedBuilds }, ground.onSwarm).serviceNames] as const;
  });
  return Object.fromEntries(await Promise.all(declared));
}
