/** What a run may choose about TensorFlow: order of sums, precision, XLA. */
import { describe, expect, test } from 'vitest';
import { stream } from '../../src/random.ts';
import { backend } from '../../src/tensor/backends/tensorflow/backend.ts';
import {
  sizeOf,
  type HostTensor,
  type HostTensors,
  type Program,
  type SessionOptions,
} from '../../src/tensor/compile.ts';
import * as ops from '../../src/tensor/ops.ts';
import { relativeError } from './opCases.ts';
import { isMissing } from '../backends.ts';

const draws = stream(11, 'order');
const normal = (...shape: number[]): HostTensor => ({
  shape,
  data: Float32Array.from({ length: sizeOf(shape) }, () => draws.normal()),
});
const ones = (n: number): HostTensor => ({ shape: [n], data: new Float32Array(n).fill(1) });
const small = (value: HostTensor): HostTensor => ({ ...value, data: value.data.map((w) => 0.05 * w) });
const state: HostTensors = {
  kernel: small(normal(3, 3, 8, 64)),
  again: small(normal(3, 3, 64, 64)),
  third: small(normal(3, 3, 64, 64)),
  scale: ones(64),
  offset: normal(64),
  dense: normal(64, 10),
};
const x = normal(32, 8, 8, 8);
const y: HostTensor = { shape: [32], data: Int32Array.from({ length: 32 }, (_, i) => i % 10) };

/** A small network's gradient step; as an optimizer's may, each parameter's hangs on a sum over all. */
const step: Program = (params, inputs) => {
  const { loss, grads } = ops.valueAndGrad((p) => {
    const kernels = [p['kernel']!, p['again']!, p['third']!];
    const z = kernels.reduce((y, kernel) => ops.conv2d(y, kernel, 1, 'same'), inputs['x']!);
    const normalized = ops.relu(ops.batchNormTrain(z, p['scale']!, p['offset']!, 1e-5).y);
    return {
      loss: ops.softmaxCrossEntropy(ops.matMul(ops.mean(normalized, [1, 2]), p['dense']!), inputs['y']!, 0.1),
      aux: {},
    };
  }, params);
  const total = ops.addN(Object.values(grads).map((g) => ops.sum(ops.square(g))));
  const next = ops.mapTensors(
    (p, g) => ops.sub(p, ops.mul(0.02, ops.div(g, ops.add(ops.sqrt(total), ops.abs(p))))),
    params,
    grads,
  );
  return { state: next, outputs: { loss } };
};

async function train(options: SessionOptions, steps = 6) {
  // determinism is fixed for the process by the first session
  const session = await backend.open(state, { determinism: 'strict', ...options });
  const run = await session.compile('step', step, {
    x: { shape: x.shape, dtype: 'float32' },
    y: { shape: [32], dtype: 'int32' },
  });
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) losses.push((await run({ x, y }))['loss']!.data[0]!);
  const final = await session.read();
  await session.close();
  return { losses, final };
}

describe.skipIf(isMissing('tensorflow'))('options', () => {
  test('determinism strict: two runs agree in every bit', async () => {
    const [first, second] = [await train({}), await train({})];
    expect(second.losses).toEqual(first.losses);
    for (const [name, { data }] of Object.entries(first.final)) expect(second.final[name]!.data, name).toEqual(data);
  });

  test.each(['optimizer', 'step'] as const)('xla %s computes the same', async (xla) => {
    const [plain, compiled] = [await train({}), await train({ xla })];
    // sums in another order, over 6 steps
    expect(relativeError(compiled.losses, plain.losses)).toBeLessThan(1e-5);
    for (const [name, { data }] of Object.entries(plain.final)) {
      expect(relativeError(compiled.final[name]!.data, data), name).toBeLessThan(1e-4);
    }
  });

  test('bf16 is near float32 but not equal, or refused where the processor has none', async () => {
    const half = await train({ precision: 'bf16' }).catch((error: unknown) => error);
    if (half instanceof Error) {
      expect(half.message).toMatch(/bfloat16/);
      return;
    }
    const { losses } = half as Awaited<ReturnType<typeof train>>;
    const plain = await train({});
    const error = relativeError([losses[0]!], [plain.losses[0]!]);
    expect(error).toBeGreaterThan(1e-6);
    expect(error).toBeLessThan(2 ** -6); // of the first step: bfloat16 rounds to 2⁻⁹, three convolutions deep
  });

  test('tf32 is refused without a GPU', async () => {
    await expect(train({ precision: 'tf32' })).rejects.toThrow(/only GPUs have it/);
  });

  test('an unknown device is refused', async () => {
    await expect(backend.open({}, { device: 'tpu' })).rejects.toThrow(/device/);
  });
});
