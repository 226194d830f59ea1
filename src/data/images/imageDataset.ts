/** Loads a data set of image files: a folder, shards packed from one, or TFRecords. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../errors.ts';
import { fileChecksums } from '../checksums.ts';
import type { ImageDataset, Normalisation } from '../dataset.ts';
import { decodingOf } from './decoding.ts';
import { listImageFolder } from './imageFolder.ts';
import { takeImages, type BadFilePolicy, type ImageSplit } from './imageSplit.ts';
import { sha256 } from '../sha256.ts';
import { manifestName, readShardManifest, readShards, shardFingerprint } from './shards.ts';
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

/** What a source of images holds, before subsets are taken. */
export interface ImageSource {
  readonly classNames: readonly string[];
  readonly train: ImageSplit;
  readonly test: ImageSplit;
  /** What identifies the content, as far as it is known without reading every image: equal for equal data. */
  readonly identity: string;
}

/** What a data set expects of its source. */
export interface Expected {
  readonly name: string;
  readonly classes: number;
  /** Folder names of the classes, in order, and their names in words. */
  readonly wnids?: readonly string[];
  readonly words?: readonly string[];
  readonly counts?: { readonly train: number; readonly test: number };
}

/** A published set of folders. */
export interface PublishedFolder extends Expected {
  readonly summary: string;
  readonly counts: { readonly train: number; readonly test: number };
}

export type Say = (line: string) => void;

/** Short side that evaluation resizes to: 256 for 224, the published ratio 0.875. */
export const evalShort = ({ image, resize }: Pick<ImageOptions, 'image' | 'resize'>): number =>
  resize ?? Math.floor(image / 0.875);

/** Of ImageNet's training images, as torchvision and timm have it. */
export const imagenetNormalisation: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  scale: 255,
};

/** Opens a folder of images or of shards packed from one. */
export function openFolder(root: string, policy: BadFilePolicy, say: Say): ImageSource {
  const manifest = readShardManifest(root);
  if (manifest !== undefined) {
    const { classNames } = manifest;
    const [train, test] = [manifest.train, manifest.val].map((shards) => readShards(root, shards, classNames.length));
    return { classNames, train: train!, test: test!, identity: shardFingerprint(manifest) };
  }
  const { listing, ...folder } = listImageFolder(root, policy, say);
  const content = fileChecksums(root, listing).read([folder.train, folder.test]);
  return { ...folder, identity: content === undefined ? listing : sha256(`${listing}\n${content}\n`) };
}

/** Opens a folder of TFRecords, or of shards packed from them. */
export const openTfrecords = (root: string, classes: number): ImageSource =>
  existsSync(join(root, manifestName)) ? openFolder(root, 'error', () => undefined) : readTfrecords(root, classes);

/** The data set, its classes and counts held against what they should be. */
export function imageDataset(source: ImageSource, expected: Expected, options: ImageOptions, say: Say): ImageDataset {
  const { name, classes } = expected;
  refuseOther(source, expected, options.root ?? '');
  const short = evalShort(options);
  if (short < options.image) {
    throw new UserError(`dataset.resize is ${short}, shorter than the image of ${options.image}`, {
      remedy: `set dataset.resize to ${options.image} or more`,
    });
  }
  const train = takeImages(source.train, options.train, classes, `${name} train`);
  const test = takeImages(source.test, options.test, classes, `${name} test`);
  const { image, badFiles: policy, workers } = options;
  const about = { image, short, policy, train: train.count, test: test.count };
  return {
    name,
    shape: [image, image, 3],
    classes,
    classNames: expected.words ?? source.classNames,
    ...imagenetNormalisation,
    train,
    test,
    decoding: decodingOf({ train, test }, { short, policy, workers, say }),
    fingerprint: sha256(`${source.identity}\n${JSON.stringify(about)}`),
  };
}

/** Throws where a source has not the classes or the number of images that it should have. */
export function refuseOther({ classNames, train, test }: ImageSource, expected: Expected, root: string): void {
  if (classNames.length !== expected.classes && expected.wnids) {
    throw new UserError(`${root} has ${classNames.length} classes, ${expected.name} has ${expected.classes}`, {
      remedy: `name the folder of ${expected.name}, or read other classes with the data set imagefolder`,
    });
  }
  if (classNames.length !== expected.classes) {
    throw new UserError(`${root} has ${classNames.length} classes, dataset.classes is ${expected.classes}`, {
      remedy: `set dataset.classes to ${classNames.length}, or dataset.root to another folder`,
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
