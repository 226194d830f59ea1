import { describe, expect, test } from 'vitest';
import { studyTable } from '../../src/experiment/table.ts';
import { sampleEntries, samplePlan } from './sampleStudy.ts';

const table = studyTable(samplePlan, sampleEntries());
const row = (arm: string, from = table) => from.rows.find((candidate) => candidate.arm === arm)!;
const near = (x: number): unknown => expect.closeTo(x, 9);

// t(0.975; 2) = 4.302652729911275 and t(0.975; 1) = 12.706204736432095, from the tables.
describe('rows, worked out by hand', () => {
  test('the reference: mean and sample deviation over its seeds, no difference', () => {
    expect(row('ranger21')).toMatchObject({
      planned: 3,
      completed: 3,
      failures: {},
      top1: { mean: near(0.92), sd: near(0.02), n: 3 },
      loss: { mean: near(0.4), sd: near(0.1), n: 3 },
      difference: null,
      msPerStep: 52,
      stateRatio: 4,
    });
  });

  test('a whole arm: differences −0.01, −0.02, 0 have mean −0.01, deviation 0.01, half-width 4.302652729911275 · 0.01/√3', () => {
    const half = (4.302652729911275 * 0.01) / Math.sqrt(3);
    expect(row('-pnm')).toMatchObject({
      top1: { mean: near(0.91), sd: near(Math.sqrt(0.0007)), n: 3 },
      difference: { mean: near(-0.01), interval: [near(-0.01 - half), near(-0.01 + half)], seeds: [0, 1, 2] },
    });
  });

  test('an arm with failures: the mean is over the one completed run, and one pair has no interval', () => {
    expect(row('adamw')).toMatchObject({
      planned: 3,
      completed: 1,
      failures: { stuck: 1, diverged: 1 },
      top1: { mean: 0.8, sd: null, n: 1 },
      difference: { mean: near(-0.12), interval: null, seeds: [1] },
      msPerStep: 30,
      stateRatio: 2,
    });
  });

  test('an arm still short of a run: the difference is over the two seeds both have, ±0.01 around 0', () => {
    const half = 12.706204736432095 * 0.01;
    expect(row('adamw+sched')).toMatchObject({
      failures: { planned: 1 },
      top1: { mean: near(0.92), sd: near(Math.sqrt(0.0002)), n: 2 },
      difference: { mean: near(0), interval: [near(-half), near(half)], seeds: [0, 2] },
    });
  });

  test('each row names its runs', () => {
    expect(row('adamw').runs.map(({ seed, state, reason }) => [seed, state, reason])).toEqual([
      [0, 'stuck', 'still at chance'],
      [1, 'completed', undefined],
      [2, 'diverged', 'loss is NaN at step 3'],
    ]);
    expect(row('-pnm').runs[1]!.id).toBe(samplePlan.runs.find(({ arm, seed }) => arm === '-pnm' && seed === 1)!.id);
  });
});

describe('notes', () => {
  test('say what was not averaged and not paired', () => {
    expect(table.notes).toEqual([
      'means are over completed runs only: adamw 1/3 (1 stuck, 1 diverged), adamw+sched 2/3 (1 not started)',
      'the difference of adamw is over the seeds both arms completed: 1',
      'the difference of adamw+sched is over the seeds both arms completed: 0, 2',
      'on in ranger21 without doing anything: softplus, lookahead; this study says nothing about that',
    ]);
  });

  test('another backend: named, and no times', () => {
    const mixed = studyTable(
      samplePlan,
      sampleEntries({ '-pnm/1': { backend: { name: 'cpu', detail: 'JavaScript' } } }),
    );
    expect(mixed.notes).toContain(
      'backends differ: onnx, CPU, 2 threads (ranger21, -pnm, adamw, adamw+sched); cpu, JavaScript (-pnm); ' +
        'times do not compare and are left out',
    );
    expect(mixed.rows.map(({ msPerStep }) => msPerStep)).toEqual([null, null, null, null]);
  });

  test('other data or another length: named, and not paired', () => {
    const mixed = studyTable(
      samplePlan,
      sampleEntries({ '-pnm/1': { fingerprint: '12'.repeat(32) }, '-pnm/2': { steps: 80 } }),
    );
    expect(row('-pnm', mixed).difference).toMatchObject({ mean: near(-0.01), interval: null, seeds: [0] });
    expect(mixed.notes.filter((note) => /^(training data|steps) differ/.test(note))).toEqual([
      'training data differ: fefefefe (ranger21, -pnm, adamw, adamw+sched); 12121212 (-pnm); ' +
        'runs on other data than ranger21 are not paired',
      'steps differ: 40 (ranger21, -pnm, adamw, adamw+sched); 80 (-pnm); ' +
        'runs of other lengths than ranger21 are not paired',
    ]);
  });

  test('a component whose meter stays at 0, or that never came to act, is inactive', () => {
    const activity = { 'agc/clippedShare': 0, 'agc/clipFactor': 1, 'pnm/ratio': 1.5 };
    const idle = studyTable(
      samplePlan,
      sampleEntries({ 'ranger21/0': { activity }, 'ranger21/1': { activity }, 'ranger21/2': { activity } }),
    );
    expect(row('ranger21', idle).inactive).toContain('agc');
    expect(row('ranger21', idle).inactive).not.toContain('pnm');
    expect(row('ranger21').inactive).toEqual(['softplus', 'lookahead']);
  });

  test('without meters nothing is called inactive', () => {
    const unmeasured = Object.fromEntries([0, 1, 2].map((seed) => [`ranger21/${seed}`, { activity: {} }]));
    expect(row('ranger21', studyTable(samplePlan, sampleEntries(unmeasured))).inactive).toEqual([]);
  });

  test('no reference, no difference, and the table says so', () => {
    const stuck = Object.fromEntries([0, 1, 2].map((seed) => [`ranger21/${seed}`, { status: 'stuck' as const }]));
    const alone = studyTable(samplePlan, sampleEntries(stuck));
    expect(row('-pnm', alone).difference).toBeNull();
    expect(row('ranger21', alone).top1).toBeNull();
    expect(alone.notes).toContain('-pnm has no seed in common with ranger21: no difference');
  });
});

test('the caption says what was trained', () => {
  expect(table.caption).toMatchObject({
    dataset: 'digits',
    epochs: 2,
    batch: 64,
    seeds: [0, 1, 2],
    semantics: 'reference',
    lr: 0.001,
    weightDecay: 0.0001,
    backends: ['onnx, CPU, 2 threads'],
    versions: ['0.1.0@3f2a91c0'],
    finishedAt: '2026-11-01T10:00:05.000Z',
  });
  expect(table.caption.model).toMatch(/^r8-basic/);
});
