import { describe, expect, test } from 'vitest';
import { studyTable } from '../../../src/experiment/table/table.ts';
import { captionText } from '../../../src/report/captionText.ts';
import { sampleEntries, samplePlan } from '../sampleStudy.ts';

const table = studyTable(samplePlan, sampleEntries());
const row = (arm: string, from = table) => from.rows.find((candidate) => candidate.arm === arm)!;
const near = (x: number): unknown => expect.closeTo(x, 9);

// t(0.975; 2) = 4.302652729911275 and t(0.975; 1) = 12.706204736432095, from the tables.
describe('rows, worked out by hand', () => {
  test('stand in groups: baselines, the full optimizer, what is left out', () => {
    expect(table.rows.map(({ group, arm }) => [group, arm])).toEqual([
      ['baselines', 'adamw'],
      ['baselines', 'adamw+sched'],
      ['full', 'ranger21'],
      ['leave one out', '-pnm'],
    ]);
  });

  test('the full optimizer: mean and sample deviation over its seeds, against the scheduled baseline on the seeds both have', () => {
    const half = 12.706204736432095 * 0.01;
    expect(row('ranger21')).toMatchObject({
      planned: 3,
      completed: 3,
      failures: {},
      top1: { mean: near(0.92), sd: near(0.02), n: 3, basis: 'completed' },
      loss: { mean: near(0.4), sd: near(0.1), n: 3 },
      comparison: {
        reference: 'adamw+sched',
        seeds: [0, 2],
        mean: near(0),
        interval: [near(-half), near(half)],
        p: null,
      },
      msPerStep: 52,
      stateRatio: 4,
    });
  });

  test('a whole arm: differences −0.01, −0.02, 0 have mean −0.01, deviation 0.01, half-width 4.302652729911275 · 0.01/√3', () => {
    const half = (4.302652729911275 * 0.01) / Math.sqrt(3);
    expect(row('-pnm')).toMatchObject({
      top1: { mean: near(0.91), sd: near(Math.sqrt(0.0007)), n: 3 },
      comparison: {
        reference: 'ranger21',
        family: 'leave one out',
        seeds: [0, 1, 2],
        mean: near(-0.01),
        median: near(-0.01),
        sd: near(0.01),
        interval: [near(-0.01 - half), near(-0.01 + half)],
        dz: near(-1),
        winShare: near(1 / 6), // one tie
        p: 0.5, // |−0.03| is reached by ±(0.01 + 0.02) ± 0: 4 of 8
        mde: null, // of 8 sign assignments two are as extreme whatever happens: p is never below 0.25
        // accuracies 0.89, 0.9, 0.94 and 0.9, 0.92, 0.94: covariance 0.0005, deviations √0.0007 and 0.02
        correlation: near(0.0005 / (Math.sqrt(0.0007) * 0.02)),
      },
    });
  });

  test('an arm with failures: the headline mean counts them at the chance of one in ten, and so does its difference', () => {
    expect(row('adamw')).toMatchObject({
      planned: 3,
      completed: 1,
      failures: { stuck: 1, diverged: 1 },
      failureShare: { failed: 2, of: 3 },
      top1: { mean: near(1 / 3), n: 3, basis: 'intention to treat' },
      survivors: { mean: 0.8, sd: null, n: 1 },
      intentionToTreat: { mean: near(1 / 3) },
      comparison: {
        basis: 'intention to treat',
        differences: [near(-0.8), near(-0.12), near(-0.84)],
        mcnemar: { armOnly: 2, referenceOnly: 0, p: 0.5 }, // 2 · (1/2)²
      },
      msPerStep: 30,
      stateRatio: 2,
    });
    // Wilson's interval of 2 in 3 at 95 %: (2/3 + z²/6 ± z √(2/27 + z²/36)) / (1 + z²/3), z = 1.959963984540054
    const z = 1.959963984540054;
    const [centre, half] = [2 / 3 + z ** 2 / 6, z * Math.sqrt(2 / 27 + z ** 2 / 36)];
    const share = [centre - half, centre + half].map((x) => near(x / (1 + z ** 2 / 3)));
    expect(row('adamw').failureShare!.interval).toEqual(share);
  });

  test('where the plan does not say how many classes there are, the mean is over the completed runs', () => {
    const { facts: _, ...older } = samplePlan;
    const without = studyTable(older, sampleEntries());
    expect(row('adamw', without)).toMatchObject({ top1: { mean: 0.8, basis: 'completed' }, intentionToTreat: null });
    expect(without.notes[0]).toMatch(/^means are over completed runs only, since the plan does not say/);
  });

  test('the chance that the plan records counts instead, and the caption tells which it is', () => {
    const chance = { uniformLoss: Math.log(10), priorLoss: 1.2, top1: 0.5 };
    const unequal = { ...samplePlan, facts: { ...samplePlan.facts!, chance } };
    const table = studyTable(unequal, sampleEntries());
    expect(row('adamw', table).top1).toMatchObject({ mean: near((0.5 + 0.8 + 0.5) / 3), basis: 'intention to treat' });
    expect(table.notes[0]).toContain('count at the accuracy of guessing, 50.0 %');
    expect(captionText(table.caption)).toContain(' · chance 50.00 % · ');
    expect(captionText(studyTable(samplePlan, sampleEntries()).caption)).toContain(
      ' · chance 10.00 % (1/C, and ln C for losses: the plan does not record the labels) · ',
    );
  });

  test('each row names its runs, and each cell those behind it', () => {
    expect(row('adamw').runs.map(({ seed, state, reason }) => [seed, state, reason])).toEqual([
      [0, 'stuck', 'still at chance'],
      [1, 'completed', undefined],
      [2, 'diverged', 'loss is NaN at step 3'],
    ]);
    const ids = (arm: string) => samplePlan.runs.filter((run) => run.arm === arm).map(({ id }) => id.slice(0, 8));
    expect(row('-pnm').runs.map(({ id }) => id.slice(0, 8))).toEqual(ids('-pnm'));
    expect(row('-pnm').provenance).toEqual({
      top1: ids('-pnm'),
      loss: ids('-pnm'),
      comparison: [...ids('-pnm'), ...ids('ranger21')],
      times: ids('-pnm'),
      activity: ids('ranger21'),
    });
    expect(row('adamw').provenance).toMatchObject({ loss: [ids('adamw')[1]] });
    expect([...row('adamw').provenance.top1!].sort()).toEqual(ids('adamw').sort());
  });
});

