// Prints the graph of a stack, `{ resources, golden }`:  print-graph.ts STACK [held <state]
// The state is what `pulumi stack export` prints; without it, as in a first run.
import { readFileSync } from "node:fs";
import { golden, Held, programGraph } from "./program-graph";

/** The part of `pulumi stack export` that is read here. */
interface Exported {
  readonly deployment: {
    readonly resources?: readonly {
      readonly urn: string;
      readonly id?: string;
      readonly delete?: boolean;
      readonly inputs?: Record<string, unknown>;
      readonly outputs?: Record<string, unknown>;
    }[];
  };
}

function held({ deployment }: Exported): Map<string, Held> {
  const there = (deployment.resources ?? []).filter((one) => !one.delete);
  return new Map(
    there.map(({ urn, id, inputs = {}, outputs = {} }) => {
      const [, , types = "", name = ""] = urn.split("::");
      return [
        `${types.split("$").pop()} ${name}`,
        { inputs, outputs: { ...(id !== undefined && { id }), ...outputs } },
      ];
    }),
  );
}

async function print([stack = "", source]: readonly string[]): Promise<void> {
  const state = source === "held" ? held(JSON.parse(readFileSync(0, "utf8")) as Exported) : undefined;
  const graph = await programGraph(stack, state);
  process.stdout.write(JSON.stringify({ resources: graph.resources, golden: golden(graph) }));
}

// Said here, because the program has handlers of its own for what nobody handles.
print(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
