/** Folders as people have them: other names for the held-out part, class folders alone, any number of classes. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareImages } from '../../../src/cli/dataImages.ts';
import { experimentSchema } from '../../../src/config/schema.ts';
import { sampleName, type ImageSplit } from '../../../src/data/images/imageSplit.ts';
import { datasets } from '../../../src/data/registry.ts';
import { UserError } from '../../../src/errors.ts';
import { schedulePreview } from '../../../src/experiment/schedule.ts';
import { planRun } from '../../../src/experiment/train.ts';
import { runId } from '../../../src/runs/id.ts';
import { openTree, ppm, ppmTree } from './imageTree.ts';

const namesOf = (split: ImageSplit, root: string) =>
  Array.from({ length: split.count }, (_, i) => sampleName(split, i).slice(root.length + 1));
const failureOf = async (work: Promise<unknown>): Promise<UserError> => {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(UserError);
  return failure as UserError;
};

describe('the part that is evaluated on', () => {
  test.each([
    ['val', ['val', 'test']],
    ['valid', ['valid', 'test']],
    ['validation', ['validation', 'test']],
    ['test', ['test']],
  ])('is %s, of %j', async (expected, held) => {
    const root = ppmTree({ train: 3, ...Object.fromEntries(held.map((name, i) => [name, 2 + i])) });
    const { dataset } = await openTree(root);
    expect(dataset.heldOut).toBe(`${expected}/`);
    expect(namesOf(dataset.test, root).every((name) => name.startsWith(`${expected}/`))).toBe(true);
    expect([dataset.train.count, dataset.test.count]).toEqual([9, 6]);
  });

  test('is not guessed where there are two for it', async () => {
    const { message, remedy } = await failureOf(openTree(ppmTree({ train: 3, val: 2, valid: 2 })));
    expect(message).toMatch(/has the folders val and valid: one of them is to be evaluated on$/);
    expect(remedy).toBe('move the others elsewhere');
  });

  test('is held out of the training images where a share of them is asked for', async () => {
    const root = ppmTree({ train: 10, valid: 2 });
    expect((await datasets.imagefolder.load({ root })).heldOut).toBe('valid/');
    expect((await datasets.imagefolder.load({ root, holdOut: 0.2 })).heldOut).toBe('20 % of the training images');
    expect(await datasets.imagefolder.list({ root, holdOut: 0.2 })).toMatchObject({
      ...{ train: 24, test: 6, heldOut: '20 % of the training images' },
    });
  });
});

describe('class folders alone', () => {
  const flat = () => ppmTree({ '': 200 });

  test('are refused without a share to hold out, which the error says to set', async () => {
    const root = flat();
    const { message, remedy } = await failureOf(datasets.imagefolder.load({ root }));
    expect(message).toBe(`${root} has no folders train and val`);
    expect(remedy).toBe(
      'set dataset.split, to 0.2 say, to hold out that share of each class; or sort the images into train/<class>/ and val/<class>/',
    );
    const within = await failureOf(datasets.imagefolder.load({ root: ppmTree({ train: 4 }) }));
    expect(within.remedy).toMatch(
      /put the held-out images into val.*; or set dataset.root to .*\/train, and set dataset.split/,
    );
  });

  test('with dataset.split, about that share of each class is held out, and all images are in one of the two', async () => {
    const root = flat();
    const { train, test: held, classes, heldOut } = await datasets.imagefolder.load({ root, split: 0.25 });
    expect([classes, heldOut]).toEqual([3, '25 % of each class, by file name']);
    const all = [...namesOf(train, root), ...namesOf(held, root)];
    expect([all.length, new Set(all).size]).toEqual([600, 600]);
    for (const label of [0, 1, 2]) {
      const share = [...held.labels].filter((of) => of === label).length / 200;
      expect(Math.abs(share - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 200)); // four standard errors
    }
  });

  test('images stay on their side when others are added or removed', async () => {
    const root = flat();
    const before = await datasets.imagefolder.load({ root, split: 0.25 });
    const held = new Set(namesOf(before.test, root));
    for (let i = 0; i < 60; i++) writeFileSync(join(root, 'class0001', `new ${i}.ppm`), ppm(3, i));
    for (const i of [0, 20, 40]) rmSync(join(root, 'class0000', `${i}.ppm`));
    const after = await datasets.imagefolder.load({ root, split: 0.25 });
    const others = (names: string[]) => names.filter((name) => !name.includes('new'));
    expect(others(namesOf(after.test, root)).every((name) => held.has(name))).toBe(true);
    expect(others(namesOf(after.train, root)).some((name) => held.has(name))).toBe(false);
    expect(after.train.count + after.test.count).toBe(600 + 60 - 3);
    expect(after.fingerprint).not.toBe(before.fingerprint);
  });

  test('a larger share holds out what a smaller one does, and more', async () => {
    const root = flat();
    const [some, more] = await Promise.all([0.1, 0.3].map((split) => datasets.imagefolder.load({ root, split })));
    const held = new Set(namesOf(more!.test, root));
    expect(namesOf(some!.test, root).every((name) => held.has(name))).toBe(true);
    expect(held.size).toBeGreaterThan(some!.test.count);
    expect(more!.fingerprint).not.toBe(some!.fingerprint);
  });

  test.each([
    [2, 0.01, 1],
    [2, 0.5, 1],
    [5, 0.01, 1],
  ])('of %i images a class and a share of %d, %i a class is held out', async (images, split, expected) => {
    const { dataset } = await openTree(ppmTree({ '': images }), { split });
    for (const label of [0, 1, 2]) {
      expect([...dataset.test.labels].filter((of) => of === label)).toHaveLength(expected);
      expect([...dataset.train.labels].filter((of) => of === label)).toHaveLength(images - expected);
    }
  });

  test('a class of a single image is refused, or told and trained on', async () => {
    const root = ppmTree({ '': 6 });
    for (let i = 1; i < 6; i++) rmSync(join(root, 'class0001', `${i}.ppm`));
    const alone = `${root}/class0001 holds a single image, of which no share can be held out`;
    expect((await failureOf(openTree(root, { split: 0.2 }))).message).toBe(alone);
    const { dataset, told } = await openTree(root, { split: 0.2, badFiles: 'skip' });
    expect(told).toEqual([`${alone}: it is trained on`]);
    expect(namesOf(dataset.train, root)).toContain('class0001/0.ppm');
  });

  test('a share of a folder that has its own held-out part is refused', async () => {
    const { message, remedy } = await failureOf(openTree(ppmTree({ train: 3, valid: 2 }), { split: 0.2 }));
    expect(message).toMatch(/has held-out images of its own, in valid$/);
    expect(remedy).toBe('remove dataset.split');
  });

  test('packed into shards, the share is that of the folder, and recorded', async () => {
    const root = ppmTree({ '': 20 });
    const packed = join(ppmTree({}), 'packed');
    const prepare = (split: number | undefined) =>
      prepareImages('imagefolder', { from: root, root: packed, format: 'raw', badFiles: 'error', workers: 0, split });
    expect((await failureOf(prepare(undefined))).remedy).toContain('set --split, to 0.2 say');
    await prepare(0.2);
    const { source } = JSON.parse(readFileSync(join(packed, 'shards.json'), 'utf8')) as { source: object };
    expect(source).toMatchObject({ split: 0.2, heldOut: '20 % of each class, by file name' });
    const fromFolder = await datasets.imagefolder.load({ root, split: 0.2 });
    for (const options of [{}, { split: 0.2 }]) {
      const fromShards = await datasets.imagefolder.load({ root: packed, ...options });
      expect([...fromShards.train.labels]).toEqual([...fromFolder.train.labels]);
      expect([...fromShards.test.labels]).toEqual([...fromFolder.test.labels]);
      expect(fromShards.heldOut).toBe(fromFolder.heldOut);
    }
    const other = await failureOf(datasets.imagefolder.load({ root: packed, split: 0.3 }));
    expect(other.message).toBe(`the shards in ${packed} were packed with 0.2 held out, dataset.split is 0.3`);
  });
});

describe('classes are counted', () => {
  const experiment = (dataset: object, more: object = {}) =>
    experimentSchema.parse({
      ...{ name: 'x', model: { name: 'r8-basic' }, optimizer: { name: 'ranger21', lr: 1e-3 } },
      ...{ dataset: { name: 'imagefolder', image: 16, ...dataset }, train: { epochs: 10, batch: 10 }, ...more },
    });

  test('a folder of 1,000 classes and 1,000 images is not taken for ILSVRC: 100 steps an epoch of 10 images', async () => {
    const root = ppmTree({ train: 1, val: 1 }, { classes: 1000 });
    const { dataset } = experiment({ root });
    const { heldOut, ...listed } = await datasets.imagefolder.list(dataset);
    expect([listed.classes, listed.train, listed.test, heldOut]).toEqual([1000, 1000, 1000, 'val/']);
    expect(planRun(experiment({ root }), listed)).toMatchObject({ stepsPerEpoch: 100, totalSteps: 1000 });
    expect(schedulePreview(experiment({ root }), listed.train)).toMatchObject({ stepsPerEpoch: 100 });
  });

  test('a config is valid without the data, and its facts say no count', () => {
    const { dataset } = experiment({ root: '/nowhere' });
    const { train, test: held, classes } = datasets.imagefolder.facts(dataset);
    expect([train, held, classes]).toEqual([undefined, undefined, undefined]);
    expect(() => schedulePreview(experiment({ root: '/nowhere' }))).toThrow('is not known before it is read');
  });

  test('said or counted, a run has the same id; another number is refused', async () => {
    const root = ppmTree({ train: 3, val: 2 });
    const idOf = async (more: object) => {
      const asked = experiment({ root, ...more });
      return runId(asked, 0, (await datasets.imagefolder.load(asked.dataset)).fingerprint);
    };
    expect(await idOf({ classes: 3 })).toBe(await idOf({}));
    expect(await idOf({ image: 24 })).not.toBe(await idOf({}));
    const { message, remedy } = await failureOf(idOf({ classes: 1000 }));
    expect(message).toBe(`${root} has 3 classes, dataset.classes is 1000`);
    expect(remedy).toBe('set dataset.classes to 3 or leave it out, or set dataset.root to another folder');
  });

  test('a run that does not fit the images that were found is refused before it begins', async () => {
    const root = ppmTree({ train: 10, val: 1 });
    const listed = await datasets.imagefolder.list({ root });
    const plan = (more: object) => () => planRun(experiment({ root }, more), listed);
    expect(plan({})).not.toThrow();
    expect(plan({ train: { epochs: 1, batch: 31 } })).toThrow('train.batch is 31, and there are 30 images to train on');
    const optimizer = { name: 'ranger21', lr: 1e-3, components: { warmup: { steps: 29 } } };
    expect(plan({ optimizer })).toThrow('the warm-up ends at step 29, after the warm-down starts (step');
  });

  test.each([
    [{ train: 3, val: 2 }, 1, 'has a single class folder, class0000'],
    [{ '': 3 }, 1, 'has a single class folder, class0000'],
  ])('%j with %i class is refused in plain words', async (parts, classes, expected) => {
    const root = ppmTree(parts, { classes });
    const { message } = await failureOf(openTree(root, '' in parts ? { split: 0.2 } : {}));
    expect(message).toMatch(new RegExp(`${expected}$`));
  });

  test('folders without any class are refused, too', async () => {
    const root = ppmTree({});
    mkdirSync(join(root, 'train'));
    mkdirSync(join(root, 'val'));
    expect((await failureOf(openTree(root))).message).toBe(`${root}/train has no class folders`);
  });
});
