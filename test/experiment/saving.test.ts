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
function diskFull(isMeant: (operation: DiskOperation, path: string) => boolean, code = 'ENOSPC'): void {
  disk.before = (operation, path) => {
    if (!isMeant(operation, path)) return;
    throw Object.assign(new Error(`${code}: no space left on device, write`), { code });
  };
}

const experiment = (checkpoint = 'checkpoint={every: 2 steps, keep: {every: 2 steps}}') =>
  digits(
    'nfresnet',
    ...['dataset.train=80', 'dataset.test=10', 'train.batch=4', 'train.epochs=1', 'log.meters=0', 'stop.stuckWithin=0'],
    ...['eval.every=20 steps', checkpoint],
  );
const kept = (dir: string) => readdirSync(join(dir, 'checkpoints')).map((name) => name.replace(/^step-0*/, ''));
/** The weights of the checkpoint of a step, as bytes. */
const weightsAt = (dir: string, step: number) =>
  readFileSync(join(dir, 'checkpoints', `step-${String(step).padStart(9, '0')}`, 'state.safetensors'));

async function train(dir: string, atStep: (step: number) => void = () => undefined, checkpoint?: string) {
  const told: string[] = [];
  const config = await experiment(checkpoint);
  const dataset = await datasets.digits.load(config.dataset);
  const tell = (line: string) => void told.push(line);
  const outcome = execute(config, dataset, dir, await engineOf('onnx'), { tell, onStep: ({ step }) => atStep(step) });
  return { told, outcome: await outcome.catch((error: unknown) => error as Error) };
}

describe('a disk that is full', () => {
  const whole = join(temporary(), 'run');
  beforeAll(async () => void (await train(whole)));
  const expectSameAfterwards = async (dir: string) => {
    disk.before = undefined;
    await train(dir);
    for (const file of ['metrics.jsonl', 'evals.jsonl']) {
      expect(readFileSync(join(dir, file), 'utf8')).toBe(readFileSync(join(whole, file), 'utf8'));
    }
  };

  test.each(['checkpoint={every: 2 steps, keep: {every: 2 steps}}', 'checkpoint={every: 2 steps}'])(
    'for one checkpoint: told, and made up for by the next (%s)',
    async (set) => {
      const dir = join(temporary(), 'run');
      let failures = 0;
      diskFull(
        (operation, path) =>
          operation === 'write' && path.endsWith('step-000000002/state.safetensors') && failures++ === 0,
      );
      const { told, outcome } = await train(dir, () => undefined, set);
      expect(told).toEqual([
        expect.stringMatching(/^the checkpoint of step 2 was not written: .*ENOSPC.*; trying again when/),
      ]);
      expect(outcome).toMatchObject({ kind: 'trained', result: { steps: 20 } });
      const every = ['2', '4', '6', '8', '10', '12', '14', '16', '18', '20'];
      expect(kept(dir)).toEqual(set.includes('keep') ? every : ['20']);
      if (set.includes('keep')) expect(weightsAt(dir, 2).equals(weightsAt(whole, 2))).toBe(true);
    },
  );

  test('for a checkpoint that is to be kept, for good: the run ends, and goes on from before it', async () => {
    const dir = join(temporary(), 'run');
    diskFull((operation, path) => operation === 'write' && path.endsWith('step-000000004/state.safetensors'));
    const { outcome } = await train(dir);
    expect(outcome).toMatchObject({ message: expect.stringContaining('step-000000004') as string, code: 6 });
    expect(existsSync(join(dir, 'result.json'))).toBe(false);
    expect(kept(dir)).toEqual(['2']);
    await expectSameAfterwards(dir);
    expect(kept(dir)).toEqual(kept(whole));
    expect(weightsAt(dir, 4).equals(weightsAt(whole, 4))).toBe(true);
  });

  test.each([
    ['ENOSPC', 'checkpoint={every: 8 steps}'],
    ['EFBIG', 'checkpoint={every: 8 steps}'],
    ['ENOSPC', 'checkpoint={every: 8 steps, keep: {final: false, best: true}}'], // the only evaluation is the last
    ['ENOSPC', 'checkpoint={every: 8 steps, keep: {final: false, every: 20 steps}}'],
  ])('with %s at the last checkpoint: no result, exit 6, and the same again writes both (%s)', async (code, set) => {
    const dir = join(temporary(), 'run');
    diskFull((operation, path) => operation === 'write' && path.endsWith('step-000000020/state.safetensors'), code);
    const { outcome } = await train(dir, () => undefined, set);
    expect(outcome).toMatchObject({ message: expect.stringContaining(code) as string, code: 6 });
    expect(existsSync(join(dir, 'result.json'))).toBe(false);
    disk.before = undefined;
    const { state, checkpoint } = await readEntry(dir, dir);
    expect(state).toBe('failed');
    expect([8, 16]).toContain(checkpoint); // one that is due while another is written is left out
    const again = await train(dir, () => undefined, set);
    expect(again.told).toEqual([expect.stringContaining(`going on from step ${checkpoint}`)]);
    expect(again.outcome).toMatchObject({ kind: 'trained', result: { status: 'completed', steps: 20 } });
    expect(kept(dir)).toEqual(['20']);
    expect(weightsAt(dir, 20).equals(weightsAt(whole, 20))).toBe(true);
  });

  test('for the last checkpoint, where no state is to be kept: the run is finished all the same', async () => {
    const dir = join(temporary(), 'run');
    diskFull((operation, path) => operation === 'write' && /step-0000000(16|20)/.test(path));
    const { outcome } = await train(dir, () => undefined, 'checkpoint={every: 8 steps, keep: {final: false}}');
    expect(outcome).toMatchObject({ kind: 'trained', result: { steps: 20 } });
    expect(existsSync(join(dir, 'result.json'))).toBe(true);
  });

  test.each([
    ['checkpoint={every: 2 steps}', /cannot write .*step-0000000(1\d|20).*ENOSPC/],
    // one that is to be kept is what is tried again
    ['checkpoint={every: 2 steps, keep: {every: 2 steps}}', /cannot write .*step-000000008.*ENOSPC/],
  ])('for two in a row: the run ends, and goes on from the one before (%s)', async (set, message) => {
    const dir = join(temporary(), 'run');
    diskFull((operation, path) => operation === 'write' && /step-0000000(08|[12]\d)/.test(path));
    const { outcome } = await train(dir, () => undefined, set);
    expect(outcome).toMatchObject({ message: expect.stringMatching(message) as string });
    disk.before = undefined;
    const entry = await readEntry(dir, dir);
    expect(entry).toMatchObject({ state: 'failed' });
    if (set.includes('keep')) expect(entry.checkpoint).toBe(6);
    else expect([2, 4, 6]).toContain(entry.checkpoint); // one that is due while another is written is left out
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
