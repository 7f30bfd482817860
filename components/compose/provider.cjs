// Where Pulumi's process for dynamic providers comes in; it knows no TypeScript. Every state names this file, see
// engine-resource.ts: it must stay where it is.
const { registerHooks } = require("node:module");

// The program's own TypeScript, as Node reads it: types taken off, and with the endings that import lines leave out.
registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith(".") || !context.parentURL?.endsWith(".ts")) return next(specifier, context);
    return { ...next(`${specifier.replace(/\.ts$/, "")}.ts`, context), format: "module-typescript" };
  },
});

const { Fault, providers } = require("./provider/providers.ts");

// Pulumi's process prints what is thrown with its stack, beside the error that it becomes.
const print = console.error;
console.error = (...args) => {
  if (!String(args[0]).startsWith(Fault.MARK)) print(...args);
};

module.exports = providers;
