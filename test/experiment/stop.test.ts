import { describe, expect, test } from 'vitest';
import { countStep, newProgress, type Progress } from '../../src/experiment/progress.ts';
import { chanceOf, priorOf, priorScores } from '../../src/experiment/guessing.ts';
import { endingOfRun, endingOfStep, stuckRule } from '../../src/experiment/stop.ts';
import type { Plan } from '../../src/experiment/train.ts';
import { sampleStep } from '../runs/sample.ts';

/** What the rules read of the plan of a run over ten classes: 294 steps, so they look at 59 losses, first those up to step 118. */
const plan = {
  experiment: { stop: { stuckAfter: 0.4, stuckWithin: 0.02 } },
  facts: { classes: 10, test: 500 },
  totalSteps: 294,
  stepsPerEpoch: 147,
} as Plan;
const tenClasses = chanceOf({ train: Array<number>(10).fill(100), test: Array<number>(10).fill(50) }, 0);

/** As after a step whose last losses these are, on batches with these labels, of which so many were told right. */
function after(step: number, counts: readonly number[], losses: readonly Loss[]): Progress {
  const progress = newProgress();
  const prior = priorOf(counts, 0);
  losses.forEach(({ loss, top1, labels }, i) => {
    const metrics = sampleStep(step - losses.length + 1 + i, { loss, trainTop1: top1 });
    countStep(progress, metrics, priorScores(prior, labels), 59);
  });
  return progress;
}
interface Loss {
  readonly loss: number;
  readonly top1: number;
  readonly labels: readonly number[];
}
const balanced = (losses: readonly number[]): Loss[] => losses.map((loss) => ({ loss, top1: 0.1, labels: [0, 1] }));

/** A run of nf-resnet26 that had learnt to tell 44 % of its test images: its losses swing, and their mean is 2.285. */
const swinging = [
  2.24, 1.732, 2.944, 1.621, 2.074, 1.52, 1.704, 2.507, 1.727, 2.143, 2.314, 1.331, 3.506, 1.614, 3.083, 1.687, 1.687,
  2.821, 1.763, 2.316, 1.573, 1.314, 2.266, 1.48, 2.062, 1.866, 1.484, 3.418, 1.782, 2.992, 2.399, 1.493, 4.249, 1.883,
  3.625, 2.076, 1.365, 5.48, 1.348, 2.721, 1.7, 1.502, 2.576, 1.569, 2.467, 2.158, 1.28, 2.705, 2.439, 3.135, 4.064,
  1.833, 7.31, 1.55, 2.412, 1.557, 1.444, 2.039, 1.866,
];

describe('the stuck rule', () => {
  const ending = (losses: readonly number[], step = 118) =>
    endingOfStep(plan, after(step, Array<number>(10).fill(100), balanced(losses)), tenClasses);

  test('looks at the middle of the last losses', () => {
    expect(stuckRule(plan)).toEqual({ at: 118, window: 59 });
    expect(swinging).toHaveLength(59);
    expect(swinging.reduce((a, b) => a + b) / 59).toBeCloseTo(2.285, 3); // within 0.02 of ln 10
    expect(ending(swinging)).toBeUndefined();

    const atChance = Array.from({ length: 59 }, (_, i) => Math.log(10) + 0.05 * Math.sin(i));
    expect(ending(atChance)?.status).toBe('stuck');
    expect(ending([...atChance.slice(2), 40, 60])?.status).toBe('stuck');
    expect(ending(atChance, 117)).toBeUndefined();
  });

  test.each([
    [2.2825, undefined],
    [2.2827, 'stuck'],
    [2.3224, 'stuck'],
    [2.3227, undefined],
  ])('takes equal classes as ever: a loss of %f within 0.02 of ln 10 = 2.3026 is %s', (loss, status) =>
    expect(ending(Array<number>(59).fill(loss))?.status).toBe(status),
  );
});

