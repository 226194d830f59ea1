import { z } from 'zod';
import { UserError } from '../errors.ts';
import { assemble } from './assemble.ts';
import type { Dataset } from './dataset.ts';
import { readDigits } from './digits.ts';
import { loadPrepared } from './prepared.ts';
import type { Source } from './source.ts';
import { sources } from './sources.ts';
import { readSynthetic } from './synthetic.ts';

/** What an experiment can know of its data before a file is read; a count is absent where only the files tell. */
export interface Facts {
  readonly shape: readonly [number, number, number];
  readonly classes: number;
  readonly train?: number;
  readonly test?: number;
}

/** A data set as configurations name it. `options` are the keys of `dataset:` beside its name. */
export interface DatasetEntry<Options extends z.ZodObject = z.ZodObject> {
  readonly summary: string;
  readonly options: Options;
  /** As far as known without options and files. */
  readonly classes?: number;
  readonly shape?: readonly [number, number, number];
  /** How the data get here: they ship with the package, are computed, are prepared once, or lie in the user's own folder. */
  readonly origin: 'shipped' | 'computed' | 'prepared' | 'folder';
  facts(options: object): Facts;
  load(options: object): Promise<Dataset>;
}

/** The entry of a data set; `facts` and `load` take the options with or without their defaults, and the key `name` with them. */
function entry<Options extends z.ZodObject>(definition: {
  summary: string;
  options: Options;
  classes?: number;
  shape?: readonly [number, number, number];
  origin: DatasetEntry['origin'];
  facts: (options: z.output<Options>) => Facts;
  load: (options: z.output<Options>) => Promise<Dataset>;
}): DatasetEntry<Options> {
  const complete = (options: object) => {
    const { name: _, ...rest } = options as { name?: unknown };
    return definition.options.parse(rest);
  };
  return {
    ...definition,
    facts: (options) => definition.facts(complete(options)),
    load: (options) => definition.load(complete(options)),
  };
}

const count = (most: number) => z.int().min(1).max(most);
const trainOption = (most: number) =>
  count(most).optional().describe('training samples: a fixed stratified subset; all when absent');
const testOption = (most: number) =>
  count(most).optional().describe('test samples: a fixed stratified subset; all when absent');
const rootOption = z
  .string()
  .min(1)
  .optional()
  .describe('folder of the prepared data; RANGER21_DATA or datasets/ when absent');

function prepared(source: Source) {
  const { shape, counts, classNames } = source;
  const classes = classNames.length;
  return entry({
    summary: source.summary,
    shape,
    classes,
    origin: 'prepared',
    options: z.strictObject({ root: rootOption, train: trainOption(counts.train), test: testOption(counts.test) }),
    facts: ({ train = counts.train, test = counts.test }) => ({ shape, classes, train, test }),
    load: async ({ root, train, test }) => {
      const { name, mean, std } = source;
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
  facts: ({ train = 1_437, test = 360 }) => ({ shape: [8, 8, 1], classes: 10, train, test }),
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
  facts: ({ train, test }) => ({ shape: [32, 32, 3], classes: 10, train, test }),
  load: (options) => Promise.resolve(assemble(readSynthetic(options), {})),
});

/** ILSVRC-2012, whose counts a folder of 1000 classes is taken to have until it is read. */
const imagenet = { classes: 1_000, train: 1_281_167, test: 50_000 };

const imagefolder = entry({
  summary: 'a folder of JPEG files a class, as ImageNet comes (declared; the reader is not built yet)',
  origin: 'folder',
  options: z.strictObject({
    root: z.string().min(1).optional().describe('folder with train/<class>/ and val/<class>/'),
    image: count(1_024).default(224).describe('side of the square that images are cropped to'),
    classes: z.int().min(2).max(100_000).default(imagenet.classes).describe('number of class folders'),
    train: count(100_000_000).optional().describe('training samples: a fixed stratified subset; all when absent'),
    test: count(100_000_000).optional().describe('test samples: a fixed stratified subset; all when absent'),
  }),
  facts: ({ image, classes, ...asked }) => {
    const known = classes === imagenet.classes ? imagenet : undefined;
    const [train, test] = [asked.train ?? known?.train, asked.test ?? known?.test];
    return { shape: [image, image, 3], classes, ...(train && { train }), ...(test && { test }) };
  },
  load: ({ root }) => {
    const place = root === undefined ? '' : ` for ${root}`;
    return Promise.reject(
      new UserError(`the reader of image folders is not built yet${place}`, {
        remedy: 'use --dry-run, or another data set: see `ranger21 data ls`',
      }),
    );
  },
});

/** Every data set, by its name in the configuration. */
export const datasets = {
  digits,
  synthetic,
  mnist: prepared(sources.mnist),
  'fashion-mnist': prepared(sources['fashion-mnist']),
  cifar10: prepared(sources.cifar10),
  cifar100: prepared(sources.cifar100),
  imagefolder,
} as const satisfies Record<string, DatasetEntry>;

export type DatasetName = keyof typeof datasets;
export const datasetNames = Object.keys(datasets) as DatasetName[];
