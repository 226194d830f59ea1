/** What is held out comes from the training images, is all of them with what is left, and has every class’s share. */
import { describe, expect, test } from 'vitest';
import { evalBatches, trainBatches } from '../../src/data/batches.ts';
import type { Split } from '../../src/data/dataset.ts';
import { holdOut, holdOutFacts } from '../../src/data/holdOut.ts';
import { nameOf } from '../../src/data/images/imageStore.ts';
import type { ImageSplit } from '../../src/data/images/imageSplit.ts';
import { datasets } from '../../src/data/registry.ts';
import { imageTree, openTree, treeSizes } from './images/imageTree.ts';

const images = ({ images: pixels, count, labels }: Split): string[] => {
  const size = pixels.length / count;
  return Array.from({ length: count }, (_, i) => `${labels[i]}:${pixels.subarray(i * size, (i + 1) * size).join()}`);
};
const ofClass = ({ labels }: { labels: ArrayLike<number> }, wanted: number) =>
  Array.from(labels).filter((label) => label === wanted).length;

describe('digits', () => {
  const whole = datasets.digits.load({});
  const cut = datasets.digits.load({ holdOut: 0.2 });

  test('a fifth of the 1437 training images is held out: 287, which are no test images', async () => {
    const [all, part] = [await whole, await cut];
    expect([part.train.count, part.test.count]).toEqual([1150, 287]);
    expect([...images(part.train), ...images(part.test)].sort()).toEqual(images(all.train).sort());
    const ofTest = new Set(images(all.test));
    expect(images(part.test).some((image) => ofTest.has(image))).toBe(false);
    expect(datasets.digits.facts({ holdOut: 0.2 })).toMatchObject({ train: 1150, test: 287, classes: 10 });
  });

  test('each class has its share, to one image', async () => {
    const [all, part] = [await whole, await cut];
    for (let label = 0; label < 10; label++) {
      expect(Math.abs(ofClass(part.test, label) - (287 / 1437) * ofClass(all.train, label))).toBeLessThan(1);
    }
  });

  test('is the same every time, and other data than the whole', async () => {
    const again = await datasets.digits.load({ holdOut: 0.2 });
    const part = await cut;
    expect(images(again.test)).toEqual(images(part.test));
    expect(again.fingerprint).toBe(part.fingerprint);
    const others = [await whole, await datasets.digits.load({ holdOut: 0.25 })].map(({ fingerprint }) => fingerprint);
    expect(new Set([part.fingerprint, ...others]).size).toBe(3);
  });

  test('a subset is taken first', async () => {
    const all = await datasets.digits.load({ train: 200 });
    const part = await datasets.digits.load({ train: 200, holdOut: 0.5 });
    expect([part.train.count, part.test.count]).toEqual([100, 100]);
    expect([...images(part.train), ...images(part.test)].sort()).toEqual(images(all.train).sort());
  });

  test.each([0, 0.6, -0.1])('a share of %d is refused', async (share) => {
    await expect(datasets.digits.load({ holdOut: share })).rejects.toThrow();
  });
});

test('counts that only the files tell stay unknown', () => {
  const known = { shape: [8, 8, 3], classes: 3, mean: [0], std: [1], scale: 255 } as const;
  expect(holdOutFacts({ ...known, test: 5 }, 0.25)).not.toHaveProperty('test');
  expect(holdOutFacts({ ...known, train: 101, test: 5 }, 0.25)).toMatchObject({ train: 76, test: 25 });
});

test('image files: the held-out ones are read from the training folder', async () => {
  const { dataset } = await openTree(imageTree());
  const cut = holdOut(dataset, 0.25) as typeof dataset;
  const names = ({ store, places, count }: ImageSplit) =>
    Array.from({ length: count }, (_, i) => nameOf(store, places?.[i] ?? i));
  expect([cut.train.count, cut.test.count]).toEqual([18, 6]);
  expect([...names(cut.train), ...names(cut.test)].sort()).toEqual(names(dataset.train).sort());
  for (let label = 0; label < treeSizes.classes; label++) expect(ofClass(cut.test, label)).toBe(2);

  const subset = (await openTree(imageTree(), { train: 12 })).dataset;
  const ofSubset = holdOut(subset, 0.25) as typeof dataset;
  expect([...names(ofSubset.train), ...names(ofSubset.test)].sort()).toEqual(names(subset.train).sort());

  const [train, heldOut] = [
    trainBatches(cut, { batch: 6, seed: 0, augment: { crop: 0, flip: false } }),
    evalBatches(cut, { batch: 4 }),
  ];
  expect(train.stepsPerEpoch).toBe(3);
  const labels: number[] = [];
  for await (const batch of heldOut.batches()) {
    labels.push(...Array.from(batch.labels).filter((_, i) => batch.weights[i] === 1));
  }
  expect(labels).toEqual(Array.from(cut.test.labels));
  await train.close?.();
  await heldOut.close?.();
});
