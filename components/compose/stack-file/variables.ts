/** Value of a variable, undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

/** The variables that files can use. */
export interface Variables {
  readonly lookup: Lookup;
  /** What to do about one that is not set, when there is more to say than to set it. */
  readonly hint: (name: string) => string | undefined;
}

/** A text with its variables filled in, or what is wrong with it. */
export type Substituted =
  { readonly text: string } | { readonly problem: string; readonly cure: string; readonly variable?: string };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*/;
const OPERATOR = /^:?[-?+]/;

/**
 * Fills in `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}`, `${NAME:?message}`, `${NAME?message}`, `${NAME:+word}` and
 * `${NAME+word}` as a shell does: with the colon an empty variable counts as one that is not set, words can have variables
 * of their own. `$$` is one dollar sign. A variable that is not set and has no other word is a problem.
 */
export function substitute(template: string, lookup: Lookup): Substituted {
  let text = "";
  let rest = template;
  for (;;) {
    const dollar = rest.indexOf("$");
    if (dollar < 0) return { text: text + rest };
    text += rest.slice(0, dollar);
    rest = rest.slice(dollar + 1);
    if (rest.startsWith("$")) {
      text += "$";
      rest = rest.slice(1);
      continue;
    }
    const braced = rest.startsWith("{");
    const end = braced ? closingBrace(rest) : (NAME.exec(rest)?.[0].length ?? 0);
    const expression = braced ? rest.slice(1, end) : rest.slice(0, end);
    if (end <= 0 || !NAME.test(expression)) return invalid(rest);
    const result = evaluate(expression, lookup);
    if (!("text" in result)) return result;
    text += result.text;
    rest = rest.slice(braced ? end + 1 : end);
  }
}

function evaluate(expression: string, lookup: Lookup): Substituted {
  const name = NAME.exec(expression)?.[0] ?? "";
  const operation = expression.slice(name.length);
  const operator = OPERATOR.exec(operation)?.[0];
  if (operation !== "" && operator === undefined) return invalid(`{${expression}}`);
  const value = lookup(name);
  if (operator === undefined) return value === undefined ? missing(name, "") : { text: value };
  const word = operation.slice(operator.length);
  const given = value !== undefined && (value !== "" || !operator.startsWith(":"));
  if (operator.endsWith("+")) return given ? substitute(word, lookup) : { text: "" };
  if (given) return { text: value };
  if (operator.endsWith("-")) return substitute(word, lookup);
  const message = substitute(word, lookup);
  return missing(name, "text" in message ? message.text : word, value === "");
}

/** Where the brace that is opened at the start closes, counting those between; -1 when it does not. */
function closingBrace(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "$" && text[i + 1] === "{") depth++;
    else if (i === 0) depth = 1;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

function invalid(rest: string): Substituted {
  const shown = `$${rest.slice(0, 20)}`;
  return {
    problem: `${shown} is no variable`,
    cure: "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${NAME:+word}; $$ for a dollar sign itself",
  };
}

function missing(variable: string, message: string, empty = false): Substituted {
  return {
    variable,
    problem: `variable ${variable} is ${empty ? "empty" : "not set"}${message === "" ? "" : `: ${message}`}`,
    cure: `set ${variable} in env, or write \${${variable}:-default} for a default (\${${variable}-} for an empty text)`,
  };
}

const DOCKER_NAME = "[_a-z][_a-z0-9]*(?::?[-?][^}]*)?";
const DOCKER_PATTERN = new RegExp(`\\$(?:(\\$)|(${DOCKER_NAME})|\\{(${DOCKER_NAME})\\}|())`, "gi");

/**
 * What docker stack deploy (cli/compose/template) makes of a text, undefined when it refuses it. It knows no `+` and nothing
 * nested, takes an operator behind `$NAME` without braces too, and looks for `:-` and `-` first, anywhere.
 */
export function dockerSubstitute(template: string, lookup: Lookup): string | undefined {
  let refused = false;
  const refuse = () => {
    refused = true;
    return "";
  };
  const text = template.replace(DOCKER_PATTERN, (_, escaped?: string, named?: string, braced?: string) => {
    if (escaped !== undefined) return escaped;
    const expression = named ?? braced;
    if (expression === undefined) return refuse();
    for (const operator of [":-", "-", ":?", "?"]) {
      const at = expression.indexOf(operator);
      if (at < 0) continue;
      const value = lookup(expression.slice(0, at));
      if (value !== undefined && (value !== "" || !operator.startsWith(":"))) return value;
      return operator.endsWith("-") ? expression.slice(at + operator.length) : refuse();
    }
    return lookup(expression) ?? "";
  });
  return refused ? undefined : text;
}
