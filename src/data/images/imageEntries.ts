/** The data sets of image files, as configurations name them. */
import { z } from 'zod';
import { UserError } from '../../errors.ts';
import { defaultWorkers } from './decoding.ts';
import { entry, type Facts, type Listed } from '../entry.ts';
import { toStderr, type Reading } from '../reading.ts';
import {
  arrange,
  imageDataset,
  imagenetNormalisation,
  openFolder,
  openTfrecords,
  type Expected,
  type ImageOptions,
  type ImageSource,
  type PublishedFolder,
} from './imageDataset.ts';
import { imagenette as imagenetteDescription } from './imagenette.ts';
import { badFilePolicies } from './imageSplit.ts';
import { imagewoof as imagewoofDescription } from './imagewoof.ts';
import { configKeys } from './optionNames.ts';

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
const classes = z.int().min(2).max(100_000).optional();

/** The options of all of them together. */
interface Asked extends Omit<ImageOptions, 'workers'> {
  readonly workers?: number | undefined;
  readonly classes?: number | undefined;
  readonly split?: number | undefined;
}

function withRoot(name: string, options: Asked) {
  if (options.root === undefined) {
    throw new UserError(`dataset.root is not set for ${name}`, {
      remedy: 'set dataset.root to the folder of the data',
    });
  }
  return { ...options, root: options.root, workers: options.workers ?? defaultWorkers() };
}

/** A count that is asked for is what a run has, or it is refused: it is known before the files are. */
function factsOf(
  { image, ...asked }: Pick<Asked, 'image' | 'train' | 'test'>,
  known: { classes?: number | undefined; train?: number; test?: number },
): Facts {
  const [train, test] = [asked.train ?? known.train, asked.test ?? known.test];
  return {
    shape: [image, image, 3],
    ...imagenetNormalisation,
    ...(known.classes && { classes: known.classes }),
    ...(train && { train }),
    ...(test && { test }),
  };
}

/** How a data set of this kind is listed and loaded, once it is said how it is opened. */
function fromSource(
  expected: (options: Asked) => Expected,
  open: (options: Asked & { root: string }, reading: Reading) => ImageSource,
) {
  return {
    list: (asked: Asked): Promise<Listed> => {
      const about = expected(asked);
      const options = withRoot(about.name, asked);
      const dataset = arrange(open(options, toStderr), about, options, toStderr);
      const { shape, classes, mean, std, scale, train, test, heldOut } = dataset;
      return Promise.resolve({ shape, classes, mean, std, scale, train: train.count, test: test.count, heldOut });
    },
    load: (asked: Asked, reading: Reading) => {
      const about = expected(asked);
      const options = withRoot(about.name, asked);
      return imageDataset(open(options, reading), about, options, reading);
    },
  };
}

const imagefolder = entry({
  summary: 'a folder of image files a class, as ImageNet comes, or shards packed from one',
  origin: 'folder',
  options: z.strictObject({
    root: rootOption(
      'train/<class>/ and val/<class>/, with class folders, or with shards from `ranger21 data prepare`',
    ),
    classes: classes.describe('number of class folders, to be checked; counted when absent'),
    split: z
      .number()
      .gt(0)
      .max(0.5)
      .optional()
      .describe('share of each class to evaluate on, chosen by file name, of class folders without train/ and val/'),
    ...common,
  }),
  facts: (options) => factsOf(options, { classes: options.classes }),
  ...fromSource(
    ({ classes }) => ({ name: 'imagefolder', classes }),
    ({ root, badFiles: policy, split }, { say }) => openFolder(root, { policy, split, names: configKeys, say }),
  ),
});

const tfrecord = entry({
  summary: 'ImageNet as TFRecord files, of the TPU scripts or of TFDS',
  origin: 'folder',
  options: z.strictObject({
    root: rootOption('the files train-00000-of-01024 …, or NAME-train.tfrecord-00000-of-01024 …'),
    classes: classes.describe('number of classes; counted when absent, and then each has an image'),
    ...common,
  }),
  facts: (options) => factsOf(options, { classes: options.classes }),
  ...fromSource(
    ({ classes }) => ({ name: 'tfrecord', classes }),
    ({ root, badFiles: policy, classes }, { say }) => openTfrecords(root, classes, { policy, names: configKeys, say }),
  ),
});

/** A published set that comes as folders. */
function published(expected: PublishedFolder, image: number) {
  const { classes, counts, summary } = expected;
  return entry({
    summary,
    classes,
    origin: 'folder',
    options: z.strictObject({
      root: rootOption('train/<class>/ and val/<class>/, or with shards from `ranger21 data prepare`'),
      ...common,
      image: common.image.default(image),
    }),
    facts: (options) => factsOf(options, { classes, ...counts }),
    ...fromSource(
      () => expected,
      ({ root, badFiles: policy }, { say }) => openFolder(root, { policy, names: configKeys, say }),
    ),
  });
}

export const imageEntries = {
  imagefolder,
  imagenette: published(imagenetteDescription, 128),
  imagewoof: published(imagewoofDescription, 128),
  tfrecord,
} as const;
