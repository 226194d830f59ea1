import { appendFileSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { arms } from '../../src/experiment/study/ablation.ts';
import { estimated } from '../../src/experiment/study/eta.ts';
import { makePlan } from '../../src/experiment/study/plan.ts';
import { watchFrame, watchLine } from '../../src/report/watchText.ts';
import { followStudy, type RunView } from '../../src/runs/follow.ts';
import { writePlan } from '../../src/runs/study.ts';
import { lastRows } from '../../src/runs/tail.ts';
import { killed, openSample, sampleExperiment, sampleResult, sampleStep, temporaryFolder } from './sample.ts';

describe('the last rows of a file', () => {
  const path = join(temporaryFolder(), 'metrics.jsonl');
  const row = (step: number, more = '') => `{"step":${step},"loss":${step}.5,"more":"${more}"}\n`;
  beforeAll(() => writeFileSync(path, '{"schema":1,"kind":"steps"}\n'));
  const steps = (count: number) => lastRows<{ step: number }>(path, count).map(({ step }) => step);

  test('none of one that is not there or has only its header', () => {
    expect(lastRows(`${path}.other`, 3)).toEqual([]);
    expect(steps(1)).toEqual([]);
  });

  test('however long it is, and without a line that is being written', () => {
    for (let step = 1; step <= 2000; step++) appendFileSync(path, row(step));
    appendFileSync(path, '{"step":2001,"lo');
    expect(steps(3)).toEqual([1998, 1999, 2000]);
    appendFileSync(path, 'ss":0.5}\n');
    expect(steps(2)).toEqual([2000, 2001]);
  });

  test('also where a line is longer than what is read at first', () => {
    appendFileSync(path, row(2002, 'x'.repeat(50_000)) + row(2003, 'y'.repeat(50_000)));
    expect(steps(1)).toEqual([2003]);
    expect(steps(3)).toEqual([2001, 2002, 2003]);
  });

  test('asked for more than there are: all', () => expect(steps(5000)).toHaveLength(2003));
});

describe('a study followed', () => {
  const root = join(temporaryFolder(), 'runs');
  const dir = join(root, 'demo');
  const experiment = sampleExperiment({ log: { tensorboard: false }, train: { epochs: 2, batch: 64 } });
  const facts = { shape: [8, 8, 1], classes: 10, train: 1437, test: 360 };
  const planOf = (seeds: number[]) =>
    makePlan({ study: 'demo', arms: arms(experiment, { disable: ['pnm'] }), seeds, fingerprint: 'f', facts });
  const folderOf = (arm: string) => join(dir, planOf([0]).runs.find((run) => run.arm === arm)!.path);

  beforeAll(async () => {
    await writePlan(dir, planOf([0]));
    const { id } = planOf([0]).runs[0]!;
    const done = await openSample(folderOf('ranger21'));
    done.step(sampleStep(44));
    done.evaluation({ step: 44, epoch: 2, loss: 1, top1: 0.75 });
    await done.finish(
      sampleResult({ id, study: 'demo', arm: 'ranger21', trainSeconds: 10, evalSeconds: 4, compileSeconds: 1 }),
    );
    const running = await openSample(folderOf('-pnm'));
    running.step(sampleStep(1, { ms: 30, dataWaitMs: 10 }));
    running.step(sampleStep(4, { ms: 50, dataWaitMs: 30, loss: 1.5, epoch: 4 / 22 }));
    running.evaluation({ step: 4, epoch: 4 / 22, loss: 2, top1: 0.25 });
    await openSample(folderOf('adamw'));
  });

  const look = followStudy(root, dir, () => true);
  const states = async () => (await look()).map(({ arm, seed, state }) => `${arm} ${seed} ${state}`);

  test('its runs as their leases and results say, with the ends of their logs', async () => {
    const [done, running, begun, queued] = await look();
    // 1437 images in batches of 64: 22 steps an epoch
    expect(done).toMatchObject({ arm: 'ranger21', state: 'done', step: 44, totalSteps: 44, loss: 2.25, top1: 0.75 });
    // 40 and 80 ms with the waiting: 60 ms a step, 64 / 0.06 images a second
    expect(running).toMatchObject({ state: 'running', step: 4, epochs: 2, loss: 1.5, top1: 0.25, msPerStep: 60 });
    expect(running!.imagesPerSecond).toBeCloseTo(64 / 0.06, 9);
    expect(begun).toMatchObject({ state: 'running', step: 0 });
    expect(begun).not.toHaveProperty('loss');
    expect(queued).toEqual({
      path: queued!.path,
      arm: 'adamw+sched',
      seed: 0,
      state: 'queued',
      step: 0,
      totalSteps: 44,
      epoch: 0,
      epochs: 2,
    });
  });

  test('a process that is gone, one that failed, a plan that grew', async () => {
    killed(folderOf('-pnm'));
    writeFileSync(
      join(folderOf('adamw'), 'attempts', '1', 'ended.json'),
      JSON.stringify({ schema: 1, status: 'failed', reason: 'out of memory', step: 0, stepsHere: 0, endedAt: '' }),
    );
    expect(await states()).toEqual(['ranger21 0 done', '-pnm 0 dead', 'adamw 0 failed', 'adamw+sched 0 queued']);
    await writePlan(dir, planOf([0, 1]));
    utimesSync(join(dir, 'plan.json'), 1, 1);
    expect((await states()).slice(4)).toEqual(
      ['ranger21', '-pnm', 'adamw', 'adamw+sched'].map((arm) => `${arm} 1 queued`),
    );
  });

  test('a finished run is not read again', async () => {
    const result = join(folderOf('ranger21'), 'result.json');
    const text = readFileSync(result);
    writeFileSync(result, 'altered');
    expect((await states())[0]).toBe('ranger21 0 done');
    expect((await followStudy(root, dir, () => true)())[0]).toMatchObject({ state: 'unreadable' });
    writeFileSync(result, text);
  });

  test('only the runs asked for', async () => {
    const pnm = await followStudy(root, dir, (path) => path.startsWith('-pnm/'))();
    expect(pnm.map(({ arm, seed }) => [arm, seed])).toEqual([
      ['-pnm', 0],
      ['-pnm', 1],
    ]);
    rmSync(folderOf('adamw'), { recursive: true });
    mkdirSync(folderOf('adamw'));
    expect((await states())[2]).toBe('adamw 0 queued');
  });
});

const view = (changes: Partial<RunView>): RunView => ({
  ...{
    path: `${changes.arm ?? 'a'}/${changes.seed ?? 0}`,
    arm: 'a',
    seed: 0,
    state: 'queued',
    step: 0,
    totalSteps: 100,
    epoch: 0,
    epochs: 4,
  },
  ...changes,
});
const times = (all: number, train: number) => ({ seconds: { all, train } });

describe('the time left', () => {
  const done = view({ state: 'done', step: 100, ...times(15, 10) });
  const running = view({ seed: 1, state: 'running', step: 40, msPerStep: 50 });

  test('of a run: its steps left at its pace, times what finished runs took beside training', () => {
    expect(estimated([running]).runs[0]!.remaining).toBeCloseTo(60 * 0.05, 12);
    expect(estimated([done, running]).runs[1]!.remaining).toBeCloseTo(60 * 0.05 * 1.5, 12);
  });

  test('of a study: what is left, by as many at a time as train now', () => {
    // 4.5 s left of one, and twice 15 s as the finished one took
    expect(estimated([done, running, view({ seed: 2 }), view({ seed: 3 })]).remaining).toBeCloseTo(34.5, 12);
    const two = [done, running, { ...running, seed: 4 }, view({ seed: 2 }), view({ seed: 3 })];
    expect(estimated(two).remaining).toBeCloseTo((4.5 + 4.5 + 30) / 2, 12);
    // without a finished one: 100 steps of 50 ms
    expect(estimated([running, view({ seed: 2 })]).remaining).toBeCloseTo(3 + 5, 12);
    // an arm has its own time
    const arms = [
      done,
      view({ arm: 'b', state: 'done', ...times(100, 100) }),
      { ...running, step: 100 },
      view({ arm: 'b', seed: 1 }),
    ];
    expect(estimated(arms).remaining).toBeCloseTo(100, 12);
  });

  test('is not known where nothing trains; it has ended where nothing is left to train', () => {
    expect(estimated([done, view({ seed: 1, state: 'stopped' })])).toMatchObject({ hasEnded: false });
    expect(estimated([done, view({ seed: 1, state: 'stopped' })])).not.toHaveProperty('remaining');
    expect(estimated([done, view({ seed: 1, state: 'failed' }), view({ seed: 2, state: 'diverged' })]).hasEnded).toBe(
      true,
    );
  });
});

describe('a study as text', () => {
  const duration = (seconds: number) => `${seconds}s`;
  const runs = [
    view({ state: 'done', step: 100, epoch: 4, loss: 0.25, top1: 0.975, imagesPerSecond: 1234 }),
    view({ arm: '-pnm', state: 'queued' }),
    view({ arm: 'adamw', state: 'running', step: 40, epoch: 1.6, loss: 1.5, msPerStep: 50, imagesPerSecond: 1000 }),
    view({ arm: 'adamw+sched', state: 'failed', reason: 'out of memory\nin line 2' }),
  ];

  test('in the order of its plan where it fits', () => {
    expect(watchFrame('demo', estimated(runs), { duration })).toEqual([
      'demo: ETA 8s, 4 runs, 1 running, 1 failed, 1 done, 1 queued',
      'run                 state       step  ETA  epoch    loss  top-1 %  images/s',
      'a seed 0            done     100/100       4.0/4  0.2500    97.50      1230',
      '-pnm seed 0         queued     0/100       0.0/4',
      'adamw seed 0        running   40/100   3s  1.6/4  1.5000               1000',
      'adamw+sched seed 0  failed     0/100       0.0/4                             out of memory',
    ]);
  });

  test('cut to a terminal: what wants attention first, the rest counted', () => {
    const frame = watchFrame('demo', estimated(runs), { duration, width: 30, height: 5 });
    expect(frame.map((line) => line.trimEnd())).toEqual([
      'demo: ETA 8s, 4 runs, 1 runnin',
      'run                 state',
      'adamw seed 0        running  4',
      'adamw+sched seed 0  failed',
      '… and 2 more: 1 done, 1 queued',
    ]);
  });

  test('with the time left where 60 columns end, and a question mark where it is not known', () => {
    const starting = view({ arm: 'adamw', state: 'running', step: 0 });
    const many = [...Array.from({ length: 12 }, (_, seed) => view({ seed })), starting];
    const [summary, head, first] = watchFrame('a-study-with-a-long-name', estimated(many), {
      duration,
      width: 60,
      height: 4,
    });
    expect(summary).toContain('ETA ?, 13 runs');
    expect(first).toMatch(/^adamw seed 0 +running +0\/100 +\? /);
    expect(head!.indexOf('ETA')).toBeGreaterThan(0);
    expect(watchLine(estimated(many).runs.at(-1)!, duration)).toContain('ETA ?');
  });

  test('a run in a line', () => {
    expect(watchLine(estimated(runs).runs[2]!, duration)).toBe(
      'adamw seed 0: running  step 40/100  epoch 1.6  loss 1.5000  1000 images/s  ETA 3s',
    );
    expect(watchLine(estimated(runs).runs[3]!, duration)).toBe('adamw+sched seed 0: failed  out of memory');
  });
});
