import { contentHash } from "../components/content-name";
import { COMMAND, CONFIG_PATH, Scene } from "./scene";

/**
 * The scene as a stack file, which is JSON, since that is YAML too.
 *
 * @param namedConfigs whether a config has a name of its own by its content: `docker stack deploy` can't change one.
 */
export function stackFile(scene: Scene, namedConfigs: boolean): string {
  const update = {
    parallelism: 1,
    delay: "0s",
    failure_action: "rollback",
    monitor: "2s",
    max_failure_ratio: 0,
    order: "start-first",
  };
  const services = scene.services.map(({ name, image, timezone, replicas, hasConfig }) => [
    name,
    {
      image,
      entrypoint: COMMAND,
      environment: { TZ: timezone },
      init: true,
      stop_grace_period: "10s",
      healthcheck: { disable: true },
      networks: ["network"],
      logging: { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } },
      ...(hasConfig && { configs: [{ source: "settings", target: CONFIG_PATH }] }),
      deploy: {
        replicas,
        endpoint_mode: "dnsrr",
        resources: { limits: { memory: "16M" } },
        restart_policy: { condition: "any", delay: "5s" },
        update_config: update,
        rollback_config: { ...update, failure_action: "pause" },
      },
    },
  ]);
  return JSON.stringify(
    {
      version: "3.8",
      services: Object.fromEntries(services) as object,
      networks: {
        network: { driver: "overlay", ipam: { config: [{ subnet: scene.subnet }] } },
      },
      configs: {
        settings: {
          file: "./settings.txt",
          ...(namedConfigs && { name: `${scene.namespace}_settings-${contentHash(scene.config)}` }),
        },
      },
    },
    undefined,
    2,
  );
}
