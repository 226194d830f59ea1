import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { arms } from '../../src/experiment/ablation.ts';
import { continuePlan, experimentOf, makePlan, planDifferences, seedList } from '../../src/experiment/plan.ts';
import { runId } from '../../src/runs/id.ts';
import { readPlan, writePlan, type PlannedRun } from '../../src/runs/study.ts';
import { sampleExperiment, temporaryFolder } from '../runs/sample.ts';

const fingerprint = 'fe'.repeat(32);
const at = '2026-11-02T00:00:00.000Z';
const planOf = ({ disable = ['pnm'], seeds = [0, 1], changes = {}, data = fingerprint } = {}) =>
  makePlan({ study: 'demo', arms: arms(sampleExperiment(changes), { disable }), seeds, fingerprint: data });

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

  test('code that computes something else is refused', () => {
    const older = { ...planOf(), runs: planOf().runs.map((run) => ({ ...run, id: '0'.repeat(64) })) };
    expect(planDifferences(older, planOf())).toEqual([
      'the training code computes something else than when the study was planned',
    ]);
  });
});
