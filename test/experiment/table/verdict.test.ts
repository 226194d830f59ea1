import { describe, expect, test } from 'vitest';
import { hardwareOf, refusals } from '../../../src/experiment/table/refusals.ts';
import { studyTable, type StudyTable } from '../../../src/experiment/table/table.ts';
import { captionText, legend } from '../../../src/report/captionText.ts';
import { latexTable } from '../../../src/report/latex.ts';
import { markdownTable } from '../../../src/report/markdown.ts';
import type { EvalMetrics } from '../../../src/runs/metrics.ts';
import { studyOf } from '../sampleStudy.ts';

const near = (x: number): unknown => expect.closeTo(x, 9);
const one = { choice: { disable: ['pnm'] } };
const base = [0.9, 0.91, 0.89, 0.9, 0.92, 0.905, 0.895, 0.91, 0.9, 0.9];
/** The base less these differences at each seed. */
const less = (differences: readonly number[]) => differences.map((d, i) => base[i]! + d);
const tableOf = (top1: Parameters<typeof studyOf>[0], changes: Parameters<typeof studyOf>[1] = one): StudyTable => {
  const { plan, entries } = studyOf(top1, changes);
  return studyTable(plan, entries);
};
const comparisonOf = (table: StudyTable, arm = '-pnm') => table.rows.find((row) => row.arm === arm)!.comparison!;
const verdict = (differences: readonly number[], changes?: Parameters<typeof studyOf>[1]) =>
  comparisonOf(tableOf({ ranger21: base.slice(0, differences.length), '-pnm': less(differences) }, changes)).verdict;

describe('the five words', () => {
  // all of one sign: 2 of 2¹⁰ assignments are as extreme, p = 0.00195
  test('hurts: the arm without PNM is worse at every one of 10 seeds, so PNM helps', () => {
    const differences = [-0.01, -0.012, -0.008, -0.011, -0.009, -0.01, -0.013, -0.007, -0.01, -0.009];
    expect(verdict(differences)).toEqual({ word: 'hurts', text: 'hurts', bold: true });
    expect(verdict(differences.map((d) => -d))).toEqual({ word: 'helps', text: 'helps', bold: true });
  });

  test('equivalent: a mean near 0 whose two one-sided tests reject ±0.2 points', () => {
    // mean 0.0001, deviation about 0.0009: t = (0.002 − 0.0001)/(0.0009/√8) ≈ 6
    const differences = [0.001, -0.001, 0.0008, -0.0006, 0.001, -0.0009, 0.0007, -0.0002];
    expect(verdict(differences)).toEqual({ word: 'equivalent', text: 'equivalent (±0.2)', bold: false });
    expect(verdict(differences, { ...one, block: { delta: 0.0002 } }).word).not.toBe('equivalent');
  });

  test('no detectable effect, with what would have been detected', () => {
    // of 2⁶ assignments only those of one sign are below 0.05: Φ(x)⁶ = 0.8 at x = 1.7927 deviations
    const differences = [0.01, -0.01, 0.012, -0.01, 0.008, -0.012];
    const mean = differences.reduce((sum, d) => sum + d, 0) / 6;
    const sd = Math.sqrt(differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / 5);
    const comparison = comparisonOf(tableOf({ ranger21: base.slice(0, 6), '-pnm': less(differences) }));
    expect(comparison.mde! / (1.7927367205804225 * sd)).toBeCloseTo(1, 1.7);
    expect(comparison.verdict.text).toBe(
      `no detectable effect (MDE = ${Number((100 * comparison.mde!).toPrecision(2))})`,
    );
  });

  test.each<[string, number[], string]>([
    ['two seeds', [-0.1, -0.1], 'inconclusive (2 seeds: descriptive only)'],
    [
      'five seeds, however large the effect',
      [-0.1, -0.11, -0.09, -0.1, -0.12],
      'inconclusive (5 seeds cannot give helps or hurts: 6 are needed)',
    ],
    [
      'equal differences',
      Array<number>(8).fill(-0.25),
      'inconclusive (all differences are equal: no spread to judge by)',
    ],
    ['no difference at all', Array<number>(8).fill(0), 'inconclusive (no run differs from its reference)'],
  ])('inconclusive: %s', (_, differences, text) => {
    expect(verdict(differences)).toEqual({ word: 'inconclusive', text, bold: false });
  });

  test('equal differences have no interval of no width', () => {
    const table = tableOf({ ranger21: [0.5, 0.625], '-pnm': [0.25, 0.375] });
    expect(comparisonOf(table)).toMatchObject({ mean: -0.25, interval: null, bootstrap: null, p: null, mde: null });
    expect(table.notes).toContain(
      '-pnm − ranger21 is the same at every seed: there is no spread to make an interval of',
    );
  });

  test('fewer than three seeds have no p', () => {
    expect(comparisonOf(tableOf({ ranger21: [0.9, 0.8], '-pnm': [0.7, 0.75] }))).toMatchObject({
      p: null,
      pHolm: null,
    });
  });
});

