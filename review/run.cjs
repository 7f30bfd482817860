// Runs a program in TypeScript that is written as the Pulumi program is:  node run.cjs FILE [ARGUMENT...]
// Node's own support of TypeScript wants endings in imports, which Pulumi's does not take.
const { readFileSync } = require("node:fs");
const path = require("node:path");
const typescript = require("typescript");

const { ModuleKind, ScriptTarget } = typescript;
const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023, esModuleInterop: true };
require.extensions[".ts"] = (module, file) => {
  const { outputText } = typescript.transpileModule(readFileSync(file, "utf8"), {
    compilerOptions,
    fileName: file,
  });
  module._compile(outputText, file);
};

const file = path.resolve(process.argv[2]);
process.argv.splice(1, 2, file);
require(file);
