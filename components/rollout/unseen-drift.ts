import type { ApiService } from "../engine/engine";

/**
 * What is wrong with a service and shows in no field that the provider reads. Any update mends it, because the
 * provider sends the whole spec; so the program asks for one.
 *
 * @returns one phrase each; empty when there is nothing, or no service.
 */
export function unseenDrift(is: ApiService | undefined): string[] {
  if (is === undefined) return [];
  const { ContainerSpec, Resources } = is.Spec.TaskTemplate;
  const found: string[] = [];
  const state = is.UpdateStatus?.State ?? "";
  if (/paused$/.test(state)) found.push(`an update that Swarm left ${state.replace("_", " ")}`);
  // Fields that the provider does not have.
  const ulimits = ContainerSpec?.Ulimits ?? [];
  if (ulimits.length > 0) found.push(`ulimits set by hand (${ulimits.map(({ Name }) => Name).join(", ")})`);
  if (Resources?.Limits?.Pids) found.push(`a limit of processes set by hand (${Resources.Limits.Pids})`);
  if (ContainerSpec?.TTY) found.push("a TTY set by hand");
  if (ContainerSpec?.OpenStdin) found.push("an open stdin set by hand");
  return found;
}
