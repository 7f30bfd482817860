// Where Pulumi's process for dynamic providers comes in; it knows no TypeScript. Every state names this file, see
// engine-resource.ts: it must stay where it is.
const { registerHooks } = require("node:module");
const { setFlagsFromString } = require("node:v8");

// The room for what is soon of no use stays as small as it is at first: 140 MiB less with 200 services, and no slower.
setFlagsFromString("--semi-space-growth-factor=1");

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

// Pulumi's process passes on that something differs, and not what: a preview would show a whole service for one changed
// variable. It reads `changes` right before it sets this.
const { DiffResponse, PropertyDiff } = require("@pulumi/pulumi/proto/provider_pb");
let differing;
for (const provider of Object.values(providers)) {
  const { diff } = provider;
  provider.diff = async (...args) => {
    const { changes, differences, ...result } = await diff(...args);
    return Object.defineProperty(result, "changes", {
      get() {
        differing = differences;
        return changes;
      },
    });
  };
}
const { setChanges } = DiffResponse.prototype;
DiffResponse.prototype.setChanges = function (changes) {
  for (const [path, kind] of differing ?? []) {
    const property = new PropertyDiff();
    property.setKind(kind);
    this.getDetaileddiffMap().set(path, property);
  }
  this.setHasdetaileddiff(differing !== undefined);
  differing = undefined;
  return setChanges.call(this, changes);
};

module.exports = providers;
