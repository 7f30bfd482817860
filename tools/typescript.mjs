// Lets Node load TypeScript that is written as the Pulumi program is:  node --import ./tools/typescript.mjs FILE
// Node's own support wants endings in imports, which Pulumi's does not take.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

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
    return { format: "commonjs", source: translated(source), shortCircuit: true };
  },
});

/** As JavaScript. Kept, because the compiler takes longer to load than most tools to run. */
function translated(source) {
  const folder = process.env.SWARM_PLATFORM_CACHE;
  if (folder === undefined) return transpile(source);
  const { version } = require("typescript/package.json");
  const file = join(folder, "typescript", createHash("sha256").update(`${version}\n${source}`).digest("hex"));
  try {
    return readFileSync(file, "utf8");
  } catch {
    const output = transpile(source);
    mkdirSync(join(folder, "typescript"), { recursive: true });
    // Whole or not at all: others may read it at the same time.
    writeFileSync(`${file}.${process.pid}`, output);
    renameSync(`${file}.${process.pid}`, file);
    return output;
  }
}

function transpile(source) {
  const { ModuleKind, ScriptTarget, transpileModule } = require("typescript");
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2023, esModuleInterop: true };
  return transpileModule(source, { compilerOptions }).outputText;
}
