import type { Findings } from "./faults";
import type { MapNode, Node, ScalarNode } from "./tree";
import { type Variables, dockerSubstitute, substitute } from "./variables";
import { join } from "./yaml-reader";

/**
 * The tree with the variables of every value filled in; keys stay as they are, as with docker stack deploy. A value that has a variable
 * is text from then on, and becomes a number or a boolean where one is expected.
 */
export function interpolate(tree: MapNode, variables: Variables, findings: Findings): MapNode {
  return interpolateNode(tree, "", variables, findings) as MapNode;
}

function interpolateNode(node: Node, path: string, variables: Variables, findings: Findings): Node {
  switch (node.kind) {
    case "map":
      return {
        ...node,
        entries: new Map(
          [...node.entries].map(([key, entry]) => [
            key,
            { ...entry, value: interpolateNode(entry.value, join(path, key), variables, findings) },
          ]),
        ),
      };
    case "list":
      return {
        ...node,
        items: node.items.map((item, i) => interpolateNode(item, join(path, String(i)), variables, findings)),
      };
    case "scalar":
      return node.text.includes("$") ? interpolateScalar(node, path, variables, findings) : node;
  }
}

function interpolateScalar(
  node: ScalarNode,
  path: string,
  variables: Variables,
  findings: Findings,
): ScalarNode {
  const result = substitute(node.text, variables.lookup);
  if (!("text" in result)) {
    const hint = result.variable === undefined ? undefined : variables.hint(result.variable);
    findings.fault(node.place, { path, problem: result.problem, cure: hint ?? result.cure });
    return node;
  }
  const docker = dockerSubstitute(node.text, variables.lookup);
  if (docker !== result.text) {
    const reading = docker === undefined ? "refuses" : "reads in another way";
    findings.notice({
      ...node.place,
      path,
      text: `docker stack deploy ${reading} the variables of ${node.text}; here they are those of a shell and of Docker Compose`,
    });
  }
  return { ...node, value: result.text, text: result.text };
}
