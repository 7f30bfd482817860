/** A line of a plot. */
export interface Series {
  /** Which colour it has: an id of {@link COLOURS}. */
  readonly id: string;
  readonly title: string;
  /** In ascending order of x. */
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Plot {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
}

const WIDTH = 800;
const HEIGHT = 430;
const AREA = { left: 64, right: 520, top: 46, bottom: 380 };
const LINE_HEIGHT = 15;

/** On white, and on a dark page. */
const COLOURS: Readonly<Record<string, readonly [string, string]>> = {
  ours: ["#0969da", "#58a6ff"],
  make: ["#0b7285", "#66d9e8"],
  stacks: ["#8250df", "#bc8cff"],
  bare: ["#57606a", "#9198a1"],
  converge: ["#9a6700", "#e3b341"],
  stack: ["#bc4c00", "#ff9b58"],
  tofu: ["#1a7f37", "#56d364"],
  "tofu-128": ["#bf3989", "#ff80c8"],
};
const OTHER = ["#cf222e", "#ff7b72"] as const;

/** The slopes over the number of services, both axes logarithmic, as an SVG that follows the reader's colour scheme. */
export function plotSvg({ title, unit, series }: Plot): string {
  const points = series.flatMap((one) => one.points);
  const sizes = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const [left, right] = widened(Math.min(...sizes), Math.max(...sizes));
  const ticks = logTicks(
    Math.min(...points.map(({ least }) => least)),
    Math.max(...points.map(({ most }) => most)),
  );
  const x = logScale([left, right], [AREA.left, AREA.right]);
  const y = logScale([ticks[0] ?? 1, ticks.at(-1) ?? 10], [AREA.bottom, AREA.top]);
  const labels = apart(
    series.map(({ points: own }) => y(own.at(-1)?.median ?? 1)),
    LINE_HEIGHT,
  );
  const spoken = series
    .map((one) => `${one.title}: ${one.points.map((p) => `${short(p.median)} at ${p.x}`).join(", ")}`)
    .join("; ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc">
  <title id="title">${escape(title)}</title>
  <desc id="desc">In ${unit}, by number of services. ${escape(spoken)}.</desc>
  <style>
${styles()}  </style>
  <rect class="page" x=".5" y=".5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>
  <text class="head" x="${AREA.left}" y="26">${escape(title)}</text>
${ticks.map((tick) => yTick(tick, y(tick), unit)).join("")}${sizes.map((size) => xTick(size, x(size))).join("")}  <text class="axis mid" x="${(AREA.left + AREA.right) / 2}" y="${AREA.bottom + 36}">services</text>
${series.map((one, index) => line(one, x, y, labels[index] ?? 0)).join("")}</svg>
`;
}

function styles(): string {
  const rules = (scheme: 0 | 1): string =>
    [...Object.entries(COLOURS), ["other", OTHER] as const]
      .map(([id, colours]) => `    .${id} { stroke: ${colours[scheme]}; fill: ${colours[scheme]} }\n`)
      .join("");
  return `    text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
    .head { font-size: 15px; font-weight: 600 }
    .axis { fill: #57606a }
    .mid { text-anchor: middle }
    .end { text-anchor: end }
    .page { fill: #fff; stroke: #d0d7de }
    .grid { stroke: #d0d7de; stroke-width: 1 }
    polyline { stroke-width: 2; fill: none !important }
    .ours polyline { stroke-width: 3.5 }
    .label { stroke: none; font-weight: 600; fill: inherit }
    .lead { stroke-width: 1; opacity: .5 }
${rules(0)}    @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .axis { fill: #9198a1 }
    .page { fill: #0d1117; stroke: #30363d }
    .grid { stroke: #30363d }
${rules(1)}    .label { fill: inherit }
    }
`;
}

function yTick(tick: number, at: number, unit: string): string {
  return `  <line class="grid" x1="${AREA.left}" y1="${px(at)}" x2="${AREA.right}" y2="${px(at)}"/><text class="axis end" x="${AREA.left - 8}" y="${px(at + 4)}">${short(tick)} ${unit}</text>\n`;
}

function xTick(size: number, at: number): string {
  return `  <line class="grid" x1="${px(at)}" y1="${AREA.top}" x2="${px(at)}" y2="${AREA.bottom}"/><text class="axis mid" x="${px(at)}" y="${AREA.bottom + 18}">${size}</text>\n`;
}

function line(
  { id, title, points }: Series,
  x: (value: number) => number,
  y: (value: number) => number,
  label: number,
): string {
  const corners = points.map((point) => `${px(x(point.x))},${px(y(point.median))}`).join(" ");
  const marks = points.map((point) => {
    const at = px(x(point.x));
    return `<line x1="${at}" y1="${px(y(point.least))}" x2="${at}" y2="${px(y(point.most))}"/><circle cx="${at}" cy="${px(y(point.median))}" r="3.5"/>`;
  });
  const last = points.at(-1);
  const end = last === undefined ? { x: AREA.right, y: label } : { x: x(last.x), y: y(last.median) };
  return `  <g class="${id in COLOURS ? id : "other"}"><polyline points="${corners}"/>${marks.join("")}<line class="lead" x1="${px(end.x + 5)}" y1="${px(end.y)}" x2="${AREA.right + 12}" y2="${px(label)}"/><text class="label" x="${AREA.right + 16}" y="${px(label + 4)}">${escape(title)}</text></g>\n`;
}

/** Maps a domain to a range, equal factors to equal lengths. */
export function logScale(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): (value: number) => number {
  const share = (value: number): number => Math.log(value / from) / Math.log(to / from);
  return (value) => start + (end - start) * share(value);
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

/** One size alone has no width. */
function widened(least: number, most: number): [number, number] {
  return least < most ? [least, most] : [least / 2, most * 2];
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

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
