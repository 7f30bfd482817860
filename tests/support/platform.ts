import * as http from "node:http";
import type { Engine } from "./engine";
import type { Step } from "./workspace";

/** Everything of the engine that a stack could leave behind. */
export function inventory(engine: Engine): Record<string, string[]> {
  const list = (...args: string[]): string[] =>
    engine
      .docker(...args)
      .split("\n")
      .filter(Boolean)
      .sort();
  const swarm = engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}");
  const inSwarm = (...args: string[]): string[] => (swarm === "active" ? list(...args) : []);
  return {
    swarm: [swarm],
    containers: list("ps", "--all", "--format", "{{.Names}}"),
    // Leaving a swarm keeps the bridge that it made for published ports; the engine owns it.
    networks: list("network", "ls", "--format", "{{.Name}}").filter((name) => name !== "docker_gwbridge"),
    volumes: list("volume", "ls", "--format", "{{.Name}}"),
    services: inSwarm("service", "ls", "--format", "{{.Name}}"),
    configs: inSwarm("config", "ls", "--format", "{{.Name}}"),
    secrets: inSwarm("secret", "ls", "--format", "{{.Name}}"),
  };
}

/** Running tasks of a service, sorted by slot: the same list twice means that nothing was restarted. */
export function tasks(engine: Engine, service: string): string[] {
  return engine
    .docker("service", "ps", service, "--filter", "desired-state=running", "--format", "{{.Name}} {{.ID}}")
    .split("\n")
    .sort();
}

/** A connection of its own for each request: a pooled one may lead to a task that is gone. */
export function get(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, timeout: 5000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (body += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    request.on("timeout", () => request.destroy(new Error(`no answer from ${url} within 5 s`)));
    request.on("error", reject);
  });
}

/** The services of the platform. */
export const SERVICES = ["nginx", "nginx-routes", "kafka-1", "accountservice", "quotes-service"];
/** What accountservice answers to /accounts/10000. */
export const ACCOUNT = '{"id":"10000","name":"Person_0"}';
/** The update of a service in a preview. */
export const update = (resource: string): Step => ({
  op: "update",
  resource: `docker:index/service:Service ${resource}`,
});
