// Takes the types off and no more: the loader that Pulumi has set by now would check them all on every new machine.
const { readFileSync } = require("node:fs");
const { ModuleKind, ScriptTarget, transpileModule } = require("typescript");

const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023, esModuleInterop: true };
require.extensions[".ts"] = (module, fileName) => {
  const { outputText } = transpileModule(readFileSync(fileName, "utf8"), { compilerOptions, fileName });
  module._compile(outputText, fileName);
};

require("./pack");
