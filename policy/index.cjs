// Takes the types off and no more: Pulumi's own loader for packs would check them all on every new machine.
require("../tools/typescript.mjs");
require("./pack");
