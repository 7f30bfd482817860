import * as fs from "node:fs";
import * as path from "node:path";
import type { Engine } from "./engine";
import type { Workspace } from "./workspace";

/** Configuration of a program that brings stack files alone. */
export function stacksOnly(...stacks: readonly object[]): Readonly<Record<string, string | boolean>> {
  return { platform: false, stacks: JSON.stringify(stacks) };
}

/** Writes files into a workspace. */
export function writeFiles(workspace: Workspace, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    fs.writeFileSync(path.join(workspace.folder, name), content);
  }
}

interface Planned {
  readonly op: string;
  readonly urn: string;
  readonly oldState?: { readonly inputs?: Readonly<Record<string, unknown>> };
  readonly newState?: { readonly inputs?: Readonly<Record<string, unknown>> };
}

/** What a preview would change of stacks' objects: `update Service shop-web: Env, Mode`, sorted. */
export function plannedChanges(workspace: Workspace): string[] {
  const { stdout, output, code } = workspace.pulumi("preview", "--json");
  if (code !== 0) throw new Error(output);
  const { steps } = JSON.parse(stdout) as { steps: Planned[] };
  return steps
    .filter(
      ({ op, urn }) => !["same", "refresh"].includes(op) && urn.includes("pulumi-nodejs:dynamic/compose:"),
    )
    .filter(({ op }) => !["create-replacement", "delete-replaced"].includes(op))
    .map((step) => {
      const [, kind, name] = /compose:(\w+)::(.*)$/.exec(step.urn) ?? [];
      return `${step.op} ${kind} ${name}${step.op === "create" ? "" : `: ${changedFields(step).join(", ")}`}`;
    })
    .sort();
}

function changedFields({ oldState, newState }: Planned): string[] {
  const [was, is] = [oldState?.inputs ?? {}, newState?.inputs ?? {}];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key]))
    .sort();
}

/** Ids of the tasks that run, by service. */
export function runningTasks(
  engine: Engine,
  ...services: readonly string[]
): Readonly<Record<string, string[]>> {
  return Object.fromEntries(
    services.map((service) => [
      service,
      engine
        .docker("service", "ps", "--quiet", "--filter", "desired-state=running", service)
        .split("\n")
        .filter(Boolean)
        .sort(),
    ]),
  );
}