describe('Holm’s correction', () => {
  const differences = [-0.01, -0.012, -0.008, -0.011, -0.009, -0.01, -0.013, -0.007];
  const all = { choice: { disable: ['pnm', 'agc', 'gc'] } };

  test('is over every arm of the design, also those that have no p yet', () => {
    // smallest p of 8 seeds 2/2⁸; four arms in the family: 3 and the joint one
    const table = tableOf({ ranger21: base.slice(0, 8), '-pnm': less(differences) }, all);
    expect(comparisonOf(table)).toMatchObject({ p: near(2 / 256), pHolm: near(8 / 256), verdict: { word: 'hurts' } });
    expect(comparisonOf(table, '-agc')).toMatchObject({
      p: null,
      verdict: { text: 'inconclusive (no seed in common)' },
    });
  });

  test('the MDE is that of its first step: of nine differences in ten arms all must have one sign, Φ(x)⁹ = 0.8', () => {
    const nine = [...differences, -0.009];
    const table = tableOf({ ranger21: base.slice(0, 9), '-pnm': less(nine) }, { choice: {} });
    const { mde, sd } = comparisonOf(table);
    expect(mde! / (1.9687850824598483 * sd!)).toBeCloseTo(1, 1.7);
  });

  test('says how many seeds could reach α in a family that large', () => {
    const { choice } = { choice: { disable: undefined } };
    const table = tableOf({ ranger21: base.slice(0, 8), '-pnm': less(differences) }, { choice });
    expect(comparisonOf(table).verdict.text).toBe(
      'inconclusive (8 seeds cannot give helps or hurts in a family of 10: 9 are needed)',
    );
    const plainly = 'leave one out: 8 seeds cannot give helps or hurts in a family of 10: 9 are needed';
    expect(table.footer.wouldChange).toContain(plainly);
    expect(table.caption.powerless).toContain(plainly);
    expect(captionText(table.caption)).toContain(` · ${plainly} · `);
    expect(comparisonOf(table).mde).toBeNull();
  });
});

