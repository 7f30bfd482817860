// Prints the graph of a stack's program as JSON:  run.cjs STACK [held <state]
// The program is TypeScript for Pulumi's own loader, which Node's does not replace: its imports have no endings.
const { readFileSync } = require("node:fs");
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

const [stack, source] = process.argv.slice(2);
require("./print-graph.ts").printGraph(stack, source === "held" ? readFileSync(0, "utf8") : undefined);
