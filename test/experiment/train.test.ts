import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadExperiment } from '../../src/config/load.ts';
import { datasets } from '../../src/data/registry.ts';
import { execute } from '../../src/experiment/execute.ts';
import { planRun } from '../../src/experiment/train.ts';
import type { StepMetrics } from '../../src/runs/metrics.ts';
import { readLogs } from '../../src/runs/read.ts';
import type { BackendName } from '../../src/tensor/backends/registry.ts';
import { compiling } from '../backends.ts';
import { digits, engineOf, temporary, trained } from './trainDigits.ts';

/** AdamW instead, at this learning rate. */
const adamw = (lr: number) => ['optimizer.name=adamw', `optimizer.lr=${lr}`, 'optimizer.components.agc=false'];

const short = ['dataset.train=80', 'dataset.test=30', 'train.batch=4', 'train.epochs=1', 'log.meters=0'];

describe.each(['resnet', 'nfresnet'] as const)('a run of %s on cpu', (net) => {
  let steps: readonly StepMetrics[];
  beforeAll(async () => {
    ({ steps } = await trained(await digits(net, ...short), 'cpu'));
    expect(steps).toHaveLength(20);
  });

  test.each(compiling)('and on $name: the losses of 20 steps agree to 1e-4', async ({ name }) => {
    const other = await trained(await digits(net, ...short), name as BackendName);
    const apart = steps.map(({ loss }, i) => Math.abs(other.steps[i]!.loss / loss - 1));
    console.log(`${net} on ${name}: largest relative difference of the loss ${Math.max(...apart).toExponential(1)}`);
    expect(Math.max(...apart)).toBeLessThan(1e-4);
  });
});

describe.each(compiling)('64 images on $name', ({ name }) => {
  test.each(['resnet', 'nfresnet'] as const)('%s: learnt by heart with AdamW', async (net) => {
    const experiment = await digits(
      net,
      ...['dataset.train=64', 'dataset.test=30', 'train.batch=64', 'train.epochs=200', 'train.augment.crop=0'],
      ...[...adamw(1e-3), 'eval.every=200 epochs', 'stop.stuckWithin=0'],
    );
    const { steps } = await trained({ ...experiment, log: { ...experiment.log, meters: 0 } }, name as BackendName);
    expect(steps.at(-1)!.trainTop1).toBeGreaterThan(0.98);
    expect(steps[0]!.loss).toBeGreaterThan(2);
  });
});

test.each([
  ['lookahead={k: 5}', true],
  ['lookahead=false', false],
])('a plan of 22 billion steps with %s costs nothing', async (lookahead, merges) => {
  const experiment = await digits('nfresnet', 'train.epochs=1000000000', `optimizer.components.${lookahead}`);
  const facts = { shape: [8, 8, 1] as const, classes: 10, train: 1_437, test: 360 };
  expect(planRun(experiment, facts)).toMatchObject({ totalSteps: 22e9, merges });
});

