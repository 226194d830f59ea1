import { describe, expect, test } from 'vitest';
import { datasetNames, datasets } from '../../src/data/registry.ts';
import { sources } from '../../src/data/sources.ts';
import { temporaryFolder } from './toy.ts';

describe.each(datasetNames)('%s', (name) => {
  const entry = datasets[name];

  test('all options have defaults, and an unknown one is refused', () => {
    expect(entry.options.safeParse({}).success).toBe(true);
    expect(entry.options.safeParse({ colour: 1 }).success).toBe(false);
  });

  test('tells shape and classes without a file', () => {
    const { shape, classes } = entry.facts({ name });
    expect(shape.every((size) => Number.isInteger(size) && size > 0)).toBe(true);
    if (name === 'imagefolder' || name === 'tfrecord')
      expect(classes).toBeUndefined(); // only the files tell
    else expect(classes).toBeGreaterThanOrEqual(10);
    if (entry.shape) expect([shape, classes]).toEqual([entry.shape, entry.classes]);
  });
});

describe.each(Object.values(sources))('$name as published', (source) => {
  test('file sizes follow from counts and shape', () => {
    const labelBytes = source.name === 'cifar100' ? 2 : 1;
    const pixels = source.shape[0] * source.shape[1] * source.shape[2];
    const headers = source.shape[2] === 1 ? 2 * (16 + 8) : 0; // IDX: 4 + 4 bytes a dimension
    const expected = (source.counts.train + source.counts.test) * (pixels + labelBytes) + headers;
    expect(source.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(expected);
    expect(new Set(source.classNames).size).toBe(source.classNames.length);
    expect([source.mean.length, source.std.length]).toEqual([source.shape[2], source.shape[2]]);
  });

  test('not prepared: the remedy is the command that prepares it', async () => {
    const root = temporaryFolder();
    const load = datasets[source.name as keyof typeof sources].load({ name: source.name, root });
    await expect(load).rejects.toMatchObject({
      code: 2,
      remedy: `ranger21 data prepare ${source.name} --root ${root}`,
    });
  });
});

describe('options', () => {
  test('CIFAR-100 has its hundred classes, in alphabetical order as published', () => {
    expect(sources.cifar100.classNames.length).toBe(100);
    expect(sources.cifar100.classNames).toEqual([...sources.cifar100.classNames].sort());
  });

  test('train and test take subsets, the same ones for every run', async () => {
    const whole = await datasets.digits.load({ name: 'digits' });
    const [some, again] = [
      await datasets.digits.load({ train: 500, test: 100 }),
      await datasets.digits.load({ train: 500, test: 100 }),
    ];
    expect([some.train.count, some.test.count]).toEqual([500, 100]);
    expect(some.fingerprint).toBe(again.fingerprint);
    expect(some.fingerprint).not.toBe(whole.fingerprint);
    expect(datasets.digits.facts({ train: 500 })).toMatchObject({
      shape: [8, 8, 1],
      classes: 10,
      train: 500,
      test: 360,
    });
  });

  test('a subset larger than the set is refused before anything is read', () => {
    expect(datasets['fashion-mnist'].options.safeParse({ train: 60_001 }).success).toBe(false);
    expect(datasets['fashion-mnist'].options.safeParse({ train: 10_000 }).success).toBe(true);
    expect(datasets.digits.options.safeParse({ test: 0 }).success).toBe(false);
  });

  test('synthetic makes as many images as asked', async () => {
    const { train, test: held, shape } = await datasets.synthetic.load({ train: 30, test: 10 });
    expect([train.count, held.count, shape]).toEqual([30, 10, [32, 32, 3]]);
  });

  test('imagefolder knows what its options say, and no count that only the files tell', () => {
    const { mean, std, ...told } = datasets.imagefolder.facts({});
    expect([told, mean.length, std.length]).toEqual([{ shape: [224, 224, 3], scale: 255 }, 3, 3]);
    expect(datasets.imagefolder.facts({ image: 128, classes: 1000, train: 500 })).toEqual({
      ...{ mean, std, scale: 255 },
      ...{ shape: [128, 128, 3], classes: 1000, train: 500 },
    });
    expect(datasets.imagenette.facts({})).toMatchObject({
      shape: [128, 128, 3],
      classes: 10,
      train: 9_469,
      test: 3_925,
    });
    expect(datasets.imagewoof.facts({ train: 100 })).toMatchObject({ train: 100, test: 3_929 });
  });
});
