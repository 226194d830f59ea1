import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { armCurves, type LoggedRun } from '../../src/report/curves.ts';
import { sampleStep } from '../runs/sample.ts';

const run = (seed: number, losses: readonly number[], changes: Partial<LoggedRun> = {}): LoggedRun => ({
  seed,
  state: 'completed',
  logs: { steps: losses.map((loss, i) => sampleStep(i + 1, { loss })), evaluations: [] },
  ...changes,
});

describe('over windows of steps', () => {
  // Two windows of three steps; seed 0 has the means 2 and 5, seed 1 the means 4 and 1.
  const curves = armCurves('a', [run(0, [1, 2, 3, 4, 5, 6]), run(1, [4, 4, 4, 0, 1, 2])], 2);

  test('mean and range are over the seeds’ means', () => {
    expect(curves.window).toBe(3);
    expect(curves.loss).toEqual([
      { step: 3, mean: 3, low: 2, high: 4, seeds: 2 },
      { step: 6, mean: 3, low: 1, high: 5, seeds: 2 },
    ]);
  });

  test('with fewer steps than points every step stands for itself', () => {
    expect(armCurves('a', [run(0, [3, 1, 2])], 160).loss.map(({ step, mean }) => [step, mean])).toEqual([
      [1, 3],
      [2, 1],
      [3, 2],
    ]);
  });

  test('a seed that diverged counts up to its window of NaN, and is marked where it stopped', () => {
    const { loss, stops } = armCurves('a', [run(0, [1, 1, 1, 1]), run(1, [3, 3, NaN], { state: 'diverged' })], 160);
    expect(loss.map(({ mean, seeds }) => [mean, seeds])).toEqual([
      [2, 2],
      [2, 2],
      [1, 1],
      [1, 1],
    ]);
    expect(stops).toEqual([{ seed: 1, step: 3, state: 'diverged' }]);
  });

  test('at most as many points as asked for, the range of a seed’s mean inside the range of its losses', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 400 }), (losses) => {
        const { loss } = armCurves('a', [run(0, losses)], 20);
        expect(loss.length).toBeLessThanOrEqual(20);
        expect(loss.at(-1)?.step).toBe(losses.length);
        for (const { low, high } of loss) {
          expect(low).toBeGreaterThanOrEqual(Math.min(...losses) - 1e-9);
          expect(high).toBeLessThanOrEqual(Math.max(...losses) + 1e-9);
        }
      }),
    );
  });
});

describe('learning rates', () => {
  const rates = (values: readonly number[]) =>
    run(0, [], { logs: { steps: values.map((lr, i) => sampleStep(i + 1, { lr })), evaluations: [] } });

  test('up, flat and down are four points', () => {
    const values = Array.from({ length: 101 }, (_, i) => Math.min(1, i / 20, (100 - i) / 25));
    expect(armCurves('a', [rates(values)]).lr).toEqual([
      { step: 1, lr: 0 },
      { step: 21, lr: 1 },
      { step: 76, lr: 1 },
      { step: 101, lr: 0 },
    ]);
  });

  test('straight lines between the points are off by at most a thousandth of the highest rate', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 60 }), (values) => {
        const { lr } = armCurves('a', [rates(values)]);
        values.forEach((value, i) => {
          const next = lr.findIndex(({ step }) => step >= i + 1);
          const [a, b] = [lr[Math.max(0, next - 1)]!, lr[next]!];
          const share = b.step === a.step ? 0 : (i + 1 - a.step) / (b.step - a.step);
          expect(Math.abs(a.lr + share * (b.lr - a.lr) - value)).toBeLessThanOrEqual(
            0.001 * Math.max(...values) + 1e-12,
          );
        });
      }),
    );
  });
});

test('no logs, no curves', () => {
  expect(armCurves('a', [])).toMatchObject({ steps: 0, loss: [], top1: [], lr: [], meters: {}, stops: [] });
});