describe('notes', () => {
  test('say what was not averaged and not paired', () => {
    expect(table.notes).toEqual([
      'runs that diverged, exploded or got stuck count at the accuracy of guessing, 10.0 %: adamw 1 stuck, 1 diverged of 3',
      'missing, and in no mean: adamw+sched (1 not started)',
      'ranger21 − adamw+sched is over the seeds both have: 0, 2',
      'on in ranger21 without doing anything: softplus, lookahead; this study says nothing about that',
    ]);
  });

  test('other hardware: named, and no times', () => {
    const mixed = studyTable(
      samplePlan,
      sampleEntries({ '-pnm/1': { backend: { name: 'cpu', detail: 'JavaScript' } } }),
    );
    expect(mixed.notes).toContain(
      'hardware differ: onnx, CPU, 2 threads on a processor (ranger21, -pnm, adamw, adamw+sched); ' +
        'cpu, JavaScript on a processor (-pnm); times do not compare and are left out',
    );
    expect(mixed.rows.map(({ msPerStep }) => msPerStep)).toEqual([null, null, null, null]);
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

  test('a run that was continued although something had changed is named', () => {
    const drifted = studyTable(samplePlan, sampleEntries({ '-pnm/1': { drift: ['threads: 2 → 4'] } }));
    expect(drifted.notes).toContain('-pnm seed 1 was continued although threads: 2 → 4');
  });
});

test('the caption says what was trained', () => {
  expect(table.caption).toMatchObject({
    dataset: 'digits',
    image: [8, 8, 1],
    steps: 40,
    epochs: 2,
    batch: 64,
    seeds: [0, 1, 2],
    protocol: { alpha: 0.05, delta: 0.002, tier: 'T0', headline: 'adamw+sched' },
    semantics: 'reference',
    lr: 0.001,
    weightDecay: 0.0001,
    backends: ['onnx, CPU, 2 threads'],
    machines: ['a processor, 2 cores'],
    versions: ['0.1.0@3f2a91c0'],
    finishedAt: '2026-11-01T10:00:05.000Z',
    runs: 12,
    failed: 2,
  });
  expect(table.caption.model).toMatch(/^r8-basic/);
});

test('the caption lists the options that are not those of the semantics it names', () => {
  const { caption } = studyTable({ ...samplePlan, changedOptions: ['gradnorm.passes 1'] }, sampleEntries());
  expect(captionText(caption)).toContain(' · reference semantics, but gradnorm.passes 1 · lr 0.001');
});
