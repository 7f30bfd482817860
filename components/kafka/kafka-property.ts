import properties from "./kafka-properties.json";

/** What Kafka takes as the value of a property; what its own code decides beyond that is left to it. */
export interface KafkaProperty {
  readonly type: "boolean" | "class" | "double" | "int" | "list" | "long" | "password" | "short" | "string";
  readonly min?: number;
  readonly max?: number;
  /** Names that the value is one of, or that a list is made of. */
  readonly values?: readonly string[];
}

/** Kafka release that the properties are of (tools/kafka-properties.sh). */
export const KAFKA_VERSION = properties.version;
/** Properties of a broker, by name. */
export const BROKER_PROPERTIES = new Map(Object.entries(properties.broker as Record<string, KafkaProperty>));
/** Properties that a topic can have of its own, by name. */
export const TOPIC_PROPERTIES = new Map(Object.entries(properties.topic as Record<string, KafkaProperty>));
/** Starts of names that Kafka passes on to plugins without knowing the rest. */
export const OPEN_PREFIXES: readonly string[] = properties.openPrefixes;
/** Variables of the official image that it uses itself, and makes no property of. */
export const UNMAPPED_VARIABLES: readonly string[] = properties.unmapped;

/** Value of a property as configuration has it. */
export type KafkaValue = string | number | boolean;

/** What is allowed for a property, when the value is not; undefined when it is. */
export function allowedValue(property: KafkaProperty, value: unknown): string | undefined {
  if (!["string", "number", "boolean"].includes(typeof value)) return "text, a number, true or false";
  const text = String(value).trim();
  const { values } = property;
  switch (property.type) {
    case "boolean":
      return /^(true|false)$/i.test(text) ? undefined : "true or false";
    case "short":
      return whole(property, 15n, text);
    case "int":
      return whole(property, 31n, text);
    case "long":
      return whole(property, 63n, text);
    case "double":
      return number(property, text);
    case "list":
      if (values === undefined || text.split(",").every((one) => values.includes(one.trim())))
        return undefined;
      return `one or more of ${values.join(", ")}, separated by commas`;
    default:
      return values === undefined || values.includes(text) ? undefined : values.join(", ");
  }
}

/** Bits: those that Kafka keeps the number in, less the sign's. */
function whole({ min, max }: KafkaProperty, bits: bigint, text: string): string | undefined {
  const least = min ?? -(2n ** bits);
  const most = max ?? 2n ** bits - 1n;
  if (/^[+-]?\d+$/.test(text) && BigInt(text) >= least && BigInt(text) <= most) return undefined;
  return `a whole number from ${least} to ${most}`;
}

function number({ min = -Infinity, max = Infinity }: KafkaProperty, text: string): string | undefined {
  if (text !== "" && Number.isFinite(Number(text)) && Number(text) >= min && Number(text) <= max)
    return undefined;
  const limits = [min > -Infinity ? ` from ${min}` : "", max < Infinity ? ` to ${max}` : ""].join("");
  return `a number${limits}`;
}
