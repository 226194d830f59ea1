import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { arms } from '../../src/experiment/study/ablation.ts';
import { makePlan } from '../../src/experiment/study/plan.ts';
import { runsText } from '../../src/report/runsText.ts';
import { runText } from '../../src/report/runText.ts';
import { findRun, findStudy } from '../../src/runs/find.ts';
import { listRuns, listStudy } from '../../src/runs/list.ts';
import { readLogs } from '../../src/runs/read.ts';
import { writePlan, type StudyPlan } from '../../src/runs/study.ts';
import { killed, openSample, sampleExperiment, sampleResult, sampleStep, temporaryFolder } from './sample.ts';

const root = join(temporaryFolder(), 'runs');
const plan: StudyPlan = makePlan({
  study: 'demo',
  arms: arms(sampleExperiment(), { disable: ['pnm'] }),
  seeds: [0],
  fingerprint: 'f',
});
const runDirOf = (arm: string) => join(root, 'demo', plan.runs.find((run) => run.arm === arm)!.path);

beforeAll(async () => {
  await writePlan(join(root, 'demo'), plan);
  const { id } = plan.runs[0]!;
  await (await openSample(runDirOf('ranger21'))).finish(sampleResult({ id, study: 'demo', arm: 'ranger21' }));
  const stuck = await openSample(runDirOf('-pnm'));
  await stuck.finish(
    sampleResult({ id: plan.runs[1]!.id, status: 'stuck', reason: 'still at chance', study: 'demo', arm: '-pnm' }),
  );
  const failed = await openSample(runDirOf('adamw'));
  await failed.abandon('failed', 'out of memory', { step: 0, stepsHere: 0 });

  const lost = await openSample(
    join(root, 'single-01234567'),
    sampleExperiment({ seed: 5, log: { tensorboard: false } }),
  );
  lost.step(sampleStep(7, { loss: 1.25 }));
  lost.evaluation({ step: 7, epoch: 0.35, loss: 2, top1: 0.5 });
  killed(join(root, 'single-01234567'));
  mkdirSync(join(root, 'demo', 'strange', '0-76543210'), { recursive: true });
  writeFileSync(join(root, 'demo', 'strange', '0-76543210', 'result.json'), '{');
  mkdirSync(join(root, 'empty'));
  writeFileSync(join(root, 'LOG.md'), '');
});

test('lists every run, whatever became of it', async () => {
  const found = (await listRuns(root)).map(({ path, state, seed, arm }) => [
    path.replace(/-[0-9a-f]{8}$/, ''),
    state,
    seed,
    arm,
  ]);
  expect(found).toEqual([
    ['demo/ranger21/0', 'completed', 0, 'ranger21'],
    ['demo/-pnm/0', 'stuck', 0, '-pnm'],
    ['demo/adamw/0', 'failed', 0, 'adamw'],
    ['demo/adamw+sched/0', 'planned', 0, 'adamw+sched'],
    ['demo/strange/0', 'unreadable', undefined, 'strange'],
    ['single', 'lost', 5, undefined],
  ]);
  expect(await listRuns(join(root, 'nowhere'))).toEqual([]);
});

test('a study found by folder or name, from anywhere', async () => {
  expect(findStudy(root, 'demo')).toBe(join(root, 'demo'));
  expect(findStudy('elsewhere', join(root, 'demo'))).toBe(join(root, 'demo'));
  expect((await listStudy(root, join(root, 'demo'))).map(({ state }) => state)).toHaveLength(5);
});

describe('a run found by', () => {
  test.each([
    ['its folder', runDirOf('-pnm')],
    ['its path below the root', `demo/${plan.runs[1]!.path}`],
    ['a part of that', plan.runs[1]!.path.split('/')[1]!],
    ['its arm, where that has one run', '-pnm'],
    ['study and arm', 'demo/-pnm'],
    ['the start of its id', plan.runs[1]!.id.slice(0, 6)],
  ])('%s', async (_, wanted) => {
    expect(await findRun(root, wanted)).toMatchObject({ dir: runDirOf('-pnm'), state: 'stuck' });
  });
});

describe('a name that is none', () => {
  test('has a near one suggested', async () => {
    expect(() => findStudy(root, 'deom')).toThrow(`no study deom under ${root}; did you mean demo?`);
    await expect(findRun(root, 'single-01234566')).rejects.toThrow(
      `no run single-01234566 under ${root}; did you mean single-01234567?`,
    );
    await expect(findRun(root, 'quite-another-thing')).rejects.toThrow(/no run quite-another-thing under .*runs$/);
  });

  test('several runs fit', async () => {
    await expect(findRun(root, 'demo')).rejects.toThrow(`demo names 4 runs under ${root}`);
  });

  test('a run is not a study', () => {
    expect(() => findStudy(root, 'single-01234567')).toThrow('single-01234567 is a single run, not a study');
  });
});

test('a single run is found by its name without the id', async () => {
  expect(await findRun(root, 'single')).toMatchObject({ state: 'lost', seed: 5 });
});

test('as text, failures with their reasons', async () => {
  const entries = (await listRuns(root)).map((entry) => ({
    ...entry,
    path: entry.path.replace(/[0-9a-f]{8}$/, '########'),
  }));
  const [head, ...lines] = runsText(entries.map(({ updatedAt: _, ...entry }) => entry)).split('\n');
  expect(head).toBe('run                          status      seed  top-1 %    loss  epochs  ms/step  backend  reason');
  expect(lines.slice(0, 4)).toEqual([
    'demo/ranger21/0-########     completed      0    90.00  0.5000       2       50  onnx',
    'demo/-pnm/0-########         stuck          0    90.00  0.5000       2       50  onnx     still at chance',
    'demo/adamw/0-########        failed         0                                             out of memory',
    'demo/adamw+sched/0-########  planned        0',
  ]);
});

test('one run as text, as far as it came', async () => {
  utimesSync(join(root, 'single-01234567', 'config.yaml'), 0, 0);
  const entry = await findRun(root, 'single-01234567');
  const { steps, evaluations } = await readLogs(entry.dir);
  const text = runText(entry, steps, evaluations);
  expect(text).toContain('status   lost\n');
  expect(text).toContain('reached  step 7, epoch 0.35, training loss 1.2500\n');
  expect(text).toContain('machine  a processor, 2 cores, linux 6.1 x64, Node v20.20.2\n');
  expect(text).toContain('\nstep  epoch    loss  top-1 %\n   7   0.35  2.0000    50.00');
});
