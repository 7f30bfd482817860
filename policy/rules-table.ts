import { RULES } from "./rules";

/** What the rules are, as a table in Markdown. */
export function renderRules(): string {
  const rows = RULES.map(({ name, level, production, asks, cure }) => {
    const where = production ? "production" : "all";
    return `| \`${name}\` | ${level} | ${where} | ${asks} | ${cure} |`;
  });
  return ["| Rule | Level | Stacks | Asks | What to do |", "| --- | --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}
