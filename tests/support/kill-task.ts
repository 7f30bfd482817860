import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "./engine";

/** Kills one task of a service and waits until the new one in its place is healthy. */
export async function killTask(engine: Engine, service: string): Promise<void> {
  const label = `label=com.docker.swarm.service.name=${service}`;
  const healthy = (): string[] =>
    engine
      .docker("ps", "--quiet", "--filter", label, "--filter", "health=healthy")
      .split("\n")
      .filter(Boolean);
  const before = healthy();
  const [victim = ""] = before;
  engine.docker("kill", victim);
  for (let now: string[] = []; now.length < before.length || now.includes(victim); now = healthy()) {
    await sleep(500);
  }
}
