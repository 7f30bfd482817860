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

/**
 * Prints the graph of a stack: `{ resources, golden }`.
 *
 * @param state what `pulumi stack export` prints. @default none: as in a first run
 */
export async function printGraph(stack: string, state: string | undefined): Promise<void> {
  const graph = await programGraph(
    stack,
    state === undefined ? new Map() : held(JSON.parse(state) as Exported),
  );
  process.stdout.write(JSON.stringify({ resources: graph.resources, golden: golden(graph) }));
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
