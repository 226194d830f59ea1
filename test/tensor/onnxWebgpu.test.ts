/** The WebGPU device of the onnx backend, on a software Vulkan device where one can be had. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initModel } from '../../src/models/init.ts';
import { models } from '../../src/models/registry.ts';
import { backend as cpu } from '../../src/tensor/backends/cpu/backend.ts';
import { backend as onnx } from '../../src/tensor/backends/onnx/backend.ts';
import {
  hostScalar,
  joined,
  scalarSpec,
  under,
  type Backend,
  type Program,
  type Session,
} from '../../src/tensor/compile.ts';
import { add, mapTensors, mul, softmaxCrossEntropy, sub, valueAndGrad } from '../../src/tensor/ops.ts';
import { cases, evaluate, relativeError, valuesFor } from './opCases.ts';
import { useSoftwareVulkan } from './softwareVulkan.ts';

const vulkan = useSoftwareVulkan();
if (!vulkan.usable) console.log(`skipping the WebGPU tests: ${vulkan.reason}`);

describe.skipIf(!vulkan.usable)('onnx on WebGPU against cpu', () => {
  let sessions: { gpu: Session; cpu: Session };
  let overall = 0;
  beforeAll(async () => {
    sessions = { gpu: await onnx.open({}, { device: 'webgpu' }), cpu: await cpu.open({}, {}) };
  });
  afterAll(async () => {
    await sessions.gpu.close();
    console.log(`WebGPU: worst relative error of ${cases.length} cases: ${overall.toExponential(1)}`);
  });

  test.each(cases)('%s', async (_, one) => {
    const values = valuesFor(one);
    const found = await evaluate(sessions.gpu, one, values);
    const expected = await evaluate(sessions.cpu, one, values);
    for (const [name, { data }] of Object.entries(expected)) {
      const error = relativeError(found[name]!.data, data);
      overall = Math.max(overall, error);
      expect(error, name).toBeLessThan(1e-4); // WGSL allows exp, log and pow several ulps, and sums go in any order
    }
  });

  test('entries share, swap and part on the device', async () => {
    const one = (value: number) => ({ shape: [1], data: Float32Array.of(value) });
    const session = await onnx.open(
      { fast: one(4), slow: one(0), last: one(9), count: { shape: [], data: Int32Array.of(2) } },
      { device: 'webgpu' },
    );
    const merge = await session.compile(
      'merge',
      ({ fast, slow, count }) => {
        const middle = mul(add(fast!, slow!), 0.5);
        return { state: { fast: middle, slow: middle, last: slow!, count: add(count!, count!) }, outputs: { middle } };
      },
      {},
    );
    const step = await session.compile(
      'step',
      ({ fast }) => ({ state: { fast: add(fast!, 1), last: fast! }, outputs: {} }),
      {},
    );
    expect((await merge({}))['middle']!.data[0]).toBe(2);
    for (let i = 0; i < 3; i++) await step({});
    const values = async () =>
      Object.values(await session.read(['fast', 'slow', 'last', 'count'])).map(({ data }) => data[0]);
    expect(await values()).toEqual([5, 2, 4, 4]);
    await session.write({ fast: one(-2) });
    await merge({});
    expect(await values()).toEqual([0, 0, 2, 8]);
    await session.close();
  });

  test('a network is trained with its state on the device', async () => {
    const input = { height: 10, width: 8, channels: 3, classes: 4 };
    const family = models['r8-basic'];
    const model = family.build(family.options.parse({}), input);
    const { params, stats } = initModel(model, 2);
    const images = { shape: [4, 10, 8, 3], data: Float32Array.from({ length: 960 }, (_, i) => Math.sin(i * i)) };
    const labels = { shape: [4], data: Int32Array.of(0, 1, 2, 3) };
    const step: Program = (state, { images, labels, lr }) => {
      const { loss, grads, aux } = valueAndGrad(
        (p) => {
          const { logits, stats } = model.apply(p, under(state, 'stats'), images!, { training: true });
          return { loss: softmaxCrossEntropy(logits, labels!, 0.1), aux: stats };
        },
        under(state, 'params'),
      );
      const next = mapTensors((x, g) => sub(x, mul(g, lr!)), under(state, 'params'), grads);
      return { state: joined({ params: next, stats: aux }), outputs: { loss } };
    };
    const train = async (on: Backend, device: string) => {
      const session = await on.open(joined({ params, stats }), { device });
      const run = await session.compile('train', step, {
        images: { shape: images.shape, dtype: 'float32' },
        labels: { shape: labels.shape, dtype: 'int32' },
        lr: scalarSpec,
      });
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) losses.push((await run({ images, labels, lr: hostScalar(0.05) }))['loss']!.data[0]!);
      const state = await session.read();
      await session.close();
      return { losses, state };
    };
    const [found, expected] = [await train(onnx, 'webgpu'), await train(cpu, 'cpu')];
    expect(relativeError(found.losses, expected.losses)).toBeLessThan(1e-5);
    for (const [name, { data }] of Object.entries(expected.state)) {
      expect(relativeError(found.state[name]!.data, data), name).toBeLessThan(1e-4);
    }
  });
});
