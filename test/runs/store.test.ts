import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { exitCode, type UserError } from '../../src/errors.ts';
import { listRuns } from '../../src/runs/list.ts';
import { readLogs } from '../../src/runs/read.ts';
import { isFinished, readResult, runDir } from '../../src/runs/store.ts';
import {
  killed,
  openSample,
  sampleEnv,
  sampleExperiment,
  sampleResult,
  sampleStep,
  temporaryFolder,
} from './sample.ts';

const newDir = () => join(temporaryFolder(), 'runs', 'sample-01234567');
const none = { step: 0, stepsHere: 0 };
const failure = (promise: Promise<unknown>): Promise<UserError> =>
  promise.then(
    () => Promise.reject(new Error('expected a failure')),
    (error: unknown) => error as UserError,
  );

afterEach(() => void vi.useRealTimers());

describe('a run from start to finish', () => {
  test('leaves its folder complete, the result last', async () => {
    const dir = newDir();
    const experiment = sampleExperiment({ study: { seeds: 2 } });
    const run = await openSample(dir, experiment);
    expect(isFinished(dir)).toBe(false);
    expect(await readResult(dir)).toBeUndefined();
    run.step(sampleStep(1));
    run.step(sampleStep(2, { loss: NaN }));
    run.evaluation({ step: 2, epoch: 0.1, loss: 2, top1: 0.5 });
    await run.finish(sampleResult());

    expect(isFinished(dir)).toBe(true);
    expect(await readResult(dir)).toEqual(sampleResult());
    expect(await readLogs(dir)).toEqual({
      steps: [sampleStep(1), sampleStep(2, { loss: NaN })],
      evaluations: [{ step: 2, epoch: 0.1, loss: 2, top1: 0.5 }],
    });
    const { study: _, ...trained } = experiment;
    expect(parse(readFileSync(join(dir, 'config.yaml'), 'utf8'))).toEqual(trained);
    expect(JSON.parse(readFileSync(join(dir, 'attempts/1/env.json'), 'utf8'))).toEqual(sampleEnv);
    expect(JSON.parse(readFileSync(join(dir, 'attempts/1/ended.json'), 'utf8'))).toMatchObject({
      status: 'finished',
      step: 40,
    });
    const names = readdirSync(dir).map((name) => name.replace(/\.\d+\.ranger21\.1$/, ''));
    expect(names.sort()).toEqual([
      ...[
        'attempts',
        'config.yaml',
        'evals.jsonl',
        'events.out.tfevents',
        'metrics.jsonl',
        'result.json',
        'timing.jsonl',
      ],
    ]);
  });

  test('has no event file when the config wants none', async () => {
    const dir = newDir();
    await (await openSample(dir)).finish(sampleResult());
    expect(readdirSync(dir).filter((name) => name.includes('tfevents'))).toEqual([]);
  });

  test('keeps what computes apart from what takes time: of two equal runs, metrics.jsonl is equal', async () => {
    const text = async (ms: number) => {
      const dir = newDir();
      const run = await openSample(dir);
      run.step(sampleStep(1, { ms, dataWaitMs: ms, imagesPerSecond: ms }));
      await run.finish(sampleResult());
      return readFileSync(join(dir, 'metrics.jsonl'), 'utf8');
    };
    expect(await text(1)).toBe(await text(2));
    expect(await text(1)).not.toMatch(/"ms"|dataWait|imagesPerSecond/);
  });

  test('of a folder from before timing.jsonl is read as it was written', async () => {
    const dir = newDir();
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'metrics.jsonl'), `{"schema":1,"kind":"steps"}\n${JSON.stringify(sampleStep(1))}\n`);
    expect((await readLogs(dir)).steps).toEqual([sampleStep(1)]);
  });

  test('is in a folder of its name and id', () => {
    expect(runDir('runs', sampleExperiment(), 'f')).toMatch(/^runs.sample-[0-9a-f]{8}$/);
  });
});

describe('what is on the disk while it runs', () => {
  const lineCount = (dir: string, file: string) => readFileSync(join(dir, file), 'utf8').split('\n').length - 1;

  test('grows at evaluations and every 5 seconds', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const dir = newDir();
    const run = await openSample(dir);
    run.step(sampleStep(1));
    expect(lineCount(dir, 'metrics.jsonl')).toBe(1);
    vi.advanceTimersByTime(5000);
    expect(lineCount(dir, 'metrics.jsonl')).toBe(2);
    run.step(sampleStep(2));
    run.evaluation({ step: 2, epoch: 0.1, loss: 2, top1: 0.5 });
    expect([lineCount(dir, 'metrics.jsonl'), lineCount(dir, 'evals.jsonl')]).toEqual([3, 2]);
    await run.abandon('interrupted', 'done looking', none);
  });

  test('includes everything once the process exits', async () => {
    const dir = newDir();
    const run = await openSample(dir);
    run.step(sampleStep(1));
    const [atExit] = process.listeners('exit').slice(-1);
    atExit?.(0);
    expect(lineCount(dir, 'metrics.jsonl')).toBe(2);
    await run.abandon('interrupted', 'done looking', none);
  });
});

