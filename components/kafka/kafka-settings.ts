import {
  allowedValue,
  BROKER_PROPERTIES,
  KAFKA_VERSION,
  KafkaProperty,
  OPEN_PREFIXES,
  UNMAPPED_VARIABLES,
} from "./kafka-property";
import { nearest } from "../nearest";

/** Variables that are not properties: the image's own, and those that every container may have. */
const IMAGE_VARIABLES = ["CLUSTER_ID", "TZ", "KAFKA_JMX_PORT", ...UNMAPPED_VARIABLES];
const NAMES = [...BROKER_PROPERTIES.keys()];
const KNOWN = "those under broker in components/kafka/kafka-properties.json";
/** SASL mechanisms, as Kafka writes them between a listener's prefix and the property. */
const MECHANISM = /^(gssapi|oauthbearer|plain|scram-sha-256|scram-sha-512)\./;

/** Variable from which the official image makes a broker's property: `log.dirs` is KAFKA_LOG_DIRS. */
export function envKey(property: string): string {
  const written: Record<string, string> = { ".": "_", _: "__", "-": "___" };
  return `KAFKA_${property.replace(/[._-]/g, (mark) => written[mark] ?? mark).toUpperCase()}`;
}

/** Property that the official image makes of a variable (kafka.docker.KafkaDockerWrapper); undefined if none. */
export function envProperty(key: string): string | undefined {
  if (!key.startsWith("KAFKA_") || UNMAPPED_VARIABLES.includes(key)) return undefined;
  return key
    .slice("KAFKA_".length)
    .toLowerCase()
    .replaceAll("_", ".")
    .replaceAll("...", "-")
    .replaceAll("..", "_");
}

/**
 * Faults in the environment of a broker's container: variables that neither the image nor the broker knows, which it
 * would ignore in silence, and values that would keep it from starting.
 *
 * @returns one text per fault: variable, value, what is allowed, what to do.
 */
export function envFaults(env: Readonly<Record<string, string>>): string[] {
  const listeners = listenerNames(env.KAFKA_LISTENERS ?? "");
  return Object.entries(env).flatMap(([key, value]) => {
    if (IMAGE_VARIABLES.includes(key)) return [];
    const property = envProperty(key);
    if (property === undefined) {
      const near = perhaps(nearest(key, IMAGE_VARIABLES));
      return [
        `${key} = ${shown(key, value)}: not used by the image; allowed: KAFKA_*, CLUSTER_ID and TZ${near}; do: correct the name`,
      ];
    }
    const found = lookUp(property, listeners);
    if ("known" in found) {
      const allowed = found.known && allowedValue(found.known, value);
      if (allowed === undefined) return [];
      return [`${key} = ${shown(property, value, found.known)}; allowed: ${allowed}; do: correct the value`];
    }
    const near = found.near === undefined ? nearest(key, IMAGE_VARIABLES) : envKey(found.near);
    return [
      `${key} = ${shown(found.near ?? property, value)}: ${property} is ${found.fault}; allowed: ${found.allowed}${perhaps(near)}; do: correct the name`,
    ];
  });
}

/** Names of the listeners in a value of the property `listeners`. */
export function listenerNames(listeners: string): string[] {
  return listeners.split(",").flatMap((one) => /^\s*([^:\s]+):\/\//.exec(one)?.[1] ?? []);
}

/**
 * Faults in the broker properties that a stack adds, key kafkaSettings.
 *
 * @param settings property to text, number, true or false, as parsed from the stack's configuration.
 * @param owned properties that the platform sets itself, with the key of the stack that decides them, or undefined
 *   where none does.
 * @param listeners names of the brokers' listeners.
 * @returns one text per fault: key, value, what is allowed, what to do.
 */
export function settingsFaults(
  settings: unknown,
  owned: ReadonlyMap<string, string | undefined>,
  listeners: readonly string[],
): string[] {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    return [
      `kafkaSettings = ${JSON.stringify(settings)}; allowed: values by property, such as {"log.retention.hours":"24"};` +
        ` do: pulumi config set --path 'kafkaSettings["log.retention.hours"]' 24`,
    ];
  }
  return Object.entries(settings).flatMap(([property, value]) => {
    const key = `kafkaSettings["${property}"]`;
    const remove = `pulumi config rm --path '${key}'`;
    const inner = withoutListener(property, listeners);
    const own = [property, inner].find((name) => owned.has(name));
    if (own !== undefined) {
      const by = owned.get(own);
      return [
        `${key} = ${shown(inner, value)}: set by the platform${by === undefined ? "" : ` from ${by}`};` +
          ` allowed: other properties; do: ${remove}${by === undefined ? "" : ` && pulumi config set ${by} <value>`}`,
      ];
    }
    const found = lookUp(property, listeners);
    if (!("known" in found)) {
      return [
        `${key} = ${shown(found.near ?? property, value)}: ${found.fault}; allowed: ${found.allowed}${perhaps(found.near)}; do: ${remove}`,
      ];
    }
    const allowed = allowedValue(found.known ?? { type: "string" }, value);
    if (allowed === undefined) return [];
    return [
      `${key} = ${shown(inner, value, found.known)}; allowed: ${allowed}; do: pulumi config set --path '${key}' <value>`,
    ];
  });
}

/** Found: what is known of the property, undefined where a plugin of Kafka decides. */
type Found =
  | { readonly known: KafkaProperty | undefined }
  | { readonly fault: string; readonly allowed: string; readonly near: string | undefined };

/** Looks a property up, through the prefixes of its listener and mechanism: `listener.name.<listener>.<property>`. */
function lookUp(property: string, listeners: readonly string[]): Found {
  if (BROKER_PROPERTIES.has(property)) return { known: BROKER_PROPERTIES.get(property) };
  if (OPEN_PREFIXES.some((prefix) => property.startsWith(prefix))) return { known: undefined };
  const inner = withoutListener(property, listeners);
  if (inner === property && property.startsWith("listener.name.")) {
    return {
      fault: "not of a declared listener",
      allowed: listeners.map((name) => `${listenerPrefix(name)}*`).join(", ") || "none, there is no listener",
      near: undefined,
    };
  }
  if (inner !== property && BROKER_PROPERTIES.has(inner)) return { known: BROKER_PROPERTIES.get(inner) };
  const near = nearest(inner, NAMES);
  return {
    fault: `not a broker property of Kafka ${KAFKA_VERSION}`,
    allowed: KNOWN,
    near: near && property.slice(0, property.length - inner.length) + near,
  };
}

/** The property inside the prefixes of a declared listener and of a mechanism; itself when it has none. */
function withoutListener(property: string, listeners: readonly string[]): string {
  const prefix = listeners.map(listenerPrefix).find((start) => property.startsWith(start));
  return prefix === undefined ? property : property.slice(prefix.length).replace(MECHANISM, "");
}

/** Kafka looks for a listener's name in lower case. */
function listenerPrefix(listener: string): string {
  return `listener.name.${listener.toLowerCase()}.`;
}

/** The value, unless it may be a secret. */
function shown(property: string, value: unknown, known = BROKER_PROPERTIES.get(property)): string {
  const secret = known?.type === "password" || /password|secret|jaas|credential|\.key$/i.test(property);
  return secret ? "(hidden)" : JSON.stringify(value);
}

function perhaps(name: string | undefined): string {
  return name === undefined ? "" : `, perhaps ${name}`;
}
