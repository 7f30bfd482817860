/** @type {import("jest").Config} */
module.exports = {
  // `npx jest tests/unit` needs no engine; the others start their own.
  testMatch: ["<rootDir>/tests/{unit,e2e,slow,vm}/**/*.test.ts"],
  // More than a busy machine needs; a test that hangs is found all the same.
  testTimeout: 20_000,
  // Types are checked by `tsc --noEmit`; here they are only taken off.
  transform: { "\\.ts$": ["ts-jest", { diagnostics: false }] },
};
