/**
 * Keys of a service that Swarm has nothing for, with what happens instead. Docker's CLI ignores the first group as a whole
 * ("Ignoring unsupported options", docker/cli, cli/compose/types) or without a word; it refuses files that have a key of the second.
 */
export const IGNORED: Readonly<Record<string, string>> = {
  cgroup: "tasks run in the cgroup namespace that their engine gives",
  cgroupns_mode: "tasks run in the cgroup namespace that their engine gives",
  cgroup_parent: "tasks run below the cgroup of their engine",
  container_name:
    "a task's container is named <stack>_<service>.<number>.<task id>; other services reach it as the service's name",
  devices:
    "tasks see no devices of their node; a bind of /dev/... shows the file, and the container still may not open it",
  domainname: "the containers have no domain name; write it into hostname: if the application needs it",
  expose: "services on one network reach each other's ports anyway",
  external_links: "put both services on one network, where their names resolve",
  ipc: "each container has its own IPC namespace",
  links:
    "services on one network reach each other by name; write another name into networks.<network>.aliases of the service that is linked",
  mac_address: "the engine chooses it",
  network_mode:
    "the service is on the stack's networks; for the node's own network write networks: [outside] and at the top networks: {outside: {name: host, external: true}}",
  pid: "each container has its own process namespace",
  privileged: "the containers are not privileged; cap_add: gives single capabilities",
  security_opt: "the containers run with their engine's own security options",
  shm_size:
    "/dev/shm has the engine's default size; mount a bigger one: volumes: [{type: tmpfs, target: /dev/shm, tmpfs: {size: ...}}]",
  tmpfs: "docker stack deploy leaves it out too; write it as volumes: [{type: tmpfs, target: ...}]",
  userns_mode: "the containers are in the user namespace of their engine",

  annotations: "Swarm has no annotations; write them as labels",
  attach: "that is for docker compose up alone",
  blkio_config: "Swarm has no limits of block devices",
  cpu_count: "write deploy.resources.limits.cpus",
  cpu_percent: "write deploy.resources.limits.cpus",
  cpu_period: "write deploy.resources.limits.cpus",
  cpu_rt_period: "Swarm has no real-time scheduling",
  cpu_rt_runtime: "Swarm has no real-time scheduling",
  develop: "that is for docker compose watch alone",
  device_cgroup_rules: "tasks see no devices of their node",
  gpus: "reserve what the nodes advertise: deploy.resources.reservations.generic_resources",
  mem_swappiness: "the node's own setting holds",
  models: "Swarm runs no models; run one as a service",
  oom_kill_disable: "a container that is out of memory ends, and its task is replaced",
  platform:
    "a task runs on a node of a platform that the image has; to choose, write deploy.placement.constraints: [node.platform.arch == ...]",
  post_start: "Swarm runs nothing inside a container after its start; let the image's entrypoint do it",
  pre_start:
    "Swarm runs nothing before a container's start; let the image's entrypoint do it, or a service of mode replicated-job",
  pre_stop: "Swarm runs nothing before a container's stop; let the application act on its stop_signal",
  provider: "what is provided from outside of the swarm must be there already",
  pull_policy: "each node pulls an image that it has not",
  pull_refresh_after: "each node pulls an image that it has not",
  runtime: "the containers run with their engine's default runtime",
  storage_opt: "the engine's own storage options hold",
  umask: "the image's own holds",
  use_api_socket: "bind /var/run/docker.sock where the service needs it, on managers alone",
  uts: "each container has its own host name",
};

export const REFUSED: Readonly<Record<string, string>> = {
  extends:
    "put what is common under x-common: &common and write <<: *common in each service, or give several files, which are merged",
  volume_driver: "declare the volume in the top-level volumes section, with its driver",
  volumes_from: "declare a volume in the top-level volumes section, and use it in both services",
  cpu_quota: "write deploy.resources.limits.cpus",
  cpu_shares: "write deploy.resources.limits.cpus or deploy.resources.reservations.cpus",
  cpuset: "write deploy.resources.limits.cpus; a task can't be bound to single CPUs",
  memswap_limit: "write deploy.resources.limits.memory",
};

/** Keys at the top of a file that docker stack deploy refuses, and so does this. */
export const REFUSED_AT_TOP: Readonly<Record<string, string>> = {
  include: "name each file in files:, they are merged in that order",
  jobs: "write a service with deploy.mode: replicated-job or global-job",
};

/** Keys of a service on a network that Swarm has nothing for. */
export const IGNORED_ON_NETWORK: Readonly<Record<string, string>> = {
  ipv4_address: "the swarm chooses the address, as with docker stack deploy; use the service's name",
  ipv6_address: "the swarm chooses the address, as with docker stack deploy; use the service's name",
  link_local_ips: "the swarm chooses the address",
  mac_address: "the engine chooses it",
  interface_name: "the engine chooses it",
  priority: "the engine chooses the order",
  gw_priority: "the engine chooses the gateway",
  use_service_name_alias: "the service's name always resolves",
};

/** Short forms of limits that the Compose Specification has beside those of deploy, and where they belong. */
export const LIMITS: Readonly<Record<string, readonly [group: "limits" | "reservations", key: string]>> = {
  cpus: ["limits", "cpus"],
  mem_limit: ["limits", "memory"],
  pids_limit: ["limits", "pids"],
  mem_reservation: ["reservations", "memory"],
};
