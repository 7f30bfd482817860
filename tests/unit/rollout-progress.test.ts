import { RolloutProgress } from "../../components/rollout/rollout-progress";

/** What is printed of lines that come at the given seconds. */
function printed(...shown: [second: number, line: string][]): [number, string][] {
  const lines: [number, string][] = [];
  let second = 0;
  const progress = new RolloutProgress(
    (line) => lines.push([second, line]),
    () => second * 1000,
  );
  for (const [at, line] of shown) {
    second = at;
    progress.show(line);
  }
  return lines;
}

test("a fast rollout says nothing", () => {
  expect(printed([0, "0/2"], [1, "1/2"], [2.9, "2/2"])).toEqual([]);
});

test("a change is said at most every 5 s", () => {
  expect(printed([3, "0/3"], [4, "1/3"], [7.9, "2/3"], [8, "2/3"], [9, "3/3"])).toEqual([
    [3, "0/3"],
    [8, "2/3"],
  ]);
});

test("what does not change is said again every 15 s", () => {
  const every = Array.from({ length: 80 }, (_, i): [number, string] => [i / 2, "0/3"]);
  expect(printed(...every)).toEqual([
    [3, "0/3"],
    [18, "0/3"],
    [33, "0/3"],
  ]);
});
