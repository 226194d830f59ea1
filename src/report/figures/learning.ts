/** Learning curves: training loss and held-out accuracy over the steps, one line an arm. */
import type { ArmCurves, SeedRange } from '../curves.ts';
import type { Figure } from './figure.ts';
import { lineChart, type Line } from './lineChart.ts';
import type { ArmStyle } from './palette.ts';
import { shortNumber } from './scale.ts';

export function learningFigures(curves: readonly ArmCurves[], styles: ReadonlyMap<string, ArmStyle>): Figure[] {
  const windows = curves.map(({ window }) => window);
  const window = Math.round(Math.max(1, ...windows));
  const over = window > 1 ? `, each the mean over windows of ${window} steps` : '';
  const ceiling = 2 * Math.max(0, ...curves.map(({ loss }) => loss[0]?.high ?? 0));
  const cut = curves.some(({ loss }) => loss.some(({ high }) => high > ceiling));
  return [
    {
      id: 'training-loss',
      title: 'Training loss',
      caption: `Mean over the seeds of an arm${over}; the band reaches from the lowest seed to the highest. × marks a run that ended early. Logarithmic scale${cut ? `, cut off above ${shortNumber(Number(ceiling.toPrecision(2)))}` : ''}.`,
      draw: (width) =>
        lineChart({
          width,
          lines: lines(curves, styles, 'loss', 1),
          xName: 'step',
          yName: 'training loss',
          scale: 'log',
          ceiling,
        }),
      data: rows(curves, 'loss', 'training_loss'),
    },
    {
      id: 'test-top1',
      title: 'Held-out top-1',
      caption:
        'Accuracy on the held-out set at each evaluation, mean over the seeds of an arm; the band reaches from the lowest seed to the highest. ' +
        'The scale is logarithmic in the error, 100 − top-1, so that the end of training has room.',
      draw: (width) =>
        lineChart({
          width,
          lines: lines(curves, styles, 'top1', 100),
          xName: 'step',
          yName: 'top-1, %',
          scale: 'error',
        }),
      data: rows(curves, 'top1', 'top1'),
    },
  ];
}

function lines(
  curves: readonly ArmCurves[],
  styles: ReadonlyMap<string, ArmStyle>,
  which: 'loss' | 'top1',
  factor: number,
): Line[] {
  return curves.flatMap(({ arm, stops, ...own }, i) => {
    const style = styles.get(arm);
    const points = own[which].map(({ step, mean, low, high }) => ({
      x: step,
      y: factor * mean,
      low: factor * low,
      high: factor * high,
    }));
    if (!style || points.length === 0) return [];
    const at = (step: number) => points.findLast(({ x }) => x <= step) ?? points[0];
    const marks = which === 'loss' ? stops.flatMap(({ step }) => at(step) ?? []) : [];
    return [{ name: arm, arms: [i], style, points, stops: marks }];
  });
}

const rows = (curves: readonly ArmCurves[], which: 'loss' | 'top1', name: string): Figure['data'] => [
  ['arm', 'step', `${name}_mean`, `${name}_lowest_seed`, `${name}_highest_seed`, 'seeds'],
  ...curves.flatMap(({ arm, ...own }) =>
    own[which].map(({ step, mean, low, high, seeds }: SeedRange) => [arm, step, mean, low, high, seeds]),
  ),
];