describe('nothing is compared', () => {
  const runs = { ranger21: base, '-pnm': less(base.map(() => -0.01)) };
  const refused = (change: (arm: string, seed: number) => object, acceptDrift = false) => {
    const { plan, entries } = studyOf(runs, { ...one, change });
    return refusals(plan, entries, acceptDrift);
  };
  const changing = (change: (arm: string, seed: number) => object) => tableOf(runs, { ...one, change });

  test.each<[string, object, string]>([
    ['steps', { steps: 80 }, 'steps differ: 40 (ranger21); 80 (-pnm)'],
    ['data', { fingerprint: '12'.repeat(32) }, 'training data differ: fefefefe (ranger21); 12121212 (-pnm)'],
    [
      'precision',
      { backend: { name: 'onnx', detail: 'CPU', threads: 2, precision: 'bf16' } },
      'precision differ: float32 (ranger21); bf16 (-pnm)',
    ],
    ['code', { code: 'cc'.repeat(32) }, 'training code differ: not recorded (ranger21); cccccccc (-pnm)'],
  ])('across other %s', (_, change, refusal) => {
    expect(refused((arm) => (arm === '-pnm' ? change : {}))).toEqual([refusal]);
  });

  test('across other batches or evaluations, as an edited plan may have them', () => {
    const { plan, entries } = studyOf(runs, one);
    const [first, ...rest] = plan.arms;
    const { experiment } = first!;
    const edited = {
      ...experiment,
      train: { ...experiment.train, batch: 32 },
      eval: { ...experiment.eval, every: '2 epochs' },
    };
    expect(refusals({ ...plan, arms: [{ ...first!, experiment: edited }, ...rest] }, entries)).toEqual([
      'batch size differ: 32 (ranger21); 64 (-pnm, adamw, adamw+sched)',
      'evaluation differ: every 2 epochs (ranger21); every 1 epoch (-pnm, adamw, adamw+sched)',
    ]);
  });

  test('unless the drift of the code is accepted, which is noted', () => {
    const drifted = (arm: string) => ({ code: (arm === '-pnm' ? 'cc' : 'dd').repeat(32) });
    expect(refused(drifted, true)).toEqual([]);
    const table = changing(drifted);
    expect(comparisonOf(table).mean).toEqual(near(-0.01));
    expect(table.notes).toContain(
      'training code differ: dddddddd (ranger21); cccccccc (-pnm); differences may come from it',
    );
  });

  test('between runs whose hashes say that they are no pair', () => {
    const pairing = { init: '11'.repeat(32), order: '99'.repeat(32), augment: '33'.repeat(32) };
    const table = changing((arm, seed) => (arm === '-pnm' && seed === 3 ? { pairing } : {}));
    expect(comparisonOf(table)).toMatchObject({
      refused: 'not paired: order of samples differ at seed 3',
      seeds: [],
      mean: null,
      verdict: { text: 'inconclusive (not paired: order of samples differ at seed 3)' },
    });
  });

  test('a component that did nothing is inconclusive, whatever the numbers', () => {
    const table = changing(() => ({ activity: { 'pnm/ratio': 0, 'agc/share': 0.5 } }));
    expect(comparisonOf(table)).toMatchObject({ mean: near(-0.01), verdict: { text: 'inconclusive (pnm inactive)' } });
  });

  test('so is an arm whose best learning rate was at the edge of its search', () => {
    const choice = {
      disable: ['pnm'],
      arms: [{ name: 'faster', set: { optimizer: { lr: 0.01 } }, tuned: { trials: 16, edge: true } }],
    };
    const table = tableOf({ ranger21: base, faster: less([...base.keys()].map((i) => 0.01 + i / 1000)) }, { choice });
    expect(comparisonOf(table, 'faster').verdict.text).toBe('inconclusive (search edge)');
    expect(table.rows.find(({ arm }) => arm === 'faster')!.hyper).toEqual({
      source: 'tuned(16)',
      lr: 0.01,
      weightDecay: 1e-4,
      edge: true,
      lrRange: null,
    });
  });
});

describe('what was declared is told exactly', () => {
  test('δ in a verdict', () => {
    const differences = [0.001, -0.001, 0.0008, -0.0006, 0.001, -0.0009, 0.0007, -0.0002];
    expect(verdict(differences, { ...one, block: { delta: 0.00125 } }).text).toBe('equivalent (±0.125)');
  });

  test('1 − α is the confidence of every interval, the share of failures with it', () => {
    const table = tableOf(
      { ranger21: [0.9, 0.91, 0.92], '-pnm': ['diverged', 'stuck', 0.9] },
      { ...one, block: { alpha: 0.0005 } },
    );
    // Wilson's interval of 2 in 3 with z = Φ⁻¹(0.99975) = 3.480756404346212 (scipy.stats.norm.isf(0.00025))
    const z = 3.480756404346212;
    const [centre, half] = [2 / 3 + z ** 2 / 6, z * Math.sqrt(2 / 27 + z ** 2 / 36)];
    const ends = [centre - half, centre + half].map((x) => near(x / (1 + z ** 2 / 3)));
    expect(table.rows.find(({ arm }) => arm === '-pnm')!.failureShare!.interval).toEqual(ends);
    expect(legend(table)[0]).toContain('99.95 % Student-t interval');
    expect(markdownTable(table)).toContain('| Δ vs ref [99.95 %] ');
    expect(latexTable(table)).toContain('{99.95\\,\\% interval}');
  });
});

