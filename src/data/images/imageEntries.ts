/** The data sets of image files, as configurations name them. */
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import { defaultWorkers } from './decoding.ts';
import { entry, type Facts } from '../entry.ts';
import {
  imageDataset,
  imagenetNormalisation,
  openFolder,
  openTfrecords,
  type PublishedFolder,
} from './imageDataset.ts';
import { imagenette as imagenetteDescription } from './imagenette.ts';
import { badFilePolicies } from './imageSplit.ts';
import { imagewoof as imagewoofDescription } from './imagewoof.ts';

/** ILSVRC-2012, whose counts a folder of 1000 classes is taken to have until it is read. */
const imagenet = { classes: 1_000, train: 1_281_167, test: 50_000 };

const samples = (part: string) =>
  z.int().min(1).max(100_000_000).optional().describe(`${part} samples: a fixed stratified subset; all when absent`);

const rootOption = (holds: string) => z.string().min(1).optional().describe(`folder with ${holds}`);

/** Options that all of them have. */
const common = {
  image: z.int().min(1).max(1_024).default(224).describe('side of the square that images are cropped to'),
  resize: z
    .int()
    .min(1)
    .max(4_096)
    .optional()
    .describe('short side that evaluation resizes to before its crop; image / 0.875 when absent'),
  workers: z
    .int()
    .min(0)
    .max(256)
    .optional()
    .describe(
      'threads that decode; one a core but one when absent; 0: the main thread. Beyond 4 and not on Linux, set UV_THREADPOOL_SIZE to it',
    ),
  badFiles: z
    .enum(badFilePolicies)
    .default('error')
    .describe('images that do not decode: error: stop; skip: use others instead; warn: use what decodes'),
  train: samples('training'),
  test: samples('test'),
};
const classes = z.int().min(2).max(100_000).default(imagenet.classes);

const say = (line: string) => process.stderr.write(`${line}\n`);

function withRoot<Options extends { root?: string | undefined; workers?: number | undefined }>(
  name: string,
  options: Options,
) {
  if (options.root === undefined) {
    throw new UserError(`dataset.root is not set for ${name}`, {
      remedy: 'set dataset.root to the folder of the data',
    });
  }
  return { ...options, root: options.root, workers: options.workers ?? defaultWorkers() };
}

interface Asked {
  readonly image: number;
  readonly train?: number | undefined;
  readonly test?: number | undefined;
}

function factsOf({ image, ...asked }: Asked, count: number, known?: { train: number; test: number }): Facts {
  const [train, test] = [asked.train ?? known?.train, asked.test ?? known?.test];
  return {
    shape: [image, image, 3],
    classes: count,
    ...imagenetNormalisation,
    ...(train && { train }),
    ...(test && { test }),
  };
}

const ilsvrc = (count: number) => (count === imagenet.classes ? imagenet : undefined);

const imagefolder = entry({
  summary: 'a folder of image files a class, as ImageNet comes, or shards packed from one',
  origin: 'folder',
  options: z.strictObject({
    root: rootOption('train/<class>/ and val/<class>/, or with shards from `ranger21 data prepare`'),
    classes: classes.describe('number of class folders'),
    ...common,
  }),
  facts: (options) => factsOf(options, options.classes, ilsvrc(options.classes)),
  load: (asked) => {
    const options = withRoot('imagefolder', asked);
    const source = openFolder(options.root, options.badFiles, say);
    return Promise.resolve(imageDataset(source, { name: 'imagefolder', classes: options.classes }, options, say));
  },
});

const tfrecord = entry({
  summary: 'ImageNet as TFRecord files, of the TPU scripts or of TFDS',
  origin: 'folder',
  options: z.strictObject({
    root: rootOption('the files train-00000-of-01024 …, or NAME-train.tfrecord-00000-of-01024 …'),
    classes: classes.describe('number of classes'),
    ...common,
  }),
  facts: (options) => factsOf(options, options.classes, ilsvrc(options.classes)),
  load: (asked) => {
    const options = withRoot('tfrecord', asked);
    const source = openTfrecords(options.root, options.classes);
    return Promise.resolve(imageDataset(source, { name: 'tfrecord', classes: options.classes }, options, say));
  },
});

/** A published set that comes as folders. */
function published(expected: PublishedFolder, image: number) {
  const { name, classes, counts, summary } = expected;
  return entry({
    summary,
    classes,
    origin: 'folder',
    options: z.strictObject({
      root: rootOption('train/<class>/ and val/<class>/, or with shards from `ranger21 data prepare`'),
      ...common,
      image: common.image.default(image),
    }),
    facts: (options) => factsOf(options, classes, counts),
    load: (asked) => {
      const options = withRoot(name, asked);
      return Promise.resolve(imageDataset(openFolder(options.root, options.badFiles, say), expected, options, say));
    },
  });
}

export const imageEntries = {
  imagefolder,
  imagenette: published(imagenetteDescription, 128),
  imagewoof: published(imagewoofDescription, 128),
  tfrecord,
} as const;
