import { RULES } from "./rules";

/** What the rules are, as a table in Markdown. */
export function renderRules(): string {
  const rows = RULES.map(({ name, level, production, asks, cure, cureInStackFile = "" }) => {
    const where = production ? "production" : "all";
    return `| \`${name}\` | ${level} | ${where} | ${asks} | ${cure} | ${cureInStackFile} |`;
  });
  const columns = ["Rule", "Level", "Stacks", "Asks", "What to do", "In a stack file"];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows].join("\n");
}
