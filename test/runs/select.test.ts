import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { arms } from '../../src/experiment/study/ablation.ts';
import { makePlan } from '../../src/experiment/study/plan.ts';
import { differingKeys } from '../../src/runs/configs.ts';
import { listRuns } from '../../src/runs/list.ts';
import { configured, meantWord, selectRun, selectRuns } from '../../src/runs/select.ts';
import { sorted } from '../../src/runs/sort.ts';
import { writePlan } from '../../src/runs/study.ts';
import { openSample, sampleExperiment, sampleResult, temporaryFolder } from './sample.ts';

const root = join(temporaryFolder(), 'runs');
const base = (changes: object) => sampleExperiment({ log: { tensorboard: false }, ...changes });
const plan = makePlan({
  study: 'demo',
  arms: arms(base({}), { disable: ['pnm'] }),
  seeds: [0, 1],
  fingerprint: 'f',
});
const top1: Record<string, number> = { 'ranger21 0': 0.9, 'ranger21 1': 0.8, '-pnm 0': 0.7, '-pnm 1': 0.95 };

beforeAll(async () => {
  await writePlan(join(root, 'demo'), plan);
  for (const { arm, seed, id, path } of plan.runs.filter((run) => `${run.arm} ${run.seed}` in top1)) {
    const { experiment } = plan.arms.find(({ name }) => name === arm)!;
    const last = { step: 40, epoch: 2, loss: 1, top1: top1[`${arm} ${seed}`]! };
    const run = await openSample(join(root, 'demo', path), { ...experiment, seed });
    await run.finish(sampleResult({ id, study: 'demo', arm, seed, last }));
  }
  const fast = await openSample(join(root, 'fast-0123abcd'), base({ optimizer: { lr: 0.01 }, seed: 7 }));
  await fast.abandon('failed', 'out of memory', { step: 0, stepsHere: 0 });
  await openSample(
    join(root, 'demolition-89abcdef'),
    base({ optimizer: { lr: 0.02 }, dataset: { name: 'digits', train: 640 } }),
  );
  for (const hidden of ['demo/.plan-locks/1', 'demo/.old/0-01234567', '.trash-01234567']) {
    mkdirSync(join(root, hidden, 'attempts'), { recursive: true });
  }
});

const names = async (...words: string[]) =>
  (await selectRuns(root, words)).map(({ path }) => path.replace(/-[0-9a-f]{8}$/, '').replace('demo/', ''));
const [all, lone] = [
  ['ranger21/0', '-pnm/0', 'adamw/0', 'adamw+sched/0'],
  ['demolition', 'fast'],
];
const seed1 = all.map((name) => name.replace('0', '1'));

describe('selected by', () => {
  test.each<[string, string[], string[]]>([
    ['nothing: all', [], [...all, ...seed1, ...lone]],
    ['a study’s name, of which another name is no part', ['demo'], [...all, ...seed1]],
    ['a part of a path, where nothing is called so', ['demol'], ['demolition']],
    ['the start of an id', [plan.runs[1]!.id.slice(0, 5)], ['-pnm/0']],
    ['several names: either', ['fast', 'ranger21'], ['fast', 'ranger21/0', 'ranger21/1']],
    ['conditions: all of them', ['arm=-pnm', 'seed=1'], ['-pnm/1']],
    ['conditions in one word', ['arm=-pnm seed=1'], ['-pnm/1']],
    ['a colon, as well as an equals sign', ['arm:-pnm', 'seed:0'], ['-pnm/0']],
    ['a name and a condition', ['demo', 'status=planned', 'seed=0'], ['adamw/0', 'adamw+sched/0']],
    ['one of several values', ['arm=ranger21,-pnm', 'seed=0'], ['ranger21/0', '-pnm/0']],
    ['a pattern', ['arm=adamw*', 'seed=1'], ['adamw/1', 'adamw+sched/1']],
    ['what it is not', ['study!=demo'], lone],
    ['a result', ['top1>=0.9'], ['ranger21/0', '-pnm/1']],
    ['two bounds', ['top1<0.95', 'top1>0.7'], ['ranger21/0', 'ranger21/1']],
    ['a config value, however it is written', ['optimizer.lr=1e-2'], ['fast']],
    ['a config value between bounds', ['optimizer.lr>=0.01', 'optimizer.lr<=0.02'], lone],
    [
      'a component that is off, also in runs that are only planned',
      ['optimizer.components.pnm=off', 'seed=0'],
      all.slice(1),
    ],
    ['a component that is on', ['optimizer.components.pnm=on', 'study=demo'], ['ranger21/0', 'ranger21/1']],
    ['a key that only some configs have', ['dataset.train=640'], ['demolition']],
    ['a text in its order', ['changed>2000-01-01', 'status=failed'], ['fast']],
  ])('%s', async (_, words, expected) => expect((await names(...words)).sort()).toEqual([...expected].sort()));

  test('a folder anywhere, even one whose path looks like a condition', async () => {
    const elsewhere = join(temporaryFolder(), 'a=b c', 'lone-01234567');
    await (await openSample(elsewhere)).finish(sampleResult());
    expect((await selectRuns(root, [elsewhere, 'fast'])).map(({ dir }) => dir)).toEqual([
      elsewhere,
      join(root, 'fast-0123abcd'),
    ]);
    expect(await selectRuns(root, [join(root, 'demo'), 'seed=0'])).toHaveLength(4);
  });
});

