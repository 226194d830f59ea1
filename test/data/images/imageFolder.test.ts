import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareImages } from '../../../src/cli/dataImages.ts';
import { evalBatches, trainBatches } from '../../../src/data/batches.ts';
import type { EvalBatch } from '../../../src/data/dataset.ts';
import { decodedEvaluation, decodedTraining } from '../../../src/data/images/imageBatches.ts';
import { sampleName } from '../../../src/data/images/imageSplit.ts';
import { datasets } from '../../../src/data/registry.ts';
import { UserError } from '../../../src/errors.ts';
import { className } from '../../bench/makeImageTree.js';
import { imageTree, openTree } from './imageTree.ts';

const [first, second, third] = [0, 1, 2].map(className) as [string, string, string];
const plain = { crop: 0, flip: true };

/** Every training sample of one epoch in batches of eight, then the held-out set: which were used, and what was told. */
async function pass(root: string, badFiles: 'error' | 'skip' | 'warn') {
  const { dataset, told } = await openTree(root, { badFiles });
  const train = decodedTraining(dataset, { batch: 8, seed: 0, augment: plain });
  const evaluation = decodedEvaluation(dataset, { batch: 4 });
  const indices: number[] = [];
  const labels: number[] = [];
  let weights = 0;
  try {
    for (let t = 1; t <= train.stepsPerEpoch; t++) {
      const batch = await train.batch(t);
      indices.push(...batch.indices);
      labels.push(...batch.labels);
      batch.release();
    }
    for await (const batch of evaluation.batches()) weights += batch.weights.reduce((a, b) => a + b, 0);
  } finally {
    await train.close();
    await evaluation.close();
  }
  return { dataset, told, indices, labels, weights, count: evaluation.count };
}

describe('a sound tree', () => {
  test('classes in byte order, files in byte order, whatever their endings', async () => {
    const root = imageTree();
    renameSync(join(root, 'train', first, `${first}_0.JPEG`), join(root, 'train', first, `${first}_0.jpg`));
    writeFileSync(join(root, 'train', first, 'notes.txt'), 'no image');
    const { dataset, told } = await openTree(root);
    expect(dataset.classNames).toEqual([first, second, third]);
    expect([dataset.train.count, dataset.test.count]).toEqual([24, 15]);
    expect([...dataset.train.labels]).toEqual([0, 1, 2].flatMap((label) => Array<number>(8).fill(label)));
    expect(sampleName(dataset.train, 0)).toBe(join(root, 'train', first, `${first}_0.jpg`));
    expect(told).toEqual([`${root}/train: 1 file is no image by its ending and is left out`]);
  });

  test('links to folders and files are followed, folders within a class are searched', async () => {
    const root = imageTree();
    renameSync(join(root, 'train', second), join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), join(root, 'train', second));
    mkdirSync(join(root, 'train', third, 'more'));
    symlinkSync(join(root, 'val', third, `${third}_0.JPEG`), join(root, 'train', third, 'more', 'linked.png'));
    const { dataset, indices } = await pass(root, 'error');
    expect(dataset.train.count).toBe(25);
    expect(indices.length).toBe(24);
  });

  test('a link that leads back above itself ends with a message', async () => {
    const root = imageTree();
    symlinkSync(join(root, 'train', first), join(root, 'train', first, 'again'));
    await expect(openTree(root)).rejects.toThrow(UserError);
    await expect(openTree(root)).rejects.toThrow('folders deep');
  });

  test('names that are not UTF-8 are read', async () => {
    const root = imageTree();
    const name = Buffer.concat([Buffer.from(`${root}/train/${first}/caf`), Buffer.from([0xe9]), Buffer.from('.JPEG')]);
    copyFileSync(join(root, 'train', first, `${first}_0.JPEG`), name);
    const { dataset, told } = await pass(root, 'error');
    expect(dataset.train.count).toBe(25);
    expect(told).toEqual([]);
  });

  test('a subset is stratified', async () => {
    const { dataset } = await openTree(imageTree(), { train: 6, test: 3 });
    expect([...dataset.train.labels]).toEqual([0, 0, 1, 1, 2, 2]);
    expect(dataset.test.count).toBe(3);
  });
});

