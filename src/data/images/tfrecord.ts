/**
 * ImageNet as TFRecord files, in both layouts it comes in: `train-00000-of-01024` with image/encoded and image/class/label 1 … 1000
 * (the TPU and Inception scripts), and `imagenet2012-train.tfrecord-00000-of-01024` with image and label 0 … 999 (TFDS).
 *
 * A file is records of u64 length · u32 masked CRC-32C of the length · payload · u32 masked CRC-32C of the payload, little endian.
 * The index takes the lengths and labels only; a payload's checksum is checked each time it is read.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../errors.ts';
import { maskedCrc32c } from '../../crc32c.ts';
import { exampleFields, type Example } from '../example.ts';
import { openWindow, type Window } from './fileWindow.ts';
import { shared } from './fileTable.ts';
import type { ImageSplit } from './imageSplit.ts';
import type { OptionNames } from './optionNames.ts';

const shardName = /^(?:.*[-_.])?(train|validation|valid|val|test)(?:[-_.].*)?-(\d{5})-of-(\d{5})$/;
/** A record larger than this is taken for a damaged length. */
const mostBytes = 1 << 30;

const layouts = [
  { image: 'image/encoded', label: 'image/class/label', first: 1 },
  { image: 'image', label: 'label', first: 0 },
] as const;

/** Beyond any data set there is. */
const mostClasses = 100_000;

/** Reads the index of a folder of TFRecords; without `classes` they are counted, and then each must have an image. */
export function readTfrecords(root: string, classes: number | undefined, options: OptionNames) {
  const files = shardFiles(root, options);
  const read = (names: readonly string[]) => readSplit(root, names, classes ?? mostClasses, options);
  const [train, test] = [read(files.train), read(files.test)];
  const count = classes ?? countClasses(root, [train, test], options);
  return { classNames: Array.from({ length: count }, (_, i) => String(i)), train, test, files };
}

function countClasses(root: string, splits: readonly ImageSplit[], options: OptionNames): number {
  const seen = new Uint8Array(mostClasses);
  let count = 0;
  for (const { labels } of splits) {
    for (const label of labels) {
      seen[label] = 1;
      count = Math.max(count, label + 1);
    }
  }
  const gap = seen.indexOf(0);
  const remedy = `set ${options.classes} to the number of classes`;
  if (gap < count)
    throw new UserError(`${root} has classes up to ${count - 1}, and no image of class ${gap}`, { remedy });
  if (count < 2) throw new UserError(`${root} has images of a single class`, { remedy });
  return count;
}

/** The files of each split, all of them there. */
function shardFiles(root: string, options: OptionNames): { train: string[]; test: string[] } {
  const remedy = `set ${options.root} to the folder with train-00000-of-01024 … or NAME-train.tfrecord-00000-of-01024 …`;
  let names: string[];
  try {
    names = readdirSync(root).sort();
  } catch (cause) {
    throw new UserError(`${root} cannot be listed: ${(cause as Error).message}`, { remedy, cause });
  }
  const shards = names.flatMap((name) => {
    const [, split = '', index, of] = shardName.exec(name) ?? [];
    return split === '' ? [] : [{ name, split, index: Number(index), of: Number(of) }];
  });
  const heldOut = [...new Set(shards.map(({ split }) => split))].filter((split) => split !== 'train');
  if (heldOut.length > 1) {
    throw new UserError(`${root} has files of ${heldOut.join(' and ')}: one of them is to be evaluated on`, {
      remedy: 'move the others elsewhere; ImageNet’s test images have no labels',
    });
  }
  const of = (isTrain: boolean) => {
    const found = shards.filter(({ split }) => (split === 'train') === isTrain);
    const total = found[0]?.of ?? 0;
    const isComplete = found.length === total && found.every(({ index, of }, i) => index === i && of === total);
    if (found.length > 0 && isComplete) return found.map(({ name }) => name);
    const part = isTrain ? 'train' : 'validation';
    throw new UserError(
      found.length === 0
        ? `${root} has no TFRecord files of ${part}`
        : `${root} has ${found.length} ${part} ${found.length === 1 ? 'file' : 'files'}, their names say ${total}`,
      { remedy: found.length === 0 ? remedy : 'fetch the missing files, and keep files of one conversion in a folder' },
    );
  };
  if (shards.length === 0) throw new UserError(`${root} has no TFRecord files`, { remedy });
  return { train: of(true), test: of(false) };
}

