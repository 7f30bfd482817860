/** What one container has used up to a moment. */
export interface Reading {
  readonly container: string;
  /** Full name, such as dev_accountservice. */
  readonly service: string;
  /** By the clock of its engine, in ms. */
  readonly at: number;
  /** Time of processors in ms, of all of them together. */
  readonly cpu: number;
  /** In bytes, without files that the kernel may drop, as `docker stats` has it. */
  readonly memory: number;
  /** Bytes that came in, and went out, by all its networks. */
  readonly received: number;
  readonly sent: number;
}

/** A service whose tasks are looked at. */
export interface Watched {
  readonly name: string;
  /** Memory limit of one task in bytes; undefined without one. */
  readonly limit?: number;
}

/** What the tasks of a service use together. */
export interface Usage {
  readonly service: string;
  readonly tasks: number;
  /** Percent of one core: two busy ones are 200. */
  readonly cpu: number;
  /** In bytes. */
  readonly memory: number;
  /** Of all its tasks, in bytes; undefined where one has none. */
  readonly limit?: number;
  /** Bytes per second. */
  readonly received: number;
  readonly sent: number;
}

/** Mean and maximum of a service over the time of some looks. */
export interface UsageSummary {
  readonly service: string;
  /** The most that there were at once. */
  readonly tasks: number;
  readonly cpu: MeanAndMost;
  readonly memory: MeanAndMost;
  /** At the time of the most memory. */
  readonly limit?: number;
  /** Means, in bytes per second. */
  readonly received: number;
  readonly sent: number;
}

interface MeanAndMost {
  readonly mean: number;
  readonly most: number;
}

/** The row below those of the services. */
const ALL = "all";

/**
 * What the services used between two looks, and all together as the last one; nothing without
 * services. A task that is new since the first look has
 * only its memory in it.
 */
export function usageBetween(
  services: readonly Watched[],
  before: readonly Reading[],
  now: readonly Reading[],
): Usage[] {
  if (services.length === 0) return [];
  const earlier = new Map(before.map((one) => [one.container, one]));
  const rows = services.map(({ name, limit }): Usage => {
    const own = now.filter(({ service }) => service === name);
    const perMs = (of: "cpu" | "received" | "sent"): number =>
      sum(
        own.map((one) => {
          const then = earlier.get(one.container);
          return then === undefined || one.at <= then.at ? 0 : (one[of] - then[of]) / (one.at - then.at);
        }),
      );
    return {
      service: name,
      tasks: own.length,
      cpu: perMs("cpu") * 100,
      memory: sum(own.map(({ memory }) => memory)),
      ...(limit !== undefined && { limit: limit * own.length }),
      received: perMs("received") * 1000,
      sent: perMs("sent") * 1000,
    };
  });
  const total = (of: "tasks" | "cpu" | "memory" | "received" | "sent"): number =>
    sum(rows.map((row) => row[of]));
  const all = { tasks: total("tasks"), cpu: total("cpu"), memory: total("memory") };
  return [...rows, { service: ALL, ...all, received: total("received"), sent: total("sent") }];
}

/** @param looks what {@link usageBetween} gave, one look after the other; services may come and go. */
export function summarize(looks: readonly (readonly Usage[])[]): UsageSummary[] {
  const names = [...new Set(looks.flatMap((look) => look.map(({ service }) => service)))];
  // Where a service came later, it comes before the sum all the same.
  const ordered = [...names.filter((name) => name !== ALL), ...names.filter((name) => name === ALL)];
  return ordered.map((service) => {
    const own = looks.flatMap((look) => look.filter((one) => one.service === service));
    const of = (key: "cpu" | "memory" | "received" | "sent"): MeanAndMost => {
      const values = own.map((one) => one[key]);
      return { mean: sum(values) / values.length, most: Math.max(...values) };
    };
    const memory = of("memory");
    const limit = own.find((one) => one.memory === memory.most)?.limit;
    return {
      service,
      tasks: Math.max(...own.map(({ tasks }) => tasks)),
      cpu: of("cpu"),
      memory,
      ...(limit !== undefined && { limit }),
      received: of("received").mean,
      sent: of("sent").mean,
    };
  });
}

/** For {@link table}: what the services use now. */
export function usageRows(rows: readonly Usage[]): string[][] {
  return [
    ["SERVICE", "TASKS", "CPU %", "MEMORY", "LIMIT", "OF LIMIT", "NET IN/s", "NET OUT/s"],
    ...rows.map(({ service, tasks, cpu, memory, limit, received, sent }) => [
      service,
      String(tasks),
      percent(cpu),
      bytes(memory),
      ...ofLimit(memory, limit),
      bytes(received),
      bytes(sent),
    ]),
  ];
}

/** For {@link table}: what they used over a time. */
export function summaryRows(rows: readonly UsageSummary[]): string[][] {
  const head = ["SERVICE", "TASKS", "CPU % MEAN", "MAX", "MEMORY MEAN", "MAX", "LIMIT", "OF LIMIT"];
  return [
    [...head, "NET IN/s", "NET OUT/s"],
    ...rows.map(({ service, tasks, cpu, memory, limit, received, sent }) => [
      service,
      String(tasks),
      percent(cpu.mean),
      percent(cpu.most),
      bytes(memory.mean),
      bytes(memory.most),
      ...ofLimit(memory.most, limit),
      bytes(received),
      bytes(sent),
    ]),
  ];
}

function ofLimit(memory: number, limit: number | undefined): [string, string] {
  return limit ? [bytes(limit), `${percent((memory / limit) * 100)} %`] : ["-", "-"];
}

/** `12.3 MiB`; whole from 100 on. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const step = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** step;
  return `${scaled.toFixed(step === 0 || scaled >= 99.95 ? 0 : 1)} ${units[step]}`;
}

function percent(value: number): string {
  return value.toFixed(1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
