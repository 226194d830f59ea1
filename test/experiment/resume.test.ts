import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Experiment } from '../../src/config/schema.ts';
import type { UserError } from '../../src/errors.ts';
import { datasets } from '../../src/data/registry.ts';
import { execute, type ExecuteOptions } from '../../src/experiment/execute.ts';
import type { Progress } from '../../src/experiment/progress.ts';
import { readCheckpoint, writeCheckpoint } from '../../src/runs/checkpoint.ts';
import { readEntry } from '../../src/runs/list.ts';
import type { RunResult } from '../../src/runs/metrics.ts';
import { readLogs } from '../../src/runs/read.ts';
import { readResult } from '../../src/runs/store.ts';
import type { BackendName } from '../../src/tensor/backends/registry.ts';
import { compiling, usable } from '../backends.ts';
import { digits, engineOf, temporary } from './trainDigits.ts';

/** 24 steps of 4 images in two epochs, evaluated every 6, with a lookahead merge every 5 and batch norm. */
const tiny = () =>
  digits(
    'resnet',
    ...['dataset.train=48', 'dataset.test=10', 'train.batch=4', 'train.epochs=2', 'log.meters=7', 'stop.stuckWithin=0'],
    ...['eval.every=6 steps', 'eval.batch=8', 'checkpoint={every: 4 steps, keep: {every: 4 steps}}'],
  );

interface Around extends ExecuteOptions {
  /** Asks to stop during this step. */
  readonly stopAt?: number;
}

async function train(experiment: Experiment, backend: BackendName, dir: string, { stopAt, ...around }: Around = {}) {
  const stop = new AbortController();
  const told: string[] = [];
  const steps: number[] = [];
  const dataset = await datasets[experiment.dataset.name].load(experiment.dataset);
  const outcome = await execute(experiment, dataset, dir, await engineOf(backend), {
    signal: stop.signal,
    tell: (line) => void told.push(line),
    ...around,
    onStep: ({ step }) => {
      steps.push(step);
      if (step === stopAt) stop.abort();
    },
  });
  return { outcome, told, steps };
}

const text = (dir: string, file: string) => readFileSync(join(dir, file), 'utf8');

/** Of a result, what must not depend on interruptions. */
function lasting(result: RunResult | undefined): Partial<RunResult> {
  const times = /Seconds$|^(dataWaitShare|msPerStep|imagesPerSecond|attempts|finishedAt)$/;
  return Object.fromEntries(Object.entries(result ?? {}).filter(([key]) => !times.test(key)));
}

/** As if the process had been killed after writing its newest checkpoint but one: the later one and all after it are gone. */
function loseNewest(dir: string): void {
  const checkpoints = join(dir, 'checkpoints');
  rmSync(join(checkpoints, readdirSync(checkpoints).sort().at(-1)!), { recursive: true });
  rmSync(join(dir, 'result.json'), { force: true });
}