interface Record {
  readonly file: number;
  readonly offset: number;
  readonly size: number;
  readonly sum: number;
  readonly imageAt: number;
  readonly imageSize: number;
  readonly label: number;
}

function readSplit(root: string, names: readonly string[], classes: number, options: OptionNames): ImageSplit {
  const damaged = (path: string, at: number, what: string) => damagedRecord(path, at, what, options);
  const records: Record[] = [];
  names.forEach((name, file) => {
    const path = join(root, name);
    const window = openWindow(path);
    try {
      for (let at = 0; at < window.size;) {
        const record = readRecord(window, at, { file, classes }, (where, what) => damaged(path, where, what));
        records.push(record);
        at = record.offset + record.size + 4;
      }
    } finally {
      window.close();
    }
  });
  if (records.length === 0) throw damaged(join(root, names[0] ?? ''), 0, 'no file of the split holds a record');
  const column = (key: Exclude<keyof Record, 'offset'>) => records.map((record) => record[key]);
  return {
    count: records.length,
    labels: shared(Int32Array.from(column('label'))),
    store: {
      kind: 'records',
      files: names.map((name) => join(root, name)),
      fileOf: shared(Uint16Array.from(column('file'))),
      offsets: shared(Float64Array.from(records, ({ offset }) => offset)),
      sizes: shared(Uint32Array.from(column('size'))),
      sums: shared(Uint32Array.from(column('sum'))),
      check: 'masked crc32c',
      part: {
        at: shared(Uint32Array.from(column('imageAt'))),
        size: shared(Uint32Array.from(column('imageSize'))),
      },
    },
  };
}

type Refuse = (at: number, what: string) => UserError;

function readRecord(
  window: Window,
  at: number,
  { file, classes }: { file: number; classes: number },
  refuse: Refuse,
): Record {
  const damaged = (what: string) => refuse(at, what);
  if (at + 16 > window.size) throw damaged(`${window.size - at} bytes are left, too few for a record`);
  const header = window.read(at, 12);
  const long = header.readBigUInt64LE(0);
  if (header.readUInt32LE(8) !== maskedCrc32c(header.subarray(0, 8)))
    throw damaged('the checksum of its length is wrong');
  const offset = at + 12;
  if (long > BigInt(Math.min(mostBytes, window.size - offset - 4))) {
    throw damaged(`it says to have ${long} bytes, ${window.size - offset} are left`);
  }
  const size = Number(long);
  const sum = window.read(offset + size, 4).readUInt32LE(0);
  const example = exampleFields(window, offset, offset + size, damaged);
  const { imageAt, imageSize, label } = pictured(example, classes, damaged);
  return { file, offset, size, sum, imageAt: imageAt - offset, imageSize, label };
}

/** The image and the label of an example, in whichever layout it is. */
function pictured(example: Example, classes: number, refuse: (what: string) => UserError) {
  for (const { image, label, first } of layouts) {
    const [bytes, number] = [example.bytes.get(image), example.integers.get(label)];
    if (bytes === undefined || number === undefined) continue;
    const value = number - first;
    if (value < 0 || value >= classes) {
      throw refuse(`${label} is ${number}, expected ${first} to ${classes - 1 + first}`);
    }
    return { imageAt: bytes.start, imageSize: bytes.end - bytes.start, label: value };
  }
  const keys = [...example.bytes.keys(), ...example.integers.keys()].slice(0, 10).join(', ') || 'nothing';
  throw refuse(`it has ${keys}, expected image/encoded and image/class/label, or image and label`);
}

const damagedRecord = (path: string, at: number, what: string, options: OptionNames) =>
  new UserError(`${path}, record at byte ${at}: ${what}`, {
    remedy: `the file is cut off, altered or of another kind: fetch it again; a label out of range: set ${options.classes}`,
  });
