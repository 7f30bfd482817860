import type { Engine } from "./engine";

/** Everything that a stack may have left on an engine, sorted: what it deployed, and images built there. */
export function swarmObjects(engine: Engine): string[] {
  // What was pulled has a digest.
  const images = list(engine, "image", "{{.Repository}}:{{.Tag}}{{.Digest}}").flatMap((line) =>
    line.endsWith("<none>") ? [line.slice(0, -"<none>".length)] : [],
  );
  return [...deployedObjects(engine), ...images].sort();
}

/** Services with their tasks, configs, secrets, and networks of the swarm, sorted. Without a swarm, nothing. */
export function deployedObjects(engine: Engine): string[] {
  if (engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}") === "inactive") return [];
  return [
    ...list(engine, "config", "{{.Name}}"),
    ...list(engine, "network", "{{.Name}}", "--filter", "scope=swarm"),
    ...list(engine, "secret", "{{.Name}}"),
    ...list(engine, "service", "{{.Name}}").map(
      (line) => `${line} ${replicas(engine, line.slice("service ".length))}`,
    ),
  ].sort();
}

/**
 * Tasks that run and tasks that are wanted of a service, like `2/2`; of a job like `0/1 (1/1 completed)`.
 * `docker service ls` also counts what is being stopped: with start-first it may say `3/2` for a while after an
 * update is complete.
 */
export function replicas(engine: Engine, service: string): string {
  const running = engine
    .docker("service", "ps", service, "--filter", "desired-state=running", "--format", "{{.CurrentState}}")
    .split("\n")
    .filter((state) => state.startsWith("Running "));
  const listed = engine.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").split("\n");
  const of = listed.find((line) => line.startsWith(`${service} `))?.slice(service.length + 1) ?? "";
  return of.replace(/^\d+/, String(running.length));
}

function list(engine: Engine, kind: string, format: string, ...filters: string[]): string[] {
  return engine
    .docker(kind, "ls", ...filters, "--format", `${kind} ${format}`)
    .split("\n")
    .filter((line) => line !== "" && line !== "network ingress");
}
