/** What each arm scored over its learning rates while its hyperparameters were chosen: one panel an arm. */
import type { Ledger, TrialRecord } from '../../runs/tuning.ts';
import { markup, px, type Markup } from '../markup.ts';
import { percent } from '../numbers.ts';
import { linePath, shortened, type Area } from './chart.ts';
import type { Drawing, Figure } from './figure.ts';
import { cross } from './lineChart.ts';
import type { ArmStyle } from './palette.ts';
import { errorScale, logScale, type Scale } from './scale.ts';

const lrKey = 'optimizer.lr';

interface Panel {
  readonly arm: string;
  readonly trials: readonly TrialRecord[];
}

export function lrFigure({ arms, trials, search }: Ledger, styles: ReadonlyMap<string, ArmStyle>): Figure {
  const withRate = trials.filter(({ values, score }) => typeof values[lrKey] === 'number' && score !== null);
  const panels = arms
    .map(({ arm }) => ({
      arm,
      trials: withRate.filter((trial) => trial.arm === arm).sort((a, b) => rate(a) - rate(b)),
    }))
    .filter(({ trials: own }) => own.length > 0);
  const others = Object.keys(search.space).filter((key) => key !== lrKey);
  return {
    id: 'learning-rates',
    title: 'Top-1 over the learning rate, while it was chosen',
    caption:
      `A mark is a trial: mean top-1 of ${search.seeds.length} ${search.seeds.length === 1 ? 'seed' : 'seeds'} on ` +
      `${Number((100 * search.holdOut).toPrecision(4))} % of the training images held out; the filled one was chosen, × is one whose runs all failed. ` +
      'A best mark at either end of its panel may have a better one beyond. Where the learning rate alone was changed, a line joins the marks' +
      (others.length > 0 ? `; elsewhere ${others.join(', ')} changed too.` : '.'),
    draw: (width) => draw(panels, styles, width),
    data: [
      ['arm', 'trial', 'lr', 'top1', 'status', 'best'],
      ...panels.flatMap(({ arm, trials: own }) =>
        own.map((trial) => [arm, trial.trial, rate(trial), trial.score, trial.status, trial.isBest ? 1 : 0]),
      ),
    ],
  };
}

const rate = ({ values }: TrialRecord): number => values[lrKey] as number;

const PANEL_HEIGHT = 156;

function draw(panels: readonly Panel[], styles: ReadonlyMap<string, ArmStyle>, width: number): Drawing {
  const columns = Math.max(1, Math.min(panels.length, Math.floor(width / 230)));
  const all = panels.flatMap(({ trials }) => trials);
  const scores = all.filter(({ status }) => status === 'scored').map(({ score }) => 100 * score!);
  const domains = {
    x: [Math.min(...all.map(rate)), Math.max(...all.map(rate))] as const,
    y: [scores.length > 0 ? Math.min(...scores) : 0, scores.length > 0 ? Math.max(...scores) : 100] as const,
  };
  return {
    height: PANEL_HEIGHT * Math.ceil(panels.length / columns),
    body: markup`${panels.map((panel, i) => {
      const [column, row] = [i % columns, Math.floor(i / columns)];
      const left = (column * width) / columns;
      const area: Area = {
        left: left + 40,
        right: left + width / columns - 12,
        top: row * PANEL_HEIGHT + 24,
        bottom: (row + 1) * PANEL_HEIGHT - 34,
      };
      return panelMarks(panel, styles.get(panel.arm)?.hue ?? 'hx', area, domains);
    })}`,
  };
}

function panelMarks(
  { arm, trials }: Panel,
  hue: string,
  area: Area,
  domains: Readonly<Record<'x' | 'y', readonly [number, number]>>,
): Markup {
  const x = logScale(domains.x, [area.left + 6, area.right - 6], 4);
  const y = errorScale(domains.y, [area.bottom - 8, area.top + 8]);
  const name = shortened(arm, Math.floor((area.right - area.left) / 7));
  const isLine = trials.every(({ by }) => by === 'line');
  const joined =
    isLine &&
    linePath(
      trials.filter(({ status }) => status === 'scored').map((trial) => [x(rate(trial)), y(100 * trial.score!)]),
    );
  return markup`<g class="${hue}"><title>${arm}</title><text class="strong" x="${px(area.left)}" y="${px(area.top - 8)}">${name}</text>${frame(area, x, y)}${joined && markup`<path class="line" stroke-width="1.5" d="${joined}"/>`}${trials.map((trial) => mark(trial, x, y, area))}</g>`;
}

const frame = (area: Area, x: Scale, y: Scale): Markup =>
  markup`${y.ticks.map((tick) => markup`<path class="grid" d="M${px(area.left)} ${px(y(tick))}H${px(area.right)}"/><text class="soft end" x="${px(area.left - 6)}" y="${px(y(tick) + 4)}">${y.label(tick)}</text>`)}<path class="axis" d="M${px(area.left)} ${px(area.bottom)}H${px(area.right)}"/>${x.ticks.map((tick) => markup`<path class="axis" d="M${px(x(tick))} ${px(area.bottom)}v4"/><text class="soft mid" x="${px(x(tick))}" y="${px(area.bottom + 16)}">${x.label(tick)}</text>`)}`;

function mark(trial: TrialRecord, x: Scale, y: Scale, area: Area): Markup | false {
  if (trial.status === 'failed') return cross(x(rate(trial)), area.bottom - 8);
  const tip = `lr ${rate(trial)}: ${percent(trial.score!)} %`;
  const [className, radius] = trial.isBest ? ['mark', 4.5] : ['hollow', 3];
  return markup`<circle class="${className}" cx="${px(x(rate(trial)))}" cy="${px(y(100 * trial.score!))}" r="${radius}"><title>${tip}</title></circle>`;
}
