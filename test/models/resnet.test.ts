/** What batch normalisation does to a network: statistics, scale invariance, the start of training. */
import { describe, expect, test } from 'vitest';
import { initModel } from '../../src/models/init.ts';
import type { Model } from '../../src/models/model.ts';
import { models } from '../../src/models/registry.ts';
import { resnet } from '../../src/models/resnet.ts';
import { UserError } from '../../src/errors.ts';
import { stream } from '../../src/random.ts';
import { sizeOf, type HostTensor, type HostTensors } from '../../src/tensor/compile.ts';
import { evaluated, forward, trained } from './onBackend.ts';

/** Standard normal images. */
function noise(shape: readonly number[], seed: number): HostTensor {
  const draws = stream(seed, 'init', 1);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()) };
}

const input = { height: 6, width: 5, channels: 2, classes: 3 };
const tiny = { block: 'basic', depths: [1, 1], widths: [3, 4], native: input } as const;
const build = (options: Record<string, unknown> = {}): Model => {
  const family = resnet('', tiny);
  return family.build(family.options.parse(options), input);
};
const model = build();
const images = noise([4, 6, 5, 2], 1);
const labels = { shape: [4], data: Int32Array.of(0, 1, 2, 0) };
const start = initModel(model, 0);

const worst = (actual: ArrayLike<number>, expected: ArrayLike<number>) =>
  Math.max(...Array.from(expected, (value, i) => Math.abs(actual[i]! - value)));

/** The stem's three outputs are the images' first channel. */
const passThrough: HostTensors = {
  ...start.params,
  'stem/kernel': { shape: [3, 3, 2, 3], data: new Float32Array(54).fill(1, 24, 27) },
};
const firstChannel = [...images.data].filter((_, i) => i % 2 === 0);

describe('running statistics', () => {
  test('move by 0.1 towards the batch, variance unbiased', async () => {
    const { stats } = await forward(model, { ...start, params: passThrough }, images, true);
    const n = firstChannel.length;
    const mean = firstChannel.reduce((total, x) => total + x, 0) / n;
    const unbiased = firstChannel.reduce((total, x) => total + (x - mean) ** 2, 0) / (n - 1);
    expect(worst(stats['stem/norm/mean']!.data, [0, 0, 0].fill(0.1 * mean))).toBeLessThan(1e-6);
    expect(worst(stats['stem/norm/variance']!.data, [0, 0, 0].fill(0.9 + 0.1 * unbiased))).toBeLessThan(1e-6);
  });

  test('stay as they are in evaluation', async () => {
    const { stats } = await forward(model, start, images, false);
    expect(stats).toEqual(start.stats);
  });

  test('of a fresh model make evaluation divide by √(1 + 1e-5)', async () => {
    const { maps } = await evaluated(model, { ...start, params: passThrough }, images);
    const expected = firstChannel.flatMap((x) => Array<number>(3).fill(Math.max(0, x) / Math.sqrt(1 + 1e-5)));
    expect(worst(maps['stem']!.data, expected)).toBeLessThan(1e-6);
  });

  test('after 100 passes over one batch, evaluation gives the training output', async () => {
    // running variance − biased variance: 0.9^100, and n/(n−1) at the smallest map (4·3·3 values)
    let stats: HostTensors = start.stats;
    for (let i = 0; i < 100; i++) stats = (await forward(model, { ...start, stats }, images, true)).stats;
    const { logits: wanted } = await forward(model, start, images, true);
    const unbias = (n: number) => (n - 1) / n;
    const biased = Object.fromEntries(
      Object.entries(stats).map(([name, { shape, data }]) => {
        const n = name.startsWith('stage2') ? 4 * 3 * 3 : 4 * 6 * 5;
        return [name, { shape, data: name.endsWith('variance') ? data.map((v) => v * unbias(n)) : data }];
      }),
    );
    const { logits } = await evaluated(model, { ...start, stats: biased }, images);
    const size = Math.max(...wanted.data.map(Math.abs));
    expect(worst(logits.data, wanted.data) / size).toBeLessThan(1e-3);
  });

  test('one value a channel is an error that says what to do', async () => {
    const small = { ...input, height: 2, width: 2 };
    const family = resnet('', tiny);
    const model = family.build(family.options.parse({}), small);
    const one = noise([1, 2, 2, 2], 2);
    const attempt = forward(model, initModel(model, 0), one, true);
    await expect(attempt).rejects.toThrow(/stage2\/block1\/conv1: batch norm cannot train on one value a channel/);
    await expect(attempt).rejects.toBeInstanceOf(UserError);
    await expect(forward(model, initModel(model, 0), one, false)).resolves.toBeDefined();
  });
});

