import * as pulumi from "@pulumi/pulumi";
import { stateInvoke } from "../state-invoke";
import type { Fields } from "./provider/shown-spec";

/** What a stack file declares and the engine has. */
export const KINDS = ["Service", "Network", "Volume", "Config", "Secret"] as const;
export type Kind = (typeof KINDS)[number];

/**
 * An object of the engine, by Pulumi's dynamic providers: what is declared is what the Engine API takes. What is
 * there is read from the engine, and each field that differs is a difference.
 *
 * Pulumi's own class would write the provider's code into every state, where each change of it would be a change of
 * every resource. So the state has one line that names a file of the project; its process starts in the project's folder.
 */
export class EngineResource extends pulumi.CustomResource {
  /** Name on the engine. */
  declare public readonly Name: pulumi.Output<string>;

  constructor(kind: Kind, name: string, fields: pulumi.Inputs, opts?: pulumi.CustomResourceOptions) {
    super(typeOf(kind), name, { ...fields, __provider: providerOf(kind) }, opts);
  }
}

/** Pulumi's word for a kind. */
export function typeOf(kind: Kind): string {
  return `pulumi-nodejs:dynamic/compose:${kind}`;
}

export function providerOf(kind: Kind): string {
  return `exports.handler = () => require(process.cwd() + "/components/compose/provider.cjs").${kind};`;
}

/** See {@link startProviders}. */
export const START_CALL = "pulumi-nodejs:dynamic:start";

/**
 * Starts Pulumi's process for dynamic providers, which takes a second, beside the look at the engine and the stack files; else
 * it would start with the first resource. Any call of it does: it knows no functions, and its answer says so.
 */
export function startProviders(): void {
  stateInvoke(START_CALL, {}).catch(() => undefined);
}

export type { Fields };
