/**
 * The gradients of `ops.ts` against central differences of the same function written here in float64, on shapes whose
 * sizes all differ.
 */
import { describe, expect, test } from 'vitest';
import { stream } from '../../src/random.ts';
import { sizeOf, type Backend, type HostTensor, type HostTensors } from '../../src/tensor/compile.ts';
import * as ops from '../../src/tensor/ops.ts';
import type { Tensor, Tensors } from '../../src/tensor/ops.ts';
import { usable } from '../backends.ts';
import { centralDifferences, convolved, moments, pooled, worstError, type Doubles, type Shape4 } from './float64.ts';

interface Case {
  readonly name: string;
  readonly inputs: HostTensors;
  readonly op: (x: Tensors) => Tensor;
  /** The same function in float64, flat arrays in and out. */
  readonly reference: (x: Doubles) => Float64Array;
}

/** Normal draws around `mean`, scaled for each channel (last axis). */
function normal(name: number, shape: readonly number[], { channelScale = [1], mean = 0 } = {}): HostTensor {
  const draws = stream(21, 'init', 0, name);
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => channelScale[i % channelScale.length]! * (mean + draws.normal()),
  );
  return { shape, data };
}

/** Loss Σ w·op(x) on the backend, and its gradients; w is fixed. */
async function onBackend(backend: Backend, { inputs, op }: Case, weights: Float32Array) {
  const session = await backend.open(inputs, {});
  const step = await session.compile(
    'gradient',
    (state) => {
      const { aux, grads } = ops.valueAndGrad((x) => {
        const y = op(x);
        return { loss: ops.sum(ops.mul(y, ops.tensor(weights, y.shape))), aux: { y } };
      }, state);
      return { outputs: { value: aux['y']!, ...grads } };
    },
    {},
  );
  const outputs = await step({});
  await session.close();
  return outputs;
}

const imageShape: Shape4 = [2, 7, 6, 3];
const image = normal(1, imageShape);

const convCases = [1, 2].flatMap((stride) =>
  (['same', 'valid'] as const).flatMap((padding) =>
    [1, 3, 4].map((size): Case => {
      const kernelShape: Shape4 = [size, size, 3, 5];
      return {
        name: `conv2d ${size}×${size} stride ${stride} ${padding}`,
        inputs: { x: image, kernel: normal(2, kernelShape) },
        op: ({ x, kernel }) => ops.conv2d(x!, kernel!, stride, padding),
        reference: ({ x, kernel }) => convolved(x!, imageShape, kernel!, kernelShape, stride, padding),
      };
    }),
  ),
);

const poolCases = (['same', 'valid'] as const).flatMap((padding) =>
  [
    [3, 2],
    [2, 2],
    [2, 1],
  ].flatMap(([size, stride]): Case[] => [
    {
      name: `maxPool ${size}×${size} stride ${stride} ${padding}`,
      inputs: { x: image },
      op: ({ x }) => ops.maxPool(x!, size!, stride!, padding),
      reference: ({ x }) => pooled(x!, imageShape, size!, stride!, padding, (window) => Math.max(...window)),
    },
    {
      name: `avgPool ${size}×${size} stride ${stride} ${padding}`,
      inputs: { x: image },
      op: ({ x }) => ops.avgPool(x!, size!, stride!, padding),
      reference: ({ x }) =>
        pooled(x!, imageShape, size!, stride!, padding, (window) => window.reduce((a, b) => a + b) / window.length),
    },
  ]),
);

const eps = 1e-5;
const vectors = { scale: normal(3, [3], { mean: 1 }), offset: normal(4, [3]) };
// the last channel's variance is of the size of ε, so that ε matters
const normInputs = { x: normal(5, imageShape, { channelScale: [1, 3, 3e-3], mean: 0.5 }), ...vectors };
const affine = (x: Doubles, mean: Float64Array, variance: Float64Array) =>
  x['x']!.map((value, i) => {
    const c = i % 3;
    return (x['scale']![c]! * (value - mean[c]!)) / Math.sqrt(variance[c]! + eps) + x['offset']![c]!;
  });