test('training depends on the rest of the batch, evaluation does not', async () => {
  const other = { shape: images.shape, data: images.data.map((x, i) => (i < 60 ? x : -x)) }; // the first image stays
  const first = async (batch: HostTensor, training: boolean) =>
    (await forward(model, start, batch, training)).logits.data.slice(0, 3);
  expect(worst(await first(images, true), await first(other, true))).toBeGreaterThan(1e-3);
  expect(worst(await first(images, false), await first(other, false))).toBe(0);
});

test('the gradient of a kernel before a norm is orthogonal to it, unit by unit', async () => {
  const { grads } = await trained(model, start, { images, labels });
  for (const name of Object.keys(grads).filter((name) => name.endsWith('/kernel') && name !== 'head/kernel')) {
    const [w, g] = [start.params[name]!, grads[name]!];
    const cout = w.shape[3]!;
    for (let o = 0; o < cout; o++) {
      const unit = (f: (i: number) => number) =>
        [...w.data.keys()].reduce((total, i) => total + (i % cout === o ? f(i) : 0), 0);
      const size = Math.sqrt(unit((i) => g.data[i]! ** 2) * unit((i) => w.data[i]! ** 2));
      expect(Math.abs(unit((i) => w.data[i]! * g.data[i]!)), name).toBeLessThan(1e-4 * size); // exact but for ε / variance
    }
  }
});

describe('the first step', () => {
  test('a zero classifier loses exactly ln K', async () => {
    const model = build({ headInit: 'zeros' });
    const { loss } = await trained(model, initModel(model, 0), { images, labels });
    expect(loss.data[0]).toBeCloseTo(Math.log(3), 6);
  });

  test('zeroGamma: branch kernels get no gradient, the last scale does', async () => {
    const model = build({ zeroGamma: true });
    const { grads } = await trained(model, initModel(model, 0), { images, labels });
    const largest = (name: string) => Math.max(...grads[name]!.data.map(Math.abs));
    for (const block of ['stage1/block1', 'stage2/block1']) {
      for (const name of ['conv1/kernel', 'conv1/norm/scale', 'conv1/norm/offset', 'conv2/kernel']) {
        expect(largest(`${block}/${name}`), name).toBe(0);
      }
      expect(largest(`${block}/conv2/norm/scale`)).toBeGreaterThan(1e-4);
    }
    expect(largest('stage2/block1/shortcut/kernel')).toBeGreaterThan(1e-4);
    expect(largest('stem/kernel')).toBeGreaterThan(1e-4);
  });
});

describe('mean square after each block at the start, white input', () => {
  const r20 = models['resnet20'];

  // the recursion y ← relu(y + N(0, 1)) from relu(N(0, 2)), by Monte Carlo to ±0.001
  test('scale 1: 1.000, 1.681, 2.427 in a stage, whatever the width', async () => {
    const model = r20.build(r20.options.parse({}), r20.native);
    const { maps } = await forward(model, initModel(model, 0), noise([8, 32, 32, 3], 3), true);
    const meanSquare = ({ data }: HostTensor) => Array.from(data).reduce((total, y) => total + y * y, 0) / data.length;
    // stage 1 has no projection: it starts from the stem's relu(N(0, 1)), 0.5
    const stages = [2, 3].map((stage) => [1, 2, 3].map((i) => meanSquare(maps[`stage${stage}/block${i}`]!)));
    for (const found of stages) {
      [1, 1.681, 2.427].forEach((expected, i) => expect(Math.abs(found[i]! / expected - 1)).toBeLessThan(0.04));
    }
    expect(meanSquare(maps['stem']!)).toBeCloseTo(0.5, 2);
  });
});
