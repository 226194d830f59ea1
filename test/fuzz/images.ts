/** The readers of image sets: shards and their manifest, what is kept of a folder's content, TFRecords, image files. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskedCrc32c } from '../../src/crc32c.ts';
import { readContents, writeContents, type Contents } from '../../src/data/images/contentCache.ts';
import { readBmp, readPnm } from '../../src/data/images/bitmap.ts';
import { formatOf, readHeader } from '../../src/data/images/imageHeader.ts';
import { openFolder } from '../../src/data/images/imageDataset.ts';
import type { ImageSplit } from '../../src/data/images/imageSplit.ts';
import { configKeys } from '../../src/data/images/optionNames.ts';
import { FileFault, readStored } from '../../src/data/images/imageStore.ts';
import { manifestName, shardEnd, type PackedRecord, type ShardManifest } from '../../src/data/images/shards.ts';
import { readTfrecords } from '../../src/data/images/tfrecord.ts';
import { readTiffHeader } from '../../src/data/images/tiff.ts';
import { UserError } from '../../src/errors.ts';
import { sha256 } from '../data/toy.ts';
import { bad, bitFlips, truncations, type Damaged } from './bytes.ts';
import { allocated, feed, fuzz, scratch } from './harness.ts';
import { damagedJson } from './json.ts';

const open = (root: string) => openFolder(root, { policy: 'error', names: configKeys, say: () => undefined });

/** What reading every record of a split gives: its content, or that its checksum is wrong. */
function contents(split: ImageSplit): (Buffer | 'refused')[] {
  return Array.from({ length: split.count }, (_, i) => {
    try {
      const stored = readStored(split.store, i);
      return Buffer.from('encoded' in stored ? stored.encoded : stored.data);
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      return 'refused';
    }
  });
}