describe('a run', () => {
  test('writes every step, the evaluations, the resolved config and the result', async () => {
    const experiment = await digits('nfresnet', ...short, 'log.meters=5', 'eval.every=10 steps');
    const { dir, outcome } = await trained(experiment, 'onnx');
    const { steps, evaluations } = await readLogs(dir);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(evaluations.map(({ step }) => step)).toEqual([10, 20]);
    expect(steps.filter(({ meters }) => meters).map(({ step }) => step)).toEqual([1, 5, 10, 15, 20]);
    expect(Object.keys(steps[4]!.meters!)).toEqual(
      expect.arrayContaining(['agc/clippedShare', 'gradnorm/scale', 'swd/V', 'lookahead/distance']),
    );
    expect(outcome).toMatchObject({ kind: 'trained', result: { status: 'completed', steps: 20, parameters: 77_757 } });
    expect((await loadExperiment(join(dir, 'config.yaml'))).experiment).toEqual(experiment);
    expect(readdirSync(dir).some((file) => file.startsWith('events.out.tfevents.'))).toBe(true);
    expect(readdirSync(dir)).toContain('env.json');
  });

  test('twice gives the same losses to the last bit, and a finished one is not trained again', async () => {
    const experiment = await digits('nfresnet', ...short);
    const [first, second] = [await trained(experiment, 'onnx'), await trained(experiment, 'onnx')];
    expect(second.steps.map(({ loss }) => loss)).toEqual(first.steps.map(({ loss }) => loss));
    const again = await trained(experiment, 'onnx', { dir: first.dir });
    expect([again.outcome.kind, again.steps]).toEqual(['finished before', []]);
  });

  test('finished in one precision does not answer for another', async () => {
    const experiment = await digits('nfresnet', ...short);
    const { dir } = await trained(experiment, 'onnx');
    const dataset = await datasets.digits.load(experiment.dataset);
    const engine = await engineOf('onnx');
    const asked = execute(experiment, dataset, dir, { ...engine, session: { precision: 'bf16' } }, {});
    await expect(asked).rejects.toThrow(/was trained with precision float32, not bf16/);
  });

  test('that blows up ends as diverged, with NaN written as such', async () => {
    const experiment = await digits('nfresnet', ...short, ...adamw(1e30));
    const { dir, outcome } = await trained(experiment, 'onnx');
    expect(outcome).toMatchObject({ result: { status: 'diverged' } });
    const text = readFileSync(join(dir, 'metrics.jsonl'), 'utf8');
    expect(text).toMatch(/"(NaN|Infinity)"/);
    expect(text).not.toContain('null');
  });

  test('whose loss stays at chance ends as stuck', async () => {
    const experiment = await digits(
      'nfresnet',
      ...short,
      ...[...adamw(1e-12), 'stop={stuckAfter: 0.5, stuckWithin: 0.2}'],
    );
    const { outcome, steps } = await trained(experiment, 'onnx');
    expect(outcome).toMatchObject({ result: { status: 'stuck', steps: 10, last: { step: 10 } } });
    expect(steps).toHaveLength(10);
  });

  test('that is interrupted leaves no result; the next attempt sets the first aside', async () => {
    const experiment = await digits('nfresnet', ...short);
    const stop = new AbortController();
    const first = await trained(experiment, 'onnx', {
      signal: stop.signal,
      onStep: ({ step }) => step === 3 && stop.abort(),
    });
    expect([first.outcome.kind, first.steps.length]).toEqual(['interrupted', 3]);
    expect(existsSync(join(first.dir, 'result.json'))).toBe(false);
    expect(JSON.parse(readFileSync(join(first.dir, 'attempt.json'), 'utf8'))).toMatchObject({ status: 'interrupted' });
    const second = await trained(experiment, 'onnx', { dir: first.dir });
    expect(second.outcome.kind).toBe('trained');
    expect(existsSync(join(first.dir, 'attempts', '1', 'attempt.json'))).toBe(true);
  });

  test('that cannot open its device is a failed attempt, not one in training', async () => {
    const dir = join(temporary(), 'run');
    const experiment = await digits('nfresnet', ...short);
    const engine = { ...(await engineOf('onnx')), session: { device: 'gpu' } };
    const dataset = await datasets.digits.load(experiment.dataset);
    await expect(execute(experiment, dataset, dir, engine, {})).rejects.toThrow('no device gpu');
    expect(readdirSync(dir)).not.toContain('writer.pid');
    expect(JSON.parse(readFileSync(join(dir, 'attempt.json'), 'utf8'))).toMatchObject({ status: 'failed' });
  });

  test('measures the components in its first and last step, whatever lies between, and never at 0', async () => {
    const metered = async (every: number) =>
      (await trained(await digits('nfresnet', ...short, `log.meters=${every}`), 'onnx')).steps.flatMap(
        ({ step, meters }) => (meters ? [[step, 'pnm/ratio' in meters] as const] : []),
      );
    const merges = [5, 10, 15].map((step) => [step, false]); // lookahead’s own meter, at its every merge
    expect(await metered(1000)).toEqual([[1, true], ...merges, [20, true]]);
    expect(await metered(0)).toEqual([]);
  });

  test('of seed 0 and seed 1 differ', async () => {
    const experiment = await digits('nfresnet', ...short, 'dataset.train=8');
    const [zero, one] = [await trained(experiment, 'onnx'), await trained({ ...experiment, seed: 1 }, 'onnx')];
    expect(zero.steps[0]!.loss).not.toBe(one.steps[0]!.loss);
  });
});
