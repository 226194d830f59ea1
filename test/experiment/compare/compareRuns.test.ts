import { describe, expect, test } from 'vitest';
import { compareRuns } from '../../../src/experiment/compare/compareRuns.ts';
import { comparisonText } from '../../../src/report/comparisonText.ts';
import type { RunEntry } from '../../../src/runs/list.ts';
import type { RunResult } from '../../../src/runs/metrics.ts';
import { sampleExperiment, sampleResult } from '../../runs/sample.ts';

const pairing = { init: 'i', order: 'o', augment: 'a' };

function run(
  name: string,
  seed: number,
  top1: number,
  changes: { config?: object; result?: Partial<RunResult>; arm?: string } = {},
) {
  const last = { step: 40, epoch: 2, loss: 1, top1 };
  const result = sampleResult({
    id: `${name}${seed}`.padEnd(64, '0'),
    seed,
    last,
    pairing,
    code: 'c',
    ...changes.result,
  });
  const entry: RunEntry = {
    ...{
      dir: `/${name}/${seed}`,
      path: `${name}-0000000${seed}`,
      state: result.status,
      id: result.id,
      seed,
      attempts: 0,
      result,
    },
    ...(changes.arm !== undefined && { arm: changes.arm }),
  };
  return { entry, config: sampleExperiment({ name, seed, ...changes.config }) };
}

const slow = { optimizer: { lr: 0.001 } };
const fast = { optimizer: { lr: 0.01 } };
/** Differences 0.01, 0.02 and 0.03 at seeds 0, 1 and 2. */
const pair = [0, 1, 2].flatMap((seed) => [
  run('slow', seed, 0.9, { config: slow }),
  run('fast', seed, 0.91 + 0.01 * seed, { config: fast }),
]);

test('runs that differ in the seed alone are one configuration; what differs between two is told once', () => {
  const { configurations, differing } = compareRuns(pair);
  expect(configurations.map(({ name, seeds, completed }) => [name, seeds, completed])).toEqual([
    ['slow', [0, 1, 2], 3],
    ['fast', [0, 1, 2], 3],
  ]);
  expect(differing).toEqual([{ key: 'optimizer.lr', values: [0.001, 0.01] }]);
  expect(configurations[1]!.top1!.mean).toBeCloseTo(0.92, 12);
  expect(configurations[1]!.top1!.sd).toBeCloseTo(0.01, 12);
});

test('paired by seed: mean difference, t interval, exact test and no verdict that three seeds cannot bear', () => {
  const { comparison } = compareRuns(pair).configurations[1]!;
  expect(comparison!.seeds).toEqual([0, 1, 2]);
  expect(comparison!.mean).toBeCloseTo(0.02, 12);
  // t(0.975; 2) = 4.302653 (any table of Student's t), s = 0.01: 0.02 ± 4.302653 · 0.01 / √3
  expect(comparison!.interval![0]).toBeCloseTo(0.02 - 0.02484138, 7);
  expect(comparison!.interval![1]).toBeCloseTo(0.02 + 0.02484138, 7);
  expect(comparison!.pHolm).toBe(0.25); // two of 2³ assignments of signs are as far out
  expect(comparison!.verdict.word).toBe('inconclusive');
});

describe('never more than the runs allow', () => {
  test('one seed: a difference and nothing else', () => {
    const { comparison } = compareRuns(pair.slice(0, 2)).configurations[1]!;
    expect(comparison).toMatchObject({ interval: null, p: null, pHolm: null, mde: null });
    expect(comparison!.verdict.text).toBe('inconclusive (1 seed: descriptive only)');
  });

  test('two equal differences: no interval of no width', () => {
    const two = [0, 1].flatMap((seed) => [
      run('slow', seed, 0.9, { config: slow }),
      run('fast', seed, 0.91, { config: fast }),
    ]);
    expect(compareRuns(two).configurations[1]!.comparison).toMatchObject({ interval: null, p: null });
  });

  test('only the seeds that both have', () => {
    const { comparison } = compareRuns(pair.filter((_, i) => i !== 3)).configurations[1]!;
    expect(comparison!.seeds).toEqual([0, 2]);
  });

  test('a run that failed, where nobody knows what guessing scores: nothing is decided', () => {
    const broken = [
      ...pair,
      run('slow', 3, 0.9, { config: slow }),
      run('fast', 3, NaN, { config: fast, result: { status: 'diverged' } }),
    ];
    const [reference, other] = compareRuns(broken).configurations;
    expect([reference!.failed, other!.failed]).toEqual([0, 1]);
    expect(other!.comparison!.verdict.text).toBe('inconclusive (1 failed, and what guessing scores is not known)');
    // at 10 classes it counts as 0.1 against 0.9
    const known = compareRuns(broken, { chance: 0.1 }).configurations[1]!.comparison!;
    expect(known.basis).toBe('intention to treat');
    expect(known.mean).toBeCloseTo((0.01 + 0.02 + 0.03 - 0.8) / 4, 12);
  });
});

describe('no difference at all where', () => {
  test.each<[string, Parameters<typeof run>[3], string]>([
    ['the data are others', { result: { fingerprint: 'other' } }, 'training data differs'],
    ['the steps are not as many', { result: { steps: 80 } }, 'steps differ'],
    [
      'the precision is another',
      { result: { backend: { name: 'onnx', detail: '', precision: 'bf16' } } },
      'precision differs',
    ],
    ['the batches are larger', { config: { train: { epochs: 2, batch: 32 } } }, 'batch size differs'],
    ['the code changed', { result: { code: 'd' } }, 'training code differs'],
    [
      'initial weights differ',
      { result: { pairing: { ...pairing, init: 'j' } } },
      'not paired: initial weights differ at seed 0',
    ],
  ])('%s', (_, changes, refused) => {
    const runs = [run('slow', 0, 0.9), run('fast', 0, 0.95, { ...changes, config: { ...fast, ...changes?.config } })];
    expect(compareRuns(runs).configurations[1]!.comparison).toMatchObject({ refused, mean: null, interval: null });
  });

  test('but changed code may be accepted', () => {
    const runs = [run('slow', 0, 0.9), run('fast', 0, 0.95, { config: fast, result: { code: 'd' } })];
    expect(compareRuns(runs, { acceptDrift: true }).configurations[1]!.comparison!.mean).toBeCloseTo(0.05, 12);
  });
});

test('configurations of one name are told apart by what differs', () => {
  const runs = [run('net', 0, 0.9, { config: slow }), run('net', 1, 0.9, { config: fast }), run('other', 0, 0.9)];
  expect(compareRuns(runs).configurations.map(({ name }) => name)).toEqual([
    'net optimizer.lr=0.001',
    'net optimizer.lr=0.01',
  ]);
});

test('as text, with differences in points', () => {
  const text = comparisonText(compareRuns(pair));
  expect(text).toContain('differs       slow   fast\noptimizer.lr  0.001  0.01\n');
  expect(text).toContain(
    'fast           3  92.00 ± 1.00  1.0000 ± 0.0000  2 ± 0    +2.00 [−0.48, +4.48]  0,1,2  0.250',
  );
  const switched = [run('on', 0, 0.9), run('off', 0, 0.9, { config: { optimizer: { components: { pnm: false } } } })];
  expect(comparisonText(compareRuns(switched))).toContain('optimizer.components.pnm  on  false');
});