describe('shards', () => {
  const records = [Buffer.from('the first image'), Buffer.from('second'), Buffer.alloc(40, 7)];
  const shard = (() => {
    let offset = 0;
    const index = records.map((bytes, label): PackedRecord => {
      const at = offset;
      offset += bytes.length;
      return { offset: at, size: bytes.length, sum: crc32(bytes), label, width: 0, height: 0 };
    });
    return Buffer.concat([...records, shardEnd(index)]);
  })();
  let [root, folders] = ['', 0];
  const named = (name: string) => ({ name, count: 3, sizeBytes: shard.length, sha256: sha256(shard) });
  const manifest: ShardManifest = {
    ...{ schema: 1, format: 'jpeg', size: null, classNames: ['a', 'b', 'c'] },
    ...{ train: [named('train-00000.shard')], val: [named('val-00000.shard')] },
  };
  /** A folder with this file instead of the right one; a new one each time, since opened shards stay open. */
  const place = (file: string, bytes: Uint8Array | string) => {
    if (root !== '') rmSync(root, { recursive: true });
    root = join(scratch, `shards-${(folders += 1)}`);
    mkdirSync(root);
    for (const { name } of [...manifest.train, ...manifest.val]) writeFileSync(join(root, name), shard);
    writeFileSync(join(root, manifestName), JSON.stringify(manifest));
    writeFileSync(join(root, file), bytes);
  };
  const one = ({ bytes }: Damaged) => {
    place('train-00000.shard', bytes);
    return feed(
      'shard',
      () => open(root),
      ({ train }) => {
        expect(bytes.subarray(61)).toEqual(shard.subarray(61)); // index and end, after 15 + 6 + 40 bytes of records
        expect([...train.labels]).toEqual([0, 1, 2]);
        contents(train).forEach((content, i) => content === 'refused' || expect(content).toEqual(records[i]));
        return 'records differ: each is refused when it is read';
      },
    );
  };

  test('every truncation is refused, every flipped bit when the index or the record is read', async () => {
    place('train-00000.shard', shard);
    expect(contents(open(root).train)).toEqual(records);
    for (const cut of truncations(shard)) expect(await one(cut), cut.what).toBe('refused');
    for (const flip of bitFlips(shard)) {
      if ((await one(flip)) === 'accepted') expect(contents(open(root).train), flip.what).toContain('refused');
    }
  });
  test('damage', () => fuzz(bad(shard), one));

  test('the manifest', () =>
    fuzz(damagedJson(manifest), (text) => {
      place(manifestName, text);
      return feed(
        'shard manifest',
        () => open(root),
        ({ train, test: held }) => {
          for (const split of [train, held]) expect(contents(split)).toEqual(records);
          return 'what it says of classes and hashes differs, its records agree';
        },
      );
    }));

  test('a manifest cannot ask for memory', async () => {
    for (const count of [2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      const [first] = manifest.train;
      place(manifestName, JSON.stringify({ ...manifest, train: [{ ...first, count, sizeBytes: count }] }));
      expect(await allocated(() => open(root))).toBeLessThan(10_000);
    }
  });
});

describe('what is kept of a folder’s content', () => {
  const kept: Contents = {
    names: Buffer.from('a/1.jpgb/2.png'),
    starts: Uint32Array.of(0, 7, 14),
    sizes: Float64Array.of(10, 20),
    stamps: Float64Array.of(1.5, 2.5, 3, 4.5, 5.5, 6),
    sums: Uint32Array.of(7, 8),
    hashes: Uint8Array.from({ length: 64 }, (_, i) => i),
  };
  const path = join(scratch, 'kept', 'contents.bin');
  const bytesOf = ({ names, starts, sizes, stamps, sums, hashes }: Contents) =>
    [names, starts, sizes, stamps, sums, hashes].map((column) =>
      Buffer.from(column.buffer, column.byteOffset, column.byteLength),
    );
  const one = ({ bytes }: Damaged) => {
    writeFileSync(path, bytes);
    return feed(
      'kept contents',
      () => {
        const found = readContents(path);
        if (found === undefined) throw new UserError('nothing is kept', { remedy: 'it is read again' });
        return found;
      },
      (found) => {
        expect(bytesOf(found)).toEqual(bytesOf(kept));
        return 'only unused bytes differ';
      },
    );
  };

  test('it reads back; every truncation counts as nothing, and every flipped bit that is used', async () => {
    await writeContents(path, kept);
    const sound = readFileSync(path);
    expect(bytesOf(readContents(path)!)).toEqual(bytesOf(kept));
    for (const cut of truncations(sound)) expect(await one(cut), cut.what).toBe('refused');
    for (const [n, flip] of bitFlips(sound).entries())
      expect(await one(flip), flip.what).toBe(n >= 8 * 20 && n < 8 * 24 ? 'accepted' : 'refused');
    await fuzz(bad(sound), one);
  });

  test('it cannot ask for memory', async () => {
    for (const count of [2 ** 20, 0xffff_ffff]) {
      const bytes = readFileSync(path).subarray(0, 24);
      bytes.write('r21cont1', 'latin1');
      bytes.writeUInt32LE(count, 8);
      writeFileSync(path, bytes);
      expect(await allocated(() => readContents(path))).toBeLessThan(10_000);
    }
  });
});

/** The fields of a protocol buffer, one after the other; undefined where it is none. */
function messageOf(bytes: Buffer): { field: number; value: Buffer | bigint }[] | undefined {
  const found: { field: number; value: Buffer | bigint }[] = [];
  let at = 0;
  const number = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (at >= bytes.length || shift > 63n) throw new RangeError('cut off');
      const byte = BigInt(bytes[at++]!);
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
    }
  };
  try {
    while (at < bytes.length) {
      const tag = number();
      const [field, wire] = [Number(tag >> 3n), Number(tag & 7n)];
      if (wire === 0) {
        found.push({ field, value: number() });
        continue;
      }
      const length = wire === 2 ? Number(number()) : wire === 1 ? 8 : wire === 5 ? 4 : NaN;
      if (!(at + length <= bytes.length)) return undefined;
      if (wire === 2) found.push({ field, value: bytes.subarray(at, at + length) });
      at += length;
    }
    return found;
  } catch {
    return undefined;
  }
}
const lastOf = (message: ReturnType<typeof messageOf>, field: number) =>
  message?.findLast((f) => f.field === field)?.value;
