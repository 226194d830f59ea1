/** Loads a data set of image files: a folder, shards packed from one, or TFRecords. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { exitCode, UserError } from '../../errors.ts';
import type { ImageDataset, Normalisation } from '../dataset.ts';
import type { Reading } from '../reading.ts';
import { contentsOf, type Hashes, type HashOptions } from './contents.ts';
import { decodingOf } from './decoding.ts';
import { tableOf } from './fileTable.ts';
import { hashBytes } from './hashTask.ts';
import { listImageFolder, type FolderOptions } from './imageFolder.ts';
import { takeImages, type BadFilePolicy, type ImageSplit } from './imageSplit.ts';
import { configKeys, type OptionNames } from './optionNames.ts';
import { sha256 } from '../sha256.ts';
import { manifestName, readShardManifest, readShards, shardFingerprint, type ShardManifest } from './shards.ts';
import { readTfrecords } from './tfrecord.ts';

export interface ImageOptions {
  readonly root?: string | undefined;
  readonly image: number;
  readonly resize?: number | undefined;
  readonly workers: number;
  readonly badFiles: BadFilePolicy;
  readonly train?: number | undefined;
  readonly test?: number | undefined;
}

export interface Splits {
  readonly train: ImageSplit;
  readonly test: ImageSplit;
}

/** What a source of images holds, before subsets are taken. */
export interface ImageSource extends Splits {
  readonly classNames: readonly string[];
  /** Where the test images come from, in words. */
  readonly heldOut: string;
  /** Share of each class that was held out of images without a test part of their own. */
  readonly split?: number | undefined;
  /**
   * SHA-256 of what these splits of it hold, their images in order with their classes: equal for equal content, wherever it lies. Reads
   * every file that is not known yet; from then on, what is read otherwise is refused.
   */
  readonly identity: (splits: Splits, options: Identifying) => Promise<string>;
}

export interface Identifying {
  readonly workers: number;
  readonly reading: Reading;
}

/** What a data set expects of its source. */
export interface Expected {
  readonly name: string;
  /** Absent where they are counted. */
  readonly classes?: number | undefined;
  /** Folder names of the classes, in order, and their names in words. */
  readonly wnids?: readonly string[];
  readonly words?: readonly string[];
  readonly counts?: { readonly train: number; readonly test: number };
}

/** A published set of folders. */
export interface PublishedFolder extends Expected {
  readonly summary: string;
  readonly classes: number;
  readonly counts: { readonly train: number; readonly test: number };
}

/** Short side that evaluation resizes to: 256 for 224, the published ratio 0.875. */
export const evalShort = ({ image, resize }: Pick<ImageOptions, 'image' | 'resize'>): number =>
  resize ?? Math.floor(image / 0.875);

/** Of ImageNet's training images, as torchvision and timm have it. */
export const imagenetNormalisation: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  scale: 255,
};

/** Opens a folder of images or of shards packed from one: lists it, and reads no image. */
export function openFolder(root: string, options: FolderOptions): ImageSource {
  const manifest = readShardManifest(root);
  if (manifest !== undefined) return openShards(root, manifest, options);
  const { store, ...folder } = listImageFolder(root, options);
  const identity: ImageSource['identity'] = async ({ train, test }, { workers, reading }) => {
    const files = Uint32Array.from([...placesOf(train), ...placesOf(test)]);
    const mayMiss = options.policy !== 'error';
    const { hashes, sums } = await contentsOf(store, files, { ...readingImages, mayMiss, workers, reading });
    store.sums.set(sums);
    return identityOf({ train, test }, folder.classNames.length, hashes);
  };
  return { ...folder, split: options.split, identity };
}

export const readingImages = { doing: 'reading', unit: 'image' } as const satisfies Partial<HashOptions>;
const readingFiles = { doing: 'reading', unit: 'file' } as const satisfies Partial<HashOptions>;

const placesOf = ({ count, places }: ImageSplit): Iterable<number> => places ?? Array(count).keys();

/** SHA-256 over the number of classes, and over the class and the hash of every image in order. */
export function identityOf(splits: Splits, classes: number, hashes: Uint8Array): string {
  const all = createHash('sha256').update(`${classes} classes\n`); // one may be without images
  for (const part of ['train', 'test'] as const) {
    const { count, labels, places } = splits[part];
    all.update(`${part} ${count}\n`);
    const row = Buffer.alloc(4 + hashBytes);
    for (let i = 0; i < count; i++) {
      const place = places?.[i] ?? i;
      row.writeUInt32LE(labels[i]!);
      row.set(hashes.subarray(place * hashBytes, (place + 1) * hashBytes), 4);
      all.update(row);
    }
  }
  return all.digest('hex');
}

function openShards(root: string, manifest: ShardManifest, { split, names }: FolderOptions): ImageSource {
  const { classNames, source } = manifest;
  if (split !== undefined && split !== source?.split) {
    const theirs = source?.split === undefined ? 'with held-out images of their own' : `with ${source.split} held out`;
    throw new UserError(`the shards in ${root} were packed ${theirs}, ${names.split} is ${split}`, {
      remedy: `remove ${names.split}, or pack the images again with --split ${split} --force`,
    });
  }
  const shards = [...manifest.train, ...manifest.val];
  return {
    classNames,
    train: readShards(root, manifest.train, classNames.length),
    test: readShards(root, manifest.val, classNames.length),
    heldOut: source?.heldOut ?? 'the validation shards',
    split: source?.split,
    identity: async (_, options) => {
      const table = tableOf(root, shards.map(({ name }) => name)); // prettier-ignore
      const found = await filesOf(table, options);
      shards.forEach(({ name, sha256 }, i) => refuseOtherHash(join(root, name), hexOf(found, i), sha256));
      return shardFingerprint(manifest);
    },
  };
}

