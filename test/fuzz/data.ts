/** The readers of data files: IDX, CIFAR, digits, gzip, and prepared data behind their manifest. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCifar } from '../../src/data/cifar.ts';
import { readCifar10 } from '../../src/data/cifar10.ts';
import { parse, readDigits } from '../../src/data/digits.ts';
import { readIdx } from '../../src/data/idx.ts';
import { localFiles } from '../../src/data/localFiles.ts';
import { readMnist } from '../../src/data/mnist.ts';
import { prepare } from '../../src/data/prepare.ts';
import { loadPrepared, preparedFolder } from '../../src/data/prepared.ts';
import type { Source } from '../../src/data/source.ts';
import { idxFile, sha256, toyFiles, toySource } from '../data/toy.ts';
import { bad, bitFlips, truncations, type Damaged } from './bytes.ts';
import { allocated, feed, fuzz, scratch } from './harness.ts';
import { damagedJson } from './json.ts';

const ramp = (length: number) => Array.from({ length }, (_, i) => (i * 7) % 251);
const both = (sound: Uint8Array): Damaged[] => [...truncations(sound), ...bitFlips(sound)];

describe('IDX', () => {
  const sound = idxFile([3, 2, 4], ramp(24));

  /** The format once more: what the bytes say, with nothing left over. */
  function justify(bytes: Buffer, { shape, data }: ReturnType<typeof readIdx>): string {
    const rank = bytes[3]!;
    expect(bytes.subarray(0, 3).toString('hex')).toBe('000008');
    expect(shape).toEqual(Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis)));
    expect(4 + 4 * rank + shape.reduce((a, b) => a * b, 1)).toBe(bytes.length);
    expect(data.length === 0 || data.buffer === bytes.buffer).toBe(true); // a view: nothing was allocated
    return data.length === 24 && shape.join() === '3,2,4'
      ? 'pixels differ, shape agrees'
      : 'sizes agree with its length';
  }
  const one = ({ bytes }: Damaged) =>
    feed(
      'IDX',
      () => readIdx(bytes, 'x'),
      (read) => justify(bytes, read),
    );

  test('every truncation is refused; every flipped bit is refused or in a pixel', async () => {
    expect(readIdx(sound, 'x').shape).toEqual([3, 2, 4]);
    for (const cut of truncations(sound)) expect(await one(cut), cut.what).toBe('refused');
    for (const [n, flip] of bitFlips(sound).entries()) {
      expect(await one(flip), flip.what).toBe(n < 8 * 16 ? 'refused' : 'accepted');
    }
  });
  test('damage', () => fuzz(bad(sound, [idxFile([4], [1, 2, 3, 4]), gzipSync(sound)]), one));

  test('a header cannot ask for memory', async () => {
    const header = fc.array(fc.constantFrom(0xffff_ffff, 0x7fff_ffff, 0x10000, 1, 0), { minLength: 1, maxLength: 4 });
    await fuzz(header, async (sizes) => {
      const bytes = idxFile(sizes, ramp(8));
      expect(await allocated(() => readIdx(bytes, 'x'))).toBeLessThan(1_000);
      await one({ bytes, what: sizes.join() });
    });
  });

  test('images and labels that are not of this data set', async () => {
    const files = toyFiles();
    const names = Object.keys(files);
    const swap = fc
      .record({ name: fc.constantFrom(...names), other: fc.constantFrom(...names) })
      .chain(({ name, other }) =>
        fc.oneof(
          fc.constant({ name, bytes: files[other]! }),
          bad(files[name]!, Object.values(files)).map(({ bytes }) => ({ name, bytes })),
          fc.constant({
            name,
            bytes: Buffer.from(files[name]!.map((byte, i) => (i === 11 ? 3 : i === 15 ? 2 : byte))),
          }),
        ),
      );
    await fuzz(
      swap.filter(({ name, bytes }) => !bytes.equals(files[name]!)),
      ({ name, bytes }) =>
        feed(
          'IDX pairs',
          () => readMnist((wanted) => (wanted === name ? bytes : files[wanted]!), [2, 3]),
          ({ train, test: held }) => {
            for (const { count, images, labels } of [train, held]) {
              expect(labels.length).toBe(count);
              expect(images.length).toBe(6 * count);
            }
            expect(bytes.subarray(0, 8)).toEqual(files[name]!.subarray(0, 8));
            return 'pixels or labels differ, sizes agree';
          },
        ),
    );
  });
});

