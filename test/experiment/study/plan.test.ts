import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arms } from '../../../src/experiment/study/ablation.ts';
import {
  checkPlan,
  continuePlan,
  dataFacts,
  experimentOf,
  makePlan,
  planDifferences,
  seedList,
  studyProtocol,
} from '../../../src/experiment/study/plan.ts';
import { chanceOf } from '../../../src/experiment/table/outcomes.ts';
import { optimizerSchema } from '../../../src/optim/config.ts';
import { runId } from '../../../src/runs/id.ts';
import { readPlan, writePlan, type Arm, type PlannedRun } from '../../../src/runs/study.ts';
import { imageSet } from '../../data/toy.ts';
import { sampleExperiment, temporaryFolder } from '../../runs/sample.ts';

const fingerprint = 'fe'.repeat(32);
const at = '2026-11-02T00:00:00.000Z';
const planOf = ({ disable = ['pnm'], seeds = [0, 1], changes = {}, data = fingerprint, block = {} } = {}) => {
  const all = arms(sampleExperiment(changes), { disable });
  return makePlan({ study: 'demo', arms: all, seeds, fingerprint: data, protocol: studyProtocol(block, all) });
};

test('seeds are counted or listed', () => {
  expect([seedList(3), seedList(2, 5), seedList([4, 0, 4])]).toEqual([
    [0, 1, 2],
    [5, 6],
    [4, 0],
  ]);
});

test.each([
  [10_001, 0],
  [2, Number.MAX_SAFE_INTEGER],
])('%i seeds from %i on are refused', (seeds, first) => {
  expect(() => seedList(seeds, first)).toThrow(`${seeds} seeds from ${first} on are too many`);
});

test('a plan is every arm with the first seed, then with the next', () => {
  const plan = planOf();
  expect(plan.runs.map(({ arm, seed }) => `${arm}/${seed}`)).toEqual([
    ...['ranger21/0', '-pnm/0', 'adamw/0', 'adamw+sched/0'],
    ...['ranger21/1', '-pnm/1', 'adamw/1', 'adamw+sched/1'],
  ]);
  const second = plan.runs[5]!;
  expect(second.id).toBe(runId(experimentOf(plan, second), 1, fingerprint));
  expect(second.path).toBe(`-pnm/1-${second.id.slice(0, 8)}`);
  expect(experimentOf(plan, second).seed).toBe(1);
});

test('a plan records what its reference arm changes about the semantics it names', () => {
  expect(planOf().changedOptions).toEqual([]);
  const optimizer = optimizerSchema.parse({ components: { gradnorm: { passes: 1 } } });
  expect(planOf({ changes: { optimizer } }).changedOptions).toEqual(['gradnorm.passes 1']);
});

test('a plan records how many images of each class there are, and what guessing scores', () => {
  const images = imageSet(30, [2, 2, 1], 3);
  const labels = (counts: number[]) => Uint8Array.from(counts.flatMap((n, k) => Array<number>(n).fill(k)));
  const [train, test] = [labels([20, 9, 1]), labels([6, 18, 6])];
  const facts = dataFacts({
    ...images,
    train: { ...images.train, labels: train },
    test: { ...images.test, labels: test },
  });
  expect(facts).toMatchObject({ labels: { train: [20, 9, 1], test: [6, 18, 6] }, chance: { top1: 0.6 } });
  expect(facts.chance!.uniformLoss).toBeCloseTo(1.0986122886681098, 14);
  // −(2/3 ln 2/3 + 3/10 ln 3/10 + 1/30 ln 1/30)
  expect(facts.chance!.priorLoss).toBeCloseTo(0.7448751594252957, 14);
});

