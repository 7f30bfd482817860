import { dockerFields, dockerType, nameInStack } from "../components/compose/docker-words";
import { inWordsOf } from "../components/compose/provider/shown-spec";
import type { Fields } from "../components/compose/provider/shown-spec";
import { at, differingPaths, replaced, resourceOf, SECRET, tokens } from "./preview";
import type { Resource, Step, Values } from "./preview";

const STACK = "swarm-platform:index:ComposeStack ";

/** Whether a stack file declares it. */
export function isInStackFile({ parent }: Resource): boolean {
  return parent?.startsWith(STACK) ?? false;
}

/**
 * A step with what a stack file declares as one with the docker provider's resources, which all else here is about, and
 * with the names that users know. Any other step as it is.
 *
 * @param step whose secrets are hidden.
 */
export function inDockerWords(step: Step): Step {
  const { type, name: own, parent = "" } = resourceOf(step);
  const known = dockerType(type);
  if (known === undefined) return step;
  const name = nameInStack(parent.slice(STACK.length), own);
  const id = `${known} ${name}`;
  const said = (resource: Resource | undefined): Resource | undefined =>
    resource && {
      ...resource,
      id,
      type: known,
      name,
      inputs: dockerFields(type, resource.inputs),
      outputs: dockerFields(type, resource.outputs),
    };
  const after = meantBy(step.before, step.after);
  return {
    ...step,
    id,
    recorded: said(step.recorded),
    before: said(step.before),
    after: said(after),
    paths:
      after === undefined || step.before === undefined
        ? []
        : differingPaths(
            dockerFields(type, withoutChangedSecrets(step.before.inputs, after, step.paths)),
            dockerFields(type, after.inputs),
          ),
  };
}

/** What is wanted, in the words of what is there wherever both mean the same to the engine. */
export function meantBy(before: Resource | undefined, after: Resource | undefined): Resource | undefined {
  if (before === undefined || after === undefined || dockerType(after.type) === undefined) return after;
  return { ...after, inputs: inWordsOf(before.inputs as Fields, after.inputs as Fields) as Values };
}

/** That a secret has another value, the provider alone can tell: both are hidden. */
function withoutChangedSecrets(inputs: Values, after: Resource, paths: readonly string[]): Values {
  return paths
    .map(tokens)
    .filter((path) => at(after.inputs, path) === SECRET)
    .reduce((rest, path) => replaced(rest, path, undefined), inputs);
}