const normCases: Case[] = [
  {
    name: 'batchNormTrain',
    inputs: normInputs,
    op: ({ x, scale, offset }) => ops.batchNormTrain(x!, scale!, offset!, eps).y,
    reference: (x) => {
      const { mean, variance } = moments(x['x']!, 3);
      return affine(x, mean, variance);
    },
  },
  {
    name: 'batchNormEval',
    inputs: { ...normInputs, mean: normal(6, [3]), variance: { shape: [3], data: Float32Array.of(0.5, 2, 1e-5) } },
    op: ({ x, scale, offset, mean, variance }) => ops.batchNormEval(x!, scale!, offset!, mean!, variance!, eps),
    reference: (x) => affine(x, x['mean']!, x['variance']!),
  },
];

/** ε bites in the last two of the four units: M·v is about 27, 0.3, 3e-6 and 3e-9. */
const kernelShape: Shape4 = [3, 3, 3, 4];
const kernel = normal(7, kernelShape, { channelScale: [1, 0.1, 3e-4, 1e-5], mean: 0.4 });
const energyShare = {
  max: (variance: number, M: number, floor: number) => 1 / Math.sqrt(Math.max(M * variance, floor)),
  std: (variance: number, M: number, floor: number) => 1 / ((Math.sqrt(variance) + floor) * Math.sqrt(M)),
  variance: (variance: number, M: number, floor: number) => 1 / Math.sqrt(M * (variance + floor)),
};
const kernelCases = (['max', 'std', 'variance'] as const).map((floor): Case => {
  const floorEps = floor === 'max' ? 1e-4 : 1e-5;
  return {
    name: `standardizeKernel, floor ${floor}`,
    inputs: { kernel, gain: normal(8, [4], { mean: 1 }) },
    op: (x) => ops.standardizeKernel(x['kernel']!, x['gain']!, { floor, eps: floorEps }),
    reference: (x) => {
      const { mean, variance } = moments(x['kernel']!, 4);
      const scale = variance.map((v, o) => x['gain']![o]! * energyShare[floor](v, 27, floorEps));
      return x['kernel']!.map((w, i) => (w - mean[i % 4]!) * scale[i % 4]!);
    },
  };
});

const labels = Int32Array.of(4, 0, 2);
const lossCases = [0, 0.1].map((smoothing): Case => ({
  name: `softmaxCrossEntropy, smoothing ${smoothing}`,
  inputs: { logits: normal(9, [3, 5], { channelScale: [3] }) },
  op: ({ logits }) => ops.softmaxCrossEntropy(logits!, ops.tensor(labels, [3]), smoothing),
  reference: ({ logits }) => {
    let loss = 0;
    for (let n = 0; n < 3; n++) {
      const row = logits!.subarray(5 * n, 5 * n + 5);
      const logSum = Math.log(row.reduce((total, z) => total + Math.exp(z), 0));
      row.forEach((z, k) => (loss += (((k === labels[n] ? 1 - smoothing : 0) + smoothing / 5) * (logSum - z)) / 3));
    }
    return Float64Array.of(loss);
  },
}));

const reluCase: Case = {
  name: 'relu',
  inputs: { x: image },
  op: ({ x }) => ops.relu(x!),
  reference: ({ x }) => x!.map((value) => Math.max(0, value)),
};

describe.each(usable)(`values and gradients on $name match float64`, (backend) => {
  // relative to a channel's largest value; the worst seen is 2e-6 (the gain's gradient)
  test.each([...convCases, ...poolCases, ...normCases, ...kernelCases, ...lossCases, reluCase])('$name', async (c) => {
    const doubles: Doubles = Object.fromEntries(
      Object.entries(c.inputs).map(([name, { data }]) => [name, Float64Array.from(data)]),
    );
    const value = c.reference(doubles);
    const draws = stream(22, 'init');
    const weights = Float32Array.from(value, () => draws.normal());
    const found = await onBackend(backend, c, weights);

    expect(found['value']!.data.length).toBe(value.length);
    expect(worstError(found['value']!.data, value, found['value']!.shape.at(-1) ?? 1), 'value').toBeLessThan(5e-6);
    for (const [name, { shape }] of Object.entries(c.inputs)) {
      const channels = shape.at(-1)!;
      const expected = centralDifferences(c.reference, doubles, name, channels, weights);
      expect(worstError(found[name]!.data, expected, channels), `gradient of ${name}`).toBeLessThan(5e-6);
    }
  });
});