test('a plan from before labels were recorded keeps its facts when it is gone on with', () => {
  const older = { shape: [8, 8, 1], classes: 10, train: 1437, test: 360 };
  const labels = { train: [1437], test: [360] };
  const chance = { uniformLoss: 1, priorLoss: 1, top1: 0.5 };
  const [frozen, requested] = [older, { ...older, labels, chance }].map((facts) => ({ ...planOf(), facts }));
  expect(continuePlan(frozen!, requested!, at).facts).toEqual(older);
  expect(continuePlan(planOf(), requested!, at).facts).toEqual(requested!.facts);
  expect(chanceOf(frozen!)).toBe(0.1);
});

test('a plan survives its file', async () => {
  const dir = join(temporaryFolder(), 'runs', 'demo');
  await writePlan(dir, planOf());
  expect(await readPlan(dir)).toEqual(planOf());
  writeFileSync(join(dir, 'plan.json'), '{"schema":1}');
  await expect(readPlan(dir)).rejects.toThrow(`${join(dir, 'plan.json')} is not a plan`);
  expect(readFileSync(join(dir, 'plan.json'), 'utf8')).toBe('{"schema":1}');
});

test.each<[string, (run: Partial<PlannedRun>) => Partial<PlannedRun>]>([
  ['a folder outside the study', (run) => ({ ...run, path: `../${run.path}` })],
  ['a folder of another seed', (run) => ({ ...run, seed: 7 })],
  ['no id', ({ id: _, ...run }) => run],
])('a plan whose run has %s is none', async (_, change) => {
  const dir = join(temporaryFolder(), 'runs', 'demo');
  const [first, ...rest] = planOf().runs;
  await writePlan(dir, { ...planOf(), runs: [change(first!) as PlannedRun, ...rest] });
  await expect(readPlan(dir)).rejects.toThrow('is not a plan');
});

describe('going on with a frozen plan', () => {
  test('the same again changes nothing', () => {
    expect(continuePlan(planOf(), planOf(), at)).toEqual(planOf());
  });

  test('so do settings that do not change a run', () => {
    const quiet = planOf({ changes: { log: { meters: 0 } } });
    const plan = continuePlan(planOf(), quiet, at);
    expect(plan.additions).toEqual([]);
    expect(plan.runs).toEqual(planOf().runs);
    expect(experimentOf(plan, plan.runs[0]!).log.meters).toBe(0);
  });

  test('added arms and seeds are recorded, and the old runs keep their ids', () => {
    const more = continuePlan(planOf(), planOf({ disable: ['pnm', 'agc'], seeds: [0, 1, 2] }), at);
    expect(more.additions).toEqual([{ at, arms: ['-agc', '-agc-pnm'], seeds: [2] }]);
    expect(more.runs).toHaveLength(18);
    expect(more.runs).toEqual(expect.arrayContaining([...planOf().runs]));
    expect(continuePlan(more, planOf({ disable: ['pnm', 'agc'], seeds: [0, 1, 2, 3] }), at).additions).toHaveLength(2);
  });

  test.each<[string, Parameters<typeof planOf>[0], string[]]>([
    ['other data', { data: '00'.repeat(32) }, ['training data: fefefefe… → 00000000…']],
    ['fewer seeds', { seeds: [1] }, ['seeds 0 left out']],
    ['fewer arms', { disable: ['agc'] }, ['arm -pnm left out']],
    ['another δ, once results are there to choose it by', { block: { delta: 0.01 } }, ['delta: 0.002 → 0.01']],
    ['a target', { block: { target: 0.9 } }, ['target: none → 0.9']],
    [
      'another arm to compare with',
      { block: { headline: 'adamw' } },
      [
        'headline: adamw+sched → adamw',
        'arm ranger21 compared with adamw+sched → adamw',
        'arm adamw compared with ranger21 → nothing',
        'arm adamw+sched compared with nothing → ranger21',
      ],
    ],
    ['another batch size', { changes: { train: { epochs: 2, batch: 32 } } }, ['train.batch: 64 → 32']],
    [
      'an option of a component that some arms have',
      { changes: { optimizer: { components: { pnm: { factor: 0.5 } } } } },
      ['optimizer.components.pnm.factor: 1 → 0.5 (ranger21)'],
    ],
  ])('%s is refused and listed', (_, changes, lines) => {
    expect(planDifferences(planOf(), planOf(changes))).toEqual(lines);
    expect(() => continuePlan(planOf(), planOf(changes), at)).toThrow(
      `study demo was planned differently\n${lines.map((line) => `  ${line}`).join('\n')}`,
    );
  });

  test.each<[string, Partial<Arm>, string]>([
    [
      'how its hyperparameters were found',
      { tuning: { trials: 16, edge: false } },
      'tuning.trials: absent → 16 (-pnm)',
    ],
    ['what it is for', { kind: 'named' }, 'kind: "without" → "named" (-pnm)'],
    ['the components it is about', { components: ['agc'] }, 'components: ["pnm"] → ["agc"] (-pnm)'],
    ['the family of its test', { family: 'pairs' }, 'family: "leave one out" → "pairs" (-pnm)'],
    ['seeds of its own', { seeds: [0] }, 'seeds: absent → [0] (-pnm)'],
    ['seeds apart from the others', { seedOffset: 7 }, 'seedOffset: absent → 7 (-pnm)'],
    ['another arm’s runs', { sameAs: 'adamw' }, 'sameAs: absent → "adamw" (-pnm)'],
  ])('%s of an arm may not change', (_, change, line) => {
    const plan = planOf();
    const changed = { ...plan, arms: plan.arms.map((arm) => (arm.name === '-pnm' ? { ...arm, ...change } : arm)) };
    expect(planDifferences(plan, changed)).toContain(line);
    expect(planDifferences(changed, plan)).toHaveLength(planDifferences(plan, changed).length);
  });

  test('code that computes something else is refused', () => {
    const older = { ...planOf(), runs: planOf().runs.map((run) => ({ ...run, id: '0'.repeat(64) })) };
    expect(planDifferences(older, planOf())).toEqual([
      'the training code computes something else than when the study was planned',
    ]);
  });
});

