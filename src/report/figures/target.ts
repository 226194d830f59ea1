/** When each seed of an arm first reached the target. */
import type { Row } from '../../experiment/table/rows.ts';
import type { Target } from '../../experiment/table/timeToTarget.ts';
import { markup, px, type Markup } from '../markup.ts';
import { compact, percent } from '../numbers.ts';
import { shortened, xAxis, type RowPlace } from './chart.ts';
import type { Drawing, Figure } from './figure.ts';
import type { ArmStyle } from './palette.ts';
import { linearScale, type Scale } from './scale.ts';

type TimedRow = Row & { readonly timeToTarget: NonNullable<Row['timeToTarget']> };

export function targetFigure(rows: readonly Row[], target: Target, styles: ReadonlyMap<string, ArmStyle>): Figure {
  const timed = rows.filter((row): row is TimedRow => row.timeToTarget !== null);
  const level = `${percent(target.value)} %`;
  return {
    id: 'steps-to-target',
    title: `Steps to ${level} top-1`,
    caption:
      `A dot is a seed: the first evaluation at or above ${level} (from ${target.source}); the bar is the median, the line spans the quartiles. ` +
      'At the right: how many seeds got there. Seeds that did not are open triangles at the edge and count as infinite.',
    draw: (width) => draw(timed, styles, width),
    data: [
      ['arm', 'seed', 'steps_to_target'],
      ...timed.flatMap(({ arm, timeToTarget }) =>
        timeToTarget.steps.map(({ seed, step }) => [arm, seed, Number.isFinite(step) ? step : null]),
      ),
    ],
  };
}

function draw(rows: readonly TimedRow[], styles: ReadonlyMap<string, ArmStyle>, width: number): Drawing {
  const narrow = width < 500;
  const [left, right] = [narrow ? 104 : 150, width - (narrow ? 40 : 200)];
  const reached = rows
    .flatMap(({ timeToTarget }) => timeToTarget.steps.map(({ step }) => step))
    .filter(Number.isFinite);
  const x = linearScale([0, Math.max(1, ...reached)], [left, right - 16], narrow ? 3 : 6);
  const bottom = 24 * rows.length + 8;
  return {
    height: bottom + 38,
    body: markup`${rows.map((row, i) => armMarks(row, styles.get(row.arm)?.hue === 'hx', x, { y: 24 * i + 16, left, right, width, narrow }))}${xAxis({ left, right, top: 0, bottom }, x, 'step')}`,
  };
}

function armMarks({ arm, timeToTarget: time }: TimedRow, plain: boolean, x: Scale, place: RowPlace): Markup {
  const { y, left, right, width, narrow } = place;
  const at = (step: number) => (Number.isFinite(step) ? x(step) : right - 4);
  const [low, high] = time.quartiles.map(at) as [number, number];
  const middle = Number.isFinite(time.median) ? `median ${compact(time.median)}` : 'median not reached';
  const spread =
    time.reached > 0 && markup`<path class="line" stroke-width="1.25" d="M${px(low)} ${px(y)}H${px(high)}"/>`;
  const median =
    Number.isFinite(time.median) &&
    markup`<path class="line" stroke-width="2.5" d="M${px(at(time.median))} ${px(y - 7)}v14"/>`;
  const seeds = time.steps.map(({ step }) =>
    Number.isFinite(step)
      ? markup`<circle class="mark" stroke="none" opacity=".55" cx="${px(at(step))}" cy="${px(y)}" r="3"/>`
      : markup`<path class="hollow" d="M${px(right - 8)} ${px(y - 4)}l8 4l-8 4z"/>`,
  );
  const count = `${time.reached}/${time.of}`;
  return markup`<g class="${plain ? 'hx' : 'h0'}"><title>${arm}: ${middle}, ${count} reached</title><text class="strong" x="0" y="${px(y + 4)}">${shortened(arm, narrow ? 15 : 22)}</text><path class="grid" d="M${px(left)} ${px(y)}H${px(right)}"/>${spread}${seeds}${median}<text class="end soft" x="${px(width)}" y="${px(y + 4)}">${narrow ? count : `${middle}, ${count} seeds`}</text></g>`;
}
