import { bytes, Reading, summarize, summaryRows, usageBetween, usageRows } from "../../load/usage";

const MIB = 1024 * 1024;
const reading = (container: string, service: string, more: Partial<Reading> = {}): Reading => ({
  ...{ container, service, at: 0, cpu: 0, memory: 10 * MIB, received: 0, sent: 0 },
  ...more,
});
const SERVICES = [{ name: "dev_web", limit: 64 * MIB }, { name: "dev_db" }];

describe("between two readings", () => {
  test("the tasks of a service are summed, in percent of one core and bytes per second", () => {
    const before = [reading("a", "dev_web"), reading("b", "dev_web"), reading("c", "dev_db")];
    const now = [
      reading("a", "dev_web", { at: 2000, cpu: 500, received: 4000, sent: 1000 }),
      // Its engine's clock, and a time of its own.
      reading("b", "dev_web", { at: 1000, cpu: 1500, memory: 20 * MIB }),
      reading("c", "dev_db", { at: 2000, cpu: 20 }),
    ];
    expect(usageBetween(SERVICES, before, now)).toEqual([
      {
        service: "dev_web",
        tasks: 2,
        cpu: 25 + 150,
        memory: 30 * MIB,
        limit: 128 * MIB,
        received: 2000,
        sent: 500,
      },
      { service: "dev_db", tasks: 1, cpu: 1, memory: 10 * MIB, received: 0, sent: 0 },
      { service: "all", tasks: 3, cpu: 176, memory: 40 * MIB, received: 2000, sent: 500 },
    ]);
  });

  test("a new task has only its memory in it, one that has ended nothing", () => {
    const [web] = usageBetween(
      SERVICES,
      [reading("old", "dev_web", { cpu: 9000 })],
      [reading("new", "dev_web", { at: 2000, cpu: 700 })],
    );
    expect(web).toMatchObject({ tasks: 1, cpu: 0, memory: 10 * MIB });
  });

  test("the same reading again is no division by zero", () => {
    const same = [reading("a", "dev_web", { at: 5, cpu: 5 })];
    expect(usageBetween(SERVICES, same, same)[0]?.cpu).toBe(0);
  });

  test("a service without tasks is there, and no service is nothing", () => {
    expect(usageBetween(SERVICES, [], [])[0]).toEqual({
      ...{ service: "dev_web", tasks: 0, cpu: 0, memory: 0, limit: 0, received: 0, sent: 0 },
    });
    expect(usageBetween([], [], [])).toEqual([]);
  });
});

describe("over a time", () => {
  const look = (cpu: number, memory: number, tasks = 1) => ({
    ...{ service: "dev_web", tasks, cpu, memory: memory * MIB, limit: tasks * 64 * MIB },
    ...{ received: 1000 * cpu, sent: 0 },
  });
  const all = { service: "all", tasks: 1, cpu: 1, memory: MIB, received: 0, sent: 0 };

  test("it is mean and maximum, and the limit at the time of the most memory", () => {
    expect(summarize([[look(10, 30)], [look(30, 90, 2)], [look(20, 60)]])).toEqual([
      {
        service: "dev_web",
        tasks: 2,
        cpu: { mean: 20, most: 30 },
        memory: { mean: 60 * MIB, most: 90 * MIB },
        limit: 128 * MIB,
        received: 20_000,
        sent: 0,
      },
    ]);
  });

  test("a service that came later counts from then on, above the sum", () => {
    const summary = summarize([[all], [look(10, 30), all], []]);
    expect(summary.map(({ service }) => service)).toEqual(["dev_web", "all"]);
    expect(summary[0]?.cpu).toEqual({ mean: 10, most: 10 });
  });

  test("no look is nothing", () => expect(summarize([[], []])).toEqual([]));
});

test("the tables", () => {
  const usage = { service: "dev_web", tasks: 2, cpu: 12.34, memory: 32 * MIB, received: 2048, sent: 0 };
  const summary = { ...usage, cpu: { mean: 1, most: 2 }, memory: { mean: MIB, most: 32 * MIB } };
  const cells = (rows: string[][]): string | undefined => rows[1]?.join(" | ");
  expect(cells(usageRows([{ ...usage, limit: 128 * MIB }]))).toBe(
    "dev_web | 2 | 12.3 | 32.0 MiB | 128 MiB | 25.0 % | 2.0 KiB | 0 B",
  );
  expect(cells(usageRows([usage]))).toBe("dev_web | 2 | 12.3 | 32.0 MiB | - | - | 2.0 KiB | 0 B");
  expect(cells(usageRows([{ ...usage, tasks: 0, memory: 0, limit: 0 }]))).toContain("| 0 B | - | - |");
  expect(cells(summaryRows([{ ...summary, limit: 64 * MIB }]))).toBe(
    "dev_web | 2 | 1.0 | 2.0 | 1.0 MiB | 32.0 MiB | 64.0 MiB | 50.0 % | 2.0 KiB | 0 B",
  );
  for (const rows of [usageRows([usage]), summaryRows([summary])])
    expect(rows[0]).toHaveLength(rows[1]?.length ?? 0);
});

test.each([
  [0, "0 B"],
  [0.4, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [100 * 1024, "100 KiB"],
  [1.5 * MIB, "1.5 MiB"],
  [3 * 1024 * MIB, "3.0 GiB"],
])("%d bytes are %s", (value, text) => expect(bytes(value)).toBe(text));