describe('CIFAR', () => {
  const record = (...labels: number[]) => Buffer.from([...labels, ...ramp(3072)]);
  const layouts = [
    { file: Buffer.concat([record(3), record(9)]), count: 2, labelBytes: 1, classes: 10, name: 'CIFAR-10' },
    { file: Buffer.concat([record(7, 30), record(19, 99)]), count: 2, labelBytes: 2, classes: 100, name: 'CIFAR-100' },
  ] as const;

  test.each(layouts)('$name', async ({ file, ...layout }) => {
    const size = 3072 + layout.labelBytes;
    const one = ({ bytes }: Damaged) =>
      feed(
        layout.name,
        () => readCifar(bytes, layout),
        ({ images, labels }) => {
          expect(bytes.length).toBe(2 * size);
          for (const i of [0, 1]) {
            const start = i * size + layout.labelBytes;
            expect(labels[i]).toBe(bytes[start - 1]);
            for (let p = 0; p < 1024; p++) {
              for (let c = 0; c < 3; c++) {
                if (images[3 * (1024 * i + p) + c] !== bytes[start + 1024 * c + p])
                  throw new Error(`pixel ${p} differs`);
              }
            }
          }
          return 'pixels or labels differ, length agrees';
        },
      );
    readCifar(file, layout);
    for (const end of [0, 1, size - 1, size, size + 1, 2 * size - 1]) {
      expect(await one({ bytes: file.subarray(0, end), what: 'cut' })).toBe('refused'); // between two records, too
    }
    await fuzz(bad(file, [record(1)]), one);
    expect(await allocated(() => readCifar(file, { ...layout, count: 2 ** 40 }))).toBeLessThan(1_000);
  });
});

describe('digits', () => {
  const line = `${ramp(64)
    .map((x) => x % 17)
    .join()},7`;
  const sound = Buffer.from(`${line}\n${line}\n${line}\n`);
  const field = /^\d{1,2}$/;

  test('lines', () =>
    fuzz(bad(sound, [Buffer.from('0x1, 1e0,,+3,-0\n')]), ({ bytes }) =>
      feed(
        'digits lines',
        () => parse(bytes, 'digits.csv'),
        ({ count, images, labels }) => {
          const rows = bytes.toString('latin1').trimEnd().split('\n');
          expect(rows.length).toBe(count);
          rows.forEach((row, i) => {
            const fields = row.split(',');
            expect(fields.every((text) => field.test(text))).toBe(true);
            expect([...images.subarray(64 * i, 64 * i + 64), labels[i]]).toEqual(fields.map(Number));
          });
          return 'lines of the format';
        },
      ),
    ));

  test('the shipped file, damaged, is refused by its hash', async () => {
    const packed = readFileSync('datasets/digits/digits.csv.gz');
    const whole = gunzipSync(packed);
    const folder = join(scratch, 'digits');
    mkdirSync(folder);
    const one = ({ bytes }: Damaged) => {
      writeFileSync(join(folder, 'digits.csv.gz'), bytes);
      return feed(
        'digits file',
        () => readDigits(folder),
        () => {
          expect(gunzipSync(bytes).equals(whole)).toBe(true);
          return 'same bytes once unpacked (gzip header or trailer)';
        },
      );
    };
    await fuzz(bad(packed), one, 0.15);
    await fuzz(
      bad(whole).map(({ bytes, what }) => ({ bytes: gzipSync(bytes), what })),
      one,
      0.05,
    );
  });
});

