import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { plotSchedule } from '../../src/cli/schedulePlot.ts';
import { experimentSchema } from '../../src/config/schema.ts';
import { schedulePreview, scheduleWarnings } from '../../src/experiment/schedule.ts';

type Points = [step: number, lr: number][];
interface Vectors {
  schedules: {
    reference: {
      num_epochs: number;
      num_batches_per_epoch: number;
      beta2: number;
      lr: number;
      min_lr: number;
      warmup_iterations: number;
      warmdown_start: number;
      points: Points;
    }[];
    paper: { t_max: number; beta2: number; lr: number; points: Points }[];
  };
}
const { schedules } = JSON.parse(readFileSync('test/fixtures/ranger21-vectors.json', 'utf8')) as Vectors;

/** A preview of `epochs` epochs of `steps` steps. */
function preview(epochs: number, steps: number, optimizer: object) {
  const experiment = experimentSchema.parse({
    name: 'x',
    model: { name: 'r8-basic' },
    dataset: { name: 'imagefolder', classes: 10 },
    optimizer,
    train: { epochs, batch: 2 },
  });
  return schedulePreview(experiment, 2 * steps + 1); // the odd image does not fill a batch
}

describe('equals the vectors', () => {
  test.each(schedules.reference)('reference: $num_epochs × $num_batches_per_epoch, β₂ $beta2, lr $lr', (vector) => {
    const { num_epochs, num_batches_per_epoch, beta2, lr, min_lr, points } = vector;
    const components = { warmdown: { minLr: min_lr } };
    const of = preview(num_epochs, num_batches_per_epoch, { lr, core: { name: 'adamw', beta2 }, components });
    expect(of).toMatchObject({ warmupEnd: vector.warmup_iterations, warmdownStart: vector.warmdown_start });
    expect(of.totalSteps).toBe(num_epochs * num_batches_per_epoch);
    for (const [t, rate] of points) expect(Math.abs(of.lr(t) / rate - 1)).toBeLessThan(1e-12);
  });

  test.each(schedules.paper)('paper: $t_max steps, β₂ $beta2, lr $lr', ({ t_max, beta2, lr, points }) => {
    const of = preview(1, t_max, { semantics: 'paper', lr, core: { name: 'adamw', beta2 } });
    for (const [t, rate] of points) expect(Math.abs(of.lr(t) - rate)).toBeLessThan(1e-12 * lr);
    const share = (t: number) => of.lr(t) / lr; // 1 up to rounding where the rate is full
    expect(share(of.warmupEnd!)).toBeCloseTo(1, 12);
    expect(share(of.warmupEnd! - 1)).toBeLessThan(1);
    expect(share(of.warmdownStart! - 1)).toBeCloseTo(1, 12);
    expect(share(of.warmdownStart!)).toBeLessThan(1 - 1e-4);
  });
});

describe('warnings', () => {
  test.each([
    [4_444, {}, ['short run: a warm-up of 2,000 steps, 2/(1 − β₂), does not fit 4,444; it takes 22 % of them, 977']],
    [
      4_445,
      {},
      ['warm-up of 4,445 steps: 2,000 steps, 2/(1 − β₂), in the reference code, as here, and 977 in the paper'],
    ],
    [
      9_090,
      { semantics: 'paper' },
      ['warm-up of 9,090 steps: 2,000 steps, 2/(1 − β₂), in the reference code, and 1,999 in the paper, as here'],
    ],
    [9_091, {}, []],
    [4, {}, ['no warm-up: 22 % of 4 steps is less than one']],
    [
      9_091,
      { lr: 1e-5 },
      ['lr 0.00001 is below the floor of warm-down, minLr 0.00003: the rate stays at 0.00001 to the end'],
    ],
    [
      9_091,
      { lr: 1e-5, semantics: 'reference-legacy' },
      ['lr 0.00001 is below the floor of warm-down, minLr 0.00003: warm-down raises the rate to 0.00003'],
    ],
    // one step is the end of the warm-down: η_min, and 0 in the paper; of two the first is half way (t + 1 − s = 1 of 2)
    [
      1,
      { lr: 0.01 },
      [
        'no warm-up: 22 % of 1 step is less than one',
        'no step has the full rate 0.01: it falls from step 1 of 1 on, and the highest is 0.00003',
      ],
    ],
    [
      1,
      { lr: 0.01, semantics: 'paper' },
      [
        'no warm-up: 22 % of 1 step is less than one',
        'no step has the full rate 0.01: it falls from step 1 of 1 on, and the highest is 0',
      ],
    ],
    [
      2,
      { lr: 0.01, components: { warmup: false } },
      ['no step has the full rate 0.01: it falls from step 1 of 2 on, and the highest is 0.005015'],
    ],
    [1, { components: { warmup: false, warmdown: false } }, []],
    [50, { name: 'adamw' }, []],
    [50, { components: { warmup: { steps: 10 } } }, []],
  ])('%i steps, %j', (steps, optimizer, warnings) => {
    expect(preview(1, steps, optimizer).warnings).toEqual(warnings);
  });
});

test('a run of one step starts its warm-down in that step', () => {
  const { warmdownStart, floor, highest } = preview(1, 1, { lr: 0.01 });
  expect(warmdownStart).toBe(1);
  for (const rate of [floor, highest]) expect(Math.abs(rate / 3e-5 - 1)).toBeLessThan(1e-12);
});

test('the warnings of a study are told once each, with the arms they are about where not all are', () => {
  const arm = (name: string, optimizer: object) => ({
    name,
    experiment: experimentSchema.parse({
      name: 'x',
      model: { name: 'r8-basic' },
      dataset: { name: 'digits' },
      optimizer,
      train: { epochs: 1, batch: 2 },
    }),
  });
  const arms = [arm('a', {}), arm('b', { components: { pnm: false } }), arm('c', { name: 'adamw' })];
  const [short] = preview(1, 50, {}).warnings;
  expect(scheduleWarnings(arms, 100)).toEqual([{ message: short, arms: ['a', 'b'] }]);
  expect(scheduleWarnings(arms.slice(0, 2), 100)).toEqual([{ message: short, arms: [] }]);
  expect(scheduleWarnings(arms.slice(2), 100)).toEqual([]);
});

test('without schedules the rate is constant', () => {
  const of = preview(2, 10, { name: 'adamw', lr: 0.1 });
  expect([1, 10, 20].map(of.lr)).toEqual([0.1, 0.1, 0.1]);
  expect(of).not.toHaveProperty('warmupEnd');
  expect(of).not.toHaveProperty('warmdownStart');
});

describe('the plot', () => {
  const lr = (t: number) => Math.min(t / 2, 1, (12 - t) / 4);
  const curve = { totalSteps: 12, peak: 1, warmupEnd: 2, warmdownStart: 9, lr };

  test('in Unicode', () => {
    expect(`\n${plotSchedule(curve, { width: 12, height: 3 })}`).toBe(`
     1.00 │ ███████▂
          │▄████████▄
          │██████████▆
        0 └┬┬──────┬──┬
           1       9 12`);
  });

  test('in ASCII', () => {
    expect(`\n${plotSchedule(curve, { width: 12, height: 2, plain: true })}`).toBe(`
     1.00 | #######:
          |##########:
        0 +++------+--+
           1       9 12`);
  });
});
