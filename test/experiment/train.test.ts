import { readdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadExperiment } from '../../src/config/load.ts';
import type { Experiment } from '../../src/config/schema.ts';
import { trainBatches } from '../../src/data/batches.ts';
import { datasets } from '../../src/data/registry.ts';
import type { DivergenceReport } from '../../src/experiment/divergence.ts';
import { execute } from '../../src/experiment/execute.ts';
import { planRun } from '../../src/experiment/train.ts';
import type { RunResult, StepMetrics } from '../../src/runs/metrics.ts';
import { readEntry } from '../../src/runs/list.ts';
import { readResult } from '../../src/runs/store.ts';
import { readLogs } from '../../src/runs/read.ts';
import { readSafetensors } from '../../src/runs/safetensors.ts';
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

test('timm’s gains stay at 1 under centralisation and are trained without it, and the runs are still pairs', async () => {
  const net = ['model.preset=timm045', 'optimizer.components.agc.exclude=[]', ...short];
  const arms = ['optimizer.lr=1e-2', 'optimizer.components.gc=false', 'optimizer.components=[]'];
  const runs = await Promise.all(arms.map(async (arm) => trained(await digits('nfresnet', ...net, arm), 'cpu')));
  const results = await Promise.all(runs.map(({ dir }) => readResult(dir)));
  // of r8-basic: one a channel of the stem, of two convolutions a block and of two projections
  const gains = 16 + (16 + 16) + (32 + 32 + 32) + (64 + 64 + 64);
  expect(results.map((result) => result!.parameters - results[0]!.parameters)).toEqual([0, gains, gains]);
  expect(new Set(results.map((result) => result!.pairing!.init)).size).toBe(1);
});

