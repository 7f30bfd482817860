/** What `make load` is told. */
export interface LoadOptions {
  /** How many users there are at the end. */
  readonly users: number;
  /** Seconds in which they come, one after the other. */
  readonly duration: number;
  /** Where /accounts/{id} is, without a slash at the end. @default the stack's own accountsUrl */
  readonly baseUrl?: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Each user has a connection, and Linux has 28,232 local ports for those to one address. */
const MOST_USERS = 20_000;
const MOST_SECONDS = 3600;

/**
 * Reads USERS (default 1000), DURATION (default 30) and BASE_URL. Empty is not set, as make hands it on.
 *
 * @throws RangeError naming all that is wrong.
 */
export function readLoadOptions(env: Variables): LoadOptions {
  const faults: string[] = [];
  const users = whole(env, "USERS", { most: MOST_USERS, example: "USERS=1000", faults });
  const duration = readDuration(env, faults);
  const baseUrl = env.BASE_URL ? url(env.BASE_URL, faults) : undefined;
  refuse("load", faults);
  return { users: users ?? 1000, duration: duration ?? 30, ...(baseUrl !== undefined && { baseUrl }) };
}

/**
 * Seconds of `make stats` by DURATION; undefined without.
 *
 * @throws RangeError
 */
export function readStatsDuration(env: Variables): number | undefined {
  const faults: string[] = [];
  const duration = readDuration(env, faults);
  refuse("stats", faults);
  return duration;
}

function readDuration(env: Variables, faults: string[]): number | undefined {
  return whole(env, "DURATION", { most: MOST_SECONDS, unit: " of seconds", example: "DURATION=30", faults });
}

function whole(
  env: Variables,
  name: string,
  { most, unit = "", example, faults }: { most: number; unit?: string; example: string; faults: string[] },
): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= most) return Number(text);
  faults.push(`${name} = ${text}; allowed: a whole number${unit} from 1 to ${most}; do: ${example}`);
  return undefined;
}

function url(text: string, faults: string[]): string | undefined {
  const parsed = URL.parse(text);
  const isPlain = parsed !== null && !parsed.search && !parsed.hash && !parsed.username;
  if (isPlain && /^https?:$/.test(parsed.protocol)) return text.replace(/\/+$/, "");
  faults.push(
    `BASE_URL = ${text.replace(/[^/]*@/, "[secret]@")}; allowed: http:// or https://, a host, and if need be a port and a path; ` +
      "do: BASE_URL=http://127.0.0.1:6767, or leave it out for the stack's own",
  );
  return undefined;
}

function refuse(command: string, faults: readonly string[]): void {
  if (faults.length === 0) return;
  const count = faults.length === 1 ? "a fault" : `${faults.length} faults`;
  throw new RangeError(
    `make ${command} has ${count}; nothing was asked.\n${faults.map((one) => `  - ${one}`).join("\n")}`,
  );
}
