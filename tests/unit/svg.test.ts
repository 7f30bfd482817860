import { apart, linearScale, linearTicks, logScale, logTicks } from "../../tools/svg";

test("equal factors are equal lengths", () => {
  const scale = logScale([1, 100], [0, 200]);
  expect([1, 10, 100].map(scale)).toEqual([0, 100, 200]);
});

test("ticks enclose the values", () => {
  expect(logTicks(0.25, 13)).toEqual([0.2, 0.5, 1, 2, 5, 10, 20]);
  expect(logTicks(0.1, 0.1)).toEqual([0.1, 0.2]);
  expect(logTicks(300, 900)).toEqual([200, 500, 1000]);
});

test("labels do not overlap", () => {
  const placed = apart([10, 12, 100, 11], 15).sort((a, b) => a - b);
  placed
    .slice(1)
    .forEach((place, index) => expect(place - (placed[index] ?? 0)).toBeGreaterThanOrEqual(14.99));
});

test("equal differences are equal lengths", () => {
  const scale = linearScale([0, 100], [200, 0]);
  expect([0, 50, 100].map(scale)).toEqual([200, 100, 0]);
});

test("ticks of a linear axis are few and round", () => {
  expect(linearTicks(94)).toEqual([0, 20, 40, 60, 80, 100]);
  expect(linearTicks(100)).toEqual([0, 20, 40, 60, 80, 100]);
  expect(linearTicks(1300)).toEqual([0, 500, 1000, 1500]);
});