const firstOf = (message: ReturnType<typeof messageOf>, field: number) =>
  message?.find((f) => f.field === field)?.value;

describe('TFRecord', () => {
  const written = JSON.parse(readFileSync('test/fixtures/tfrecord.json', 'utf8')) as {
    layouts: { tfds: Record<string, string> };
  };
  const root = join(scratch, 'tfrecord');
  mkdirSync(root);
  for (const [name, bytes] of Object.entries(written.layouts.tfds))
    writeFileSync(join(root, name), Buffer.from(bytes, 'base64'));
  const name = Object.keys(written.layouts.tfds).find((file) => file.includes('train'))!;
  const sound = Buffer.from(written.layouts.tfds[name]!, 'base64');
  const payload = sound.subarray(12, 12 + Number(sound.readBigUInt64LE(0)));

  /** One record whose checksums are right. */
  const record = (content: Uint8Array) => {
    const frame = Buffer.alloc(16 + content.length);
    frame.writeBigUInt64LE(BigInt(content.length), 0);
    frame.writeUInt32LE(maskedCrc32c(frame.subarray(0, 8)), 8);
    frame.set(content, 12);
    frame.writeUInt32LE(maskedCrc32c(content), 12 + content.length);
    return frame;
  };
  /** Label and image of a payload, read again in another way: whole messages first. */
  const again = (content: Buffer) => {
    const entries = (messageOf(content) ?? [])
      .filter(({ field }) => field === 1)
      .flatMap(({ value }) => messageOf(value as Buffer) ?? [])
      .filter(({ field, value }) => field === 1 && typeof value !== 'bigint')
      .map(({ value }) => messageOf(value as Buffer));
    const feature = (key: string, kind: number) => {
      const values = entries
        .filter((entry) => (lastOf(entry, 1) as Buffer | undefined)?.toString() === key)
        .flatMap((entry) => lastOf(entry, 2) ?? [])
        .flatMap((value) => firstOf(messageOf(value as Buffer), kind) ?? []);
      return values.length === 1 ? firstOf(messageOf(values[0] as Buffer), 1) : undefined;
    };
    return { label: feature('label', 3), image: feature('image', 1) };
  };

  const one = (bytes: Buffer) => {
    writeFileSync(join(root, name), bytes);
    return feed(
      'TFRecord',
      () => readTfrecords(root, 3, configKeys),
      ({ train }) => {
        for (const label of train.labels) expect([0, 1, 2]).toContain(label);
        const { sizes } = train.store;
        const images = contents(train);
        if (train.count === 1 && images[0] !== 'refused') {
          const { label, image } = again(bytes.subarray(12, 12 + sizes[0]!));
          if (image !== undefined) expect(images[0]).toEqual(image);
          if (typeof label === 'bigint') expect(BigInt(train.labels[0]!)).toBe(label);
          if (Buffer.isBuffer(label)) expect(train.labels[0]).toBe(label[0]);
        }
        return 'its label and image are those of a second reading, or its checksum is refused';
      },
    );
  };

  test('every truncation; every flipped bit of the frame', async () => {
    const { label, image } = again(payload);
    await one(record(payload));
    const { train } = readTfrecords(root, 3, configKeys);
    expect(contents(train)[0]).toEqual(image);
    expect([label, Buffer.from([train.labels[0]!])]).toContainEqual(label);
    const whole = record(payload);
    // an empty file is a sound one without records
    for (const cut of truncations(whole).slice(1)) expect(await one(cut.bytes), cut.what).toBe('refused');
    for (const flip of bitFlips(whole.subarray(0, 12)))
      expect(await one(Buffer.concat([flip.bytes, whole.subarray(12)])), flip.what).toBe('refused');
  });

  test('damage to the file, and to a payload whose checksum is right', async () => {
    await fuzz(bad(sound), ({ bytes }) => one(bytes));
    await fuzz(bad(payload), ({ bytes }) => one(record(bytes)));
    await fuzz(fc.uint8Array({ maxLength: 200 }), (bytes) => one(record(bytes)), 0.5);
  });

  test('a length cannot ask for memory', async () => {
    for (const length of [1n << 31n, 1n << 40n, (1n << 64n) - 1n]) {
      const frame = record(payload);
      frame.writeBigUInt64LE(length, 0);
      frame.writeUInt32LE(maskedCrc32c(frame.subarray(0, 8)), 8);
      writeFileSync(join(root, name), frame);
      expect(await allocated(() => readTfrecords(root, 3, configKeys))).toBeLessThan(50_000);
    }
  });
});