test.each([
  ['lookahead={k: 5}', true],
  ['lookahead=false', false],
])('a plan of 22 billion steps with %s costs nothing', async (lookahead, merges) => {
  const experiment = await digits('nfresnet', 'train.epochs=1000000000', `optimizer.components.${lookahead}`);
  const facts = { ...datasets.digits.facts({}), classes: 10, train: 1_437, test: 360 };
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
    expect(readdirSync(join(dir, 'attempts/1'))).toEqual(
      expect.arrayContaining(['env.json', 'lease.json', 'ended.json']),
    );
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

  test('that blows up ends as diverged, with NaN written as such, and says where and on what', async () => {
    const experiment = await digits('nfresnet', ...short, ...adamw(1e15));
    const { dir, outcome } = await trained(experiment, 'onnx');
    expect(outcome).toMatchObject({ result: { status: 'diverged' } });
    const text = readFileSync(join(dir, 'metrics.jsonl'), 'utf8');
    expect(text).toMatch(/"(NaN|Infinity)"/);
    expect(text).not.toContain('null');

    const { reason, steps } = (outcome as { result: RunResult }).result;
    const report = JSON.parse(readFileSync(join(dir, 'divergence/report.json'), 'utf8')) as DivergenceReport;
    expect(report).toMatchObject({ schema: 1, step: steps });
    expect(reason).toMatch(/^\w+ is (NaN|Infinity) at step \d+: [\w./ ]+( and \d+ more)?$/);
    expect(reason).toContain([...report.gradients, ...report.state][0]!.name);
    const dataset = await datasets.digits.load(experiment.dataset);
    const batch = await trainBatches(dataset, { ...experiment.train, seed: 0 }).batch(steps);
    expect(report.samples).toEqual([...batch.indices]);
    const saved = await readSafetensors(join(dir, 'divergence/batch.safetensors'));
    expect(saved['images']!.data).toEqual(batch.images);
    expect(saved['labels']!.data).toEqual(batch.labels);
    const state = await readSafetensors(join(dir, 'divergence/state.safetensors'));
    const broken = Object.keys(state).filter((name) => state[name]!.data.some((x) => !Number.isFinite(x)));
    expect(broken.sort()).toEqual(report.state.map(({ name }) => name).sort());
  });

  test('whose loss rises to a million, stays finite and ends far above chance has exploded', async () => {
    const set = ['dataset.train=320', 'train.batch=16', 'log.meters=0', 'model.preset=timm045', ...adamw(3)];
    const { dir, outcome, steps } = await trained(await digits('nfresnet', ...set, 'train.epochs=2'), 'onnx');
    const { result } = outcome as { result: RunResult };
    expect(steps.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    expect(result).toMatchObject({ status: 'exploded', steps: 40, last: { step: 40 } });
    const highest = Math.max(...steps.map(({ loss }) => loss));
    expect(highest).toBeGreaterThan(1e5);
    expect(result.peak).toEqual({ loss: highest, step: steps.find(({ loss }) => loss === highest)!.step });
    expect(result.reason).toMatch(/^loss rose to \S+ at step \d+ \(ln C = 2\.3026\) and ended at /);
    expect(result.last.top1).toBeLessThan(0.18);
    expect(await readEntry(dir, dir)).toMatchObject({ state: 'exploded', reason: result.reason });
    expect(readdirSync(join(dir, 'checkpoints'))).toEqual(['step-000000040']); // its weights are finite, and kept
  });

  test('whose loss rises as high and comes back is complete, with its peak told', async () => {
    const set = ['dataset.train=640', 'train.batch=16', 'train.epochs=3', 'log.meters=0', 'train.augment.crop=0'];
    const experiment = await digits('resnet', ...set, 'optimizer.lr=0.6', 'optimizer.components=[warmdown]');
    const { outcome, steps } = await trained(experiment, 'onnx');
    const { result } = outcome as { result: RunResult };
    expect(steps[1]!.loss).toBeGreaterThan(23.1); // ten times ln 10
    expect(result).toMatchObject({ status: 'completed', steps: 120, peak: { loss: steps[1]!.loss, step: 2 } });
    expect(result.reason).toMatch(/^loss rose to 28\.5 at step 2 \(ln C = 2\.3026\) and ended at /);
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

  test('of fewer than 20 steps is never stuck', async () => {
    const settings = ['dataset.train=76', ...adamw(1e-12), 'stop={stuckAfter: 0.5, stuckWithin: 0.2}'];
    const experiment = await digits('nfresnet', ...short, ...settings);
    expect((await trained(experiment, 'onnx')).outcome).toMatchObject({ result: { status: 'completed', steps: 19 } });
  });

  test('that reaches its target ends at that evaluation', async () => {
    const set = ['eval.every=5 steps', 'stop={target: {metric: top1, value: 0.0001}, stuckWithin: 0}'];
    const { dir, outcome } = await trained(await digits('resnet', ...short, ...set), 'onnx');
    const { result } = outcome as { result: RunResult };
    const { evaluations } = await readLogs(dir);
    const reached = evaluations.findIndex(({ top1 }) => top1 >= 0.0001);
    expect([result.status, result.last]).toEqual(['target_reached', evaluations.at(-1)]);
    expect(reached).toBe(evaluations.length - 1);
    expect(result.reason).toBe(`top1 is ${result.last.top1.toFixed(4)} at step ${result.steps}`);
  });

  test('that has trained as long as it may is evaluated and ends', async () => {
    const experiment = await digits('nfresnet', ...short, 'stop.maxMinutes=0.000001');
    const { outcome } = await trained(experiment, 'onnx');
    expect(outcome).toMatchObject({ result: { status: 'timeout', steps: 1, last: { step: 1 } } });
  });

  test('records its code, its weights and what pairs it', async () => {
    const base = await digits('nfresnet', ...short, 'log.meters=5');
    const resultOf = async (experiment: Experiment) =>
      ((await trained(experiment, 'onnx')).outcome as { result: RunResult }).result;
    const [one, same, slower, other] = [
      await resultOf(base),
      await resultOf(base),
      await resultOf(await digits('nfresnet', ...short, ...adamw(1e-4), 'log.meters=0')),
      await resultOf({ ...base, seed: 1 }),
    ];
    for (const hash of [one.code, one.weights, ...Object.values<string>({ ...one.pairing! })])
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect([same.weights, same.pairing, same.code]).toEqual([one.weights, one.pairing, one.code]);
    expect(slower.pairing).toEqual(one.pairing);
    expect(slower.weights).not.toBe(one.weights);
    for (const key of ['init', 'order', 'augment'] as const) expect(other.pairing![key]).not.toBe(one.pairing![key]);

    // h ← SHA-256(h ‖ bytes of the indices), over the batches of the first 20 steps
    const dataset = await datasets.digits.load(base.dataset);
    const data = trainBatches(dataset, { ...base.train, seed: 0 });
    let order = '';
    for (let t = 1; t <= 20; t++) {
      const { indices } = await data.batch(t);
      order = createHash('sha256')
        .update(order)
        .update(Buffer.from(Uint32Array.from(indices).buffer))
        .digest('hex');
    }
    expect(one.pairing!.order).toBe(order);
  });

  test('that diverged early is paired over as many batches as the others', async () => {
    const set = [...short, 'log.meters=0'];
    const [broken, whole] = [
      await trained(await digits('nfresnet', ...set, ...adamw(1e30)), 'onnx'),
      await trained(await digits('nfresnet', ...set, ...adamw(1e-4)), 'onnx'),
    ];
    const resultOf = ({ outcome }: typeof broken) => (outcome as { result: RunResult }).result;
    expect(resultOf(broken).steps).toBeLessThan(20);
    expect(resultOf(broken).pairing).toEqual(resultOf(whole).pairing);
  });

  test('that cannot open its device is a failed attempt, not one in training', async () => {
    const dir = join(temporary(), 'run');
    const experiment = await digits('nfresnet', ...short);
    const engine = { ...(await engineOf('onnx')), session: { device: 'gpu' } };
    const dataset = await datasets.digits.load(experiment.dataset);
    await expect(execute(experiment, dataset, dir, engine, {})).rejects.toThrow('no device gpu');
    expect(await readEntry(dir, dir)).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('no device gpu') as string,
    });
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
