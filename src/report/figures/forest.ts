/** Paired differences with their intervals, a row an arm, grouped as the table is. */
import { confidenceText, inPoints } from '../../experiment/study/protocol.ts';
import type { Row } from '../../experiment/table/rows.ts';
import type { Protocol } from '../../runs/study.ts';
import { markup, px, type Markup } from '../markup.ts';
import { pointsText } from '../cells.ts';
import { shortened, xAxis, type RowPlace } from './chart.ts';
import type { Drawing, Figure } from './figure.ts';
import { linearScale, type Scale } from './scale.ts';

/** Arms that a difference was taken of. */
type ComparedRow = Row & { readonly comparison: NonNullable<Row['comparison']> & { readonly mean: number } };

export function forestFigure(rows: readonly Row[], { delta, alpha }: Protocol): Figure {
  const compared = byHeading(
    rows.filter((row): row is ComparedRow => row.comparison !== null && row.comparison.mean !== null),
  );
  const zone = `The grey zone is ±${inPoints(delta)} points, which counts as no difference.`;
  return {
    id: 'differences',
    title: 'Difference of each arm from its reference',
    caption:
      `Held-out top-1 in points, paired by seed: mean with its ${confidenceText(alpha)} Student-t interval; small dots are single seeds. ${zone} ` +
      'Filled marks: the arm helps (circle) or hurts (square) after correction for the number of arms; hollow: neither was shown. ' +
      'Arrows: the interval goes on beyond the axis.',
    draw: (width) => draw(compared, width, delta),
    data: [
      ['group', 'arm', 'reference', 'seeds', 'difference', 'low', 'high', 'p_holm', 'verdict', 'differences_by_seed'],
      ...compared.map(({ group, arm, comparison: c }) => [
        group,
        arm,
        c.reference,
        c.seeds.join(' '),
        finite(c.mean),
        finite(c.interval?.[0]),
        finite(c.interval?.[1]),
        finite(c.pHolm),
        c.verdict.word,
        c.differences.join(' '),
      ]),
    ],
  };
}

const headingOf = ({ group, comparison }: ComparedRow): string => `${group}, against ${comparison.reference}`;

/** Rows under the same heading together; headings and rows in the order they come. */
function byHeading(rows: readonly ComparedRow[]): ComparedRow[] {
  const headings = [...new Set(rows.map(headingOf))];
  return headings.flatMap((heading) => rows.filter((row) => headingOf(row) === heading));
}

function draw(rows: readonly ComparedRow[], width: number, delta: number): Drawing {
  const narrow = width < 500;
  const rowHeight = narrow ? 40 : 24;
  const [left, right] = narrow ? [6, width - 6] : [150, width - 300];
  const x = linearScale(extent(rows, delta), [left, right], narrow ? 5 : 7);
  let y = 0;
  const parts = rows.map((row, i) => {
    const heads: Markup[] = [];
    const previous = rows[i - 1];
    if (!previous || headingOf(row) !== headingOf(previous)) {
      y += previous === undefined ? 14 : 26;
      heads.push(markup`<text class="soft halo" x="0" y="${px(y)}">${headingOf(row)}</text>`);
      y += 4;
    }
    y += rowHeight;
    return markup`${heads}${armMarks(row, x, { y: y - (narrow ? 7 : 8), left, right, width, narrow })}`;
  });
  const bottom = y + 10;
  const zone =
    delta > 0 &&
    markup`<rect class="zone" x="${px(x(-100 * delta))}" y="4" width="${px(x(200 * delta) - x(0))}" height="${px(bottom - 4)}"/>`;
  const nothing = markup`<path class="axis" d="M${px(x(0))} 4V${px(bottom)}"/>`;
  return {
    height: bottom + 38,
    body: markup`${zone}${nothing}${parts}${xAxis({ left, right, top: 0, bottom }, x, 'difference of top-1, points')}`,
  };
}

function armMarks({ arm, comparison }: ComparedRow, x: Scale, place: RowPlace): Markup {
  const { mean, interval, differences, verdict } = comparison;
  const { y, left, right, width, narrow } = place;
  const text = pointsText(mean, interval);
  const labels = narrow
    ? markup`<text class="strong halo" x="0" y="${px(y - 15)}">${shortened(arm, 18)}</text><text class="end halo" x="${px(width)}" y="${px(y - 15)}">${text} <tspan class="strong">${verdict.bold ? verdict.word : ''}</tspan></text>`
    : markup`<text class="strong" x="0" y="${px(y + 4)}">${shortened(arm, 22)}</text><text x="${px(right + 24)}" y="${px(y + 4)}">${text}</text><text class="end ${verdict.bold ? 'strong' : 'soft'}" x="${px(width)}" y="${px(y + 4)}">${verdict.word}</text>`;
  const inside = (value: number) => Math.min(right, Math.max(left, x(100 * value)));
  const seeds = differences
    .filter((value) => x(100 * value) >= left && x(100 * value) <= right)
    .map(
      (value) =>
        markup`<circle class="mark" opacity=".35" stroke="none" cx="${px(x(100 * value))}" cy="${px(y)}" r="1.8"/>`,
    );
  const hue = verdict.word === 'helps' ? 'h0' : verdict.word === 'hurts' ? 'h1' : 'hx';
  return markup`<g class="${hue}"><title>${arm}: ${text}, ${verdict.text}</title>${labels}${interval && whisker(interval, inside, x, y)}${seeds}${x(100 * mean) >= left && x(100 * mean) <= right && mark(verdict.word, x(100 * mean), y)}</g>`;
}

/** The interval; an end beyond the axis is an arrow. */
function whisker([low, high]: readonly [number, number], inside: (x: number) => number, x: Scale, y: number): Markup {
  const [from, to] = [inside(low), inside(high)];
  const end = (at: number, value: number, way: number) =>
    Math.abs(x(100 * value) - at) < 0.05
      ? `M${px(at)} ${px(y - 4)}v8`
      : `M${px(at - 5 * way)} ${px(y - 4)}l${5 * way} 4l${-5 * way} 4`;
  return markup`<path class="line" stroke-width="1.5" d="M${px(from)} ${px(y)}H${px(to)}${end(from, low, -1)}${end(to, high, 1)}"/>`;
}

function mark(word: string, x: number, y: number): Markup {
  if (word === 'hurts') return markup`<rect class="mark" x="${px(x - 4)}" y="${px(y - 4)}" width="8" height="8"/>`;
  return markup`<circle class="${word === 'helps' ? 'mark' : 'hollow'}" cx="${px(x)}" cy="${px(y)}" r="4.2"/>`;
}

/** Points that hold what is known well: rows whose interval is far wider than the others' run off the axis. */
function extent(rows: readonly ComparedRow[], delta: number): [number, number] {
  const widthOf = ({ comparison: { interval } }: ComparedRow) => (interval ? interval[1] - interval[0] : 0);
  const widths = rows.map(widthOf).sort((a, b) => a - b);
  const usual = widths[Math.floor((widths.length - 1) / 2)] ?? 0;
  const values = rows
    .filter((row) => widthOf(row) <= 5 * usual)
    .flatMap(({ comparison: { mean, interval } }) => [mean, ...(interval ?? [])]);
  const [low, high] = [Math.min(-delta, 0, ...values), Math.max(delta, 0, ...values)];
  const margin = 0.04 * (high - low || 0.01);
  return [100 * (low - margin), 100 * (high + margin)];
}

const finite = (x: number | null | undefined): number | null =>
  x === undefined || x === null || !Number.isFinite(x) ? null : x;
