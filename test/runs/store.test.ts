import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { exitCode, type UserError } from '../../src/errors.ts';
import { listRuns } from '../../src/runs/list.ts';
import { readLogs } from '../../src/runs/read.ts';
import { isFinished, openRun, readResult, runDir } from '../../src/runs/store.ts';
import { openSample, sampleEnv, sampleExperiment, sampleResult, sampleStep, temporaryFolder } from './sample.ts';

const newDir = () => join(temporaryFolder(), 'runs', 'sample-01234567');
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
    const run = await openRun(dir, { experiment, env: sampleEnv });
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
    expect(JSON.parse(readFileSync(join(dir, 'env.json'), 'utf8'))).toEqual(sampleEnv);
    const names = readdirSync(dir).map((name) => name.replace(/\.\d+\.ranger21$/, ''));
    expect(names.sort()).toEqual(['config.yaml', 'env.json', 'evals.jsonl', 'events.out.tfevents', 'metrics.jsonl', 'result.json']);
  });

  test('has no event file when the config wants none', async () => {
    const dir = newDir();
    await (await openSample(dir)).finish(sampleResult());
    expect(readdirSync(dir).filter((name) => name.includes('tfevents'))).toEqual([]);
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
    await run.abandon('interrupted', 'done looking');
  });

  test('includes everything once the process exits', async () => {
    const dir = newDir();
    const run = await openSample(dir);
    run.step(sampleStep(1));
    const [atExit] = process.listeners('exit').slice(-1);
    atExit?.(0);
    expect(lineCount(dir, 'metrics.jsonl')).toBe(2);
    await run.abandon('interrupted', 'done looking');
  });
});

describe('earlier attempts', () => {
  test('an abandoned one says why and is moved aside by the next, as is a killed one', async () => {
    const dir = newDir();
    const first = await openSample(dir);
    first.step(sampleStep(1));
    await first.abandon('failed', 'out of memory');
    expect(await listRuns(join(dir, '..'))).toMatchObject([{ state: 'failed', reason: 'out of memory', seed: 0, attempts: 0 }]);

    const killed = await openSample(dir);
    killed.evaluation({ step: 2, epoch: 0.1, loss: 2, top1: 0.5 });

    const third = await openSample(dir);
    await third.finish(sampleResult());
    expect(readdirSync(join(dir, 'attempts')).sort()).toEqual(['1', '2']);
    expect((await readLogs(join(dir, 'attempts/1'))).steps).toEqual([sampleStep(1)]);
    expect((await readLogs(join(dir, 'attempts/2'))).evaluations).toHaveLength(1);
    expect(existsSync(join(dir, 'attempts/1/attempt.json'))).toBe(true);
    expect(existsSync(join(dir, 'attempt.json'))).toBe(false);
    expect(await listRuns(join(dir, '..'))).toMatchObject([{ state: 'completed', attempts: 2 }]);
    await killed.abandon('interrupted', 'its descriptors are still open');
  });

  test('a finished run is not opened again', async () => {
    const dir = newDir();
    await (await openSample(dir)).finish(sampleResult());
    expect(await failure(openSample(dir))).toMatchObject({ message: `${dir} holds a finished run`, code: exitCode.usage });
  });

  test('a run that a live process is writing is refused', async () => {
    const dir = newDir();
    const run = await openSample(dir);
    writeFileSync(join(dir, 'writer.pid'), `${process.ppid}\n`);
    expect(await failure(openSample(dir))).toMatchObject({
      message: `process ${process.ppid} is writing ${dir}`,
      code: exitCode.locked,
    });
    await run.abandon('interrupted', 'done looking');
  });
});

describe('a folder that cannot be written', () => {
  test('because a part of the path is a file', async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, 'runs'), '');
    const error = await failure(openSample(join(root, 'runs', 'sample-01234567')));
    expect(error.message).toContain(`cannot write ${join(root, 'runs', 'sample-01234567')}: EEXIST`);
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
    symlinkSync('/dev/full', join(dir, 'result.json.tmp'));
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
    ['without a field', JSON.stringify({ ...sampleResult(), stateRatio: undefined }), 'stateRatio is missing, expected number'],
    ['with a word for a number', JSON.stringify({ ...sampleResult(), last: { step: 1, epoch: 1, loss: 'low', top1: 1 } }), 'last.loss is "low", expected number'],
    ['of unknown status', JSON.stringify({ ...sampleResult(), status: 'fine' }), 'status is "fine", expected completed, diverged'],
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
    await (await openSample(dir)).finish(sampleResult({ status: 'diverged', reason: 'loss is NaN at step 3', last, best: last }));
    expect(await readResult(dir)).toMatchObject({ status: 'diverged', last });
  });
});
