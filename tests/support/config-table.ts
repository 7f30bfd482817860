import * as fs from "node:fs";
import { updatesGolden } from "./golden";
import { asText, DeclaredKey } from "./project";

/** The reference of all configuration keys as a Markdown table. */
export function renderConfigTable(keys: Readonly<Record<string, DeclaredKey>>): string {
  const rows = Object.entries(keys).map(([key, declared]) => {
    const value = asText(declared.default);
    return `| \`${key}\` | ${value === "" ? "" : `\`${value}\``} | ${escaped(declared.description)} |`;
  });
  return ["| Key | Default | Meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

/**
 * The table of a name between its markers in a Markdown file. With `UPDATE_GOLDEN=1` it is first replaced by the
 * wanted one.
 *
 * @throws Error saying what is missing when there is no file or no pair of markers.
 */
export function tableIn(file: string, name: string, wanted: string): string {
  const [first, last] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  if (!fs.existsSync(file)) {
    throw new Error(
      `${file}: no such file; it needs the lines ${first} and ${last}; do: write it, then UPDATE_GOLDEN=1 npx jest tests/unit`,
    );
  }
  let text = fs.readFileSync(file, "utf8");
  const [begin, end] = [text.indexOf(first), text.indexOf(last)];
  if (begin < 0 || end < begin) {
    throw new Error(`${file}: no table of ${name}; it needs the lines ${first} and ${last}`);
  }
  if (updatesGolden()) {
    text = `${text.slice(0, begin + first.length)}\n\n${wanted}\n\n${text.slice(end)}`;
    fs.writeFileSync(file, text);
  }
  return text.slice(begin + first.length, text.indexOf(last)).trim();
}

/** Text of a cell: bars would end it, and an angle bracket outside of code would start a tag. */
function escaped(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replace(/</g, "\\<")))
    .join("")
    .replace(/\|/g, "\\|");
}
