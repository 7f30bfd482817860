import type { NetworkDraft, ServiceDraft } from "./draft";
import { type Findings, showPlace } from "./faults";
import type { Place } from "./model";

type Fields = Readonly<Record<string, unknown>>;

/** Lists whose items have an identity: what the later file says of one replaces what the earlier did. */
const IDENTITIES: Readonly<Record<string, string>> = {
  ports: "published",
  mounts: "target",
  configs: "source",
  secrets: "source",
};
/** Numbers of which docker tells 0 from none. */
const COUNTS = [
  "deploy.replicas",
  "deploy.restartPolicy.maxAttempts",
  "deploy.updateConfig.parallelism",
  "deploy.rollbackConfig.parallelism",
  "healthcheck.retries",
];
/** Mappings whose empty values count, too. */
const PLAIN_MAPS = ["labels", "deploy.labels", "sysctls", "logging.options"];
/** Model's names whose file's are not the same in snake case. */
const FILE_NAMES: Readonly<Record<string, string>> = {
  mounts: "volumes",
  groups: "group_add",
  dnsOptions: "dns_opt",
};

/**
 * A service of an earlier file with what a later one says of it, by the rules of docker stack deploy (docker/cli,
 * cli/compose/loader/merge.go): mappings are merged by key, lists are joined, those with an identity by it, single values and commands are
 * replaced. Where that is not what one would expect, a notice says so.
 */
export function mergeService(base: ServiceDraft, later: ServiceDraft, findings: Findings): ServiceDraft {
  const { key, place } = later;
  const places = new Map([...base.places, ...later.places]);
  const merger = new Merger(later, findings);
  return {
    ...(merger.fields(base as unknown as Fields, later as unknown as Fields, "") as unknown as ServiceDraft),
    key,
    place,
    places,
  };
}

class Merger {
  constructor(
    private readonly later: ServiceDraft,
    private readonly findings: Findings,
  ) {}

  public fields(base: Fields, later: Fields, path: string): Fields {
    const result: Record<string, unknown> = { ...base };
    for (const key of new Set([...Object.keys(base), ...Object.keys(later)])) {
      const below = path === "" ? key : `${path}.${key}`;
      Object.defineProperty(result, key, {
        value: this.value(base[key], later[key], below, PLAIN_MAPS.includes(path)),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return result;
  }

  private value(base: unknown, later: unknown, path: string, inPlainMap: boolean): unknown {
    const identity = IDENTITIES[path];
    if (identity !== undefined && base !== undefined) {
      return this.byIdentity(base as readonly Fields[], (later ?? []) as readonly Fields[], path, identity);
    }
    if (later === undefined) return base;
    if (base === undefined || base === null) return later;
    if (path === "place" || path.endsWith(".place")) return later;
    if (path === "networks") return this.networks(base as Networks, later as Networks);
    if (path === "command" || path === "entrypoint" || /^ulimits\./.test(path)) return later;
    if (path === "logging" && otherDriver(base, later as Logging)) return later;
    if (Array.isArray(base)) {
      if (path === "healthcheck.test")
        this.notice(
          path,
          "is appended to that of the file before, as docker stack deploy does; write it in one file alone, or tag it !override",
        );
      return [...(base as unknown[]), ...(later as unknown[])];
    }
    if (typeof base === "object") return this.fields(base as Fields, later as Fields, path);
    if (isEmpty(later) && !inPlainMap && !COUNTS.includes(path)) {
      if (base !== later && !isEmpty(base)) {
        this.notice(
          path,
          `= ${JSON.stringify(later)} does not replace what the file before has, as with docker stack deploy, for which an empty value is none; tag it !override`,
        );
      }
      return base;
    }
    return later;
  }

  /** Of what has the same identity, even in one file, one is left. */
  private byIdentity(
    base: readonly Fields[],
    later: readonly Fields[],
    path: string,
    identity: string,
  ): Fields[] {
    const kept = new Map<unknown, Fields>();
    for (const [items, isLater] of [
      [base, false],
      [later, true],
    ] as const) {
      const seen = new Set<unknown>();
      for (const item of items) {
        const id = item[identity] ?? 0;
        if (seen.has(id)) this.lost(path, item, kept.get(id), identity);
        else if (isLater && path === "ports") this.portLost(item, kept.get(id));
        seen.add(id);
        kept.set(id, item);
      }
    }
    return [...kept].sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)).map(([, item]) => item);
  }

  private portLost(item: Fields, other: Fields | undefined): void {
    if (other !== undefined && (other.protocol !== item.protocol || other.target !== item.target)) {
      this.lost("ports", item, other, "published");
    }
  }

  private lost(path: string, item: Fields, other: Fields | undefined, identity: string): void {
    const place = item.place as Place;
    this.findings.notice({
      ...place,
      path: `services.${this.later.key}.${fileName(path)}`,
      service: this.later.key,
      text:
        `this item replaces that of ${showPlace((other?.place ?? place) as Place)}, as with docker stack deploy: when files are merged, ` +
        `${fileName(path)} of the same ${identity} are one; tag the list in the later file !override and write all of them there`,
    });
  }

  private networks(base: Networks, later: Networks): Networks {
    const merged = Object.entries(later).map(([name, network]): [string, NetworkDraft] => {
      const before = base[name];
      if (before === undefined || before.bare) return [name, network];
      if (network.bare) return [name, before];
      const { aliases, ...rest } = before;
      if (aliases !== undefined && network.aliases === undefined) {
        this.notice(
          "networks",
          `${name} loses its aliases of the file before, as with docker stack deploy; repeat them`,
        );
      }
      if (network.driverOpts !== undefined) {
        this.notice(
          "networks",
          `${name}: driver_opts of this file are left out, as with docker stack deploy; write them into the file before`,
        );
      }
      return [name, { ...rest, place: network.place, ...(network.aliases && { aliases: network.aliases }) }];
    });
    return { ...base, ...Object.fromEntries(merged) };
  }

  private notice(path: string, text: string): void {
    const inFile = fileName(path);
    const place = this.later.places.get(inFile) ?? this.later.place;
    const { key } = this.later;
    this.findings.notice({ ...place, path: `services.${key}.${inFile}`, service: key, text });
  }
}

type Networks = NonNullable<ServiceDraft["networks"]>;
type Logging = NonNullable<ServiceDraft["logging"]>;

function otherDriver(base: Logging, later: Logging): boolean {
  return Boolean(base.driver && later.driver && base.driver !== later.driver);
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === 0 || value === false || value === null;
}

function fileName(path: string): string {
  return path
    .split(".")
    .map((part, i) => (i === 0 ? (FILE_NAMES[part] ?? snake(part)) : snake(part)))
    .join(".");
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
