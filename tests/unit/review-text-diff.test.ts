import { textDiff } from "../../review/text-diff";

const lines = (...all: string[]): string => all.map((line) => `${line}\n`).join("");

test("equal texts have no difference", () => {
  expect(textDiff("a\n", "a\n")).toEqual([]);
});

test("a changed line shows with three lines around it", () => {
  const before = lines("1", "2", "3", "4", "5", "6", "7", "8", "9");
  expect(textDiff(before, before.replace("5", "five"))).toEqual([
    ...["@@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8"],
  ]);
});

test("places that are apart are parted", () => {
  const before = lines(...Array.from({ length: 20 }, (_, i) => `line ${i}`));
  const diff = textDiff(before, before.replace("line 1\n", "").replace("line 18\n", "line 18\nnew\n"));
  expect(diff.filter((line) => !line.startsWith(" "))).toEqual(["-line 1", "@@", "+new"]);
});

test("a text that comes or goes is all of its lines", () => {
  expect(textDiff("", "a\nb\n")).toEqual(["+a", "+b"]);
  expect(textDiff("a\nb\n", "")).toEqual(["-a", "-b"]);
});

test("a very long text is shown as replaced, not compared for ever", () => {
  const long = lines(...Array.from({ length: 4000 }, (_, i) => String(i)));
  const diff = textDiff(long, `${long}more\n`);
  expect(diff).toHaveLength(8001);
  expect(diff.at(-1)).toBe("+more");
});
