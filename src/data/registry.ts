import { z } from 'zod';
import { assemble } from './assemble.ts';
import { digitsNormalisation, readDigits } from './digits.ts';
import { entry, type DatasetEntry } from './entry.ts';
import { imageEntries } from './images/imageEntries.ts';
import { loadPrepared } from './prepared.ts';
import type { Source } from './source.ts';
import { sources } from './sources.ts';
import { readSynthetic, syntheticNormalisation } from './synthetic.ts';

export type { DatasetEntry, Facts } from './entry.ts';

const count = (most: number) => z.int().min(1).max(most);
const trainOption = (most: number) =>
  count(most).optional().describe('training samples: a fixed stratified subset; all when absent');
const testOption = (most: number) =>
  count(most).optional().describe('test samples: a fixed stratified subset; all when absent');
const rootOption = z
  .string()
  .min(1)
  .optional()
  .describe(
    'folder of the prepared data; when absent RANGER21_DATA, else datasets/ in a clone and the user’s cache elsewhere',
  );

function prepared(source: Source) {
  const { shape, counts, classNames, mean, std } = source;
  const classes = classNames.length;
  return entry({
    summary: source.summary,
    shape,
    classes,
    origin: 'prepared',
    options: z.strictObject({ root: rootOption, train: trainOption(counts.train), test: testOption(counts.test) }),
    facts: ({ train = counts.train, test = counts.test }) => ({ shape, classes, mean, std, scale: 255, train, test }),
    load: async ({ root, train, test }) => {
      const { name } = source;
      const splits = await loadPrepared(source, root);
      const whole = { name, shape, classes, classNames, mean, std, scale: 255, train: splits.train, test: splits.test };
      return assemble(whole, { train, test });
    },
  });
}

const digits = entry({
  summary: 'handwritten digits, 8×8 grey, shipped with the package (Alpaydin and Kaynak 1998)',
  shape: [8, 8, 1],
  classes: 10,
  origin: 'shipped',
  options: z.strictObject({ train: trainOption(1_437), test: testOption(360) }),
  facts: ({ train = 1_437, test = 360 }) => ({ shape: [8, 8, 1], classes: 10, ...digitsNormalisation, train, test }),
  load: async (options) => assemble(await readDigits(), options),
});

const synthetic = entry({
  summary: 'oriented gratings × colour × noise, 32×32 colour, computed',
  shape: [32, 32, 3],
  classes: 10,
  origin: 'computed',
  options: z.strictObject({
    seed: z.int().min(0).default(0).describe('seed of the images'),
    noise: z.number().min(0).max(255).default(70).describe('amplitude of the uniform noise, in pixel values'),
    train: count(100_000).default(5_000).describe('training samples'),
    test: count(100_000).default(1_000).describe('test samples'),
  }),
  facts: ({ train, test }) => ({ shape: [32, 32, 3], classes: 10, ...syntheticNormalisation, train, test }),
  load: (options) => Promise.resolve(assemble(readSynthetic(options), {})),
});

/** Every data set, by its name in the configuration. */
export const datasets = {
  digits,
  synthetic,
  mnist: prepared(sources.mnist),
  'fashion-mnist': prepared(sources['fashion-mnist']),
  cifar10: prepared(sources.cifar10),
  cifar100: prepared(sources.cifar100),
  ...imageEntries,
} as const satisfies Record<string, DatasetEntry>;

export type DatasetName = keyof typeof datasets;
export const datasetNames = Object.keys(datasets) as DatasetName[];
