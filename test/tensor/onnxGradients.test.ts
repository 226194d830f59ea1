/** Gradients of whole networks on `onnx` against the `cpu` oracle. */
import { describe, expect, test } from 'vitest';
import { initModel } from '../../src/models/init.ts';
import { models, type ModelName } from '../../src/models/registry.ts';
import { stream } from '../../src/random.ts';
import { backend as cpu } from '../../src/tensor/backends/cpu/backend.ts';
import { backend as onnx } from '../../src/tensor/backends/onnx/backend.ts';
import { joined, under, type Backend, type HostTensors, type Program } from '../../src/tensor/compile.ts';
import { softmaxCrossEntropy, valueAndGrad } from '../../src/tensor/ops.ts';

const input = { height: 12, width: 10, channels: 3, classes: 5 };
const batch = 6;

function gradientsOf(name: ModelName, options: Record<string, unknown>) {
  const family = models[name];
  const model = family.build(family.options.parse(options), input);
  const { params, stats } = initModel(model, 11);
  const draws = stream(5, 'order');
  // gains and offsets away from where they start, so that no term of a gradient is zero
  const moved = Object.fromEntries(
    Object.entries(params).map(([key, { shape, data }]) => [
      key,
      { shape, data: data.map((x) => x + 0.1 * draws.normal()) },
    ]),
  );
  const images = Float32Array.from({ length: batch * input.height * input.width * input.channels }, () =>
    draws.normal(),
  );
  const values = {
    images: { shape: [batch, input.height, input.width, input.channels], data: images },
    labels: { shape: [batch], data: Int32Array.from({ length: batch }, (_, i) => i % input.classes) },
  };
  const program: Program = (state, { images, labels }) => {
    const { loss, grads } = valueAndGrad(
      (p) => {
        const { logits } = model.apply(p, under(state, 'stats'), images!, { training: true });
        return { loss: softmaxCrossEntropy(logits, labels!, 0.1), aux: {} };
      },
      under(state, 'params'),
    );
    return { outputs: { loss, ...grads } };
  };
  const specs = {
    images: { shape: values.images.shape, dtype: 'float32' as const },
    labels: { shape: values.labels.shape, dtype: 'int32' as const },
  };
  return async (on: Backend): Promise<HostTensors> => {
    const session = await on.open(joined({ params: moved, stats }), { threads: 2 });
    try {
      return await (
        await session.compile('gradients', program, specs)
      )(values);
    } finally {
      await session.close();
    }
  };
}

const norm = (x: ArrayLike<number>): number =>
  Math.sqrt(Array.from(x).reduce((total, value) => total + value * value, 0));

describe('gradients of whole networks on onnx', () => {
  test.each<[ModelName, Record<string, unknown>]>([
    ['r8-basic', {}],
    ['r14-bottleneck-w8', {}],
    ['nf-r8-basic', {}],
    ['nf-r14-bottleneck-w8', {}],
  ])('%s: every tensor within 1e-4 of cpu', async (name, options) => {
    const gradients = gradientsOf(name, options);
    const [found, expected] = [await gradients(onnx), await gradients(cpu)];
    let worst = 0;
    for (const [key, { data }] of Object.entries(expected)) {
      const difference = norm(data.map((value, i) => value - found[key]!.data[i]!));
      worst = Math.max(worst, difference / Math.max(norm(data), 1e-6));
    }
    console.log(`${name}: worst relative error of ${Object.keys(expected).length} tensors ${worst.toExponential(1)}`);
    expect(worst).toBeLessThan(1e-4);
  });
});
