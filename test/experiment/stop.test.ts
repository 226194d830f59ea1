import { expect, test } from 'vitest';
import { newProgress } from '../../src/experiment/progress.ts';
import { endingOfStep, stuckRule } from '../../src/experiment/stop.ts';
import type { Plan } from '../../src/experiment/train.ts';

/** What the rule reads of the plan of a run over ten classes: 294 steps, so it looks at the 59 losses up to step 118. */
const plan = {
  experiment: { stop: { stuckAfter: 0.4, stuckWithin: 0.02 } },
  facts: { classes: 10 },
  totalSteps: 294,
  stepsPerEpoch: 147,
} as Plan;

/** A run of nf-resnet26 that had learnt to tell 44 % of its test images: its losses swing, and their mean is 2.285. */
const swinging = [
  2.24, 1.732, 2.944, 1.621, 2.074, 1.52, 1.704, 2.507, 1.727, 2.143, 2.314, 1.331, 3.506, 1.614, 3.083, 1.687, 1.687,
  2.821, 1.763, 2.316, 1.573, 1.314, 2.266, 1.48, 2.062, 1.866, 1.484, 3.418, 1.782, 2.992, 2.399, 1.493, 4.249, 1.883,
  3.625, 2.076, 1.365, 5.48, 1.348, 2.721, 1.7, 1.502, 2.576, 1.569, 2.467, 2.158, 1.28, 2.705, 2.439, 3.135, 4.064,
  1.833, 7.31, 1.55, 2.412, 1.557, 1.444, 2.039, 1.866,
];

test('the rule looks at the middle of the last losses', () => {
  expect(stuckRule(plan)).toEqual({ at: 118, window: 59 });
  const ending = (recentLosses: number[], step = 118) => endingOfStep(plan, { ...newProgress(), step, recentLosses });
  expect(swinging).toHaveLength(59);
  expect(swinging.reduce((a, b) => a + b) / 59).toBeCloseTo(2.285, 3); // within 0.02 of ln 10
  expect(ending(swinging)).toBeUndefined();

  const atChance = Array.from({ length: 59 }, (_, i) => Math.log(10) + 0.05 * Math.sin(i));
  expect(ending(atChance)?.status).toBe('stuck');
  expect(ending([...atChance.slice(2), 40, 60])?.status).toBe('stuck');
  expect(ending(atChance, 117)).toBeUndefined();
});