test('two arms whose every run failed differ by 0 at every seed, which is not said to be agreement', () => {
  const failed = ['diverged', 'stuck', 'diverged'];
  const table = tableOf({ ranger21: failed, '-pnm': failed });
  expect(comparisonOf(table)).toMatchObject({
    differences: [0, 0, 0],
    verdict: { text: 'inconclusive (every run of both failed)' },
  });
  expect(comparisonOf(tableOf({ ranger21: failed, '-pnm': ['diverged', 'stuck', 0.1] })).verdict.text).toBe(
    'inconclusive (no run differs from its reference)',
  );
});

test('a test and an interval that disagree are told apart: one failed run makes the mean, and none of the signs', () => {
  // nine differences of about −0.01 and one of −0.8: all of one sign, but t = mean / (sd/√10) is near −1
  const differences = [-0.01, -0.012, -0.008, -0.011, -0.009, -0.01, -0.013, -0.007, -0.01];
  const table = tableOf({ ranger21: base, '-pnm': [...less(differences), 'diverged'] });
  const { interval, verdict } = comparisonOf(table);
  expect([interval![1] > 0, verdict.word]).toEqual([true, 'hurts']);
  expect(table.notes).toContain(
    'significant although the interval holds 0: -pnm; a few seeds differ far more than the others, which widens the interval and not the test',
  );
});

describe('hyperparameters', () => {
  const source = (arm: string, arms: object[]) =>
    tableOf({}, { choice: { disable: ['pnm'], arms: arms as never } }).rows.find((row) => row.arm === arm)!.hyper
      .source;

  test('of an arm that sets them are not inherited', () => {
    const arms = [
      { name: 'faster', set: { optimizer: { lr: 0.01 } } },
      { name: 'lighter', set: { optimizer: { weightDecay: 0 } } },
      { name: 'smooth', set: { train: { labelSmoothing: 0.1 } } },
    ];
    expect(['faster', 'lighter', 'smooth', '-pnm'].map((arm) => source(arm, arms))).toEqual([
      ...['set', 'set', 'inherited', 'inherited'],
    ]);
  });

  test('along a line say so, with the range that is nearly as good; a value inherited from another arm is no value of its own', () => {
    const { plan, entries } = studyOf({}, one);
    const tuning = { trials: 5, edge: false, by: 'line', lrRange: [0.0005, 0.002] } as const;
    const changed = plan.arms.map((arm) => {
      const optimizer = { ...arm.experiment.optimizer, lr: 0.002 };
      if (arm.name === '-pnm') return { ...arm, tuning };
      return arm.name === 'adamw'
        ? { ...arm, inherits: 'adamw+sched', experiment: { ...arm.experiment, optimizer } }
        : arm;
    });
    const table = studyTable({ ...plan, arms: changed }, entries);
    const hyper = Object.fromEntries(table.rows.map((row) => [row.arm, row.hyper]));
    expect(hyper).toMatchObject({
      '-pnm': { source: 'lr-line(5)', lrRange: [0.0005, 0.002] },
      adamw: { source: 'inherited' },
    });
    expect(markdownTable(table)).toContain('| 0.0005 … 0.002 ');
  });
});

describe('a rung of a ladder', () => {
  const choice = { disable: ['agc', 'pnm'], design: ['leave-one-out', 'add-one-in', 'ladder'] as const };
  const values = [0.9, 0.91, 0.92];
  const arms = ['ranger21', '-agc', '-pnm', '-agc-pnm', 'adamw', 'adamw+sched', '+agc', '+pnm', '+agc+pnm'];
  const table = tableOf(Object.fromEntries(arms.map((arm) => [arm, values])), {
    choice: { ...choice, design: [...choice.design] },
  });
  const row = (arm: string) => table.rows.find((candidate) => candidate.arm === arm)!;

  test('is in no family but its own, and has no synergy', () => {
    expect(table.rows.filter(({ comparison }) => comparison?.family === 'ladder').map(({ arm }) => arm)).toEqual([
      ...['+agc (ladder)', '+agc+pnm', '-agc (ladder)', '-agc-pnm (ladder)'],
    ]);
    expect(table.rows.filter(({ synergy }) => synergy !== null).map(({ arm }) => arm)).toEqual([
      ...['-agc', '-pnm', '+agc', '+pnm'],
    ]);
    expect(row('+agc').synergy!.arms).toEqual(['ranger21', '-agc', '+agc', 'adamw+sched']);
  });

  test('that is trained as another arm shares its runs and has its own comparison', () => {
    expect(row('-agc-pnm (ladder)')).toMatchObject({
      sameAs: '-agc-pnm',
      completed: 3,
      comparison: { reference: '-agc', family: 'ladder' },
    });
    expect(row('-agc-pnm (ladder)').runs).toEqual(row('-agc-pnm').runs);
    expect(row('-agc-pnm').comparison).toMatchObject({ reference: 'ranger21', family: 'leave one out' });
    expect(table.caption.runs).toBe(3 * arms.length + 3 + 1); // and the controls
    expect(table.notes).toContain(
      '-agc-pnm (ladder) is the same configuration as -agc-pnm: the same runs, in another comparison',
    );
  });
});

