import {
  apart,
  Colour,
  COLOURS,
  escape,
  linearScale,
  linearTicks,
  logScale,
  logTicks,
  px,
  short,
  svgPage,
} from "../tools/svg";
import type { Moment, Times } from "./k6";

const WIDTH = 800;
const HEIGHT = 560;
const ACROSS = { left: 64, right: 640 };
const TIMES = { top: 62, bottom: 290 };
const RATES = { top: 346, bottom: 510 };
const LINE_HEIGHT = 15;
/** Shorter times are shown as this, which a logarithmic axis needs. */
const LEAST_MS = 0.1;

const COLOUR_OF: Readonly<Record<string, Colour>> = {
  p50: COLOURS.blue,
  p95: COLOURS.orange,
  p99: COLOURS.violet,
  users: COLOURS.grey,
  requests: COLOURS.green,
  failed: COLOURS.red,
};

/** A line of one of the two plots. */
interface Line {
  /** A key of {@link COLOUR_OF}. */
  readonly id: string;
  readonly title: string;
  /** In ascending order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

interface Axis {
  readonly title: string;
  readonly area: { readonly top: number; readonly bottom: number };
  readonly ticks: readonly number[];
  readonly scale: (value: number) => number;
  readonly unit: string;
}

/** Response times above, requests, users and failures per second below, over the time of a run. */
export function loadSvg(title: string, moments: readonly Moment[]): string {
  const end = Math.max(1, ...moments.map(({ at }) => at));
  const x = linearScale([0, end], [ACROSS.left, ACROSS.right]);
  const seconds = linearTicks(end).filter((tick) => tick <= end);
  const times = (["p50", "p95", "p99"] as const).map((id) => timesLine(id, moments));
  const rates = rateLines(moments);
  const panels = [panel(timesAxis(times), times, x, seconds), panel(ratesAxis(rates), rates, x, seconds)];
  const last = moments.at(-1)?.at ?? 0;
  return svgPage({
    width: WIDTH,
    height: HEIGHT,
    title,
    description: `Over ${short(last)} s. ${[...times, ...rates].map(spoken).join("; ")}.`,
    colours: COLOUR_OF,
    body: `  <text class="head" x="${ACROSS.left}" y="28">${escape(title)}</text>
${panels.join("")}  <text class="axis mid" x="${(ACROSS.left + ACROSS.right) / 2}" y="${RATES.bottom + 36}">seconds since the beginning</text>
`,
  });
}

function timesLine(id: keyof Times, moments: readonly Moment[]): Line {
  const points = moments.flatMap(({ at, times }) =>
    times === undefined ? [] : [{ x: at, y: Math.max(LEAST_MS, times[id]) }],
  );
  return { id, title: id, points };
}

function rateLines(moments: readonly Moment[]): Line[] {
  const line = (id: string, title: string, of: (moment: Moment) => number): Line => ({
    id,
    title,
    points: moments.map((moment) => ({ x: moment.at, y: of(moment) })),
  });
  const failed = line("failed", "failed/s", ({ failedPerSecond }) => failedPerSecond);
  return [
    line("users", "users", ({ users }) => users),
    line("requests", "requests/s", ({ requestsPerSecond }) => requestsPerSecond),
    ...(failed.points.some(({ y }) => y > 0) ? [failed] : []),
  ];
}

function timesAxis(lines: readonly Line[]): Axis {
  const values = lines.flatMap(({ points }) => points.map(({ y }) => y));
  const ticks = values.length === 0 ? [1, 10] : logTicks(Math.min(...values), Math.max(...values));
  const scale = logScale([ticks[0] ?? 1, ticks.at(-1) ?? 10], [TIMES.bottom, TIMES.top]);
  return { title: "response time", area: TIMES, ticks, scale, unit: " ms" };
}

function ratesAxis(lines: readonly Line[]): Axis {
  const ticks = linearTicks(Math.max(1, ...lines.flatMap(({ points }) => points.map(({ y }) => y))));
  const scale = linearScale([0, ticks.at(-1) ?? 1], [RATES.bottom, RATES.top]);
  return { title: "users, and requests per second", area: RATES, ticks, scale, unit: "" };
}

function panel(
  { title, area, ticks, scale, unit }: Axis,
  lines: readonly Line[],
  x: (value: number) => number,
  seconds: readonly number[],
): string {
  const { left, right } = ACROSS;
  const across = ticks.map((tick) => {
    const at = scale(tick);
    return `  <line class="grid" x1="${left}" y1="${px(at)}" x2="${right}" y2="${px(at)}"/><text class="axis end" x="${left - 8}" y="${px(at + 4)}">${short(tick)}${unit}</text>\n`;
  });
  const down = seconds.map(
    (second) =>
      `  <line class="grid" x1="${px(x(second))}" y1="${area.top}" x2="${px(x(second))}" y2="${area.bottom}"/><text class="axis mid" x="${px(x(second))}" y="${area.bottom + 18}">${short(second)}</text>\n`,
  );
  const drawn = lines.filter(({ points }) => points.length > 0);
  const labels = apart(
    drawn.map(({ points }) => scale(points.at(-1)?.y ?? 0)),
    LINE_HEIGHT,
  );
  const shown = drawn.map(({ id, title: name, points }, index) => {
    const corners = points.map((point) => `${px(x(point.x))},${px(scale(point.y))}`).join(" ");
    const [endX, endY] = (corners.split(" ").at(-1) ?? "").split(",").map(Number);
    const label = labels[index] ?? 0;
    return `  <g class="${id}"><polyline points="${corners}"/><line class="lead" x1="${px((endX ?? 0) + 4)}" y1="${px(endY ?? 0)}" x2="${right + 16}" y2="${px(label)}"/><text class="label" x="${right + 20}" y="${px(label + 4)}">${escape(name)}</text></g>\n`;
  });
  return `  <text class="axis" x="${left}" y="${area.top - 10}">${escape(title)}</text>\n${across.join("")}${down.join("")}${shown.join("")}`;
}

function spoken({ title, points }: Line): string {
  const values = points.map(({ y }) => y);
  if (values.length === 0) return `${title}: none`;
  return `${title}: from ${short(Math.min(...values))} to ${short(Math.max(...values))}`;
}