describe('a plan from a file', () => {
  test('is trained as it is written', () => expect(() => checkPlan(planOf(), fingerprint)).not.toThrow());

  test('is refused for other data, and where the code would train other runs', () => {
    expect(() => checkPlan(planOf(), '00'.repeat(32))).toThrow('the plan of demo is for other training data');
    const [first, ...rest] = planOf().runs;
    const edited = { ...planOf(), runs: [{ ...first!, id: '0'.repeat(64) }, ...rest] };
    expect(() => checkPlan(edited, fingerprint)).toThrow(
      'ranger21 with seed 0 would be another run than the plan of demo says',
    );
  });
});

test('a plan of version 0.1, which declares nothing, goes on with what it would have declared', () => {
  const { protocol: _, ...older } = planOf();
  expect(planDifferences(older, planOf())).toEqual([]);
});

test('an arm with seeds of its own has runs for them, named by the seed they train with', () => {
  const all = arms(sampleExperiment(), { disable: ['pnm'], controls: ['aa', 'twice'], seeds: [0, 1] });
  const { runs } = makePlan({ study: 'demo', arms: all, seeds: [0, 1], fingerprint });
  const seedsOf = (name: string) => runs.filter(({ arm }) => arm === name).map(({ seed }) => seed);
  expect([seedsOf('aa'), seedsOf('twice')]).toEqual([[1_000_000, 1_000_001], [0]]);
  const [once, again] = ['ranger21', 'twice'].map((name) => runs.find(({ arm }) => arm === name)!);
  expect(again!.id).toBe(once!.id);
  expect(again!.path).not.toBe(once!.path);
});

test('the headline must be an arm', () => {
  expect(() => planOf({ block: { headline: 'adam' } })).toThrow(
    'study.headline is adam, which is no arm of this study',
  );
});
