import { apart, Colour, COLOURS, escape, logScale, logTicks, px, short, svgPage } from "../tools/svg";

/** A line of a plot. */
export interface Series {
  /** Which colour it has: an id of {@link LINES}. */
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

const LINES: Readonly<Record<string, Colour>> = {
  ours: COLOURS.blue,
  make: COLOURS.teal,
  stacks: COLOURS.violet,
  bare: COLOURS.grey,
  converge: COLOURS.yellow,
  stack: COLOURS.orange,
  tofu: COLOURS.green,
  "tofu-256": COLOURS.pink,
  other: COLOURS.red,
};

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
  return svgPage({
    width: WIDTH,
    height: HEIGHT,
    title,
    description: `In ${unit}, by number of services. ${spoken}.`,
    colours: LINES,
    rules: "    .ours polyline { stroke-width: 3.5 }\n",
    body: `  <text class="head" x="${AREA.left}" y="26">${escape(title)}</text>
${ticks.map((tick) => yTick(tick, y(tick), unit)).join("")}${sizes.map((size) => xTick(size, x(size))).join("")}  <text class="axis mid" x="${(AREA.left + AREA.right) / 2}" y="${AREA.bottom + 36}">services</text>
${series.map((one, index) => line(one, x, y, labels[index] ?? 0)).join("")}`,
  });
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
  return `  <g class="${id in LINES ? id : "other"}"><polyline points="${corners}"/>${marks.join("")}<line class="lead" x1="${px(end.x + 5)}" y1="${px(end.y)}" x2="${AREA.right + 12}" y2="${px(label)}"/><text class="label" x="${AREA.right + 16}" y="${px(label + 4)}">${escape(title)}</text></g>\n`;
}

/** One size alone has no width. */
function widened(least: number, most: number): [number, number] {
  return least < most ? [least, most] : [least / 2, most * 2];
}
