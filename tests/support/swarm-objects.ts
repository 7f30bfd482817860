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
    ...list("service", "{{.Name}} {{.Replicas}}"),
    ...images,
  ].sort();
}
