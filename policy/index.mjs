// A module, so that Node itself takes the types off: Pulumi would load this folder's TypeScript through ts-node, which
// checks all types once more on each new machine.
import "./pack.ts";
