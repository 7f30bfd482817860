/**
 * A command line as words, as docker stack deploy splits it (github.com/google/shlex): quotes and backslashes as in a shell, # at
 * the start of a word begins a comment, nothing is expanded.
 *
 * @returns undefined when a quote is not closed or nothing follows a backslash.
 */
export function shellWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? "";
    if (quote === "'") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === "\\") {
      i++;
      if (i === line.length) return undefined;
      word = (word ?? "") + line[i];
    } else if (quote === '"') {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/[ \t\r\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "#" && word === undefined) {
      const end = line.indexOf("\n", i);
      i = end < 0 ? line.length : end;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") return undefined;
  return word === undefined ? words : [...words, word];
}
