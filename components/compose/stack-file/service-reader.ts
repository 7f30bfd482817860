import { readBuild } from "./build-reader";
import { readDeploy } from "./deploy-reader";
import type { NetworkDraft, ServiceDraft } from "./draft";
import { readEnvironment, readLabelFiles } from "./environment-reader";
import type { Dependency, FileReference, Healthcheck, Item, Service } from "./model";
import { type Paths, fileMode, readMounts } from "./mounts";
import { readPorts } from "./ports";
import type { Entry } from "./tree";
import { IGNORED, IGNORED_ON_NETWORK, LIMITS, REFUSED } from "./unsupported";
import { type At, type Values, defined, isNull, placesIn } from "./values";

const ISOLATIONS = ["default", "process", "hyperv"] as const;

/** A service of one file in long form, with faults of its values and notices of what Swarm does not do. */
export function readService(values: Values, key: string, entry: Entry, paths: Paths): ServiceDraft {
  const at: At = { node: entry.value, path: `services.${key}` };
  const get = (name: string) => values.below(at, name);
  sayWhatIsLeftOut(values, at, key);
  const labelFiles = readLabelFiles(values, get("label_file"), paths);
  const labels = values.strings(get("labels"));
  return defined<ServiceDraft>({
    ...itemOf(key, entry),
    image: image(values, get("image")),
    build: readBuild(values, get("build"), paths, key),
    entrypoint: commandLine(values, get("entrypoint"), key),
    command: commandLine(values, get("command"), key),
    environment: readEnvironment(values, get("environment"), get("env_file"), paths),
    labels: labelFiles === undefined ? labels : { ...labelFiles, ...labels },
    workingDir: values.text(get("working_dir")),
    user: values.text(get("user")),
    groups: values.texts(get("group_add")),
    hostname: values.text(get("hostname")),
    init: values.boolean(get("init")),
    tty: values.boolean(get("tty")),
    stdinOpen: values.boolean(get("stdin_open")),
    readOnly: values.boolean(get("read_only")),
    isolation: values.choice(get("isolation"), ISOLATIONS),
    stopSignal: values.text(get("stop_signal")),
    stopGracePeriod: values.duration(get("stop_grace_period")),
    oomScoreAdj: values.integer(get("oom_score_adj"), -1000, 1000),
    capAdd: values.texts(get("cap_add")),
    capDrop: values.texts(get("cap_drop")),
    sysctls: values.strings(get("sysctls")),
    ulimits: readUlimits(values, get("ulimits")),
    dns: values.texts(get("dns")),
    dnsSearch: values.texts(get("dns_search")),
    dnsOptions: values.texts(get("dns_opt")),
    extraHosts: readHosts(values, get("extra_hosts")),
    healthcheck: readHealthcheck(values, get("healthcheck")),
    logging: readLogging(values, get("logging")),
    credentialSpec: readCredentialSpec(values, get("credential_spec")),
    networks: readNetworks(values, get("networks"), key),
    ports: readPorts(values, get("ports"), key),
    mounts: readMounts(values, get("volumes"), paths, key),
    configs: readFileReferences(values, get("configs"), key),
    secrets: readFileReferences(values, get("secrets"), key),
    dependsOn: readDependencies(values, get("depends_on"), key),
    restart: values.text(get("restart")),
    scale: values.integer(get("scale"), 0),
    profiles: values.texts(get("profiles")),
    deploy: withLimits(values, at, key),
  });
}

export function itemOf(key: string, { place, value }: Entry): Item {
  return { key, place, places: placesIn(value) };
}

function sayWhatIsLeftOut(values: Values, at: At, service: string): void {
  for (const { key, place, path } of values.entries(at)) {
    const instead = Object.hasOwn(IGNORED, key) ? IGNORED[key] : undefined;
    if (instead !== undefined) {
      values.findings.notice({
        ...place,
        path,
        service,
        text: `Swarm has no ${key}, it is left out: ${instead}`,
      });
    }
    const cure = Object.hasOwn(REFUSED, key) ? REFUSED[key] : undefined;
    if (cure !== undefined) {
      values.findings.fault(place, {
        path,
        problem: "is not possible on a swarm, docker stack deploy refuses it",
        cure,
      });
    }
  }
}

/** `repository[:tag][@digest]`, as github.com/distribution/reference has it. */
const IMAGE =
  /^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/;

