import { Secret } from "@pulumi/policy";
import { UNKNOWN_VALUES } from "./unknown-values";

/** In the place of a value that a preview can't know. */
export const UNKNOWN = Symbol("known after up");
/** A value that may not be known; undefined when it is not set. */
export type Known<T> = T | typeof UNKNOWN | undefined;

/** Internals of @pulumi/policy (proxy.js), whose proxies throw at unknown values and hide which ones are secrets. */
const IS_PROXY = "__isSpecialProxy";
const TARGET = "__getSpecialProxyTarget";

/** A value of a resource. */
export interface Found {
  /** Without marks of secrets, and with {@link UNKNOWN} in the place of what is not known. */
  readonly value: unknown;
  /** Whether it, or what it is in, is a Pulumi secret. */
  readonly secret: boolean;
}

type Path = readonly (string | number)[];

/** The properties of a resource as the engine sends them: what is not known can be asked for, and secrets are told apart. */
export class Properties {
  private readonly raw: unknown;

  /** @param props of a remediation; those of a validation have lost the marks of secrets. */
  constructor(props: unknown) {
    let raw = props as Record<string, unknown>;
    while (raw[IS_PROXY]) raw = raw[TARGET] as Record<string, unknown>;
    this.raw = raw;
  }

  /** The same with other names; {@link Secret}s and values that are not known are handed over as they are. */
  renamed(rename: (props: Readonly<Record<string, unknown>>) => object): Properties {
    return new Properties(rename(this.raw as Record<string, unknown>));
  }

  find(...path: Path): Found {
    let at = opened(this.raw);
    let { secret } = at;
    for (const key of path) {
      if (at.value === UNKNOWN) break;
      if (typeof at.value !== "object" || at.value === null) return { value: undefined, secret };
      at = opened((at.value as Record<string | number, unknown>)[key]);
      secret ||= at.secret;
    }
    return { value: plain(at.value), secret };
  }

  get<T>(...path: Path): Known<T> {
    return this.find(...path).value as Known<T>;
  }

  /** The entries of a list or a map by index or key; none when it is not set, UNKNOWN when it is not known. */
  entries(...path: Path): (readonly [string, Found])[] | typeof UNKNOWN {
    const { value } = this.find(...path);
    if (value === UNKNOWN) return UNKNOWN;
    const keys = Object.keys(value ?? {}).filter((key) => key !== "__defaults");
    return keys.map((key) => [key, this.find(...path, key)]);
  }
}

function opened(raw: unknown): Found {
  if (raw instanceof Secret) return { value: opened(raw.value).value, secret: true };
  return { value: UNKNOWN_VALUES.has(raw) ? UNKNOWN : raw, secret: false };
}

function plain(raw: unknown): unknown {
  const { value } = opened(raw);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value ?? undefined;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
