import type { Engine } from "./engine";

/**
 * Everything that a stack may have left on an engine, sorted: services with their tasks, configs, secrets, networks of
 * the swarm, and images built there. Without a swarm, the images.
 */
export function swarmObjects(engine: Engine): string[] {
  const list = (kind: string, format: string, ...filters: string[]): string[] =>
    engine
      .docker(kind, "ls", ...filters, "--format", `${kind} ${format}`)
      .split("\n")
      .filter((line) => line !== "" && line !== "network ingress");
  // What was pulled has a digest.
  const images = list("image", "{{.Repository}}:{{.Tag}}{{.Digest}}").flatMap((line) =>
    line.endsWith("<none>") ? [line.slice(0, -"<none>".length)] : [],
  );
  if (engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}") === "inactive") return images;
  return [
    ...list("config", "{{.Name}}"),
    ...list("network", "{{.Name}}", "--filter", "scope=swarm"),
    ...list("secret", "{{.Name}}"),
    ...list("service", "{{.Name}}").map(
      (line) => `${line} ${replicas(engine, line.slice("service ".length))}`,
    ),
    ...images,
  ].sort();
}

/**
 * Tasks that run and tasks that are wanted of a replicated service, like `2/2`. `docker service ls` also counts what is
 * being stopped: with start-first it may say `3/2` for a while after an update is complete.
 */
export function replicas(engine: Engine, service: string): string {
  const wanted = engine.docker(
    "service",
    "inspect",
    service,
    "--format",
    "{{.Spec.Mode.Replicated.Replicas}}",
  );
  const running = engine
    .docker("service", "ps", service, "--filter", "desired-state=running", "--format", "{{.CurrentState}}")
    .split("\n")
    .filter((state) => state.startsWith("Running "));
  return `${running.length}/${wanted}`;
}
