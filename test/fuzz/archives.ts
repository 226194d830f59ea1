/** Archives: tar, npm tarballs, a publisher's .tar.gz, and what setup unpacks. Nothing in them may lead out of a folder. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readClothes } from '../../src/data/fashionMnist.ts';
import { localFiles } from '../../src/data/localFiles.ts';
import { packageFiles } from '../../src/data/npmPackage.ts';
import { untar } from '../../src/data/tar.ts';
import { install } from '../../src/tensor/backends/tensorflow/install/install.ts';
import { cacheRoot } from '../../src/tensor/backends/tensorflow/locate.ts';
import { toyFiles, toySource } from '../data/toy.ts';
import { bad, bitFlips, truncations, type Damaged } from './bytes.ts';
import { feed, fuzz, scratch } from './harness.ts';
import { damagedJson, hostileText } from './json.ts';

interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
  /** '0' a file, '1' and '2' links, '5' a folder. */
  readonly kind?: string;
  readonly link?: string;
  /** Written into the header instead of the content's length. */
  readonly size?: string;
}

/** A ustar archive. Fields: name 100, mode 8, uid 8, gid 8, size 12, mtime 12, checksum 8, type 1, link 100, magic. */
function tarOf(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ name, content, kind = '0', link = '', size }) => {
    const header = Buffer.alloc(512);
    const field = (at: number, text: string) => void header.write(text, at, 'latin1');
    field(0, name.slice(0, 100));
    ['0000644', '0000000', '0000000'].forEach((text, i) => field(100 + 8 * i, text));
    field(124, size ?? content.length.toString(8).padStart(11, '0'));
    field(136, '00000000000');
    field(148, ' '.repeat(8));
    field(156, kind);
    field(157, link.slice(0, 100));
    field(257, 'ustar');
    field(263, '00');
    field(
      148,
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
    );
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const files: readonly Entry[] = [
  { name: 'package/a', content: Buffer.from('first') },
  { name: 'package/', content: Buffer.alloc(0), kind: '5' },
  { name: 'package/link', content: Buffer.alloc(0), kind: '2', link: '/etc/passwd' },
  { name: 'package/b', content: Buffer.alloc(513, 7) },
];
const sound = tarOf(files);

describe('tar', () => {
  const soundFiles = [...untar(sound, 'x')].map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]);
  const one = ({ bytes }: Damaged) =>
    feed(
      'tar',
      () => untar(bytes, 'x'),
      (found) => {
        let size = 0;
        for (const content of found.values()) {
          expect(content.buffer).toBe(bytes.buffer); // views: nothing was allocated
          size += content.length;
        }
        expect(size).toBeLessThan(bytes.length);
        const now = [...found].map(([name, content]) => [name, Buffer.from(content).toString('hex')]);
        if (JSON.stringify(now) === JSON.stringify(soundFiles)) return 'same files (padding, or after the end)';
        return 'contents differ, every header has its checksum';
      },
    );

  test('every truncation, and every flipped bit of headers and contents', async () => {
    expect(soundFiles.map(([name]) => name)).toEqual(['package/a', 'package/b']);
    for (const cut of truncations(sound).filter((_, end) => end < 1024 || end % 64 === 0)) {
      const isWhole = cut.bytes.length >= sound.length - 512; // one of the two closing blocks is enough
      expect(await one(cut), cut.what).toBe(isWhole ? 'accepted' : 'refused');
    }
    for (const [n, flip] of bitFlips(sound.subarray(0, 1024)).entries()) {
      const outcome = await one({ bytes: Buffer.concat([flip.bytes, sound.subarray(1024)]), what: flip.what });
      const at = n >> 3;
      if (at < 148 || (at >= 156 && at < 512)) expect(outcome, flip.what).toBe('refused'); // the rest: checksum's own end, contents
    }
  });
  test('damage', () => fuzz(bad(sound, [tarOf([files[0]!]), gzipSync(sound)]), one));

  test('headers with right checksums and wrong fields', () => {
    const size = fc.constantFrom(
      '77777777777',
      '-0000000001',
      'zzz',
      '',
      '1e3',
      '00000000010',
      '99999999999',
      '0x000000001',
    );
    const entry = fc.record({
      name: fc.constantFrom(...hostileText.filter((text) => !/[^\x01-\x7f]/.test(text)), 'package/a'),
      content: fc.uint8Array({ maxLength: 20 }),
      kind: fc.constantFrom('0', '0', '0', '1', '2', '3', '5', '7', 'L', 'x', 'g', 'S', '\0'),
      size: fc.option(size, { nil: undefined }),
    });
    return fuzz(fc.array(entry, { minLength: 1, maxLength: 4 }), (entries) =>
      one({ bytes: tarOf(entries as Entry[]), what: 'made up' }),
    );
  });
});

