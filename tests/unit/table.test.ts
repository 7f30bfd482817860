import { table } from "../../tools/table";

test("a table's columns are as wide as their widest cell", () => {
  expect(
    table([
      ["A", "B"],
      ["long", ""],
      ["x", "y"],
    ]),
  ).toBe("A     B\nlong\nx     y");
});
