import * as pulumi from "@pulumi/pulumi";
import { stateInvoke } from "./state-invoke";

type Outputs = Readonly<Record<string, unknown>>;

/** What the stack's state held before this run, secrets in clear: for the program's memory alone. */
export class RecordedState {
  /** @param outputs outputs of each resource, by `<type> <name>`. */
  constructor(private readonly outputs: ReadonlyMap<string, Outputs> = new Map()) {}

  /** Outputs of a resource or component; undefined when the state has none such. */
  of(type: string, name: string): Outputs | undefined {
    return this.outputs.get(`${type} ${name}`);
  }
}

/** Reads the own stack's state by a function that is built into Pulumi (resource/deploy/builtins.go), also in a preview. */
export async function recordedState(): Promise<RecordedState> {
  const { outputs } = (await stateInvoke("pulumi:pulumi:readStackResourceOutputs", {
    stackName: pulumi.getStack(),
  })) as { outputs: Readonly<Record<string, { readonly type: string; readonly outputs: Outputs }>> };
  return new RecordedState(
    new Map(
      Object.entries(outputs).map(([urn, one]) => [`${one.type} ${urn.split("::").at(-1)}`, one.outputs]),
    ),
  );
}
