/** Lines over a common axis, each named at its end, with the spread over seeds as a band. */
import { markup, px, type Markup } from '../markup.ts';
import { axes, bandPath, linePath, shortened, spreadOut, textWidth, type Area } from './chart.ts';
import type { Drawing } from './figure.ts';
import type { ArmStyle } from './palette.ts';
import { errorScale, linearScale, logScale, rounded, type Scale } from './scale.ts';

export interface LinePoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Line {
  readonly name: string;
  /** The arms it stands for, by their place in the plan; a page shows and hides it by them. */
  readonly arms: readonly number[];
  readonly style: ArmStyle;
  readonly points: readonly LinePoint[];
  /** Where a run behind the line ended early. */
  readonly stops?: readonly LinePoint[];
}

export interface LineChart {
  readonly width: number;
  readonly lines: readonly Line[];
  readonly xName: string;
  readonly yName: string;
  /** How y is placed; `error`: by the logarithm of what is missing to 100, so that 98 and 99 are as far apart as 80 and 90. */
  readonly scale?: 'linear' | 'log' | 'error';
  /** Largest y to make room for; what lies above is drawn at the edge. */
  readonly ceiling?: number;
  /** Most characters of a name on a phone. */
  readonly nameLength?: number;
  /** A horizontal line of its own. */
  readonly level?: { readonly y: number; readonly name: string } | undefined;
}

export function lineChart(chart: LineChart): Drawing {
  const { width, lines, xName, yName, nameLength = 13, level } = chart;
  const narrow = width < 500;
  const height = Math.round(narrow ? 300 : Math.max(300, 16 * lines.length + 70));
  const names = lines.map(({ name }) => shortened(name, narrow ? nameLength : 28));
  const area: Area = {
    left: 46,
    right: width - Math.max(20, ...names.map(textWidth)) - 22,
    top: 24,
    bottom: height - 38,
  };
  const xs = lines.flatMap(({ points }) => points.map((point) => point.x));
  const x = linearScale(
    [0, most(xs, 1)],
    [area.left, area.right],
    Math.max(2, Math.floor((area.right - area.left) / 75)),
  );
  const y = yScale(chart, area, narrow);

  const ends = lines.map(({ points: own }) => own.findLast((point) => Number.isFinite(y(point.y))));
  const labels = spreadOut(
    ends.map((end) => (end ? y(end.y) : area.bottom)),
    13,
    [area.top, area.bottom],
  );
  return {
    height,
    body: markup`${axes(area, x, y, { x: xName, y: yName })}${level && levelMarks(area, y, level)}${lines.map(
      (line, i) =>
        markup`<g class="arm ${line.style.hue}" data-arms="${line.arms.join(' ')}"><title>${line.name}</title>${band(line, x, y)}<path class="line" stroke-width="${line.style.width}" stroke-dasharray="${line.style.dash}" d="${linePath(line.points.map((point) => [x(point.x), y(point.y)]))}"/>${(line.stops ?? []).map((stop) => cross(x(stop.x), y(stop.y)))}${nameAtEnd(names[i] ?? '', ends[i], labels[i] ?? 0, area, x, y)}</g>`,
    )}`,
  };
}

function yScale({ lines, scale = 'linear', ceiling = Infinity, level }: LineChart, area: Area, narrow: boolean): Scale {
  const values = lines
    .flatMap(({ points }) => points.flatMap(({ y, low = y, high = y }) => [y, low, high]))
    .concat(level ? [level.y] : [])
    .filter((value) => Number.isFinite(value) && value <= ceiling && (scale !== 'log' || value > 0));
  const domain = [least(values, 0), most(values, 1)] as const;
  const range = [area.bottom, area.top] as const;
  if (scale === 'error') return errorScale(domain, range);
  const y = scale === 'log' ? logScale(domain, range) : linearScale(rounded(domain), range, narrow ? 5 : 6);
  return Object.assign((value: number) => Math.max(area.top, y(value)), { ticks: y.ticks, label: y.label });
}

function nameAtEnd(name: string, end: LinePoint | undefined, at: number, area: Area, x: Scale, y: Scale): Markup {
  if (!end) return markup``;
  const lead = linePath([
    [x(end.x) + 2, y(end.y)],
    [area.right + 12, at],
  ]);
  return markup`<path class="lead" d="${lead}"/><text x="${px(area.right + 15)}" y="${px(at + 4)}">${name}</text>`;
}

function band({ points }: Line, x: Scale, y: Scale): Markup | false {
  const edges = points.map(({ x: at, y: middle, low = middle, high = middle }) => ({
    x: x(at),
    low: y(low),
    high: y(high),
  }));
  return edges.some(({ low, high }) => low !== high) && markup`<path class="band" d="${bandPath(edges)}"/>`;
}

const levelMarks = (area: Area, y: Scale, level: { readonly y: number; readonly name: string }): Markup =>
  markup`<path class="axis" stroke-dasharray="4 3" d="M${px(area.left)} ${px(y(level.y))}H${px(area.right)}"/><text class="soft" x="${px(area.left + 4)}" y="${px(y(level.y) - 4)}">${level.name}</text>`;

/** ×, where a run ended before its time. */
export const cross = (x: number, y: number): Markup | false =>
  Number.isFinite(x + y) && markup`<path class="line" stroke-width="2" d="M${px(x - 4)} ${px(y - 4)}l8 8m0 -8l-8 8"/>`;

const least = (xs: readonly number[], otherwise: number): number =>
  xs.length === 0 ? otherwise : xs.reduce((a, b) => Math.min(a, b));
const most = (xs: readonly number[], otherwise: number): number =>
  xs.length === 0 ? otherwise : xs.reduce((a, b) => Math.max(a, b));
