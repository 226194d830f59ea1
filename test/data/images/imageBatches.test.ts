import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { trainBatches } from '../../../src/data/batches.ts';
import type { Batches, ImageDataset } from '../../../src/data/dataset.ts';
import { decodedEvaluation, decodedTraining } from '../../../src/data/images/imageBatches.ts';
import { packImages } from '../../../src/data/images/packImages.ts';
import { permutation, stream } from '../../../src/random.ts';
import { imageTree, openTree, openTreeFolder, silent } from './imageTree.ts';
import { started } from '../threads.ts';
import { sha256 } from '../toy.ts';

const options = { batch: 10, seed: 3, augment: { crop: 0, flip: true } };
const quiet = { reading: silent, policy: 'error', force: false } as const;

/** Hashes of the batches of some steps, and of a whole evaluation. */
async function hashes(dataset: ImageDataset, steps: readonly number[]): Promise<{ train: string[]; test: string[] }> {
  const train = decodedTraining(dataset, options);
  const evaluation = decodedEvaluation(dataset, { batch: 6 });
  const found: { train: string[]; test: string[] } = { train: [], test: [] };
  for (const t of steps) {
    const { images, labels, indices, release } = await train.batch(t);
    found.train.push(sha256(Buffer.concat([images, Buffer.from(labels.buffer), Buffer.from(indices.buffer)])));
    release();
  }
  for await (const { images, labels, weights } of evaluation.batches()) {
    found.test.push(sha256(Buffer.concat([images, Buffer.from(labels.buffer), Buffer.from(weights.buffer)])));
  }
  await train.close();
  await evaluation.close();
  return found;
}

describe('the same bytes', () => {
  const steps = [1, 2, 3, 4, 5];

  test('with 0, 1, 2 and 4 threads, in any order', async () => {
    const root = imageTree();
    const expected = await hashes((await openTree(root)).dataset, steps);
    expect(new Set(expected.train).size).toBe(5);
    for (const workers of [1, 2, 4]) {
      expect(await hashes((await openTree(root, { workers })).dataset, steps)).toEqual(expected);
    }
    const backwards = await hashes((await openTree(root, { workers: 2 })).dataset, [5, 1, 4, 4, 2, 3]);
    expect(backwards.train).toEqual([5, 1, 4, 4, 2, 3].map((t) => expected.train[t - 1]));
  });

  test('from the folder and from shards of the same files, on shards of pixels for evaluation too', async () => {
    const root = imageTree();
    const shards = join(root, 'packed');
    const expected = await hashes((await openTree(root)).dataset, steps);
    await packImages(openTreeFolder(root), { ...quiet, root: shards, format: 'jpeg', size: null, workers: 0 });
    expect(await hashes((await openTree(shards)).dataset, steps)).toEqual(expected);

    const pixels = join(root, 'pixels');
    await packImages(openTreeFolder(root), { ...quiet, root: pixels, format: 'raw', size: null, workers: 2 });
    expect(await hashes((await openTree(pixels, { workers: 1 })).dataset, steps)).toEqual(expected);
  });

  test('after a thread was killed: another takes its place and its images are decoded again', async () => {
    const root = imageTree();
    const expected = await hashes((await openTree(root)).dataset, steps);
    const { dataset, told } = await openTree(root, { workers: 2 });
    const before = started.length;
    const train = decodedTraining(dataset, options);
    const found: string[] = [];
    for (const t of steps) {
      const coming = train.batch(t);
      if (t === 1 || t === 3) await started.at(t === 1 ? -1 : before)!.terminate();
      const { images, labels, indices, release } = await coming;
      found.push(sha256(Buffer.concat([images, Buffer.from(labels.buffer), Buffer.from(indices.buffer)])));
      release();
    }
    await train.close();
    expect(found).toEqual(expected.train);
    expect(told[0]).toMatch(/^a decoding thread ended by itself; its \d+ tasks are done again$/);
    expect(started.length).toBeGreaterThan(before + 2);
  });
});

describe('the ring', () => {
  test('holds three batches: nothing more is decoded until one is given back', async () => {
    const { dataset } = await openTree(imageTree());
    const train = decodedTraining(dataset, { ...options, batch: 4 });
    const held = [await train.batch(1), await train.batch(2), await train.batch(3)];
    const fourth = train.batch(4);
    const early = await Promise.race([fourth, after(300, 'nothing')]);
    expect(early).toBe('nothing');
    expect(new Set(held.map(({ images }) => images.buffer)).size).toBe(3);
    held[1]!.release();
    held[1]!.release();
    expect((await fourth).images.buffer).toBe(held[1]!.images.buffer);
    await train.close();
  });

  test('many steps asked for at once come as they are given back', async () => {
    const { dataset } = await openTree(imageTree(), { workers: 1 });
    const train = decodedTraining(dataset, { ...options, batch: 4 });
    const all = [1, 2, 3, 4, 5, 6, 7].map((t) =>
      train.batch(t).then(({ indices, release }) => {
        release();
        return indices;
      }),
    );
    const order = [0, 1].flatMap((epoch) => [...permutation(24, stream(3, 'order', epoch))]);
    expect((await Promise.all(all)).flatMap((indices) => [...indices])).toEqual(order.slice(0, 28));
    await train.close();
  });

  test('closed: threads are gone, and what was asked for is refused', async () => {
    const { dataset } = await openTree(imageTree(), { workers: 2 });
    const train: Batches = decodedTraining(dataset, options);
    const before = started.length;
    const refused = expect(train.batch(1)).rejects.toThrow('closed');
    await train.close?.();
    await refused;
    for (const worker of started.slice(before)) expect(worker.threadId).toBe(-1);
  });

  test('training and evaluation share the threads', async () => {
    const { dataset } = await openTree(imageTree(), { workers: 1 });
    const before = started.length;
    await hashes(dataset, [1]);
    expect(started.length).toBe(before + 1);
  });
});

describe('evaluation', () => {
  test('every sample once, the last batch filled up with zeros of weight 0', async () => {
    const { dataset } = await openTree(imageTree());
    const evaluation = decodedEvaluation(dataset, { batch: 6 });
    const seen: number[][] = [];
    for await (const { labels, weights, images } of evaluation.batches()) {
      seen.push([...labels].map((label, i) => (weights[i] === 1 ? label : -1)));
      if (seen.length === 3) expect(images.subarray(3 * 28 * 28 * 3).every((value) => value === 0)).toBe(true);
    }
    expect(seen).toEqual([
      [0, 0, 0, 0, 0, 1],
      [1, 1, 1, 1, 2, 2],
      [2, 2, 2, -1, -1, -1],
    ]);
    expect([evaluation.count, evaluation.batchSize]).toEqual([15, 6]);
    await evaluation.close();
  });
});

test('a crop that pads is refused, and so is a batch larger than the set', async () => {
  const { dataset } = await openTree(imageTree());
  expect(() => trainBatches(dataset, { ...options, augment: { crop: 4, flip: true } })).toThrow(
    'train.augment.crop is 4',
  );
  expect(() => trainBatches(dataset, { ...options, batch: 25 })).toThrow('has 24 training samples');
});