describe('where the classes are unequal', () => {
  /** 59 batches of 20 labels, 19 to 1 on average, but most without a rare one. */
  const counts = [950, 50];
  const rare = Array.from({ length: 59 }, (_, i) => [0, 2, 0, 0, 4, 0, 1, 0, 3, 0][i % 10]!);
  const labelsOf = (n: number) => Array.from({ length: 20 }, (_, i) => Number(i < n));
  const chance = chanceOf({ train: counts, test: [475, 25] }, 0);
  /** A net that gives every image the rare class with probability p. */
  const answering = (p: number, right = (n: number) => 20 - n): Loss[] =>
    rare.map((n) => ({
      loss: (-n * Math.log(p) - (20 - n) * Math.log(1 - p)) / 20,
      top1: right(n) / 20,
      labels: labelsOf(n),
    }));
  const status = (losses: readonly Loss[]) => endingOfStep(plan, after(118, counts, losses), chance)?.status;

  test('a net that answers with their shares is stuck, though its median loss is nowhere near their entropy', () => {
    const losses = answering(0.05);
    const middle = losses.map(({ loss }) => loss).sort((a, b) => a - b)[29]!;
    expect(Math.abs(middle - chance.priorLoss)).toBeGreaterThan(0.04);
    expect(status(losses)).toBe('stuck');
    expect(status(answering(0.06))).toBe('stuck');
    expect(status(answering(0.5))).toBe('stuck'); // ln 2: it never left its start
  });

  test('a net on its way from its start to the shares is not', () => expect(status(answering(0.2))).toBeUndefined());

  const better = (losses: readonly Loss[], by: number) => losses.map((x) => ({ ...x, loss: x.loss - by }));
  test('a net that has learnt 5 % of what there is to learn is not', () =>
    expect(status(better(answering(0.05), 0.05 * chance.priorLoss))).toBeUndefined());

  test('an overconfident net with the loss of the shares and half of the rare images right is not', () => {
    const half = (n: number) => 20 - n + Math.ceil(n / 2);
    expect(status(answering(0.05, half))).toBeUndefined();
  });

  test('one that comes to the shares after the rule has looked is stuck at its end, unless held-out images say otherwise', () => {
    const end = (top1: number) => {
      const progress = after(294, counts, answering(0.05));
      progress.last = { step: 294, epoch: 2, loss: 0.2, top1 };
      return endingOfRun(plan, progress, chance)?.status;
    };
    expect(end(0.95)).toBe('stuck');
    expect(end(0.96)).toBe('stuck'); // 480 of 500 where 475 are the common ones
    expect(end(0.995)).toBeUndefined();
  });
});

describe('the end of a run with a high loss on its way', () => {
  const end = (peak: number, loss: number, top1: number) => {
    const progress = after(294, Array<number>(10).fill(100), balanced(Array<number>(59).fill(loss)));
    progress.peak = { loss: peak, step: 22 };
    progress.last = { step: 294, epoch: 2, loss, top1 };
    return endingOfRun(plan, progress, tenClasses);
  };

  // nf-resnet50 on Fashion-MNIST, AdamW at 1e-2 and 3e-2: highest loss, median of the last ones, top-1 on 500 test images
  test.each<[number, number, number, string | undefined]>([
    [1.6e13, 1.3e10, 0.1, 'exploded'],
    [64_000, 2.59, 0.21, 'exploded'], // Wilson: 17.7 % or more, less than twice the odds of guessing
    [228.5, 3.222, 0.1, 'exploded'],
    [228.5, 2.3, 0.1, 'exploded'], // back at chance
    [117.4, 2.699, 0.17, 'exploded'],
    [4.1e6, 7.212, 0.36, 'completed'], // the loss is above chance, the accuracy is real
    [52.16, 1.226, 0.55, 'completed'],
    [52.16, 2.2, 0.12, 'completed'],
    [6.579, 1.389, 0.56, undefined],
    [22.9, 2.4, 0.1, undefined], // ten times ln 10 is 23.03
    [23.1, 2.4, 0.1, 'exploded'],
  ])('a peak of %f, %f and top-1 %f at the end: %s', (peak, loss, top1, status) =>
    expect(end(peak, loss, top1)?.status).toBe(status),
  );

  test('tells the peak, its step and what became of it', () => {
    expect(end(4.1e6, 12.5, 0.1)?.reason).toBe(
      'loss rose to 4.10e+6 at step 22 (ln C = 2.3026) and ended at 12.50, top-1 at 10.00 % (guessing: 10.00 %)',
    );
    expect(end(52.155, 1.226, 0.55)?.reason).toBe(
      'loss rose to 52.2 at step 22 (ln C = 2.3026) and ended at 1.226, top-1 at 55.00 % (guessing: 10.00 %)',
    );
  });

  test('a run of a few steps is judged too', () => {
    const short = { ...plan, totalSteps: 12, stepsPerEpoch: 12 } as Plan;
    expect(stuckRule(short)).toEqual({ at: 0, window: 2 });
  });
});
