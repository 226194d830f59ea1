/** Learning rates as the runs recorded them; arms with the same schedule share a line. */
import type { ArmCurves } from '../curves.ts';
import type { Figure } from './figure.ts';
import { lineChart, type Line } from './lineChart.ts';
import type { ArmStyle } from './palette.ts';

export function scheduleFigure(curves: readonly ArmCurves[], styles: ReadonlyMap<string, ArmStyle>): Figure {
  return {
    id: 'learning-rate',
    title: 'Learning rate',
    caption: 'Recorded at every step of the longest run of an arm. Arms with the same schedule are one line.',
    draw: (width) =>
      lineChart({ width, lines: lines(curves, styles), xName: 'step', yName: 'learning rate', nameLength: 20 }),
    data: [['arm', 'step', 'lr'], ...curves.flatMap(({ arm, lr }) => lr.map((point) => [arm, point.step, point.lr]))],
  };
}

function lines(curves: readonly ArmCurves[], styles: ReadonlyMap<string, ArmStyle>): Line[] {
  const alike = new Map<string, number[]>();
  curves.forEach(({ lr }, i) => {
    const key = lr.map((point) => `${point.step}:${point.lr}`).join();
    if (lr.length > 0) alike.set(key, [...(alike.get(key) ?? []), i]);
  });
  return [...alike.values()].flatMap((arms) => {
    const first = curves[arms[0] ?? 0];
    const style = first && styles.get(first.arm);
    if (!first || !style) return [];
    const name = arms.length === 1 ? first.arm : `${first.arm} + ${arms.length - 1} more`;
    return [{ name, arms, style, points: first.lr.map(({ step, lr }) => ({ x: step, y: lr })) }];
  });
}