describe.each(usable)('on $name, a run that stopped and went on', ({ name: full }) => {
  const name = full as BackendName;
  const straight = join(temporary(), 'run');
  let experiment: Experiment;
  beforeAll(async () => {
    experiment = await tiny();
    await train(experiment, name, straight);
  });

  const expectSame = async (dir: string) => {
    expect(lasting(await readResult(dir))).toEqual(lasting(await readResult(straight)));
    for (const file of ['metrics.jsonl', 'evals.jsonl']) expect(text(dir, file), file).toBe(text(straight, file));
    expect((await readLogs(dir)).steps.map(({ ms }) => ms !== undefined)).toEqual(Array(24).fill(true));
  };

  test('is the run that did not', async () => {
    const dir = join(temporary(), 'run');
    // the first step · a lookahead merge · an evaluation is due · and the epoch ends · one step is left
    for (const stopAt of [1, 5, 6, 12, 23]) {
      expect((await train(experiment, name, dir, { stopAt })).outcome).toEqual({ kind: 'interrupted' });
    }
    const { told, steps } = await train(experiment, name, dir);
    expect(told).toEqual(['interrupted at step 23: going on from step 23']);
    expect(steps).toEqual([24]);
    await expectSame(dir);
    expect((await readResult(dir))!.attempts).toBe(6);
  });

  test('from before its last steps, which were lost, repeats them', async () => {
    const dir = join(temporary(), 'run');
    cpSync(straight, dir, { recursive: true });
    loseNewest(dir);
    const { steps } = await train(experiment, name, dir);
    expect(steps).toEqual([21, 22, 23, 24]);
    await expectSame(dir);
    expect(text(dir, 'attempts/2/tail/metrics.jsonl').match(/"step":\d+/g)).toEqual(
      steps.map((step) => `"step":${step}`),
    );
  });

  test('from its very last step has only the result to write', async () => {
    const dir = join(temporary(), 'run');
    cpSync(straight, dir, { recursive: true });
    rmSync(join(dir, 'result.json'));
    expect((await train(experiment, name, dir)).steps).toEqual([]);
    await expectSame(dir);
  });
});

