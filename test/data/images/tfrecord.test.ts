import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { maskedCrc32c } from '../../../src/crc32c.ts';
import { decodedTraining } from '../../../src/data/images/imageBatches.ts';
import { readStored } from '../../../src/data/images/imageStore.ts';
import { configKeys } from '../../../src/data/images/optionNames.ts';
import { datasets } from '../../../src/data/registry.ts';
import { readTfrecords } from '../../../src/data/images/tfrecord.ts';
import { verifyRecords } from '../../../src/data/images/verifyImages.ts';
import { UserError } from '../../../src/errors.ts';
import { temporaryFolder } from '../toy.ts';
import { silent } from './imageTree.ts';

/** Written by test/fixtures/tfrecord.py with TensorFlow. */
const written = JSON.parse(readFileSync('test/fixtures/tfrecord.json', 'utf8')) as {
  labels: { train: number[]; validation: number[] };
  images: { train: string[]; validation: string[] };
  layouts: Record<'inception' | 'tfds', Record<string, string>>;
};

function folder(layout: 'inception' | 'tfds', root = temporaryFolder()): string {
  for (const [name, bytes] of Object.entries(written.layouts[layout]))
    writeFileSync(join(root, name), Buffer.from(bytes, 'base64'));
  return root;
}

describe.each(['inception', 'tfds'] as const)('the layout %s, written by TensorFlow', (layout) => {
  test('labels and images', () => {
    const { train, test: held } = readTfrecords(folder(layout), 3, configKeys);
    expect([...train.labels]).toEqual(written.labels.train);
    expect([...held.labels]).toEqual(written.labels.validation);
    for (const [split, images] of [
      [train, written.images.train],
      [held, written.images.validation],
    ] as const) {
      // prettier-ignore
      images.forEach((image, i) => {
        const stored = readStored(split.store, i);
        expect('encoded' in stored && Buffer.from(stored.encoded).toString('base64')).toBe(image);
      });
    }
  });

  test('trains', async () => {
    const dataset = await datasets.tfrecord.load({ root: folder(layout), classes: 3, image: 14, workers: 0 });
    const train = decodedTraining(dataset, { batch: 5, seed: 0, augment: { crop: 0, flip: true } });
    const { labels, indices, release } = await train.batch(1);
    expect([...labels]).toEqual([...indices].map((sample) => written.labels.train[sample]));
    release();
    await train.close();
  });

  test('one flipped bit in an image is found when it is read', async () => {
    const root = folder(layout);
    const path = join(
      root,
      Object.keys(written.layouts[layout]).find((name) => name.includes('train'))!,
    );
    const bytes = readFileSync(path);
    bytes[200] = (bytes[200] as number) ^ 4;
    writeFileSync(path, bytes);
    const source = readTfrecords(root, 3, configKeys);
    expect(() => readStored(source.train.store, 0)).toThrow('wrong checksum');
    readStored(source.train.store, 1);
    await expect(verifyRecords(source, silent)).rejects.toThrow(`1 image is damaged: ${path}, record at byte 12`);
  });
});

describe('classes and content', () => {
  const load = (root: string, more: object = {}) => datasets.tfrecord.load({ root, image: 14, workers: 0, ...more });

  test('classes are counted; said to be as many, the fingerprint is the same', async () => {
    const root = folder('tfds');
    const [counted, said, more] = [
      await load(root),
      await load(root, { classes: 3 }),
      await load(root, { classes: 4 }),
    ];
    expect([counted.classes, said.classes, more.classes]).toEqual([3, 3, 4]);
    expect(counted.fingerprint).toBe(said.fingerprint);
    expect(more.fingerprint).not.toBe(said.fingerprint);
    const { train, validation } = written.labels;
    expect(await datasets.tfrecord.list({ root })).toMatchObject({
      ...{ classes: 3, train: train.length, test: validation.length, heldOut: 'the validation files' },
    });
  });

  test('a class without an image is not counted away', () => {
    const root = folder('inception');
    const { train, validation } = written.labels;
    const isSecond = (label: number) => label === 1;
    expect(train.some(isSecond) || validation.some(isSecond)).toBe(true);
    for (const [name, bytes] of Object.entries(written.layouts.inception)) {
      // the label is the last integer of a record: class 2 becomes class 3
      writeFileSync(join(root, name), relabelled(Buffer.from(bytes, 'base64'), 2, 3));
    }
    expect(() => readTfrecords(root, undefined, configKeys)).toThrow(
      `${root} has classes up to 2, and no image of class 1`,
    );
    expect(readTfrecords(root, 3, configKeys).classNames).toHaveLength(3);
  });

  test('the fingerprint follows the bytes of the files, and not their names', async () => {
    const [a, b] = [folder('tfds'), folder('tfds')];
    for (const name of Object.keys(written.layouts.tfds)) renameSync(join(b, name), join(b, `other-${name}`));
    const before = await load(a);
    expect((await load(b)).fingerprint).toBe(before.fingerprint);
    const name = Object.keys(written.layouts.tfds).find((file) => file.includes('train'))!;
    const bytes = readFileSync(join(a, name));
    bytes[200] = bytes[200]! ^ 4; // in an image: its checksum is looked at when it is read
    writeFileSync(join(a, name), bytes);
    expect((await load(a)).fingerprint).not.toBe(before.fingerprint);
  });
});