function image(values: Values, at: At | undefined): string | undefined {
  const name = values.text(at);
  if (name === undefined || IMAGE.test(name) || /^[a-f0-9]{64}$/.test(name)) return name;
  return values.refuse(
    at,
    "[registry/]repository[:tag][@digest], the repository in lower case, such as nginx:1.26.3",
  );
}

function commandLine(values: Values, at: At | undefined, service: string): string[] | undefined {
  const words = values.command(at);
  if (at === undefined || words === undefined || words.length > 0) return words;
  values.notice(at, "an empty one does not clear that of the image, as with docker stack deploy", service);
  return undefined;
}

function readUlimits(values: Values, at: At | undefined): ServiceDraft["ulimits"] {
  if (at === undefined) return undefined;
  return Object.fromEntries(
    values.entries(at).flatMap((limit) => {
      const single = limit.node.kind === "scalar" ? values.integer(limit, -1) : undefined;
      const soft = single ?? values.integer(values.below(limit, "soft"), -1);
      const hard = single ?? values.integer(values.below(limit, "hard"), -1);
      if (soft === undefined || hard === undefined) return [];
      if (hard !== -1 && (soft > hard || soft === -1)) {
        values.fault(
          limit,
          `has a soft limit of ${soft} above the hard one of ${hard}`,
          "lower soft, or raise hard",
        );
      }
      return [[limit.key, { soft, hard }]];
    }),
  );
}

function readHosts(values: Values, at: At | undefined): Service["extraHosts"] | undefined {
  if (at === undefined) return undefined;
  if (at.node.kind === "map") {
    return values
      .entries(at)
      .flatMap((entry) => values.items(entry).flatMap((item) => host(entry.key, values.text(item) ?? "")))
      .sort((a, b) => (`${a.host}:${a.address}` < `${b.host}:${b.address}` ? -1 : 1));
  }
  return values.items(at).flatMap((item) => {
    const text = values.text(item) ?? "";
    const [, name, address] = /^([^=]*?)=(.*)$/.exec(text) ?? /^([^:]*):(.*)$/.exec(text) ?? [];
    if (name === undefined || address === undefined) {
      return values.refuse(item, "name=address or name:address, such as db=10.0.0.5") ?? [];
    }
    return host(name, address);
  });
}

function host(name: string, address: string): { host: string; address: string } {
  return { host: name, address: address.replace(/^\[(.+)\]$/, "$1") };
}

const TESTS = ["NONE", "CMD", "CMD-SHELL"];
const LEAST_DURATION = 1e6;

function readHealthcheck(values: Values, at: At | undefined): ServiceDraft["healthcheck"] {
  if (at === undefined) return undefined;
  const testAt = values.below(at, "test");
  const words = values.texts(testAt);
  const test = testAt?.node.kind === "scalar" && words !== undefined ? ["CMD-SHELL", ...words] : words;
  if (testAt !== undefined && test?.[0] !== undefined && !TESTS.includes(test[0])) {
    values.fault(
      testAt,
      `starts with "${test[0]}"`,
      `write ["CMD", ${test.map((word) => JSON.stringify(word)).join(", ")}]`,
      "a list that starts with CMD, CMD-SHELL or NONE, or a text that a shell runs",
    );
  }
  const duration = (key: string) => {
    const value = values.duration(values.below(at, key));
    if (value === undefined || value === 0 || value >= LEAST_DURATION) return value;
    return values.refuse(values.below(at, key), "0, or at least 1ms");
  };
  return defined<Healthcheck & { disable?: boolean }>({
    test,
    interval: duration("interval"),
    timeout: duration("timeout"),
    startPeriod: duration("start_period"),
    startInterval: duration("start_interval"),
    retries: values.integer(values.below(at, "retries"), 0),
    disable: values.boolean(values.below(at, "disable")),
  });
}

function readLogging(values: Values, at: At | undefined): ServiceDraft["logging"] {
  if (at === undefined) return undefined;
  return defined<NonNullable<ServiceDraft["logging"]>>({
    driver: values.text(values.below(at, "driver")),
    options: values.strings(values.below(at, "options")),
  });
}

