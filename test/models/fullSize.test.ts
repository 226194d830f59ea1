/** ResNet50 and NF-ResNet50 at 224×224, white input: each block's statistics at the start against theory. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { initModel } from '../../src/models/init.ts';
import { models, type ModelName } from '../../src/models/registry.ts';
import { stream } from '../../src/random.ts';
import { joined, sizeOf, under, type Backend, type HostTensors } from '../../src/tensor/compile.ts';
import { mean, square, sub, type Tensor } from '../../src/tensor/ops.ts';
import { compiling } from '../backends.ts';
import { once } from './onBackend.ts';

const { source, recursion, cases } = JSON.parse(readFileSync('test/fixtures/signalPropagation.json', 'utf8')) as {
  source: string;
  /** E[y²] by Monte Carlo, ±0.001. */
  recursion: number[];
  cases: { name: string; blocks: Record<string, [number, number]> }[];
};

const blockNames = [3, 4, 6, 3].flatMap((depth, stage) =>
  Array.from({ length: depth }, (_, i) => `stage${stage + 1}/block${i + 1}`),
);

/** `statistic` of every block's output, skip gains at 1. */
async function measured(
  backend: Backend,
  name: ModelName,
  options: Record<string, unknown>,
  statistic: (map: Tensor) => Tensor,
) {
  const family = models[name];
  const model = family.build(family.options.parse(options), family.native);
  const { params, stats } = initModel(model, 1);
  const on: HostTensors = Object.fromEntries(
    Object.entries(params).map(([key, x]) => [key, key.endsWith('/skipGain') ? { ...x, data: Float32Array.of(1) } : x]),
  );
  const draws = stream(1, 'init', 1);
  const shape = [4, 224, 224, 3];
  const images = { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()) };
  const outputs = await once(
    (state, inputs) => {
      const training = { training: true };
      const { maps } = model.apply(under(state, 'params'), under(state, 'stats'), inputs['images']!, training);
      return { outputs: Object.fromEntries(blockNames.map((block) => [block, statistic(maps[block]!)])) };
    },
    joined({ params: on, stats }),
    { images },
    backend,
  );
  return blockNames.map((block) => outputs[block]!.data[0]!);
}

const meanSquare = (x: Tensor) => mean(square(x));
/** Mean over channels of the variance. */
const variance = (x: Tensor) => mean(square(sub(x, mean(x, [0, 1, 2], true))));

/** The largest |found/expected − 1|. */
const worst = (found: readonly number[], expected: readonly number[]) =>
  Math.max(...expected.map((value, i) => Math.abs(found[i]! / value - 1)));

describe.each(compiling)('at full size on $name', (backend) => {
  test('batch norm: E[y²] follows y ← relu(y + N(0, 1)) from relu(N(0, 2)) in every stage', async () => {
    const expected = [3, 4, 6, 3].flatMap((depth) => recursion.slice(0, depth));
    expect(worst(await measured(backend, 'resnet50', {}, meanSquare), expected)).toBeLessThan(0.02);
  });

  test('norm-free, every branch on: the variance is 1 + k·α² at the k-th block of a stage', async () => {
    const expected = [3, 4, 6, 3].flatMap((depth) => Array.from({ length: depth }, (_, i) => 1 + 0.04 * (i + 1)));
    expect(worst(await measured(backend, 'nf-resnet50', { preset: 'deepmind' }, variance), expected)).toBeLessThan(
      0.05,
    );
  });

  test(`timm045: γ in the stem and pooled shortcuts, as in ${source}`, async () => {
    const { blocks } = cases.find(({ name }) => name === 'nf-resnet50')!;
    const expected = blockNames.map((block) => blocks[block]![0]);
    expect(worst(await measured(backend, 'nf-resnet50', { preset: 'timm045' }, variance), expected)).toBeLessThan(0.05);
  });
});