/** The records with the label `from` as `to`, checksums made again. */
function relabelled(bytes: Buffer, from: number, to: number): Buffer {
  const out = Buffer.from(bytes);
  for (let at = 0; at < out.length;) {
    const size = Number(out.readBigUInt64LE(at));
    const payload = out.subarray(at + 12, at + 12 + size);
    const key = payload.indexOf('image/class/label');
    const label = payload.indexOf(Buffer.from([0x1a, 0x03, 0x0a, 0x01]), key) + 4; // integers (3) of one byte
    if (payload[label] === from) payload[label] = to;
    out.writeUInt32LE(maskedCrc32c(payload), at + 12 + size);
    at += 16 + size;
  }
  return out;
}

describe('damaged files', () => {
  const name = 'train-00000-of-00002';
  const bytes = Buffer.from(written.layouts.inception[name]!, 'base64');
  /** Reads the folder with this file instead of the right one. */
  const read = (content: Uint8Array, classes = 3) => {
    const root = folder('inception');
    writeFileSync(join(root, name), content);
    return () => readTfrecords(root, classes, configKeys);
  };
  /** A record around a payload. */
  const record = (payload: Uint8Array) => {
    const frame = Buffer.alloc(16 + payload.length);
    frame.writeBigUInt64LE(BigInt(payload.length), 0);
    frame.writeUInt32LE(maskedCrc32c(frame.subarray(0, 8)), 8);
    frame.set(payload, 12);
    frame.writeUInt32LE(maskedCrc32c(payload), 12 + payload.length);
    return frame;
  };
  /** A field of bytes of a protocol buffer; shorter than 128. */
  const field = (number: number, content: Uint8Array | string) =>
    Buffer.concat([Buffer.from([8 * number + 2, content.length]), Buffer.from(content)]);
  const imageFeature = (content: string) => field(1, field(1, content));
  const labelFeature = (label: number) => field(3, field(1, Uint8Array.of(label)));
  const lengthOf = (value: bigint) => {
    const frame = Buffer.from(bytes);
    frame.writeBigUInt64LE(value, 0);
    frame.writeUInt32LE(maskedCrc32c(frame.subarray(0, 8)), 8);
    return frame;
  };

  test.each([
    ['cut off', bytes.subarray(0, bytes.length - 30), 'are left'],
    ['cut off within a header', bytes.subarray(0, 7), 'too few for a record'],
    [
      'a length with a wrong checksum',
      Buffer.concat([Buffer.from([1]), bytes.subarray(1)]),
      'the checksum of its length is wrong',
    ],
    ['a length beyond the file', lengthOf(1n << 40n), 'says to have 1099511627776 bytes'],
    ['a length beyond all files', lengthOf((1n << 64n) - 1n), 'says to have 18446744073709551615 bytes'],
    ['another message', record(Buffer.from([0x0a, 0x00])), 'it has nothing, expected image/encoded'],
    ['a field beyond its message', record(Buffer.from([0x0a, 0x7f, 0x00])), 'runs past the end'],
    ['no protocol buffer', record(Buffer.from([0x0f, 0xff])), 'wire type 7'],
  ])('%s', (_, content, message) => {
    expect(read(content)).toThrow(UserError);
    expect(read(content)).toThrow(message);
  });

  test('a value may come before its key, and of two values the last counts', () => {
    const entries = [
      Buffer.concat([field(2, imageFeature('the image')), field(1, 'image/encoded')]),
      Buffer.concat([field(2, labelFeature(3)), field(1, 'image/class/label'), field(2, labelFeature(2))]),
    ];
    const root = folder('inception');
    writeFileSync(join(root, name), record(field(1, Buffer.concat(entries.map((entry) => field(1, entry))))));
    const { labels, store } = readTfrecords(root, 3, configKeys).train;
    expect(labels[0]).toBe(1);
    expect(readStored(store, 0)).toEqual({ encoded: Buffer.from('the image') });
  });

  test('a label out of range says which are expected', () => {
    expect(read(bytes, 2)).toThrow('image/class/label is 3, expected 1 to 2');
  });

  test('a shard that is missing', () => {
    const root = folder('tfds');
    rmSync(join(root, 'imagenet2012-train.tfrecord-00001-of-00002'));
    expect(() => readTfrecords(root, 3, configKeys)).toThrow(`${root} has 1 train file, their names say 2`);
    expect(() => readTfrecords(temporaryFolder(), 3, configKeys)).toThrow('has no TFRecord files');
  });

  test('two held-out splits in one folder, one of them without labels perhaps', () => {
    const root = folder('tfds');
    writeFileSync(join(root, 'imagenet2012-test.tfrecord-00000-of-00001'), bytes);
    expect(() => readTfrecords(root, 3, configKeys)).toThrow(UserError);
    expect(() => readTfrecords(root, 3, configKeys)).toThrow(`${root} has files of test and validation`);
  });
});