describe('gzip and the files of a publisher', () => {
  const files = toyFiles();
  const name = 'train-images-idx3-ubyte';
  const packed = gzipSync(files[name]!);
  const source = toySource(files);
  let folders = 0;
  const place = (file: string, bytes: Uint8Array) => {
    const folder = join(scratch, `publisher-${folders++ % 50}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    writeFileSync(join(folder, file), bytes);
    return folder;
  };
  const one = (file: string, bytes: Buffer) => {
    const folder = place(file, bytes);
    return feed(
      'gzip',
      () => localFiles(source, folder)(name),
      (read) => {
        expect(Buffer.from(read).equals(files[name]!)).toBe(true);
        return 'same bytes once unpacked (gzip header or trailer)';
      },
    );
  };

  test('every truncation and every flipped bit', async () => {
    for (const { bytes } of both(packed)) await one(`${name}.gz`, bytes);
    for (const { bytes } of both(files[name]!)) expect(await one(name, bytes)).toBe('refused');
  });
  test('damage', async () => {
    await fuzz(bad(packed, [gzipSync(files['t10k-images-idx3-ubyte']!)]), ({ bytes }) => one(`${name}.gz`, bytes));
    await fuzz(bad(files[name]!, Object.values(files)), ({ bytes }) => one(name, bytes), 0.3);
  });

  test('a bomb is refused at the length of the file it should be', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(bomb.length).toBeLessThan(60_000);
    const folder = place(`${name}.gz`, bomb);
    const before = process.memoryUsage().arrayBuffers;
    await feed(
      'gzip',
      () => localFiles(source, folder)(name),
      () => 'never',
    );
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
    expect(() => localFiles(source, folder)(name)).toThrow('uncompresses to more than 53 bytes');
  });

  test('what is no regular file, or larger than its gzip could be, is not read', async () => {
    const huge = place(name, Buffer.alloc(200_000));
    expect(() => localFiles(source, huge)(name)).toThrow('has 200000 bytes, expected at most');
    for (const make of [
      (path: string) => mkdirSync(path),
      (path: string) => symlinkSync('/dev/zero', path),
      (path: string) => symlinkSync(path, path),
    ]) {
      const folder = place('other', Buffer.alloc(0));
      make(join(folder, name));
      expect(
        await feed(
          'gzip',
          () => localFiles(source, folder)(name),
          () => 'never',
        ),
      ).toBe('refused');
    }
  });
});

describe('prepared data', () => {
  const files = toyFiles();
  const from = join(scratch, 'toy-from');
  mkdirSync(from);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(from, name), bytes);
  const source: Source = toySource(files);
  const quiet = { say: () => undefined, onFile: () => () => undefined };

  /** A folder with the prepared toy set, copied once a case. */
  const prepared = (async () => {
    const root = join(scratch, 'toy-root');
    await prepare(source, { from, root, ...quiet });
    return root;
  })();
  let copies = 0;
  async function copy(): Promise<{ root: string; file: (name: string) => string }> {
    const root = join(scratch, `toy-copy-${copies++ % 50}`);
    rmSync(root, { recursive: true, force: true });
    cpSync(await prepared, root, { recursive: true });
    return { root, file: (name) => join(preparedFolder('toy', root), name) };
  }
  const read = async (root: string, why: string, { sameSource }: { sameSource: boolean }) => {
    const { train, test: held } = await loadPrepared(source, await prepared);
    return feed(
      'prepared data',
      () => loadPrepared(source, root),
      (found) => {
        expect(Buffer.from(found.train.images).equals(train.images)).toBe(true);
        expect(Buffer.from(found.test.images).equals(held.images)).toBe(true);
        expect([...found.train.labels, ...found.test.labels]).toEqual([...train.labels, ...held.labels]);
        if (sameSource) expect(found.manifest.train.count).toBe(6);
        return why;
      },
    );
  };

  test('a file with any bit flipped, cut off anywhere, or damaged, is refused', async () => {
    for (const name of ['train.bin', 'test.bin']) {
      const { root, file } = await copy();
      const sound = readFileSync(file(name));
      const one = async ({ bytes, what }: Damaged) => {
        writeFileSync(file(name), bytes);
        expect(await read(root, 'never', { sameSource: true }), what).toBe('refused');
      };
      for (const damage of both(sound)) await one(damage);
      await fuzz(bad(sound), one, 0.5);
    }
  });

  test('a damaged manifest is refused, or says the same of the data', async () => {
    const { root, file } = await copy();
    const sound = readFileSync(file('manifest.json'));
    const manifest = JSON.parse(sound.toString()) as object;
    const one = async (bytes: Uint8Array | string) => {
      writeFileSync(file('manifest.json'), bytes);
      await read(root, 'white space, or the words on where the data came from', { sameSource: true });
    };
    for (const { bytes } of truncations(sound.subarray(0, -1))) {
      writeFileSync(file('manifest.json'), bytes);
      expect(await read(root, 'never', { sameSource: true })).toBe('refused');
    }
    await fuzz(bad(sound), ({ bytes }) => one(bytes));
    await fuzz(damagedJson(manifest), one);
  });

  test('fewer samples than the data set has, every hash right, are refused', async () => {
    const { root, file } = await copy();
    const manifest = JSON.parse(readFileSync(file('manifest.json'), 'utf8')) as { train: Record<string, unknown> };
    const bytes = readFileSync(file('train.bin'));
    const fewer = Buffer.concat([bytes.subarray(0, 5), bytes.subarray(6, 6 + 30)]);
    writeFileSync(file('train.bin'), fewer);
    manifest.train = { name: 'train.bin', count: 5, sizeBytes: fewer.length, sha256: sha256(fewer) };
    writeFileSync(file('manifest.json'), JSON.stringify(manifest));
    await expect(loadPrepared(source, root)).rejects.toThrow('is not the manifest of {"name":"toy"');
  });

  test('a manifest cannot lead out of its folder', async () => {
    const { root, file } = await copy();
    const text = readFileSync(file('manifest.json'), 'utf8');
    cpSync(file('train.bin'), join(root, 'outside.bin'));
    for (const path of ['../../outside.bin', join(root, 'outside.bin'), '..', '', './train.bin', 'train.bin\0']) {
      writeFileSync(file('manifest.json'), text.replace('"train.bin"', JSON.stringify(path)));
      expect(await read(root, 'never', { sameSource: true }), path).toBe('refused');
    }
  });
});

test('a whole data set whose files were cut between two records is refused', () => {
  const record = Buffer.from([1, ...ramp(3072)]);
  const whole = Buffer.concat([record, record]);
  expect(readCifar10(() => whole, 2).train.count).toBe(10);
  expect(() => readCifar10((name) => (name === 'data_batch_3.bin' ? record : whole), 2)).toThrow(
    'data_batch_3.bin has 3073',
  );
});
