import { IMAGE_LABEL } from "./convert";
import type { Kind } from "./engine-resource";
import { bytes, MAPS, OF_SERVICE, OF_TASK, OURS, SIZES } from "./provider/shown-spec";

/*
 * What stack files declare, in the words of Pulumi's docker provider: policies and reports know these alone. A field for
 * which it has no word keeps the Engine API's, so that nothing is passed over.
 */

type Values = Readonly<Record<string, unknown>>;

const TYPES: Readonly<Record<Kind, string>> = {
  Service: "docker:index/service:Service",
  Network: "docker:index/network:Network",
  Volume: "docker:index/volume:Volume",
  Config: "docker:index/serviceConfig:ServiceConfig",
  Secret: "docker:index/secret:Secret",
};
const PREFIX = "pulumi-nodejs:dynamic/compose:";

/** Words that differ by more than their capitals. */
const WORDS: Readonly<Record<string, string>> = {
  CapabilityAdd: "capAdds",
  CapabilityDrop: "capDrops",
  Command: "commands",
  EnableIPv4: "ipv4",
  EnableIPv6: "ipv6",
  NanoCPUs: "nanoCpus",
  Networks: "networksAdvanceds",
  Reservations: "reservation",
  Sysctls: "sysctl",
  Test: "tests",
};

/** The docker provider's type for what a stack file declares; undefined for all other types. */
export function dockerType(type: string): string | undefined {
  return type.startsWith(PREFIX) ? TYPES[type.slice(PREFIX.length) as Kind] : undefined;
}

/** What users call it: `shop/web` for `shop-web` of the stack `shop`. */
export function nameInStack(stack: string, name: string): string {
  return `${stack}/${name.startsWith(`${stack}-`) ? name.slice(stack.length + 1) : name}`;
}

/**
 * Properties of what a stack file declares. Anything that is no plain object stays what it is: secrets, what is not known.
 *
 * @param fields see shownService for those of a service.
 */
export function dockerFields(type: string, fields: Values): Values {
  const own = Object.entries(fields).filter(([key]) => !OURS.has(key));
  if (type !== `${PREFIX}Service`) return Object.fromEntries(own.map(inWords));
  const service: Record<string, unknown> = {};
  const taskSpec: Record<string, unknown> = {};
  const containerSpec: Record<string, unknown> = {};
  for (const [key, value] of own) {
    const part = OF_SERVICE.has(key) ? service : OF_TASK.has(key) ? taskSpec : containerSpec;
    const [word, said] = inWords([key === "ContainerLabels" ? "Labels" : key, value]);
    part[word] = word === "mode" ? mode(said) : said;
  }
  return { ...service, taskSpec: { ...taskSpec, containerSpec } };
}

function inWords([key, value]: [string, unknown]): [string, unknown] {
  // A run of capitals is one word: DNSConfig, TTY.
  const word = WORDS[key] ?? key.replace(/^([A-Z]+(?=[A-Z][a-z]|$)|[A-Z])/, (start) => start.toLowerCase());
  if (key === "Labels") return [word, labels(value)];
  if (MAPS.has(key)) return [word, value];
  if (SIZES.has(key) && typeof value === "string") return [word, bytes(value) || value];
  return [word, Array.isArray(value) ? value.map((one) => entry(key, one)) : entry(key, value)];
}

/** What is in a field, or in a list. */
function entry(key: string, value: unknown): unknown {
  if (!isPlain(value)) return value;
  const said = Object.fromEntries(Object.entries(value).map(inWords));
  switch (key) {
    case "Networks": {
      const { target, ...rest } = said;
      return { id: target, ...rest };
    }
    case "VolumeOptions": {
      const { driverConfig, ...rest } = said;
      if (!isPlain(driverConfig)) return said;
      return { ...rest, driverName: driverConfig.name, driverOptions: driverConfig.options };
    }
    case "Configs":
    case "Secrets": {
      const { file, ...rest } = said;
      if (!isPlain(file)) return said;
      const { name, uid, gid, mode: fileMode } = file;
      return { ...rest, fileName: name, fileUid: uid, fileGid: gid, fileMode };
    }
    default:
      return said;
  }
}

function mode(value: unknown): unknown {
  return isPlain(value) && "global" in value ? { global: true } : value;
}

/** By name. That of the image, which is told by itself, is left out. */
function labels(value: unknown): unknown {
  if (!isPlain(value)) return value;
  const entries = Object.entries(value).filter(([label]) => label !== IMAGE_LABEL);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, one]) => ({ label, value: one }));
}

function isPlain(value: unknown): value is Values {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
