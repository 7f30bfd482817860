/** Lines around a difference that are shown with it. */
const AROUND = 3;
/** More lines than that are compared as a whole: the table grows with their product. */
const MOST = 3000;

/**
 * What differs between two texts, in the form of `diff -u` without its head: lines that begin with `-`, `+` or a space,
 * and `@@` between places that are apart. Empty when nothing does.
 */
export function textDiff(before: string, after: string): string[] {
  if (before === after) return [];
  const old = linesOf(before);
  const now = linesOf(after);
  const lines = old.length > MOST || now.length > MOST ? wholly(old, now) : compared(old, now);
  const near = new Set<number>();
  lines.forEach((line, i) => {
    if (line.startsWith(" ")) return;
    for (let j = Math.max(0, i - AROUND); j <= i + AROUND; j++) near.add(j);
  });
  return lines.flatMap((line, i) => {
    if (!near.has(i)) return [];
    return i > 0 && !near.has(i - 1) ? ["@@", line] : [line];
  });
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function wholly(old: readonly string[], now: readonly string[]): string[] {
  return [...old.map((line) => `-${line}`), ...now.map((line) => `+${line}`)];
}

/** By the longest common subsequence. */
function compared(old: readonly string[], now: readonly string[]): string[] {
  // common[i][j]: its length from old[i] and now[j] on
  const common = Array.from({ length: old.length + 1 }, () => new Uint16Array(now.length + 1));
  const length = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    const row = common[i] as Uint16Array;
    for (let j = now.length - 1; j >= 0; j--) {
      row[j] = old[i] === now[j] ? length(i + 1, j + 1) + 1 : Math.max(length(i + 1, j), length(i, j + 1));
    }
  }
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push(` ${old[i++]}`);
      j++;
    } else if (i < old.length && (j === now.length || length(i + 1, j) >= length(i, j + 1))) {
      lines.push(`-${old[i++]}`);
    } else {
      lines.push(`+${now[j++]}`);
    }
  }
  return lines;
}
