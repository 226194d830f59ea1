import { describe, expect, test } from 'vitest';
import { trainBatches } from '../../src/data/batches.ts';
import { imagenetNormalisation } from '../../src/data/images/imageDataset.ts';
import { datasets } from '../../src/data/registry.ts';
import { normalised, onPixels } from '../../src/experiment/onPixels.ts';
import { evaluateInputs, evaluateStep, runState, trainInputs, trainStep } from '../../src/experiment/step.ts';
import { initModel } from '../../src/models/init.ts';
import { models } from '../../src/models/registry.ts';
import { optimizerSchema } from '../../src/optim/config.ts';
import { buildOptimizer } from '../../src/optim/ranger21.ts';
import { initState } from '../../src/optim/state.ts';
import { hostScalar, type HostTensor, type Program } from '../../src/tensor/compile.ts';
import { compiling, usable } from '../backends.ts';

/** ImageNet's constants for pixels 0 … 255, as timm's prefetcher and DeepMind's pipeline write them. */
const [mean255, std255] = [[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]]; // prettier-ignore

describe.each(usable)('bytes on $name', (backend) => {
  /** 4 images of 8×8, in which every byte is in every channel. */
  const shape = [4, 8, 8, 3];
  const pixels = Uint8Array.from({ length: 768 }, (_, i) => (i % 3) * 85 + Math.floor(i / 3));
  const run = async (program: Program): Promise<HostTensor> => {
    const session = await backend.open({}, {});
    const call = await session.compile('program', program, { pixels: { shape, dtype: 'uint8' } });
    const { y } = await call({ pixels: { shape, data: pixels } });
    await session.close();
    return y!;
  };

  test('come to the program as float32, every value exactly', async () => {
    const { data } = await run((_, { pixels }) => ({ outputs: { y: pixels! } }));
    expect(data).toEqual(Float32Array.from(pixels));
    expect(new Set(data).size).toBe(256);
  });

  test('are normalised like ImageNet', async () => {
    const { data } = await run((_, { pixels }) => ({ outputs: { y: normalised(pixels!, imagenetNormalisation) } }));
    pixels.forEach((pixel, i) => {
      const expected = (pixel - mean255[i % 3]!) / std255[i % 3]!; // float64
      expect(Math.abs(data[i]! - expected)).toBeLessThan(4e-7); // two float32 roundings of numbers below 2.7, one of the constants
    });
  });

  test('may not be state', async () => {
    const bytes = { shape: [2], data: Uint8Array.of(1, 2) };
    await expect(backend.open({ 'params/w': bytes }, {})).rejects.toThrow('state params/w is uint8');
  });

  test('are not taken where floats are expected, nor floats for bytes', async () => {
    const session = await backend.open({}, {});
    const call = await session.compile('f', (_, { x }) => ({ outputs: { y: x! } }), {
      x: { shape: [1], dtype: 'uint8' },
    });
    await expect(call({ x: { shape: [1], data: Float32Array.of(1) } })).rejects.toThrow(
      'input x must be uint8 [1], got float32 [1]',
    );
    await session.close();
  });
});

test('an epoch of digits has mean 0 and deviation 1 to the network', async () => {
  const digits = await datasets.digits.load({});
  const { images } = await trainBatches(digits, { batch: 1437, seed: 0, augment: { crop: 0, flip: false } }).batch(1);
  const shape = [1437, 8, 8, 1];
  const session = await usable[0]!.open({}, {});
  const program: Program = (_, { x }) => ({ outputs: { y: normalised(x!, digits) } });
  const call = await session.compile('normalise', program, { x: { shape, dtype: 'uint8' } });
  const data = Float32Array.from((await call({ x: { shape, data: images } }))['y']!.data);
  const average = data.reduce((a, b) => a + b, 0) / data.length;
  const deviation = Math.sqrt(data.reduce((a, b) => a + (b - average) ** 2, 0) / data.length);
  expect(Math.abs(average)).toBeLessThan(1e-3);
  expect(Math.abs(deviation - 1)).toBeLessThan(1e-3);
});

describe.each(compiling)('a network over bytes on $name', (backend) => {
  /** Losses of one training step and of an evaluation; images as bytes, or normalised in float64 beforehand. */
  async function losses(form: 'uint8' | 'float32'): Promise<readonly [train: number, evaluation: number]> {
    const [batch, height, width, channels] = [6, 8, 8, 3] as const;
    const family = models['r8-basic'];
    const plain = family.build(family.options.parse({}), { height, width, channels, classes: 10 });
    const model = form === 'uint8' ? onPixels(plain, imagenetNormalisation) : plain;
    const initial = initModel(model, 4);
    const shapes = Object.fromEntries(Object.entries(plain.params).map(([name, { shape }]) => [name, shape]));
    const config = optimizerSchema.parse({ name: 'ranger21', lr: 1e-3 });
    const optimizer = buildOptimizer(config, { epochs: 1, stepsPerEpoch: 9 }, shapes);
    const bytes = Uint8Array.from({ length: batch * height * width * channels }, (_, i) => (i * 2654435761) >>> 24);
    const floats = Float32Array.from(bytes, (pixel, i) => (pixel - mean255[i % 3]!) / std255[i % 3]!);
    const session = await backend.open(runState({ ...initial, slots: initState(optimizer, initial.params) }), {});
    const specs = trainInputs(batch, [height, width, channels], Object.keys(optimizer.scalars(1)), form);
    const step = await session.compile(
      'step',
      trainStep(model, optimizer, { labelSmoothing: 0, meters: false }),
      specs,
    );
    const evaluateSpecs = evaluateInputs(batch, [height, width, channels], form);
    const evaluate = await session.compile('evaluation', evaluateStep(model), evaluateSpecs);
    const given = {
      images: { shape: [batch, height, width, channels], data: form === 'uint8' ? bytes : floats },
      labels: { shape: [batch], data: Int32Array.from({ length: batch }, (_, i) => i) },
    };
    const scalars = Object.entries(optimizer.scalars(1)).map(([name, x]) => [name, hostScalar(x)] as const);
    const { loss: trained } = await step({ ...given, ...Object.fromEntries(scalars) });
    const weights = { shape: [batch], data: new Float32Array(batch).fill(1) };
    const { loss: evaluated } = await evaluate({ ...given, weights });
    await session.close();
    return [trained!.data[0]!, evaluated!.data[0]!];
  }

  test('has the loss it has over images normalised before', async () => {
    const [bytes, floats] = [await losses('uint8'), await losses('float32')];
    expect(Math.abs(bytes[0] / floats[0] - 1)).toBeLessThan(1e-6); // 8 float32 ulps
    expect(Math.abs(bytes[1] / floats[1] - 1)).toBeLessThan(1e-5); // after one step, whose rounding batch statistics amplify
    expect(bytes[0]).toBeGreaterThan(1);
  });
});