test('steps faster than forward and backward pass alone leave nothing to call the optimizer’s', () => {
  const { plan, entries } = studyOf(
    { ranger21: base, '-pnm': base },
    { ...one, change: (arm) => ({ msPerStep: arm === '-pnm' ? 40 : 60 }) },
  );
  const gradient = { ms: 50, hardware: hardwareOf(entries[0]!) };
  const offAll = { steps: 20, largestDifference: 0, tolerance: 0, passed: true };
  const table = studyTable(plan, entries, {
    checks: { schema: 1, offAll, gradient, checkedAt: '2026-11-01T00:00:00.000Z' },
  });
  const ms = Object.fromEntries(table.rows.map(({ arm, optimizerMs }) => [arm, optimizerMs]));
  expect(ms).toMatchObject({ ranger21: 10, '-pnm': null });
  expect(table.notes).toContain(
    'the optimizer’s time is not told for -pnm: whole steps were faster than forward and backward pass when those were timed alone, 50.0 ms',
  );
});

describe('synergy', () => {
  const choice = { disable: ['pnm'], addOneIn: true };
  test('what PNM adds in company less what it adds alone, by seed', () => {
    const table = tableOf(
      {
        ranger21: [0.9, 0.92, 0.91],
        '-pnm': [0.88, 0.89, 0.9],
        'adamw+sched': [0.8, 0.8, 0.8],
        '+pnm': [0.81, 0.81, 0.81],
      },
      { choice },
    );
    // in company 0.02, 0.03, 0.01; alone 0.01 at every seed: 0.01, 0.02, 0, mean 0.01, deviation 0.01
    const half = (4.302652729911275 * 0.01) / Math.sqrt(3);
    for (const arm of ['-pnm', '+pnm']) {
      expect(table.rows.find((row) => row.arm === arm)!.synergy).toEqual({
        arms: ['ranger21', '-pnm', '+pnm', 'adamw+sched'],
        seeds: [0, 1, 2],
        mean: near(0.01),
        interval: [near(0.01 - half), near(0.01 + half)],
      });
    }
  });
});

describe('controls', () => {
  const choice = { disable: ['pnm'], design: 'leave-one-out' as const };
  const weights = (arm: string) => ({ weights: arm === 'twice' ? 'bb'.repeat(32) : 'aa'.repeat(32) });

  test('A/A pairs by place, though its runs share nothing; the same seed twice is told in the footer', () => {
    const other = { init: '77'.repeat(32), order: '77'.repeat(32), augment: '77'.repeat(32) };
    const table = tableOf(
      { ranger21: [0.9, 0.92, 0.91], aa: [0.91, 0.9, 0.91], twice: [0.89] },
      { choice, change: (arm) => ({ ...weights(arm), ...(arm === 'aa' ? { pairing: other } : {}) }) },
    );
    expect(table.footer.aa).toMatchObject({
      family: 'controls',
      seeds: [0, 1, 2],
      differences: [near(0.01), near(-0.02), near(0)],
    });
    expect(table.footer.twice).toEqual({ seed: 0, difference: near(-0.01), sameWeights: false });
    expect(table.rows.map(({ group }) => group).slice(-2)).toEqual(['controls', 'controls']);
    expect(table.rows.find(({ arm }) => arm === 'twice')).toMatchObject({ planned: 1, comparison: null });
  });

  test('a failed gate is a banner', () => {
    const { plan, entries } = studyOf({ ranger21: base }, { choice });
    const offAll = { steps: 20, largestDifference: 0.5, tolerance: 0, passed: false };
    const table = studyTable(plan, entries, { checks: { schema: 1, offAll, checkedAt: '2026-11-01T00:00:00.000Z' } });
    expect(table.banners).toEqual([
      'with every component off the optimizer is not AdamW: weights differ by 0.5 after 20 steps',
    ]);
  });
});