describe('classes never shift', () => {
  test('one that is only in one of the splits', async () => {
    const root = imageTree();
    rmSync(join(root, 'val', second), { recursive: true });
    const open = () => openTree(root, { badFiles: 'warn' });
    await expect(open()).rejects.toThrow(UserError);
    await expect(open()).rejects.toThrow(`train and val differ in 1 class: ${second} only in ${root}/train`);
  });

  test('one without images: an error, or told and kept in its place', async () => {
    const root = imageTree();
    rmSync(join(root, 'train', second), { recursive: true });
    mkdirSync(join(root, 'train', second));
    await expect(openTree(root)).rejects.toThrow(`${root}/train/${second} holds no image`);
    const { dataset, told } = await openTree(root, { badFiles: 'skip' });
    expect([...new Set(dataset.train.labels)]).toEqual([0, 2]);
    expect(told).toEqual([`${root}/train/${second} holds no image: class ${second} keeps its number`]);
  });

  test('another number of classes than the configuration says', async () => {
    await expect(datasets.imagefolder.load({ root: imageTree(), classes: 4 })).rejects.toThrow(
      'has 3 classes, dataset.classes is 4',
    );
  });

  test('Imagenette’s folder holds Imagenette’s classes', async () => {
    const root = imageTree();
    const told = `${root} has 3 classes, imagenette has 10`;
    await expect(datasets.imagenette.load({ root })).rejects.toThrow(told);
    const packed = join(root, 'packed');
    const prepared = prepareImages('imagenette', { from: root, root: packed, format: 'jpeg', badFiles: 'error' });
    await expect(prepared).rejects.toThrow(told);
    expect(existsSync(packed)).toBe(false);
  });

  test.each([
    ['a folder without splits', (root: string) => join(root, 'train'), 'has no folders train and val'],
    ['no folder at all', (root: string) => join(root, 'missing'), 'cannot be listed'],
  ])('%s', async (_, place, message) => {
    const load = datasets.imagefolder.load({ root: place(imageTree()), classes: 3 });
    await expect(load).rejects.toThrow(UserError);
    await expect(load).rejects.toThrow(message);
  });

  test('a root that is not set', async () => {
    await expect(datasets.imagefolder.load({})).rejects.toThrow('dataset.root is not set for imagefolder');
  });
});

describe('bad files', () => {
  /** Damages the first training and the first held-out image of the first class. */
  const damages: [string, (path: string) => void, boolean][] = [
    ['cut off', (path) => truncateSync(path, 900), true],
    ['empty', (path) => truncateSync(path, 0), false],
    ['of another kind', (path) => writeFileSync(path, 'no image'), false],
    ['a dead link', (path) => { rmSync(path); symlinkSync('nowhere', path); }, false], // prettier-ignore
  ];

  test.each(damages)('%s, policy error: the run stops and names the file', async (_, damage) => {
    const root = imageTree();
    damage(join(root, 'train', first, `${first}_0.JPEG`));
    await expect(pass(root, 'error')).rejects.toThrow(UserError);
    await expect(pass(root, 'error')).rejects.toThrow(`${root}/train/${first}/${first}_0.JPEG`);
  });

  test.each(damages)(
    '%s, policy skip: told once, another image in its place, not counted in evaluation',
    async (_, damage) => {
      const root = imageTree();
      for (const split of ['train', 'val']) damage(join(root, split, first, `${first}_0.JPEG`));
      const { told, indices, labels, weights, count } = await pass(root, 'skip');
      expect(told.length).toBe(2);
      expect(told[0]).toMatch(`bad image 1: ${root}/train/${first}/${first}_0.JPEG: `);
      expect(told[1]).toMatch(`bad image 2: ${root}/val/${first}/${first}_0.JPEG: `);
      expect(indices).not.toContain(0);
      expect(indices.filter((sample) => sample === 1).length).toBe(2);
      expect(labels).toEqual(indices.map((sample) => Math.floor(sample / 8)));
      expect([weights, count]).toEqual([14, 14]);
    },
  );

  test.each(damages)('%s, policy warn: what decodes is used', async (_, damage, decodesInPart) => {
    const root = imageTree();
    for (const split of ['train', 'val']) damage(join(root, split, first, `${first}_0.JPEG`));
    const { told, indices, count } = await pass(root, 'warn');
    expect(told.length).toBe(2);
    expect(indices.includes(0)).toBe(decodesInPart);
    expect(count).toBe(decodesInPart ? 15 : 14);
  });

  test('a gap in an evaluation batch is zeros of weight 0', async () => {
    const root = imageTree();
    truncateSync(join(root, 'val', first, `${first}_1.JPEG`), 0);
    const { dataset } = await openTree(root, { badFiles: 'skip' });
    const evaluation = evalBatches(dataset, { batch: 4 });
    const { value: batch } = (await evaluation.batches()[Symbol.asyncIterator]().next()) as { value: EvalBatch };
    expect([...batch.weights]).toEqual([1, 0, 1, 1]);
    const size = 28 * 28 * 3;
    expect(batch.images.subarray(size, 2 * size).every((value) => value === 0)).toBe(true);
    expect(batch.images.subarray(0, size).every((value) => value === 0)).toBe(false);
    await evaluation.close?.();
  });
});

describe('content that changes', () => {
  /** Alters one byte, the size stays. */
  const alter = (path: string) => {
    const bytes = readFileSync(path);
    bytes.writeUInt8((bytes[400] as number) ^ 1, 400);
    writeFileSync(path, bytes);
  };

  test('between two epochs: the run stops, whatever the policy', async () => {
    const root = imageTree();
    const { dataset } = await openTree(root, { badFiles: 'warn' });
    const train = trainBatches(dataset, { batch: 24, seed: 0, augment: plain });
    await train.batch(1);
    await train.close?.();
    alter(join(root, 'train', first, `${first}_3.JPEG`));
    const again = trainBatches(dataset, { batch: 24, seed: 0, augment: plain });
    await expect(again.batch(2)).rejects.toThrow(
      `${root}/train/${first}/${first}_3.JPEG has other content than when it was first read`,
    );
    await again.close?.();
  });
});
