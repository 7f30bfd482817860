import * as fs from "node:fs";
import * as path from "node:path";
import { renderConfigTable, tableIn } from "../support/config-table";
import { expectGolden, updatesGolden } from "../support/golden";
import { tempFolder } from "../support/temp";

const saved = { ...process.env };
beforeEach(() => {
  delete process.env.CI;
  delete process.env.UPDATE_GOLDEN;
});
afterEach(() => {
  process.env = { ...saved };
});

const golden = (): string => path.join(tempFolder({ "dev.json": '{ "a": 1 }\n' }), "dev.json");

test("a golden file must say the same, whatever the order of keys", () => {
  const file = path.join(tempFolder({ "x.json": '{ "b": [1, 2], "a": 1 }' }), "x.json");
  expectGolden(file, { a: 1, b: [1, 2], c: undefined });
  expect(() => expectGolden(file, { a: 1, b: [2, 1] })).toThrow();
  expect(() => expectGolden(file, { a: 1 })).toThrow();
});

test("a failing comparison leaves the file as it is", () => {
  const file = golden();
  expect(() => expectGolden(file, { a: 2 })).toThrow();
  expect(fs.readFileSync(file, "utf8")).toBe('{ "a": 1 }\n');
});

test("a missing file is a failure with the cure, not a new file", () => {
  const file = path.join(tempFolder(), "none.json");
  expect(() => expectGolden(file, {})).toThrow("no such file; do: UPDATE_GOLDEN=1 npx jest tests/unit");
  expect(fs.existsSync(file)).toBe(false);
});

test("UPDATE_GOLDEN=1 rewrites the file, sorted and formatted", () => {
  const file = golden();
  process.env.UPDATE_GOLDEN = "1";
  expectGolden(file, { b: [2], a: { d: 1, c: 1 } });
  expect(fs.readFileSync(file, "utf8")).toBe('{ "a": { "c": 1, "d": 1 }, "b": [2] }\n');
});

test("CI never rewrites a file: asking for it fails", () => {
  const file = golden();
  process.env.UPDATE_GOLDEN = "1";
  process.env.CI = "true";
  expect(() => updatesGolden()).toThrow("UPDATE_GOLDEN = 1 while CI is set");
  expect(() => expectGolden(file, { a: 2 })).toThrow("UPDATE_GOLDEN = 1 while CI is set");
  expect(fs.readFileSync(file, "utf8")).toBe('{ "a": 1 }\n');
});

describe("the table of configuration keys", () => {
  const TABLE = [
    "| Key | Default | Meaning |",
    "| --- | --- | --- |",
    "| `a` |  | Empty - \\<namespace>, `<b>` \\| c. |",
    "| `n` | `3` | A number. |",
  ].join("\n");
  const readme = (text: string): string => path.join(tempFolder({ "README.md": text }), "README.md");

  test("is rendered as Markdown shows it", () => {
    const keys = {
      a: { type: "string", default: "", description: "Empty - <namespace>, `<b>` | c." },
      n: { type: "integer", default: 3, description: "A number." },
    };
    expect(renderConfigTable(keys)).toBe(TABLE);
  });

  test("is read from between its markers", () => {
    const file = readme(`# x\n<!-- config:begin -->\n\n${TABLE}\n\n<!-- config:end -->\nrest\n`);
    expect(tableIn(file, "config", "another")).toBe(TABLE);
  });

  test("is put between them on demand, and nothing else changes", () => {
    const file = readme("# x\n<!-- config:begin -->\nold\n<!-- config:end -->\nrest\n");
    process.env.UPDATE_GOLDEN = "1";
    expect(tableIn(file, "config", TABLE)).toBe(TABLE);
    expect(fs.readFileSync(file, "utf8")).toBe(
      `# x\n<!-- config:begin -->\n\n${TABLE}\n\n<!-- config:end -->\nrest\n`,
    );
  });

  test("is missed clearly when there is no file or no pair of markers", () => {
    const none = path.join(tempFolder(), "README.md");
    expect(() => tableIn(none, "config", TABLE)).toThrow(
      /no such file; it needs the lines <!-- config:begin -->/,
    );
    expect(() => tableIn(readme("# x\n"), "config", TABLE)).toThrow(/no table of config/);
    expect(() => tableIn(readme("<!-- config:end --><!-- config:begin -->"), "config", TABLE)).toThrow(
      /no table/,
    );
  });
});
