/** Learning rates against the schedule vectors of fixtures/ranger21-vectors.json, KOZ's test values and their traps. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RunLength } from '../../src/optim/component.ts';
import { chebyshevMultipliers, fractalOrder } from '../../src/optim/chebyshev.ts';
import { learningRate, milestones, runProblems } from '../../src/optim/schedule.ts';
import { config } from './evaluate.ts';

interface Points {
  points: [number, number][];
}
const { schedules, chebyshev } = JSON.parse(
  readFileSync(new URL('../fixtures/ranger21-vectors.json', import.meta.url), 'utf8'),
) as {
  schedules: {
    reference: (Points & {
      num_epochs: number;
      num_batches_per_epoch: number;
      beta2: number;
      lr: number;
      min_lr: number;
      warmup_iterations: number;
      warmdown_start: number;
    })[];
    paper: (Points & { t_max: number; beta2: number; lr: number })[];
    beyond_the_end_reference: [number, number][];
    lr_below_min_lr_hazard_reference: [number, number][];
  };
  chebyshev: { count: number; num_epochs: number; order: number[]; schedule: number[] }[];
};

const expectPoints = (lr: (t: number) => number, points: [number, number][]) => {
  for (const [t, value] of points) expect(Math.abs(lr(t) - value), `t=${t}`).toBeLessThanOrEqual(1e-15 + 1e-12 * value);
};

test.each(schedules.reference)('reference: $num_epochs × $num_batches_per_epoch, β₂ $beta2, lr $lr', (s) => {
  const run = { epochs: s.num_epochs, stepsPerEpoch: s.num_batches_per_epoch };
  const resolved = config({ lr: s.lr, core: { name: 'adamw', beta2: s.beta2 } });
  expectPoints(learningRate(resolved, run), s.points);
  expect(milestones(resolved, run)).toEqual({
    total: run.epochs * run.stepsPerEpoch,
    warmupEnd: s.warmup_iterations,
    warmdownStart: s.warmdown_start,
  });
});

test.each(schedules.paper)('paper: T $t_max, β₂ $beta2, lr $lr', (s) => {
  const resolved = config({ semantics: 'paper', lr: s.lr, core: { name: 'adamw', beta2: s.beta2 } });
  expectPoints(learningRate(resolved, { epochs: 1, stepsPerEpoch: s.t_max }), s.points);
});

const { schedules: ofMay } = JSON.parse(
  readFileSync(new URL('../fixtures/schedules-2021-05.json', import.meta.url), 'utf8'),
) as { schedules: (Points & RunLength & { lr: number })[] };

test.each(ofMay)('as-run-2021-05: $epochs × $stepsPerEpoch, lr $lr, as upstream’s code of May 2021', (s) => {
  const { lr, epochs, stepsPerEpoch, points } = s;
  expectPoints(learningRate(config({ semantics: 'as-run-2021-05', lr }), { epochs, stepsPerEpoch }), points);
});

const thousand = { epochs: 10, stepsPerEpoch: 100 };

test('beyond the end the rate stays where it ended', () => {
  expectPoints(learningRate(config({ lr: 1e-3 }), thousand), schedules.beyond_the_end_reference);
  const paper = learningRate(config({ semantics: 'paper', lr: 1e-3 }), thousand);
  expect([1000, 1001, 5000].map(paper)).toEqual([0, 0, 0]);
});

test('a rate below min_lr: raised by the legacy semantics, left alone by the reference', () => {
  const hazard = schedules.lr_below_min_lr_hazard_reference;
  expectPoints(learningRate(config({ semantics: 'reference-legacy', lr: 1e-5 }), thousand), hazard);
  const guarded = learningRate(config({ lr: 1e-5 }), thousand);
  expect(hazard.map(([t]) => guarded(t))).toEqual(hazard.map(() => 1e-5));
});

describe('rounding that differs from the exact product', () => {
  test.each([
    [10, 100, 719], // 0.72·10·100 = 719.99…
    [1, 1000, 720],
    [60, 5005, 216215],
  ])('%i × %i: the warm-down starts at %i', (epochs, stepsPerEpoch, start) => {
    expect(milestones(config({}), { epochs, stepsPerEpoch }).warmdownStart).toBe(start);
  });
  test.each([
    [0.9, 21], // ⌈2/(1 − 0.9)⌉ = ⌈20.000000000000004⌉
    [0.95, 40],
    [0.99, 200],
    [0.999, 2000],
  ])('β₂ %d: %i warm-up steps', (beta2, steps) => {
    const long = { epochs: 100, stepsPerEpoch: 1000 };
    expect(milestones(config({ core: { name: 'adamw', beta2 } }), long).warmupEnd).toBe(steps);
  });
});

test('values tested by another implementation: T 500, lr 0.1', () => {
  const lr = learningRate(config({ lr: 0.1 }), { epochs: 1, stepsPerEpoch: 500 });
  expect(lr(100)).toBeCloseTo(0.0909090909, 10);
  expect(lr(400)).toBeCloseTo(0.0709307092, 10);
});

test('a run too short for the rule has no warm-up (H7)', () => {
  const lr = learningRate(config({ lr: 1, components: ['warmup'] }), { epochs: 1, stepsPerEpoch: 4 });
  expect([1, 2, 3, 4].map(lr)).toEqual([1, 1, 1, 1]);
});

describe('Chebyshev', () => {
  test.each(chebyshev)('$count multipliers', ({ count, order, schedule }) => {
    expect(fractalOrder(count)).toEqual(order);
    chebyshevMultipliers(count).forEach((m, i) => expect(m).toBeCloseTo(schedule[i]!, 12));
  });
  test('any number: the next power of two without what is too large', () => {
    expect(fractalOrder(6)).toEqual([0, 3, 4, 1, 2, 5]);
    chebyshevMultipliers(7).forEach((m) => expect(m > 1 && m < 10).toBe(true));
  });
  test('one multiplier an epoch after the warm-up, overridden by the warm-down', () => {
    const { schedule } = chebyshev.find(({ count }) => count === 8)!;
    const resolved = config({ lr: 1, chebyshev: true, components: { warmup: { steps: 3 } } });
    const lr = learningRate(resolved, { epochs: 10, stepsPerEpoch: 10 });
    expect(lr(3)).toBe(1);
    [4, 11, 21, 31, 71].forEach((t, i) => expect(lr(t)).toBeCloseTo(schedule[[0, 0, 1, 2, 6][i]!]!, 12));
    expect(lr(100)).toBe(3e-5);
    const [problem] = runProblems(config({ chebyshev: true, components: [] }), { epochs: 2, stepsPerEpoch: 9 });
    expect(problem?.message).toContain('at least 3 epochs');
  });
});

test('a warm-up that ends after the warm-down starts is a problem of the run', () => {
  const written = config({ components: { warmup: { steps: 9 } } });
  expect(runProblems(written, { epochs: 3, stepsPerEpoch: 4 })[0]).toMatchObject({ path: ['components', 'warmup'] });
  expect(runProblems(config({}), { epochs: 3, stepsPerEpoch: 4 })).toEqual([]);
});
