import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Load, LoadSample, measure, renderMeasured } from "../support/load";

const sample = (at: number, args: Partial<LoadSample> = {}): LoadSample => ({
  at,
  target: "http://a/",
  ms: 1,
  status: 200,
  ...args,
});

/** A server on loopback; returns its URL. */
async function serve(answer: http.RequestListener): Promise<string> {
  const server = http.createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
const servers: http.Server[] = [];
afterAll(() => servers.forEach((server) => server.close()));

test("a load keeps its rate, half of it over new connections, and sees every kind of fault", async () => {
  let connections = 0;
  const good = await serve((_request, answer) => answer.end("all is well"));
  servers[0]?.on("connection", () => connections++);
  const bad = await serve((_request, answer) => answer.writeHead(503).end());
  const empty = await serve((_request, answer) => answer.end("{}"));
  const broken = await serve((_request, answer) => {
    answer.writeHead(200, { "content-length": 10 });
    answer.write("half");
    setTimeout(() => answer.destroy(), 10);
  });
  const gone = await serve(() => undefined);
  servers.pop()?.close();
  const targets = [good, bad, empty, broken, gone].map((url) => ({ url, expect: "well" }));
  const load = new Load(targets, 100, 60);
  await sleep(1500);
  const samples = await load.stop();

  const reasons = new Set(
    samples.map(
      ({ target, status, error }) =>
        `${targets.findIndex(({ url }) => url === target)} ${status} ${error ?? ""}`,
    ),
  );
  expect([...reasons].sort()).toEqual([
    "0 200 ",
    "1 503 ",
    "2 200 answer without well",
    "3 0 ECONNRESET in the answer",
    "4 0 ECONNREFUSED",
  ]);
  const seconds = ((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)) / 1000;
  expect(samples.length / seconds).toBeGreaterThan(80);
  expect(samples.length / seconds).toBeLessThan(120);
  const answered = samples.filter(({ target }) => target === good).length;
  expect(connections).toBeGreaterThanOrEqual(answered / 2);
  expect(connections).toBeLessThan(answered * 0.75);
});

test("a load asks again where a kept connection was closed under its request, as clients must", async () => {
  const asked = new Map<unknown, number>();
  let resets = 0;
  const url = await serve((request, answer) => {
    const count = (asked.get(request.socket) ?? 0) + 1;
    asked.set(request.socket, count);
    if (count === 1) return answer.end("well");
    resets++;
    request.socket.resetAndDestroy();
  });
  const load = new Load([{ url, expect: "well" }], 100, 60);
  await sleep(1000);
  expect(measure(await load.stop(), 0, 0)).toMatchObject({ lost: 0, again: resets, faults: {} });
  expect(resets).toBeGreaterThan(0);
});

test("a load ends by itself", async () => {
  const url = await serve((_request, answer) => answer.end("well"));
  const load = new Load([{ url, expect: "well" }], 100, 0.2);
  await sleep(1500);
  expect(await load.stop()).toHaveLength(20);
});

test("what a change cost is split into before, during and after it", () => {
  const measured = measure(
    [
      sample(10, { ms: 3 }),
      sample(20, { ms: 1 }),
      sample(30, { ms: 2 }),
      sample(100, { ms: 50 }),
      sample(150, { status: 503, ms: 1 }),
      sample(201, { ms: 4 }),
    ],
    100,
    200,
  );
  expect(measured).toEqual({
    requests: 6,
    lost: 1,
    again: 0,
    faults: { "status 503": 1 },
    outage: 0,
    before: { requests: 3, p50: 2, p99: 3 },
    during: { requests: 2, p50: 50, p99: 50 },
    after: { requests: 1, p50: 4, p99: 4 },
  });
});

test("an outage is that of one target, and two that are a second apart are two", () => {
  const refused = (at: number, target = "http://a/"): LoadSample =>
    sample(at, { target, status: 0, error: "ECONNREFUSED" });
  const samples = [0, 400, 900, 2000, 2300].map((at) => refused(at)).concat(refused(1500, "http://b/"));
  expect(measure(samples, 0, 0)).toMatchObject({ lost: 6, faults: { ECONNREFUSED: 6 }, outage: 900 });
});

test("the table has a line for each change", () => {
  const samples = [sample(1), sample(2), sample(3), sample(4, { status: 500 })];
  expect(renderMeasured(new Map([["route", measure(samples, 2, 2)]])).split("\n")[2]).toBe(
    "| route | 4 | 1 | 2500 | 0 ms | 1.0 / 1.0 | 1.0 / 1.0 | 1.0 / 1.0 |",
  );
});
