// What plots share: a page that follows the reader's colour scheme, scales and labels.

/** On white, and on a dark page. */
export type Colour = readonly [light: string, dark: string];

export const COLOURS = {
  blue: ["#0969da", "#58a6ff"],
  teal: ["#0b7285", "#66d9e8"],
  violet: ["#8250df", "#bc8cff"],
  grey: ["#57606a", "#9198a1"],
  yellow: ["#9a6700", "#e3b341"],
  orange: ["#bc4c00", "#ff9b58"],
  green: ["#1a7f37", "#56d364"],
  pink: ["#bf3989", "#ff80c8"],
  red: ["#cf222e", "#ff7b72"],
} satisfies Record<string, Colour>;

export interface Page {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** What the plot shows, in words. */
  readonly description: string;
  /** Colours of lines and their labels by class. */
  readonly colours: Readonly<Record<string, Colour>>;
  /** Further rules of CSS. */
  readonly rules?: string;
  /** Elements. Text may have the classes head, axis (with mid or end) and label; a line grid or lead. */
  readonly body: string;
}

export function svgPage({ width, height, title, description, colours, rules = "", body }: Page): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
  <title id="title">${escape(title)}</title>
  <desc id="desc">${escape(description)}</desc>
  <style>
${styles(colours, rules)}  </style>
  <rect class="page" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${body}</svg>
`;
}

function styles(colours: Page["colours"], rules: string): string {
  const of = (scheme: 0 | 1): string =>
    Object.entries(colours)
      .map(([name, colour]) => `    .${name} { stroke: ${colour[scheme]}; fill: ${colour[scheme]} }\n`)
      .join("");
  return `    text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
    .head { font-size: 15px; font-weight: 600 }
    .axis { fill: #57606a }
    .mid { text-anchor: middle }
    .end { text-anchor: end }
    .page { fill: #fff; stroke: #d0d7de }
    .grid { stroke: #d0d7de; stroke-width: 1 }
    polyline { stroke-width: 2; fill: none !important }
    .label { stroke: none; font-weight: 600; fill: inherit }
    .lead { stroke-width: 1; opacity: .5 }
${rules}${of(0)}    @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .axis { fill: #9198a1 }
    .page { fill: #0d1117; stroke: #30363d }
    .grid { stroke: #30363d }
${of(1)}    .label { fill: inherit }
    }
`;
}

type Range = readonly [number, number];

/** Maps a domain to a range, equal differences to equal lengths. */
export function linearScale([from, to]: Range, [start, end]: Range): (value: number) => number {
  return (value) => start + ((end - start) * (value - from)) / (to - from);
}

/** Maps a domain to a range, equal factors to equal lengths. */
export function logScale([from, to]: Range, range: Range): (value: number) => number {
  const linear = linearScale([Math.log(from), Math.log(to)], range);
  return (value) => linear(Math.log(value));
}

/** 0, 20, 40, ...: at most six steps of 1, 2 or 5 times a power of ten, to the first one that is not below `most`. */
export function linearTicks(most: number): number[] {
  const step = logTicks(most / 6, most / 6).find((one) => one >= most / 6) ?? 1;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

/** 1, 2, 5, 10, 20, ... from the last one that is not above `least` to the first one that is not below `most`. */
export function logTicks(least: number, most: number): number[] {
  const steps = [1, 2, 5];
  const power = Math.floor(Math.log10(least));
  const all = Array.from({ length: 36 }, (_, index) => {
    const exponent = power + Math.floor(index / 3);
    // Divided, because 3 times 0.1 is not 0.3.
    return exponent < 0
      ? (steps[index % 3] ?? 1) / 10 ** -exponent
      : (steps[index % 3] ?? 1) * 10 ** exponent;
  });
  const first = all.findLastIndex((tick) => tick <= least);
  const last = all.findIndex((tick) => tick >= most);
  return all.slice(first, Math.max(last, first + 1) + 1);
}

/** Places as near to the given ones as they can be with that distance between each two. */
export function apart(places: readonly number[], distance: number): number[] {
  const order = places.map((_, index) => index).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const placed = [...places];
  let before = -Infinity;
  for (const index of order) before = placed[index] = Math.max(places[index] ?? 0, before + distance);
  const moved = order.reduce((sum, index) => sum + (placed[index] ?? 0) - (places[index] ?? 0), 0);
  // Half of the way back, so that those above give way too.
  const shift = moved / Math.max(1, places.length) / 2;
  return placed.map((place) => place - shift);
}

/** A coordinate. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A number for people, with three digits that count. */
export function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