function readCredentialSpec(values: Values, at: At | undefined): ServiceDraft["credentialSpec"] {
  if (at === undefined) return undefined;
  const spec = defined<NonNullable<ServiceDraft["credentialSpec"]>>({
    config: values.text(values.below(at, "config")),
    file: values.text(values.below(at, "file")),
    registry: values.text(values.below(at, "registry")),
  });
  const given = Object.keys(spec);
  if (given.length > 1) values.fault(at, `has ${given.join(" and ")}`, "keep one of them");
  return spec;
}

function readNetworks(values: Values, at: At | undefined, service: string): ServiceDraft["networks"] {
  if (at === undefined) return undefined;
  if (at.node.kind !== "map") {
    return Object.fromEntries(
      values.items(at).flatMap((item) => {
        const name = values.text(item);
        return name === undefined ? [] : [[name, { place: item.node.place, bare: true }]];
      }),
    );
  }
  return Object.fromEntries(
    values.entries(at).map((entry) => {
      for (const [key, instead] of Object.entries(IGNORED_ON_NETWORK)) {
        const given = values.below(entry, key);
        if (given !== undefined) values.notice(given, `${key} is left out: ${instead}`, service);
      }
      if (isNull(entry.node)) return [entry.key, { place: entry.place, bare: true }];
      return [
        entry.key,
        defined<NetworkDraft>({
          place: entry.place,
          aliases: values.texts(values.below(entry, "aliases")),
          driverOpts: values.strings(values.below(entry, "driver_opts")),
        }),
      ];
    }),
  );
}

/** Permissions that Docker's CLI gives a config or a secret. */
const READ_BY_ALL = 0o444;

function readFileReferences(
  values: Values,
  at: At | undefined,
  service: string,
): FileReference[] | undefined {
  if (at === undefined) return undefined;
  return values.items(at).flatMap((item) => {
    const long = item.node.kind === "map";
    const source = values.text(long ? values.below(item, "source") : item);
    if (source === undefined) {
      return long
        ? (values.fault(item, "has no source", "add source: with a key of the top-level section") ?? [])
        : [];
    }
    const get = (key: string) => (long ? values.below(item, key) : undefined);
    return {
      place: item.node.place,
      source,
      target: values.text(get("target")) || source,
      uid: values.text(get("uid")) || "0",
      gid: values.text(get("gid")) || "0",
      mode: fileMode(values, get("mode"), service) ?? READ_BY_ALL,
    };
  });
}

function readDependencies(values: Values, at: At | undefined, service: string): Dependency[] | undefined {
  if (at === undefined) return undefined;
  if (at.node.kind !== "map") {
    return values.items(at).flatMap((item) => {
      const name = values.text(item);
      return name === undefined ? [] : { service: name, place: item.node.place };
    });
  }
  return values.entries(at).map((entry) => {
    if (values.text(values.below(entry, "condition")) !== undefined) {
      values.notice(
        { node: entry.node, path: `${entry.path}.condition` },
        `Swarm knows no conditions: the rollout of ${entry.key} is over (its tasks run, and are healthy where there is a health check; jobs are complete) before that of ${service} begins, and tasks that are replaced later wait for nothing`,
        service,
      );
    }
    for (const key of ["restart", "required"]) {
      const given = values.below(entry, key);
      if (given !== undefined)
        values.notice(given, `Swarm has no ${key} of a dependency, it is left out`, service);
    }
    return { service: entry.key, place: entry.place };
  });
}

/** `deploy`, with the limits that the service has beside it. */
function withLimits(values: Values, at: At, service: string): ServiceDraft["deploy"] {
  let deploy = readDeploy(values, values.below(at, "deploy"), service);
  for (const [key, [group, name]] of Object.entries(LIMITS)) {
    const given = values.below(at, key);
    if (given === undefined) continue;
    const field = ({ cpus: "nanoCpus", memory: "memory", pids: "pids" } as const)[
      name as "cpus" | "memory" | "pids"
    ];
    const limit =
      name === "cpus"
        ? values.cpus(given)
        : name === "memory"
          ? values.size(given)
          : values.integer(given, -1);
    const home = `deploy.resources.${group}.${name}`;
    const other = (deploy?.[group] as Record<string, unknown> | undefined)?.[field];
    if (other !== undefined && other !== limit) {
      values.fault(given, `is another value than ${home}`, `delete ${key}:, ${home} is the same`);
    }
    values.notice(given, `${key} is taken as ${home}; docker stack deploy refuses it`, service);
    deploy = { ...deploy, [group]: { ...deploy?.[group], [field]: limit } };
  }
  return deploy;
}