test('what lies in hidden folders, such as the locks of a plan, is no run', async () => {
  expect((await listRuns(root)).filter(({ path }) => /(^|\/)\./.test(path))).toEqual([]);
  expect(await listRuns(root)).toHaveLength(10);
});

describe('refused', () => {
  test.each([
    ['optimizer.lrr=1', 'cannot select by optimizer.lrr; did you mean optimizer.lr?'],
    ['lr>1', 'cannot select by lr; did you mean optimizer.lr?'],
    ['sead=1', 'cannot select by sead; did you mean seed?'],
    ['optimizer.lr>fast', 'optimizer.lr>fast: optimizer.lr is a number, and fast is none'],
    ['seed>=', 'seed>=: seed is a number, and nothing is none'],
  ])('%s', async (word, message) => {
    await expect(selectRuns(root, [word])).rejects.toMatchObject({ message, code: 2 });
  });

  test('one run where several meet the conditions, or none does', async () => {
    await expect(selectRun(root, ['arm=-pnm'])).rejects.toThrow(`arm=-pnm selects 2 runs under ${root}`);
    await expect(selectRun(root, ['seed=5'])).rejects.toThrow(`seed=5 selects no run under ${root}`);
    expect(await selectRun(root, ['demo', 'arm=-pnm', 'seed=1'])).toMatchObject({ arm: '-pnm', seed: 1 });
  });
});

test('sorted by the first key, then by the next; what has no value comes last', async () => {
  const order = async (...keys: string[]) => {
    const runs = await configured(await selectRuns(root, ['demo', 'fast']), ['optimizer.lr']);
    return sorted(runs, keys).map(({ entry }) => entry.path.replace(/-[0-9a-f]{8}$/, '').replace('demo/', ''));
  };
  const unfinished = ['adamw/0', 'adamw+sched/0', 'adamw/1', 'adamw+sched/1'];
  expect(await order('-top1')).toEqual(['-pnm/1', 'ranger21/0', 'ranger21/1', '-pnm/0', ...unfinished, 'fast']);
  expect((await order('seed', 'top1')).slice(0, 2)).toEqual(['-pnm/0', 'ranger21/0']);
  expect((await order('-optimizer.lr'))[0]).toBe('fast');
});

test.each([
  [['dmeo'], '; did you mean demo?'],
  [['rangr21'], '; did you mean ranger21?'],
  [['demo', 'arm=rangr21'], '; did you mean arm=ranger21?'],
  [['status=compleet'], '; did you mean status=completed?'],
  [['arm=ranger21', 'seed=9'], ''],
  [['nothing-like-it'], ''],
])('words that select no run, and what was meant: %j', async (words, meant) => {
  expect(await meantWord(root, words)).toBe(meant);
});

test('configs differ in keys, as deep as all of them are maps', () => {
  const differing = differingKeys([
    { lr: 1, same: [1, 2], nested: { on: { k: 5 }, both: { x: 1, y: 2 } } },
    { lr: 2, same: [1, 2], nested: { on: false, both: { x: 1, y: 3 } } },
  ]);
  expect(differing).toEqual([
    { key: 'lr', values: [1, 2] },
    { key: 'nested.on', values: [{ k: 5 }, false] },
    { key: 'nested.both.y', values: [2, 3] },
  ]);
});