describe('time to target', () => {
  // a run's accuracy rises by 0.1 an evaluation, every 10 steps, from `start`
  const rising = (start: number): EvalMetrics[] =>
    [10, 20, 30, 40].map((step, i) => ({ step, epoch: step / 20, loss: 1, top1: start + i / 10 }));
  const starts: Record<string, number[]> = { ranger21: [0.55, 0.65, 0.65], 'adamw+sched': [0.45, 0.35, 0.55] };
  const finals = Object.fromEntries(Object.entries(starts).map(([arm, all]) => [arm, all.map((start) => start + 0.3)]));
  const { plan, entries } = studyOf(finals, { ...one, block: { target: 0.74 } });
  const evaluations = new Map(entries.map(({ path, arm, seed }) => [path, rising(starts[arm!]?.[seed!] ?? 0)]));
  const table = studyTable(plan, entries, { evaluations });

  test('is the first evaluation at the target; where none is, infinite', () => {
    const row = (arm: string) => table.rows.find((candidate) => candidate.arm === arm)!.timeToTarget!;
    expect(row('ranger21')).toMatchObject({
      steps: [{ seed: 0, step: 30 }, { seed: 1, step: 20 }, { seed: 2, step: 20 }], // prettier-ignore
      reached: 3,
      of: 3,
      median: 20,
      quartiles: [20, 25],
      medianSamples: 20 * 64,
      medianSeconds: near(20 * 0.05),
    });
    expect(row('adamw+sched')).toMatchObject({ reached: 2, of: 3, median: 40, quartiles: [35, Infinity] });
    expect(row('ranger21').speedUp).toMatchObject({ reference: 'adamw+sched', ratio: 2 });
    expect(table.target).toEqual({ value: 0.74, source: 'the plan' });
  });

  test('a run that failed counts at chance where the mean is held against the target', () => {
    // completed 0.85, 0.95 and a failure at 0.1: mean 0.6333, deviation 0.4646, t = (0.6333 − 0.5)/(0.4646/√3) = 0.4970
    const failing = studyOf({ ...finals, ranger21: [0.85, 0.95, 'diverged'] }, { ...one, block: { target: 0.5 } });
    const { timeToTarget } = studyTable(failing.plan, failing.entries, { evaluations }).rows.find(
      ({ arm }) => arm === 'ranger21',
    )!;
    expect(timeToTarget!.exceedsP).toBeCloseTo(0.33422, 4); // scipy.stats.ttest_1samp([0.85, 0.95, 0.1], 0.5, alternative='greater')
    const { facts: _, ...unknown } = failing.plan;
    expect(
      studyTable(unknown, failing.entries, { evaluations }).rows.find(({ arm }) => arm === 'ranger21')!.timeToTarget!
        .exceedsP,
    ).toBeNull();
  });

  test('what was not reached is said in words, and no interval has two infinite ends', () => {
    const never = new Map(
      [...evaluations].map(([path, all]) => [path, path.startsWith('adamw+sched') ? all.slice(0, 1) : all]),
    );
    const text = markdownTable(studyTable(plan, entries, { evaluations: never }));
    expect(text).toContain('| not reached 0/3 ');
    expect(text).toContain('| only the arm ');
    expect(text).not.toMatch(/∞ \[|\[∞/);
    expect(markdownTable(table)).toContain('| 40 [35, ∞) 2/3 ');
    expect(legend(table)[2]).toContain('[95 % percentile bootstrap over seeds]');
  });

  test('without a target in the plan it is the median of the arm the full optimizer is compared with', () => {
    const { plan, entries } = studyOf(finals, one);
    expect(studyTable(plan, entries, { evaluations }).target).toEqual({ value: near(0.75), source: 'adamw+sched' });
  });
});
