import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { PROJECT_DIR } from "./project";

/**
 * Whether files that hold expected results are rewritten rather than compared: `UPDATE_GOLDEN=1`.
 *
 * @throws Error in CI, which must never make its own expectations.
 */
export function updatesGolden(): boolean {
  if (process.env.UPDATE_GOLDEN !== "1") return false;
  if (process.env.CI) {
    throw new Error(
      "UPDATE_GOLDEN = 1 while CI is set; allowed: on a developer's machine, where the diff is reviewed",
    );
  }
  return true;
}

/** Compares a value with a golden JSON file, with its keys sorted; or rewrites the file. */
export function expectGolden(file: string, value: unknown): void {
  const actual: unknown = JSON.parse(JSON.stringify(value, sortedKeys));
  if (updatesGolden()) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, JSON.stringify(actual));
    const prettier = path.join(PROJECT_DIR, "node_modules/prettier/bin/prettier.cjs");
    execFileSync(process.execPath, [prettier, "--log-level", "warn", "--write", file]);
  }
  if (!fs.existsSync(file)) throw new Error(`${file}: no such file; do: UPDATE_GOLDEN=1 npx jest tests/unit`);
  expect(actual).toEqual(JSON.parse(fs.readFileSync(file, "utf8")));
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
