import { Secret } from "@pulumi/policy";

/** In the place of a value that a preview can't know. */
export const UNKNOWN = Symbol("known after up");
/** A value that may not be known; undefined when it is not set. */
export type Known<T> = T | typeof UNKNOWN | undefined;

/** How the engine sends a value that it does not know, by kind (sdk/go/common/resource/plugin/rpc.go). */
const SENTINELS: ReadonlySet<unknown> = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);
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
  return { value: SENTINELS.has(raw) ? UNKNOWN : raw, secret: false };
}

function plain(raw: unknown): unknown {
  const { value } = opened(raw);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value ?? undefined;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