describe('what was there', () => {
  const backend: BackendName = compiling.some(({ name }) => name === 'onnx') ? 'onnx' : 'cpu';
  let experiment: Experiment;
  const stopped = join(temporary(), 'run');
  beforeAll(async () => {
    experiment = await tiny();
    await train(experiment, backend, stopped, { stopAt: 10 });
  });
  const copy = () => {
    const dir = join(temporary(), 'run');
    cpSync(stopped, dir, { recursive: true });
    return dir;
  };

  test('says that it can go on', async () => {
    expect(await readEntry(stopped, stopped)).toMatchObject({
      state: 'interrupted',
      reason: 'stopped after step 10 of 24; resumes from step 10',
      checkpoint: 10,
    });
  });

  test('is left alone with resume: false, and kept', async () => {
    const dir = copy();
    const { steps } = await train(experiment, backend, dir, { resume: false });
    expect(steps).toHaveLength(24);
    expect(readdirSync(join(dir, 'attempts/2/before'))).toEqual(
      expect.arrayContaining(['checkpoints', 'metrics.jsonl']),
    );
    expect(readdirSync(join(dir, 'checkpoints'))).not.toContain('step-000000010');
  });

  test('and is damaged is told, and the checkpoint before is taken', async () => {
    const dir = copy();
    writeFileSync(join(dir, 'checkpoints/step-000000010/state.safetensors'), 'no tensors');
    const { told, steps, outcome } = await train(experiment, backend, dir);
    expect(told.join()).toMatch(/step-000000010 is damaged.*going on from step 8/s);
    expect(steps[0]).toBe(9);
    const whole = join(temporary(), 'run');
    await train(experiment, backend, whole);
    expect(outcome.kind).toBe('trained');
    expect(text(dir, 'metrics.jsonl')).toBe(text(whole, 'metrics.jsonl'));
  });

  const flipped = (path: string, at: number) => {
    const bytes = readFileSync(path);
    bytes[at]! ^= 1;
    writeFileSync(path, bytes);
  };

  test.each(['metrics.jsonl', 'evals.jsonl', 'timing.jsonl', 'events.out.tfevents'])(
    'in %s and is altered by one bit is refused with the file, and nothing is touched; put back, the run goes on',
    async (name) => {
      const dir = copy();
      const file = readdirSync(dir).find((entry) => entry.startsWith(name))!;
      const path = join(dir, file);
      for (const at of [0, readFileSync(path).length - 1]) {
        flipped(path, at);
        const altered = readFileSync(path);
        const error = await train(experiment, backend, dir).catch((error: unknown) => error as UserError);
        expect(error).toMatchObject({
          message: expect.stringContaining(`${path} was altered: its first ${altered.length} bytes`) as string,
          remedy: expect.stringContaining('--no-resume') as string,
        });
        expect(readFileSync(path).equals(altered)).toBe(true);
        expect(readdirSync(join(dir, 'attempts'))).toEqual(['1']);
        flipped(path, at);
      }
      expect((await train(experiment, backend, dir)).steps[0]).toBe(11);
    },
  );

  test('in a log and is altered does not matter with resume: false', async () => {
    const dir = copy();
    flipped(join(dir, 'metrics.jsonl'), 40);
    expect((await train(experiment, backend, dir, { resume: false })).steps).toHaveLength(24);
  });

  test('in an event file of the attempt before the last is compared too', async () => {
    const dir = copy();
    await train(experiment, backend, dir, { stopAt: 12 });
    const [first] = readdirSync(dir).filter((file) => file.includes('tfevents') && file.endsWith('.1'));
    flipped(join(dir, first!), 100);
    await expect(train(experiment, backend, dir)).rejects.toThrow(`${join(dir, first!)} was altered`);
  });

  test('and was written before logs were hashed is taken as it is, which is told', async () => {
    const dir = copy();
    const { record, state } = (await readCheckpoint(dir))!;
    const { sums: _, ...older } = record;
    await writeCheckpoint(dir, older, state);
    const { told, steps } = await train(experiment, backend, dir, { stopAt: 12 });
    expect(told.join()).toMatch(/of an older version: whether the logs are as they were is not known/);
    expect(steps).toEqual([11, 12]);
    // and is hashed from then on
    flipped(join(dir, 'metrics.jsonl'), 40);
    await expect(train(experiment, backend, dir)).rejects.toThrow('metrics.jsonl was altered');
  });

  test('has its event files cut too, so that no curve doubles back', async () => {
    const dir = join(temporary(), 'run');
    await train(experiment, backend, dir, { stopAt: 10 });
    rmSync(join(dir, 'checkpoints/step-000000010'), { recursive: true });
    const [before] = readdirSync(dir).filter((file) => file.includes('tfevents'));
    const size = readFileSync(join(dir, before!)).length;
    await train(experiment, backend, dir);
    const files = readdirSync(dir).filter((file) => file.includes('tfevents'));
    expect(files).toHaveLength(2);
    const tail = readFileSync(join(dir, 'attempts/2/tail', before!)).length;
    expect(readFileSync(join(dir, before!)).length).toBe(size - tail);
    expect(tail).toBeGreaterThan(100);
  });

  test.each<[string, (e: Experiment) => Experiment, RegExp]>([
    ['a config', (e) => ({ ...e, log: { ...e.log, meters: 0 } }), /config\.log\.meters: 7 → 0/],
    ['how evaluations are cut up', (e) => ({ ...e, eval: { ...e.eval, batch: 16 } }), /config\.eval\.batch: 8 → 16/],
  ])('with another %s is refused with what changed, unless that is accepted', async (_, change, message) => {
    const dir = copy();
    const changed = change(experiment);
    await expect(train(changed, backend, dir)).rejects.toThrow(message);
    expect(readdirSync(join(dir, 'attempts'))).toEqual(['1']); // a refusal leaves no trace
    const { told } = await train(changed, backend, dir, { acceptDrift: true });
    expect(told.join()).toMatch(message);
    expect((await readResult(dir))!.drift).toEqual([expect.stringMatching(message)]);
    expect(JSON.parse(text(dir, 'attempts/2/drift.json'))).toMatchObject({ was: {}, is: {} });
  });

  test('and was written before peaks were remembered goes on, its peak counted again from the log', async () => {
    const [dir, whole] = [copy(), join(temporary(), 'run')];
    const { record, state } = (await readCheckpoint(dir))!;
    const { recent: _, peak: __, ...older } = record.progress as Progress;
    await writeCheckpoint(dir, { ...record, progress: { ...older, recentLosses: [] } }, state);
    const { told } = await train(experiment, backend, dir);
    expect(told.join()).toMatch(/an older version wrote the checkpoint.*counted again.*going on from step 10/s);
    await train(experiment, backend, whole);
    expect(lasting(await readResult(dir))).toEqual(lasting(await readResult(whole)));
    const losses = (await readLogs(dir)).steps.map(({ loss }) => loss);
    const highest = Math.max(...losses);
    expect((await readResult(dir))!.peak).toEqual({ loss: highest, step: losses.indexOf(highest) + 1 });
  });

  test('and misses what no log tells is refused', async () => {
    const dir = copy();
    const { record, state } = (await readCheckpoint(dir))!;
    const { activity: _, ...older } = record.progress as Progress;
    await writeCheckpoint(dir, { ...record, progress: older }, state);
    await expect(train(experiment, backend, dir)).rejects.toThrow(/does not say activity/);
  });

  test('by other threads, code or data is refused', async () => {
    const dir = copy();
    const dataset = await datasets.digits.load(experiment.dataset);
    const engine = await engineOf(backend);
    const threads = execute(experiment, dataset, dir, { ...engine, session: { threads: 7 } }, {});
    await expect(threads).rejects.toThrow(/engine\.threads: \d+ → 7/);
    const data = execute(experiment, { ...dataset, fingerprint: 'f'.repeat(64) }, dir, engine, {});
    await expect(data).rejects.toThrow(/data: [0-9a-f]{8}… → ffffffff…/);

    // the same checkpoint as another version's code would have written it
    const { record, state } = (await readCheckpoint(dir))!;
    await writeCheckpoint(dir, { ...record, drift: { ...record.drift, code: 'c'.repeat(64) } }, state);
    await expect(execute(experiment, dataset, dir, engine, {})).rejects.toThrow(/code: cccccccc… → [0-9a-f]{8}…/);
  });

  test.each(['name', 'checkpoint.every', 'log.tensorboard'])('goes on under another %s', async (key) => {
    const dir = copy();
    const changed: Record<string, Partial<Experiment>> = {
      name: { name: 'other' },
      'checkpoint.every': { checkpoint: { ...experiment.checkpoint, every: '1 epoch' } },
      'log.tensorboard': { log: { ...experiment.log, tensorboard: false } },
    };
    expect((await train({ ...experiment, ...changed[key] }, backend, dir)).steps[0]).toBe(11);
  });
});