describe('npm packages', () => {
  const integrityOf = (bytes: Uint8Array) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const tarball = gzipSync(sound);
  const integrity = integrityOf(tarball);
  const wanted = fc.constantFrom('a', 'b', 'link', '../../etc/passwd', 'c', '__proto__', 'constructor');

  test('a damaged tarball is refused by its integrity', () =>
    fuzz(bad(tarball), async ({ bytes }) => {
      const outcome = await feed(
        'npm tarball',
        () => packageFiles(bytes, { name: 'x', integrity }),
        () => 'never',
      );
      expect(outcome).toBe('refused');
    }));

  test('one that was published damaged is refused, or gives what its headers say', () =>
    fuzz(fc.tuple(fc.oneof(bad(sound), bad(tarball)), wanted, fc.boolean()), ([{ bytes }, path, isPacked]) => {
      const published = isPacked ? gzipSync(bytes) : bytes;
      return feed(
        'npm tarball',
        () => packageFiles(published, { name: 'x', integrity: integrityOf(published) })(path),
        (content) => {
          expect(content.length).toBeLessThan(2_000);
          return 'a file of an archive whose headers have their checksums';
        },
      );
    }));

  test('clothes', async () => {
    const damaged = damagedJson({ data: [[1, 2, 3], [], [255, 0, 7]] });
    await fuzz(
      fc.oneof(
        damaged,
        bad(Buffer.from('{"data":[[1,2],[3,4]]}')).map(({ bytes }) => bytes.toString('latin1')),
      ),
      (text) =>
        feed(
          'npm clothes',
          () => readClothes(() => Buffer.from(text)),
          () => 'never',
        ),
    );
    const row = new Array<number>(784).fill(9);
    const clothes = (change: unknown[]) =>
      Buffer.from(JSON.stringify({ data: [change, ...new Array<number[]>(6_999).fill(row)] }));
    for (const pixel of [256, 1.5, '7']) {
      const bytes = clothes([...row.slice(1), pixel]);
      expect(
        await feed(
          'npm clothes',
          () => readClothes(() => bytes),
          () => 'never',
        ),
      ).toBe('refused');
    }
  });
});

test("a publisher's archive: only its own files, whole", async () => {
  const contents = toyFiles();
  const entries = Object.entries(contents).map(([name, content]) => ({ name: `toy/${name}`, content }));
  const archive = { name: 'toy.tar.gz', url: '', sizeBytes: 0, sha256: '' };
  const source = { ...toySource(contents, [archive]), archiveFolder: 'toy' };
  const folder = join(scratch, 'archive');
  mkdirSync(folder);
  const one = (bytes: Uint8Array) => {
    writeFileSync(join(folder, archive.name), bytes);
    return feed(
      'archive of a data set',
      () => {
        const file = localFiles(source, folder);
        return Object.keys(contents).map((name) => Buffer.from(file(name)));
      },
      (found) => {
        expect(found).toEqual(Object.values(contents));
        return 'same files (padding, gzip header or after the end)';
      },
    );
  };
  await fuzz(
    bad(tarOf(entries)).map(({ bytes }) => gzipSync(bytes)),
    one,
    0.5,
  );
  await fuzz(
    bad(gzipSync(tarOf(entries))).map(({ bytes }) => bytes),
    one,
    0.5,
  );
  const link = [
    { name: 'toy/train-labels-idx1-ubyte', content: Buffer.alloc(0), kind: '2', link: '/etc/passwd' },
    ...entries.slice(2),
  ];
  expect(await one(gzipSync(tarOf([entries[0]!, ...link])))).toBe('refused');
  expect(await one(gzipSync(Buffer.alloc(20_000_000)))).toBe('refused'); // a bomb
});

/** How often this process has a file open; 0 where the system does not tell. */
function openFiles(path: string): number {
  if (!existsSync('/proc/self/fd')) return 0;
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

describe('what setup unpacks', () => {
  const quiet = { start: () => undefined, advance: () => undefined, end: () => undefined };
  const fixtures = {
    wheel: 'tensorflow_cpu-9.9.9-py3-none-any.whl',
    'tar.gz': 'libtensorflow-cpu-linux-x86_64-9.9.9.tar.gz',
  };
  const cache = join(scratch, 'cache');

  test.each(Object.entries(fixtures))('a damaged %s', async (kind, name) => {
    const whole = readFileSync(join('test/fixtures', name));
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = cache;
    const outside = mkdtempSync(join(scratch, 'outside-'));
    const path = join(outside, name);
    const one = async (bytes: Uint8Array, gpu = false) => {
      writeFileSync(path, bytes);
      rmSync(cache, { recursive: true, force: true });
      const outcome = await feed(
        `setup ${kind}`,
        () => install({ gpu, version: '9.9.9', pythonVersion: '3.12', from: path }, quiet),
        ({ manifest }) => {
          expect(Object.keys(manifest.files).length).toBeGreaterThan(0);
          for (const file of Object.keys(manifest.files)) expect(file).not.toContain('..');
          return 'libraries with their checksums (gzip or zip fields that nothing is read from)';
        },
      );
      expect(readdirSync(outside)).toEqual([name]);
      expect(readdirSync(cacheRoot()).filter((left) => left.startsWith('.'))).toEqual([]);
      return outcome;
    };
    try {
      await fuzz(bad(whole), ({ bytes }) => one(bytes), 0.3);
      if (kind === 'tar.gz') {
        const library = (name: string, more: Partial<Entry> = {}): Entry => ({
          name,
          content: Buffer.from('library'),
          ...more,
        });
        for (const entry of [
          library('lib/libtensorflow.so.2', { kind: '2', link: '/etc/passwd' }),
          library('lib/libtensorflow.so.2', { size: 'zzz' }),
          library('lib/libtensorflow.so.2', { size: '-1' }),
          library('lib/libtensorflow.so.2', { size: '77777777777' }),
        ]) {
          expect(await one(gzipSync(tarOf([library('lib/libtensorflow_framework.so.2'), entry])))).toBe('refused');
        }
        await one(gzipSync(tarOf([library('../../../libtensorflow.so.2')])));
      }
      expect(existsSync(join(scratch, 'libtensorflow.so.2'))).toBe(false);
      expect(openFiles(path)).toBe(0);
    } finally {
      if (before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = before;
    }
  });
});
