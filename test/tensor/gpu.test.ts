/** The tensorflow backend on a CUDA device: the optimizer's vectors, a short training, and where things lie. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseVectors } from '../../src/experiment/verify/vectorFile.ts';
import { verifyCase } from '../../src/experiment/verify/verifyOptimizer.ts';
import { backend as cpu } from '../../src/tensor/backends/cpu/backend.ts';
import { backend as tensorflow } from '../../src/tensor/backends/tensorflow/backend.ts';
import { startRuntime } from '../../src/tensor/backends/tensorflow/runtime.ts';
import type { Backend, HostTensor, Session } from '../../src/tensor/compile.ts';
import * as ops from '../../src/tensor/ops.ts';
import { isAbsent } from '../backends.ts';
import { trainedLosses } from './shortTraining.ts';

/** Why there is no GPU to test on; undefined where there is. */
async function missing(): Promise<string | undefined> {
  const found = await tensorflow.probe();
  if (!found.usable) return found.reason;
  if (!found.devices.includes('gpu')) return 'no NVIDIA device';
  // TensorFlow itself says what it lacks, and a process starts it once
  return startRuntime({ device: 'gpu' }).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
}
const absent = isAbsent('gpu', await missing());

/** The backend, every session of it on the GPU. */
const onGpu: Backend = {
  ...tensorflow,
  open: (state, options) => tensorflow.open(state, { ...options, device: 'gpu' }),
};

describe.skipIf(absent)('on a GPU', () => {
  const vectors = parseVectors(readFileSync('test/fixtures/ranger21-vectors.json', 'utf8'), 'ranger21-vectors.json');
  test.each(vectors)('$group/$name', async (vector) => {
    const result = await verifyCase(vector, onGpu, 2e-6); // the bound of every backend
    expect(result.note).toBeUndefined();
    expect(result.worst, result.where).toBeLessThanOrEqual(2e-6);
  });

  // float32 sums of up to 1,000 products in another order, ten steps long
  test.each(['r8-basic', 'nf-r8-basic'] as const)('%s trains as on cpu', async (model) => {
    const [found, expected] = [await trainedLosses(onGpu, model, 10), await trainedLosses(cpu, model, 10)];
    found.forEach((loss, t) => expect(Math.abs(loss / expected[t]! - 1), `step ${t + 1}`).toBeLessThan(1e-3));
  });

  describe('a session', () => {
    const int: HostTensor = { shape: [2], data: Int32Array.of(7, 8) };
    const floats: HostTensor = { shape: [2], data: Float32Array.of(1, 2) };
    let session: Session;
    beforeAll(async () => {
      session = await onGpu.open({ a: floats, n: int }, {});
    });
    afterAll(() => session.close());

    test('says where it is', () => expect(session.device).toBe('gpu:0'));

    test('gives back what it was given, int32 included', async () => {
      expect(await session.read()).toEqual({ a: floats, n: int });
    });

    test('a second device of the process is refused', async () => {
      await expect(tensorflow.open({}, { device: 'cpu' })).rejects.toThrow(/device/);
    });

    test('too large a program names the batch', async () => {
      const size = 2 ** 19; // its square: 1 TiB
      const x = { shape: [size, 1], data: new Float32Array(size) };
      const square = await session.compile(
        'square',
        (_, { x }) => ({ outputs: { y: ops.sum(ops.matMul(x!, ops.reshape(x!, [1, size]))) } }),
        { x: { shape: x.shape, dtype: 'float32' } },
      );
      await expect(square({ x })).rejects.toMatchObject({
        message: expect.stringMatching(/out of memory with a batch of 524288/) as string,
      });
    });
  });
});