describe('headers of images', () => {
  const pillow = JSON.parse(readFileSync('test/fixtures/pillow.json', 'utf8')) as {
    files: Record<string, { bytes: string; size: [number, number] }>;
  };
  const files = Object.values(pillow.files).map(({ bytes }) => Buffer.from(bytes, 'base64').subarray(0, 700));

  test('damage', async () => {
    for (const file of files) {
      await fuzz(
        bad(file, files),
        ({ bytes }) =>
          feed(
            'image header',
            () => readHeader(bytes),
            (header) => {
              if (header === undefined) return 'left to libvips';
              const { width, height, isCmyk } = header;
              const jpeg = Buffer.from([height >> 8, height & 255, width >> 8, width & 255]);
              const png = Buffer.alloc(8);
              png.writeUInt32BE(width, 0);
              png.writeUInt32BE(height, 4);
              const isPng = bytes[0] === 0x89;
              const at = isPng ? bytes.indexOf(png) : bytes.indexOf(jpeg);
              expect(at).toBeGreaterThan(0);
              if (isPng) expect([at, isCmyk]).toEqual([16, false]);
              return 'the size it gives is in its bytes';
            },
          ),
        0.2,
      );
    }
  });
});

describe('bitmaps and TIFF', () => {
  const { decoded } = JSON.parse(readFileSync('test/fixtures/imageFormats.json', 'utf8')) as {
    decoded: Record<string, { bytes: string }>;
  };
  const fileOf = (name: string) => Buffer.from(decoded[name]!.bytes, 'base64');
  /** A decoder's plain error says what is wrong with the file; anything else it throws is a fault of ours. */
  const told = <Value>(read: () => Value): Value => {
    try {
      return read();
    } catch (error) {
      if ((error as Error).constructor !== Error) throw error;
      throw new UserError((error as Error).message, { remedy: 'replace the file' });
    }
  };
  const pnm = (bytes: Buffer) =>
    feed(
      'PGM and PPM',
      () => told(() => (bytes[0] === 80 ? readPnm(bytes).pixels('strict') : formatOf(bytes))),
      (pixels) => {
        if (typeof pixels === 'string') return 'another format';
        expect(pixels.data.length).toBe(pixels.width * pixels.height * 3);
        if (bytes.toString('latin1', 0, 2) !== 'P6') return 'it has a value for every pixel';
        const head = /^P6\s(?:\s|#[^\r\n]*[\r\n])*(\d+)(?:\s|#[^\r\n]*[\r\n])+(\d+)(?:\s|#[^\r\n]*[\r\n])+255\s/.exec(
          bytes.toString('latin1'),
        );
        if (head === null) return 'it has a value for every pixel';
        expect([pixels.width, pixels.height]).toEqual([Number(head[1]), Number(head[2])]);
        expect(Buffer.from(pixels.data)).toEqual(bytes.subarray(head[0].length, head[0].length + pixels.data.length));
        return 'its pixels are its bytes after the header';
      },
    );
  const bmp = (bytes: Buffer) =>
    feed(
      'BMP',
      () => told(() => readBmp(bytes).pixels('strict')),
      ({ data, width, height }) => {
        const isOld = bytes.readUInt32LE(14) === 12;
        const rows = isOld ? bytes.readUInt16LE(20) : bytes.readInt32LE(22);
        const columns = isOld ? bytes.readUInt16LE(18) : bytes.readUInt32LE(18);
        expect([width, height, data.length]).toEqual([columns, Math.abs(rows), columns * Math.abs(rows) * 3]);
        const isPlain = !isOld && bytes.readUInt16LE(28) === 24 && bytes.readUInt32LE(30) === 0;
        if (!isPlain) return 'it has bytes for every pixel';
        const stride = 4 * Math.ceil((3 * width) / 4);
        for (let y = 0; y < height; y++) {
          const row = bytes.readUInt32LE(10) + (rows < 0 ? y : height - 1 - y) * stride;
          for (let i = 0; i < 3 * width; i++) {
            expect(data[y * 3 * width + i]).toBe(bytes[row + 3 * Math.floor(i / 3) + 2 - (i % 3)]);
          }
        }
        return 'its pixels are its bytes, blue first, row by row';
      },
    );
  const tiff = (bytes: Buffer) =>
    feed(
      'TIFF header',
      () => told(() => readTiffHeader(bytes)),
      ({ width, height, orientation }) => {
        expect([1, 2, 3, 4, 5, 6, 7, 8]).toContain(orientation);
        for (const size of [width, height]) expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
        return 'an orientation and a size; libvips decodes the rest';
      },
    );

  const ppms = ['P6 with comments.ppm', 'P3 with comments.ppm', 'P5 of 31.pgm', 'P6 of 1000.ppm'].map(fileOf);
  const bmps = ['24 bits, header of 40.bmp', '4 bits.bmp', '32 bits, masks XBGR.bmp', '8 bits, old header.bmp'].map(
    fileOf,
  );
  const tiffs = ['little-endian.tif', 'orientation 6, tiff_lzw.tif', 'big.tif', 'palette of 4 bits.tif'].map(fileOf);

  test.each([
    ['PPM', ppms, pnm],
    ['BMP', bmps, bmp],
    ['TIFF', tiffs, tiff],
  ] as const)('%s: every truncation, every flipped bit of its first bytes, and damage', async (_, files, one) => {
    for (const file of files) {
      for (const { bytes } of truncations(file.subarray(0, 200))) await one(bytes);
      for (const { bytes } of bitFlips(file.subarray(0, 62))) await one(Buffer.concat([bytes, file.subarray(62)]));
      await fuzz(bad(file, files), ({ bytes }) => one(bytes), 0.3);
    }
  });

  test('a header cannot ask for memory', async () => {
    const hostile = Buffer.from(bmps[0]!);
    hostile.writeUInt32LE(2 ** 31 - 1, 18);
    hostile.writeInt32LE(-(2 ** 31), 22);
    expect(await allocated(() => told(() => readBmp(hostile).pixels('strict')))).toBeLessThan(10_000);
    const palettes = Buffer.from(bmps[1]!);
    palettes.writeUInt32LE(0xffff_ffff, 46);
    expect(await allocated(() => told(() => readBmp(palettes).pixels('strict')))).toBeLessThan(10_000);
    for (const size of ['9999999999 9999999999', '65535 65535']) {
      for (const kind of ['P2', 'P3', 'P5', 'P6']) {
        const bytes = Buffer.from(`${kind}\n${size}\n255\n1 2 3`);
        expect(await allocated(() => told(() => readPnm(bytes).pixels('strict')))).toBeLessThan(10_000);
      }
    }
    const entries = Buffer.from(tiffs[0]!);
    entries.writeUInt16LE(0xffff, entries.readUInt32LE(4));
    expect(await allocated(() => told(() => readTiffHeader(entries)))).toBeLessThan(10_000);
  });
});