const filesOf = (table: ReturnType<typeof tableOf>, { workers, reading }: Identifying): Promise<Hashes> =>
  contentsOf(table, Uint32Array.from(table.sizes, (_, i) => i), { ...readingFiles, workers, reading }); // prettier-ignore

export const hexOf = ({ hashes }: Pick<Hashes, 'hashes'>, i: number): string =>
  Buffer.from(hashes.subarray(i * hashBytes, (i + 1) * hashBytes)).toString('hex');

export function refuseOtherHash(path: string, found: string, expected: string): void {
  if (found === expected) return;
  throw new UserError(`${path} has SHA-256 ${found}, expected ${expected}`, {
    remedy:
      'it was replaced or is damaged: restore it, or pack the images again with `ranger21 data prepare … --force`',
    code: exitCode.checkFailed,
  });
}

/** Opens a folder of TFRecords, or of shards packed from them. */
export function openTfrecords(root: string, classes: number | undefined, options: FolderOptions): ImageSource {
  if (existsSync(join(root, manifestName))) return openFolder(root, options);
  const { files, ...source } = readTfrecords(root, classes, options.names);
  const identity: ImageSource['identity'] = async (_, identifying) => {
    const names = [...files.train, ...files.test];
    const found = await filesOf(tableOf(root, names), identifying);
    return sha256(`TFRecords ${files.train.length}\n${names.map((_, i) => hexOf(found, i)).join('\n')}\n`);
  };
  return { ...source, heldOut: 'the validation files', identity };
}

/** Everything of a data set but its fingerprint; classes, counts and options are held against each other. */
export function arrange(
  source: ImageSource,
  expected: Expected,
  options: ImageOptions,
  reading: Reading,
): Omit<ImageDataset, 'fingerprint'> {
  const { name } = expected;
  refuseOther(source, expected, options.root ?? '', configKeys);
  const short = evalShort(options);
  if (short < options.image) {
    throw new UserError(`dataset.resize is ${short}, shorter than the image of ${options.image}`, {
      remedy: `set dataset.resize to ${options.image} or more`,
    });
  }
  const classes = source.classNames.length;
  const train = takeImages(source.train, options.train, classes, `${name} train`);
  const test = takeImages(source.test, options.test, classes, `${name} test`);
  const { image, badFiles: policy, workers } = options;
  return {
    name,
    shape: [image, image, 3],
    classes,
    classNames: expected.words ?? source.classNames,
    ...imagenetNormalisation,
    ...{ train, test, heldOut: source.heldOut },
    decoding: decodingOf({ train, test }, { short, policy, workers, say: reading.say }),
  };
}

/** The data set, its content read and hashed. */
export async function imageDataset(
  source: ImageSource,
  expected: Expected,
  options: ImageOptions,
  reading: Reading,
): Promise<ImageDataset> {
  const dataset = arrange(source, expected, options, reading);
  const { train, test, classes, decoding } = dataset;
  const identity = await source.identity({ train, test }, { workers: options.workers, reading });
  const { image, badFiles: policy } = options;
  const about = { image, short: decoding.short, policy, train: train.count, test: test.count };
  // TFRecords name no classes: how many there are is known of the data alone only if every class has an image
  const counted = expected.name === 'tfrecord' ? { ...about, classes } : about;
  return { ...dataset, fingerprint: sha256(`${identity}\n${JSON.stringify(counted)}`) };
}

/** Throws where a source has not the classes or the number of images that it should have. */
export function refuseOther(
  { classNames, train, test }: Pick<ImageSource, 'classNames' | 'train' | 'test'>,
  expected: Expected,
  root: string,
  names: OptionNames,
): void {
  const count = `${classNames.length} ${classNames.length === 1 ? 'class' : 'classes'}`;
  if (expected.classes !== undefined && classNames.length !== expected.classes && expected.wnids) {
    throw new UserError(`${root} has ${count}, ${expected.name} has ${expected.classes}`, {
      remedy: `name the folder of ${expected.name}, or read other classes with the data set imagefolder`,
    });
  }
  if (expected.classes !== undefined && classNames.length !== expected.classes) {
    throw new UserError(`${root} has ${count}, ${names.classes} is ${expected.classes}`, {
      remedy: `set ${names.classes} to ${classNames.length} or leave it out, or set ${names.root} to another folder`,
    });
  }
  const other = expected.wnids?.findIndex((wnid, i) => wnid !== classNames[i]) ?? -1;
  if (other >= 0) {
    throw new UserError(
      `${root}: class ${other} is ${classNames[other]}, that of ${expected.name} is ${expected.wnids?.[other]}`,
      {
        remedy: `name the folder of ${expected.name}, or read other classes with the data set imagefolder`,
      },
    );
  }
  for (const [part, split] of [
    ['train', train],
    ['test', test],
  ] as const) {
    const count = expected.counts?.[part];
    if (count === undefined || count === split.count) continue;
    throw new UserError(`${root} has ${split.count} ${part} images, ${expected.name} has ${count}`, {
      remedy: 'extract the archive again, or read a part of it with the data set imagefolder',
    });
  }
}
