// Lets Node load TypeScript that is written as the Pulumi program is:  node --import ./tools/typescript.mjs FILE
// Node's own support wants endings in imports, which Pulumi's does not take.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import typescript from "typescript";

const { ModuleKind, ScriptTarget } = typescript;
const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023, esModuleInterop: true };

registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (!specifier.startsWith(".")) throw error;
      return next(`${specifier}.ts`, context);
    }
  },
  load(url, context, next) {
    if (!url.endsWith(".ts")) return next(url, context);
    const source = readFileSync(fileURLToPath(url), "utf8");
    const { outputText } = typescript.transpileModule(source, { compilerOptions });
    return { format: "commonjs", source: outputText, shortCircuit: true };
  },
});
