/** What an arm costs: time of a step, and the memory of its optimizer's state. */
import type { Row } from '../../experiment/table/rows.ts';
import { markup, px, type Markup } from '../markup.ts';
import { threeFigures } from '../numbers.ts';
import { shortened } from './chart.ts';
import type { Drawing, Figure } from './figure.ts';
import type { ArmStyle } from './palette.ts';

export function costFigure(rows: readonly Row[], styles: ReadonlyMap<string, ArmStyle>): Figure {
  const timed = rows.some(({ msPerStep }) => msPerStep !== null);
  const split = rows.some(({ optimizerMs }) => optimizerMs !== null);
  return {
    id: 'cost',
    title: 'Time of a step and memory of the optimizer',
    caption: [
      timed
        ? 'Median time of a training step. All arms train the same model on the same data: what differs is the optimizer, and the noise of the machine.'
        : 'There are no times: nothing has completed yet, or the runs’ hardware or backends differ.',
      split && 'The stronger end of a bar and the number in brackets are the optimizer’s part.',
      'Optimizer state is in multiples of the parameters’ size.',
    ]
      .filter((sentence) => sentence !== false)
      .join(' '),
    draw: (width) => draw(rows, styles, width),
    data: [
      ['arm', 'ms_per_step', 'optimizer_ms_per_step', 'state_ratio'],
      ...rows.map(({ arm, msPerStep, optimizerMs, stateRatio }) => [arm, msPerStep, optimizerMs, stateRatio]),
    ],
  };
}

interface Panel {
  readonly name: string;
  readonly x: number;
  readonly value: (row: Row) => number | null;
  /** The part of the value that is told apart. */
  readonly part: (row: Row) => number | null;
}

function draw(rows: readonly Row[], styles: ReadonlyMap<string, ArmStyle>, width: number): Drawing {
  const narrow = width < 500;
  const left = narrow ? 96 : 150;
  const gap = narrow ? 12 : 40;
  const column = (width - left - gap) / 2;
  const panels: readonly Panel[] = [
    {
      name: narrow ? 'ms a step' : 'time of a step, ms',
      x: left,
      value: ({ msPerStep }) => msPerStep,
      part: ({ optimizerMs }) => optimizerMs,
    },
    {
      name: narrow ? 'state ×' : 'optimizer state, × parameters',
      x: left + column + gap,
      value: ({ stateRatio }) => stateRatio,
      part: () => null,
    },
  ];
  const room = column - (narrow ? 64 : 84); // what a bar's number takes
  return {
    height: 26 + 20 * rows.length,
    body: markup`${panels.map(({ name, x }) => markup`<text class="soft" x="${px(x)}" y="10">${name}</text>`)}${rows.map(
      (row, i) => {
        const y = 32 + 20 * i;
        const hue = styles.get(row.arm)?.hue === 'hx' ? 'hx' : 'h0';
        return markup`<g class="${hue}"><title>${row.arm}</title><text class="strong" x="0" y="${px(y + 4)}">${shortened(row.arm, narrow ? 13 : 20)}</text>${panels.map((panel) => bar(panel, row, rows, y, room))}</g>`;
      },
    )}`,
  };
}

function bar({ x, value, part }: Panel, row: Row, rows: readonly Row[], y: number, room: number): Markup {
  const most = Math.max(...rows.map((other) => value(other) ?? 0)) || 1;
  const [own, some] = [value(row), part(row)];
  if (own === null) return markup`<text class="soft" x="${px(x)}" y="${px(y + 4)}">–</text>`;
  const [length, end] = [(own / most) * room, ((some ?? 0) / most) * room];
  const text = `${threeFigures(own)}${some === null ? '' : ` (${threeFigures(some)})`}`;
  return markup`<rect class="mark" stroke="none" opacity="${some === null ? 0.8 : 0.5}" x="${px(x)}" y="${px(y - 5)}" width="${px(length - end)}" height="10"/>${some !== null && markup`<rect class="mark" stroke="none" x="${px(x + length - end)}" y="${px(y - 5)}" width="${px(end)}" height="10"/>`}<text x="${px(x + length + 6)}" y="${px(y + 4)}">${text}</text>`;
}