describe('earlier attempts', () => {
  test('an abandoned one says why, a killed one nothing; without a checkpoint what they left is moved aside', async () => {
    const dir = newDir();
    const first = await openSample(dir);
    first.step(sampleStep(1));
    expect(await listRuns(join(dir, '..'))).toMatchObject([{ state: 'running', seed: 0, attempts: 0 }]);
    await first.abandon('failed', 'out of memory', { step: 1, stepsHere: 1 });
    expect(await listRuns(join(dir, '..'))).toMatchObject([
      { state: 'failed', reason: 'out of memory', seed: 0, attempts: 0 },
    ]);

    const second = await openSample(dir);
    second.evaluation({ step: 2, epoch: 0.1, loss: 2, top1: 0.5 });
    killed(dir, 2);
    expect(await listRuns(join(dir, '..'))).toMatchObject([{ state: 'lost', seed: 0, attempts: 1 }]);

    const third = await openSample(dir);
    await third.finish(sampleResult());
    expect(readdirSync(join(dir, 'attempts')).sort()).toEqual(['1', '2', '3']);
    expect((await readLogs(join(dir, 'attempts/2/before'))).steps).toEqual([sampleStep(1)]);
    expect((await readLogs(join(dir, 'attempts/3/before'))).evaluations).toHaveLength(1);
    expect(await listRuns(join(dir, '..'))).toMatchObject([{ state: 'completed', attempts: 2 }]);
  });

  test('a run that lost its folder to another attempt writes nothing more', async () => {
    const dir = newDir();
    const first = await openSample(dir);
    killed(dir); // as when its machine had stopped for long: the process that is told dead is still there
    const second = await openSample(dir);
    first.step(sampleStep(1));
    expect(() => first.flush()).toThrow(`another process has taken over ${dir}`);
    await expect(first.checkpoint({} as never, {})).rejects.toThrow('taken over');
    await expect(first.finish(sampleResult())).rejects.toThrow('taken over');
    expect(isFinished(dir)).toBe(false);
    expect(existsSync(join(dir, 'attempts/1/ended.json'))).toBe(false);
    await second.finish(sampleResult());
    expect((await readLogs(dir)).steps).toEqual([]);
  });

  test('of a folder from before leases keep their reasons', async () => {
    const dir = newDir();
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'env.json'), JSON.stringify(sampleEnv));
    writeFileSync(join(dir, 'attempt.json'), JSON.stringify({ schema: 1, status: 'interrupted', reason: 'stopped' }));
    expect(await listRuns(join(dir, '..'))).toMatchObject([
      { state: 'interrupted', reason: 'stopped', env: sampleEnv },
    ]);
    await (await openSample(dir)).finish(sampleResult());
    expect(existsSync(join(dir, 'attempts/1/before/attempt.json'))).toBe(true);
  });

  test('a run that a live process has is refused', async () => {
    const dir = newDir();
    const run = await openSample(dir);
    expect(await failure(openSample(dir))).toMatchObject({
      message: `process ${process.pid} is training ${dir}`,
      code: exitCode.locked,
    });
    await run.abandon('interrupted', 'done looking', none);
  });
});

describe('a folder that cannot be written', () => {
  test('because a part of the path is a file', async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, 'runs'), '');
    const error = await failure(openSample(join(root, 'runs', 'sample-01234567')));
    expect(error.message).toMatch(/cannot write .*sample-01234567.*: (EEXIST|ENOTDIR)/);
    expect(error.remedy).toContain('RANGER21_RUNS_DIR');
  });

  test.runIf(process.getuid && process.seteuid)('because it belongs to somebody else', async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'runs'), { mode: 0o555 });
    const asRoot = process.getuid?.() === 0;
    if (asRoot) process.seteuid?.(65534);
    try {
      const error = await failure(openSample(join(root, 'runs', 'sample-01234567')));
      expect(error.message).toMatch(/^cannot write .*sample-01234567: EACCES/);
      expect(error.remedy).toContain('make the folder writable');
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
    expect(readdirSync(join(root, 'runs'))).toEqual([]);
  });

  test.runIf(existsSync('/dev/full'))('because the disk is full', async () => {
    const dir = newDir();
    const run = await openSample(dir);
    symlinkSync('/dev/full', join(dir, `result.json.${process.pid}.tmp`));
    const error = await failure(run.finish(sampleResult()));
    expect(error.message).toContain(`cannot write ${join(dir, 'result.json')}: ENOSPC`);
    expect(error.remedy).toContain('free some space');
    expect(isFinished(dir)).toBe(false);
  });
});

describe('a result that is not one', () => {
  test.each<[string, string, string]>([
    ['cut short', '{"schema":1,', 'is not JSON'],
    ['of another schema', '{"schema":2}', 'schema is 2, expected 1'],
    [
      'without a field',
      JSON.stringify({ ...sampleResult(), stateRatio: undefined }),
      'stateRatio is missing, expected number',
    ],
    [
      'with a word for a number',
      JSON.stringify({ ...sampleResult(), last: { step: 1, epoch: 1, loss: 'low', top1: 1 } }),
      'last.loss is "low", expected number',
    ],
    [
      'of unknown status',
      JSON.stringify({ ...sampleResult(), status: 'fine' }),
      'status is "fine", expected completed',
    ],
  ])('%s is named', async (_, text, message) => {
    const dir = newDir();
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'result.json'), text);
    const error = await failure(readResult(dir));
    expect(error.message).toContain(join(dir, 'result.json'));
    expect(error.message).toContain(message);
    expect(await listRuns(join(dir, '..'))).toMatchObject([{ state: 'unreadable', reason: error.message }]);
  });

  test('a diverged result keeps its NaN', async () => {
    const dir = newDir();
    const last = { step: 3, epoch: 0.15, loss: NaN, top1: 0.1 };
    await (
      await openSample(dir)
    ).finish(sampleResult({ status: 'diverged', reason: 'loss is NaN at step 3', last, best: last }));
    expect(await readResult(dir)).toMatchObject({ status: 'diverged', last });
  });
});
