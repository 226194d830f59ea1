import { describe, expect, test } from 'vitest';
import { evalBatches, trainBatches } from '../../src/data/batches.ts';
import type { Batch } from '../../src/data/dataset.ts';
import { UserError } from '../../src/errors.ts';
import { permutation, stream } from '../../src/random.ts';
import { imageSet } from './toy.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

const contentOf = ({ images, labels, indices, epoch }: Batch) => ({ images, labels, indices, epoch });

const augment = { crop: 4, flip: true };
const plain = { crop: 0, flip: false };

describe('training batches', () => {
  const data = imageSet(50, [8, 8, 3]);

  test('a batch is the same whatever was asked before it', async () => {
    const make = () => trainBatches(data, { batch: 16, seed: 7, augment });
    const forwards = make();
    const inOrder = [];
    for (let t = 1; t <= 9; t++) inOrder.push(await forwards.batch(t));
    const shuffled = make();
    for (const t of [9, 2, 5, 1, 5, 8]) expect(contentOf(await shuffled.batch(t))).toEqual(contentOf(inOrder[t - 1]!));
    const [first, second] = [0, 1].map((epoch) => permutation(50, stream(7, 'order', epoch)));
    expect(inOrder[0]?.indices).toEqual(first?.slice(0, 16));
    expect(inOrder[3]?.indices).toEqual(second?.slice(0, 16));
    expect(inOrder.map(({ epoch }) => epoch)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
    const other = await trainBatches(data, { batch: 16, seed: 8, augment }).batch(1);
    expect(contentOf(other)).not.toEqual(contentOf(inOrder[0]!));
  });

  test('an epoch visits no sample twice and drops the last partial batch', async () => {
    const batches = trainBatches(data, { batch: 16, seed: 0, augment });
    expect(batches.stepsPerEpoch).toBe(3);
    const seen = [];
    for (let t = 1; t <= 3; t++) seen.push(...(await batches.batch(t)).indices);
    expect(new Set(seen).size).toBe(48);
    expect(Math.max(...seen)).toBeLessThan(50);
  });

  test('each epoch is a permutation, another one each time', async () => {
    const batches = trainBatches(data, { batch: 50, seed: 0, augment: plain });
    const epochs = await Promise.all([1, 2, 3].map(async (t) => [...(await batches.batch(t)).indices]));
    for (const order of epochs)
      expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[1]).not.toEqual(epochs[2]);
  });

  test('pixels and labels belong to the indices', async () => {
    const { images, labels, indices } = await trainBatches(data, { batch: 10, seed: 3, augment: plain }).batch(1);
    const size = 8 * 8 * 3;
    indices.forEach((sample, i) => {
      expect(labels[i]).toBe(sample % 10);
      const pixels = data.train.images.subarray(sample * size, (sample + 1) * size);
      expect(images.subarray(i * size, (i + 1) * size)).toEqual(pixels);
    });
  });

  test('no buffer is shared between batches or with the data', async () => {
    const batches = trainBatches(data, { batch: 16, seed: 0, augment });
    const [one, again] = [await batches.batch(1), await batches.batch(1)];
    const buffers = [one, again].flatMap(({ images, labels, indices }) => [
      images.buffer,
      labels.buffer,
      indices.buffer,
    ]);
    expect(new Set(buffers).size).toBe(6);
    structuredClone(one.indices, { transfer: [one.indices.buffer as ArrayBuffer] });
    expect((await batches.batch(1)).indices).toEqual(again.indices);
  });

  test('a batch larger than the data set says how large it is', () => {
    const make = () => trainBatches(data, { batch: 51, seed: 0, augment });
    expect(make).toThrow(UserError);
    expect(make).toThrow('train.batch is 51, and images has 50 training samples');
  });
});

describe('evaluation batches', () => {
  test('cover the held-out set once, in order; the last is filled up with weight 0', async () => {
    const data = imageSet(23, [2, 2, 1]);
    const evaluation = evalBatches(data, { batch: 10 });
    expect([evaluation.count, evaluation.batchSize]).toEqual([23, 10]);
    const all = await collect(evaluation.batches());
    expect(all.map(({ weights }) => weights.reduce((a, b) => a + b))).toEqual([10, 10, 3]);
    const last = all[2];
    expect([...(last?.weights ?? [])]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect([...(last?.labels ?? [])]).toEqual([0, 1, 2, 0, 0, 0, 0, 0, 0, 0]);
    expect(last?.images.length).toBe(40);
    expect(last?.images.subarray(12)).toEqual(new Uint8Array(28));
    const pixels = all.flatMap(({ images }) => [...images]).slice(0, 23 * 4);
    expect(pixels).toEqual([...data.test.images]);
  });

  test('a batch larger than the set becomes the set', async () => {
    const evaluation = evalBatches(imageSet(23, [2, 2, 1]), { batch: 1000 });
    expect(evaluation.batchSize).toBe(23);
    expect((await collect(evaluation.batches())).length).toBe(1);
  });
});
