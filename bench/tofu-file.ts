import { contentHash } from "../components/content-name";
import { COMMAND, CONFIG_PATH, Scene } from "./scene";

/** Where OpenTofu looks for the provider. */
export const PROVIDER_SOURCE = "kreuzwerker/docker";

/**
 * The scene as OpenTofu's main.tf.json, with the fields of the bare Pulumi program (contenders/bare), by the same
 * provider.
 *
 * @param version of the provider.
 */
export function tofuFile(scene: Scene, version: string): string {
  const labels = [{ label: "com.docker.stack.namespace", value: scene.namespace }];
  const update = {
    parallelism: 1,
    delay: "0s",
    failure_action: "rollback",
    monitor: "2s",
    max_failure_ratio: "0.0",
    order: "start-first",
  };
  const services = scene.services.map(({ name, image, timezone, replicas, hasConfig }) => [
    name,
    {
      name: `${scene.namespace}_${name}`,
      labels,
      mode: { replicated: { replicas } },
      task_spec: {
        container_spec: {
          image: `\${docker_image.${imageKey(image)}.repo_digest}`,
          labels,
          command: COMMAND,
          env: { TZ: timezone },
          read_only: false,
          init: true,
          isolation: "default",
          dns_config: { nameservers: [], search: [], options: [] },
          stop_grace_period: "10s",
          healthcheck: { test: ["NONE"], interval: "0s", timeout: "0s", retries: 0, start_period: "0s" },
          ...(hasConfig && {
            configs: {
              config_id: "${docker_config.settings.id}",
              config_name: "${docker_config.settings.name}",
              file_name: CONFIG_PATH,
              file_mode: 0o444,
              file_uid: "0",
              file_gid: "0",
            },
          }),
        },
        networks_advanced: { id: "${docker_network.network.id}", aliases: [name] },
        restart_policy: { condition: "any", delay: "5s", max_attempts: 0, window: "0s" },
        resources: {
          limits: { memory_bytes: 16 * 1024 * 1024, nano_cpus: 0 },
          reservation: { memory_bytes: 0, nano_cpus: 0 },
        },
        placement: { max_replicas: 0 },
        log_driver: { name: "json-file", options: { "max-size": "10m", "max-file": "3" } },
      },
      update_config: update,
      rollback_config: { ...update, failure_action: "pause" },
      endpoint_spec: { mode: "dnsrr" },
      lifecycle: { ignore_changes: ["task_spec[0].placement[0].platforms"] },
    },
  ]);
  return JSON.stringify(
    {
      terraform: { required_providers: { docker: { source: PROVIDER_SOURCE, version } } },
      provider: { docker: { host: scene.host } },
      resource: {
        docker_image: Object.fromEntries(
          scene.images.map((name) => [imageKey(name), { name, keep_locally: true }]),
        ) as object,
        docker_network: {
          network: {
            name: `${scene.namespace}_network`,
            driver: "overlay",
            attachable: false,
            internal: false,
            ingress: false,
            ipv6: false,
            ipam_driver: "default",
            ipam_config: { subnet: scene.subnet, gateway: scene.gateway },
            labels,
            lifecycle: { ignore_changes: ["options"] },
          },
        },
        docker_config: {
          settings: {
            name: `${scene.namespace}_settings-${contentHash(scene.config)}`,
            data: Buffer.from(scene.config).toString("base64"),
            labels,
            lifecycle: { create_before_destroy: true },
          },
        },
        docker_service: Object.fromEntries(services) as object,
      },
    },
    undefined,
    2,
  );
}

function imageKey(image: string): string {
  return image.replace(/:.*/, "");
}