describe.each(usable)('where a derivative is a choice, on $name', (backend) => {
  const gradient = async (inputs: HostTensors, op: Case['op'], size: number) => {
    const found = await onBackend(
      backend,
      { name: '', inputs, op, reference: () => new Float64Array() },
      new Float32Array(size).fill(1),
    );
    return { value: [...found['value']!.data], grads: [...found['x']!.data] };
  };

  test('relu has slope 0 at 0', async () => {
    const x = { shape: [1, 1, 1, 3], data: Float32Array.of(-1, 0, 2) };
    expect(await gradient({ x }, ({ x }) => ops.relu(x!), 3)).toEqual({ value: [0, 0, 2], grads: [0, 0, 1] });
  });

  test('a tied maximum sends its gradient to the first of the window', async () => {
    const x = { shape: [1, 2, 2, 1], data: Float32Array.of(3, 3, 3, 3) };
    expect((await gradient({ x }, ({ x }) => ops.maxPool(x!, 2, 2, 'valid'), 1)).grads).toEqual([1, 0, 0, 0]);
  });

  test.each(['max', 'std', 'variance'] as const)(
    'a constant kernel gives zeros and a finite gradient, floor %s',
    async (floor) => {
      const x = { shape: [3, 3, 2, 2], data: new Float32Array(36).fill(0.25) };
      const op: Case['op'] = ({ x }) => ops.standardizeKernel(x!, ops.tensor([1, 2], [2]), { floor, eps: 1e-4 });
      const { value, grads } = await gradient({ x }, op, 36);
      expect(value.every((v) => v === 0)).toBe(true);
      expect(grads.every(Number.isFinite)).toBe(true);
    },
  );
});

describe.each(usable)('softmax cross-entropy on $name', (backend) => {
  // entropy of 1 − ε + ε/K and (K − 1) times ε/K, at ε = 0.1: published with the recipe
  test.each([
    [10, 0.5003],
    [1000, 1.0148],
  ])('with smoothing 0.1 over %i classes its least value is %f', async (classes, floor) => {
    const atBest = Float32Array.from({ length: classes }, (_, k) =>
      Math.log(k === 1 ? 0.9 + 0.1 / classes : 0.1 / classes),
    );
    const session = await backend.open({}, {});
    const step = await session.compile(
      'loss',
      (_, { logits }) => ({
        outputs: { loss: ops.softmaxCrossEntropy(logits!, ops.tensor(Int32Array.of(1), [1]), 0.1) },
      }),
      { logits: { shape: [1, classes], dtype: 'float32' } },
    );
    const lossAt = async (scale: number) =>
      (await step({ logits: { shape: [1, classes], data: atBest.map((z) => scale * z) } }))['loss']!.data[0]!;
    expect(await lossAt(1)).toBeCloseTo(floor, 4);
    for (const scale of [0.5, 0.9, 1.1, 2]) expect(await lossAt(scale)).toBeGreaterThan(await lossAt(1));
    await session.close();
  });

  test('stays finite for logits of ±1000', async () => {
    const logits = { shape: [1, 3], data: Float32Array.of(1000, -1000, 0) };
    const op: Case['op'] = ({ logits }) => ops.softmaxCrossEntropy(logits!, ops.tensor(Int32Array.of(1), [1]), 0);
    const found = await onBackend(
      backend,
      { name: '', inputs: { logits }, op, reference: () => new Float64Array() },
      Float32Array.of(1),
    );
    expect([...found['value']!.data]).toEqual([2000]);
    expect([...found['logits']!.data]).toEqual([1, -1, 0]);
  });
});
