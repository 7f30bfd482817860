import { duration } from "../../components/durations";

/** Go's Duration.String() for whole seconds. */
function goString(seconds: number): string {
  const parts = [`${seconds % 60}s`];
  if (seconds >= 60) parts.unshift(`${Math.floor(seconds / 60) % 60}m`);
  if (seconds >= 3600) parts.unshift(`${Math.floor(seconds / 3600)}h`);
  return parts.join("");
}

/** What the provider leaves of it when it reads a service back. */
const readBack = (seconds: number): string => goString(seconds).replace(/m0s$/, "m").replace(/h0m$/, "h");

test("every duration up to 100000 s is written as the provider reads it back", () => {
  const wrong = Array.from({ length: 100_001 }, (_, seconds) => seconds).filter(
    (seconds) => duration(seconds) !== readBack(seconds),
  );
  expect(wrong).toEqual([]);
});

test.each([
  [0, "0s"],
  [5, "5s"],
  [60, "1m"],
  [90, "1m30s"],
  [600, "10m"],
  [3600, "1h"],
  [3605, "1h0m5s"],
  [3660, "1h1m"],
  [36_000, "10h"],
  [86_399, "23h59m59s"],
])("%d s is %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([-1, 0.5, NaN, Infinity])("%d is refused", (seconds) => {
  expect(() => duration(seconds)).toThrow(
    new RangeError(`duration = ${seconds}; allowed: whole seconds, 0 or more`),
  );
});
