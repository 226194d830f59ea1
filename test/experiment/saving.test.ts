import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { datasets } from '../../src/data/registry.ts';
import { execute } from '../../src/experiment/execute.ts';
import { newProgress, countStep, medianMs } from '../../src/experiment/progress.ts';
import { disk, type DiskOperation } from '../../src/runs/disk.ts';
import { readEntry } from '../../src/runs/list.ts';
import { sampleStep } from '../runs/sample.ts';
import { digits, engineOf, temporary } from './trainDigits.ts';

afterEach(() => void (disk.before = undefined));

/** The disk says no to these operations from here on. */
function diskFull(isMeant: (operation: DiskOperation, path: string) => boolean): void {
  disk.before = (operation, path) => {
    if (!isMeant(operation, path)) return;
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
}

const experiment = () =>
  digits(
    'nfresnet',
    ...['dataset.train=80', 'dataset.test=10', 'train.batch=4', 'train.epochs=1', 'log.meters=0', 'stop.stuckWithin=0'],
    ...['eval.every=20 steps', 'checkpoint={every: 2 steps, keep: {every: 2 steps}}'],
  );

async function train(dir: string, atStep: (step: number) => void) {
  const told: string[] = [];
  const config = await experiment();
  const dataset = await datasets.digits.load(config.dataset);
  const tell = (line: string) => void told.push(line);
  const outcome = execute(config, dataset, dir, await engineOf('onnx'), { tell, onStep: ({ step }) => atStep(step) });
  return { told, outcome: await outcome.catch((error: unknown) => error as Error) };
}

describe('a disk that is full', () => {
  const whole = join(temporary(), 'run');
  beforeAll(async () => void (await train(whole, () => undefined)));
  const expectSameAfterwards = async (dir: string) => {
    disk.before = undefined;
    await train(dir, () => undefined);
    for (const file of ['metrics.jsonl', 'evals.jsonl']) {
      expect(readFileSync(join(dir, file), 'utf8')).toBe(readFileSync(join(whole, file), 'utf8'));
    }
  };

  test('for one checkpoint: told, and made up for by the next', async () => {
    const dir = join(temporary(), 'run');
    diskFull((operation, path) => operation === 'write' && path.endsWith('step-000000004/state.safetensors'));
    const { told, outcome } = await train(dir, () => undefined);
    expect(told).toEqual([
      expect.stringMatching(/^the checkpoint of step 4 was not written: .*ENOSPC.*; trying again when/),
    ]);
    expect(outcome).toMatchObject({ kind: 'trained', result: { steps: 20 } });
    expect(readdirSync(join(dir, 'checkpoints')).map((name) => Number(name.slice(5)))).toEqual([
      2, 6, 8, 10, 12, 14, 16, 18, 20,
    ]);
  });

  test('for two in a row: the run ends, and goes on from the one before', async () => {
    const dir = join(temporary(), 'run');
    diskFull((operation, path) => operation === 'write' && /step-0000000(08|[12]\d)/.test(path));
    const { outcome } = await train(dir, () => undefined);
    expect(outcome).toMatchObject({
      message: expect.stringMatching(/cannot write .*step-000000010.*ENOSPC/) as string,
    });
    disk.before = undefined;
    expect(await readEntry(dir, dir)).toMatchObject({ state: 'failed', checkpoint: 6 });
    expect(existsSync(join(dir, 'result.json'))).toBe(false);
    await expectSameAfterwards(dir);
  });

  test('for a log: the run ends with the file’s name, and the last checkpoint is whole', async () => {
    const dir = join(temporary(), 'run');
    const inLog = (operation: DiskOperation, path: string) => operation === 'write' && path.endsWith('metrics.jsonl');
    const { outcome } = await train(dir, (step) => step === 7 && diskFull(inLog));
    expect(outcome).toMatchObject({
      message: expect.stringMatching(/cannot write .*metrics\.jsonl: ENOSPC/) as string,
      remedy: expect.stringContaining('free some space') as string,
    });
    disk.before = undefined;
    expect(await readEntry(dir, dir)).toMatchObject({ state: 'failed' });
    await expectSameAfterwards(dir);
  });

  test('altogether: nothing can be written any more, and the first error is the one told', async () => {
    const dir = join(temporary(), 'run');
    const { outcome } = await train(dir, (step) => step === 7 && diskFull((operation) => operation === 'write'));
    expect(outcome).toMatchObject({ message: expect.stringContaining('ENOSPC') as string });
    await expectSameAfterwards(dir);
  });
});

test('a run that fails waits for the checkpoint under way before it gives its folder back', async () => {
  const dir = join(temporary(), 'run');
  const written: string[] = [];
  disk.before = (_, path) => void written.push(path);
  const { outcome } = await train(dir, (step) => {
    if (step === 7) throw new Error('no more');
  });
  disk.before = undefined;
  expect(outcome).toMatchObject({ message: 'no more' });
  const end = written.findIndex((path) => path.includes('ended.json'));
  expect(written.slice(0, end).join()).toMatch(/step-000000006/);
  expect(written.slice(end).join()).not.toMatch(/step-0/);
  expect(await readEntry(dir, dir)).toMatchObject({ state: 'failed', checkpoint: 6 });
});

describe('the median time of a step', () => {
  const medianOf = (times: readonly number[]) => {
    const progress = newProgress();
    times.forEach((ms, i) => countStep(progress, sampleStep(i + 1, { ms }), { loss: 0, top1: 0 }, 1));
    return medianMs(progress);
  };

  test.each([
    [[5], 5],
    [[1, 2, 100], 2],
    [[10, 20, 30, 40], 30],
    [[0.002, 3_600_000, 412.7], 412.7],
  ])('of %j is %f, to half a percent', (times, median) =>
    expect(Math.abs(medianOf(times) / median - 1)).toBeLessThan(0.005),
  );

  test('needs no more room for a million steps', () => {
    const progress = newProgress();
    for (let i = 1; i <= 1e6; i++)
      countStep(progress, sampleStep(i, { ms: 50 + 10 * Math.sin(i) }), { loss: 0, top1: 0 }, 100);
    expect(Object.keys(progress.stepTimes).length).toBeLessThan(100);
    expect(Object.values(progress.recent).map((last: number[]) => last.length)).toEqual([100, 100, 100]);
    expect(Math.abs(medianMs(progress) / 50 - 1)).toBeLessThan(0.005);
  });

  test('before the first step is none', () => expect(medianOf([])).toBeNaN());
});