describe('checkpoints', () => {
  const backend: BackendName = compiling.some(({ name }) => name === 'onnx') ? 'onnx' : 'cpu';
  const kept = async (keep: object) => (await keptIn(keep)).steps;
  const keptIn = async (keep: object, seed = 0) => {
    const experiment = { ...(await tiny()), seed };
    const dir = join(temporary(), 'run');
    const checkpoint = { ...experiment.checkpoint, keep: { last: 2, best: false, final: true, ...keep } };
    await train({ ...experiment, checkpoint }, backend, dir);
    const folder = join(dir, 'checkpoints');
    return { dir, steps: existsSync(folder) ? readdirSync(folder).map((name) => Number(name.slice(5))) : [] };
  };

  test('that stay after the end: the final one', async () => expect(await kept({})).toEqual([24]));
  test('or none', async () => expect(await kept({ final: false })).toEqual([]));
  test('and the one of the best evaluation', async () => {
    const { steps, dir } = await keptIn({ best: true }, 3);
    const evaluations = text(dir, 'evals.jsonl').trim().split('\n').slice(1);
    const scores = evaluations.map((line) => JSON.parse(line) as { step: number; top1: number });
    const best = scores.reduce((a, b) => (b.top1 > a.top1 ? b : a));
    expect(best.step).toBeLessThan(24); // else the final one would do
    expect(steps).toEqual([best.step, 24]);
  });
  test('and one every so many steps', async () => expect(await kept({ every: '10 steps' })).toEqual([10, 20, 24]));
});
