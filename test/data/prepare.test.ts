import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cifar10, readCifar10 } from '../../src/data/cifar10.ts';
import { prepare, type PrepareOptions } from '../../src/data/prepare.ts';
import { defaultRoot, loadPrepared, preparedFolder } from '../../src/data/prepared.ts';
import type { Files, Source } from '../../src/data/source.ts';
import { UserError } from '../../src/errors.ts';
import { idxFile, sha256, temporaryFolder, toyFiles, toySource, writeFiles } from './toy.ts';

const quiet = { say: () => undefined, onFile: () => () => undefined };

/** A folder with the files, an empty root, and prepare() between them. */
function bench(files: Record<string, Uint8Array>, source: Source = toySource(toyFiles())) {
  const [from, root] = [temporaryFolder(), temporaryFolder()];
  writeFiles(from, files);
  const folder = preparedFolder('toy', root);
  return {
    from,
    root,
    folder,
    source,
    run: (options: Partial<PrepareOptions> = {}) => prepare(source, { from, root, ...quiet, ...options }),
  };
}

describe('from local files', () => {
  test('bare files become labels and images, byte for byte, and load as they were', async () => {
    const { root, folder, source, run } = bench(toyFiles());
    await run();
    const bytes = readFileSync(join(folder, 'train.bin'));
    expect([...bytes]).toEqual([0, 1, 2, 2, 1, 0, ...Array.from({ length: 36 }, (_, i) => 10 + i)]);
    const { train, test: held, manifest } = await loadPrepared(source, root);
    expect([train.count, [...held.labels]]).toEqual([6, [2, 0, 1, 2]]);
    expect([...train.images.subarray(0, 3), ...held.images.subarray(21)]).toEqual([10, 11, 12, 121, 122, 123]);
    expect(manifest.train.sha256).toBe(sha256(bytes));
    expect(readdirSync(folder).toSorted()).toEqual(['manifest.json', 'test.bin', 'train.bin']);
  });

  test('gzipped files, also as the gzip program writes them, give the same bytes', async () => {
    const { from, run, folder } = bench(
      Object.fromEntries(Object.entries(toyFiles()).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)])),
    );
    rmSync(join(from, 'train-images-idx3-ubyte.gz'));
    writeFiles(from, { 'train-images-idx3-ubyte': toyFiles()['train-images-idx3-ubyte'] as Buffer });
    execFileSync('gzip', [join(from, 'train-images-idx3-ubyte')]);
    await run();
    const bare = bench(toyFiles());
    await bare.run();
    for (const name of ['train.bin', 'test.bin', 'manifest.json']) {
      expect(readFileSync(join(folder, name))).toEqual(readFileSync(join(bare.folder, name)));
    }
  });

  test('the CIFAR archive, its folder, or the file itself', async () => {
    const record = (label: number) => Buffer.from([label, ...Array.from({ length: 3072 }, (_, i) => i % 251)]);
    const names = cifar10.files.map(({ name }) => name);
    const files = Object.fromEntries(names.map((name, i) => [name, record(i)]));
    const shrunk: Source = {
      ...cifar10,
      name: 'toy',
      counts: { train: 5, test: 1 },
      read: (file) => readCifar10(file, 1),
      files: names.map((name) => ({ name, sizeBytes: 3073, sha256: sha256(files[name] as Buffer) })),
    };
    const { from, folder, run } = bench({}, shrunk);
    mkdirSync(join(from, 'cifar-10-batches-bin'));
    writeFiles(join(from, 'cifar-10-batches-bin'), { ...files, 'readme.html': Buffer.from('x') });
    execFileSync('tar', ['-czf', 'cifar-10-binary.tar.gz', 'cifar-10-batches-bin'], { cwd: from });
    await run();
    const expected = readFileSync(join(folder, 'train.bin'));
    expect([...expected.subarray(0, 5)]).toEqual([0, 1, 2, 3, 4]);

    rmSync(join(from, 'cifar-10-batches-bin'), { recursive: true });
    for (const place of [from, join(from, 'cifar-10-binary.tar.gz')]) {
      rmSync(folder, { recursive: true });
      await run({ from: place });
      expect(readFileSync(join(folder, 'train.bin'))).toEqual(expected);
    }
  });

  test('a second time does nothing and says so; --force does it again', async () => {
    const { folder, from, run } = bench(toyFiles());
    await run();
    const lines: string[] = [];
    rmSync(from, { recursive: true });
    await run({ say: (line) => lines.push(line) });
    expect(lines).toEqual([`toy is already prepared in ${folder}, from local files; --force prepares it again`]);
    await expect(run({ force: true })).rejects.toThrow(`${from} does not exist`);
  });
});

test('where npm carries another edition, what is prepared from one is not taken for the other', async () => {
  const published = toySource(toyFiles());
  const about = { package: 'toy', version: '1.0.0', integrity: '', note: 'divided differently' };
  const npm = { ...about, read: (file: Files) => published.read(file) };
  const source: Source = { ...published, npm };
  const { folder, run } = bench(toyFiles(), source);
  await run();
  await expect(run({ from: undefined, via: 'npm' })).rejects.toMatchObject({
    message: `toy is prepared in ${folder} from local files; of the npm package: divided differently`,
    remedy: 'prepare it again with --force, or elsewhere with --root DIR',
  });
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...manifest, source: { kind: 'npm', detail: 'npm package toy@1.0.0' } }));
  await expect(run()).rejects.toThrow(`toy is prepared in ${folder} from npm package toy@1.0.0`);
  await run({ from: undefined }); // whichever there is
  await run({ from: undefined, via: 'npm' });
});

describe('files that are not what they should be', () => {
  const cases: [string, (files: Record<string, Buffer>) => void, string][] = [
    [
      'missing',
      (files) => delete files['t10k-labels-idx1-ubyte'],
      't10k-labels-idx1-ubyte (or t10k-labels-idx1-ubyte.gz) is not in',
    ],
    [
      'cut off',
      (files) => (files['train-images-idx3-ubyte'] = (files['train-images-idx3-ubyte'] as Buffer).subarray(0, 40)),
      'has 40 bytes, expected 52',
    ],
    ['altered', (files) => ((files['train-images-idx3-ubyte'] as Buffer)[20] = 99), 'has SHA-256'],
  ];
  test.each(cases)('%s: nothing is written', async (_, damage, message) => {
    const files = toyFiles();
    damage(files);
    const { folder, run } = bench(files);
    await expect(run()).rejects.toThrow(UserError);
    await expect(run()).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('gzip cut off, and gzip that would uncompress without bound', async () => {
    const files = toyFiles();
    const { from, run } = bench(files);
    rmSync(join(from, 'train-labels-idx1-ubyte'));
    const packed = gzipSync(files['train-labels-idx1-ubyte'] as Buffer);
    writeFiles(from, { 'train-labels-idx1-ubyte.gz': packed.subarray(0, 20) });
    await expect(run()).rejects.toThrow('is not sound gzip');
    writeFiles(from, { 'train-labels-idx1-ubyte.gz': gzipSync(Buffer.alloc(50_000_000)) });
    await expect(run()).rejects.toThrow('uncompresses to more than 15 bytes');
  });

  test('a label out of range names the sample', async () => {
    const files = { ...toyFiles(), 'train-labels-idx1-ubyte': idxFile([6], [0, 1, 2, 3, 1, 0]) };
    const { run } = bench(files, toySource(files));
    await expect(run()).rejects.toThrow('toy train: sample 3 has label 3, expected 0 to 2');
  });

  test('images and labels that do not belong together', async () => {
    const files = { ...toyFiles(), 'train-labels-idx1-ubyte': idxFile([5], [0, 1, 2, 2, 1]) };
    const { run } = bench(files, toySource(files));
    await expect(run()).rejects.toThrow(
      'train-images-idx3-ubyte is 6 × 2 × 3 and train-labels-idx1-ubyte is 5: not images of 2 × 3',
    );
  });
});

describe('interrupted', () => {
  test('after any line it counts as not prepared until the manifest is there, and the same call finishes it', async () => {
    const { root, folder, source, run } = bench(toyFiles());
    for (const stopAt of [1, 2]) {
      let lines = 0;
      const killed = run({ say: () => { if (++lines === stopAt) throw new Error('killed'); } }); // prettier-ignore
      await expect(killed).rejects.toThrow('killed');
      expect(existsSync(join(folder, 'train.bin'))).toBe(true);
      await expect(loadPrepared(source, root)).rejects.toThrow('the data set toy is not prepared');
    }
    await run();
    expect((await loadPrepared(source, root)).train.count).toBe(6);
  });

  test('a forced repetition that is killed leaves no old manifest over new files', async () => {
    const { root, source, run } = bench(toyFiles());
    await run();
    await expect(run({ force: true, say: () => { throw new Error('killed'); } })).rejects.toThrow('killed'); // prettier-ignore
    await expect(loadPrepared(source, root)).rejects.toThrow('is not prepared');
  });
});

describe('loading', () => {
  test('data that are not prepared: the remedy is the command', async () => {
    const { root, source } = bench({});
    await expect(loadPrepared(source, root)).rejects.toMatchObject({
      remedy: `ranger21 data prepare toy --root ${root}`,
      code: 2,
    });
  });

  const damages: [string, (path: string) => void, RegExp][] = [
    ['cut off', (path) => truncateSync(path, 41), /train\.bin has 41 bytes, expected 42 bytes for 6 samples/],
    ['longer', (path) => truncateSync(path, 43), /train\.bin has 43 bytes, expected at most 42; expected 42 bytes/],
    ['missing', (path) => rmSync(path), /train\.bin does not exist; expected 42 bytes/],
    [
      'altered',
      (path) => writeFileSync(path, readFileSync(path).fill(0, 41)),
      /train\.bin has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}/,
    ],
  ];
  test.each(damages)('train.bin %s: the file, expected and found', async (_, damage, message) => {
    const { root, folder, source, run } = bench(toyFiles());
    await run();
    damage(join(folder, 'train.bin'));
    await expect(loadPrepared(source, root)).rejects.toThrow(message);
    await expect(loadPrepared(source, root)).rejects.toMatchObject({
      remedy: `ranger21 data prepare toy --root ${root} --force`,
    });
    await run({ force: true });
    expect((await loadPrepared(source, root)).train.count).toBe(6);
  });

  test.each(['{', '[]', '{"schema":2}'])('a manifest that reads %s', async (text) => {
    const { root, folder, source, run } = bench(toyFiles());
    await run();
    writeFileSync(join(folder, 'manifest.json'), text);
    await expect(loadPrepared(source, root)).rejects.toThrow(UserError);
    await expect(loadPrepared(source, root)).rejects.toThrow('manifest.json is not the manifest of {"name":"toy"');
  });

  test('a root whose place is taken by a file', async () => {
    const { root, source } = bench(toyFiles());
    const taken = join(root, 'file');
    mkdirSync(root, { recursive: true });
    writeFileSync(taken, '');
    await expect(loadPrepared(source, taken)).rejects.toThrow(UserError);
    await expect(loadPrepared(source, taken)).rejects.toThrow(
      'manifest.json does not exist: a part of its path is a file',
    );
  });

  test('a manifest with a label beyond the classes, hashes adjusted', async () => {
    const { root, folder, source, run } = bench(toyFiles());
    await run();
    const bytes = readFileSync(join(folder, 'train.bin'));
    const before = sha256(bytes);
    bytes[2] = 200;
    writeFileSync(join(folder, 'train.bin'), bytes);
    const manifest = join(folder, 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(before, sha256(bytes)));
    await expect(loadPrepared(source, root)).rejects.toThrow('sample 2 has label 200, expected 0 to 2');
  });
});

test('RANGER21_DATA names the root where none is given', () => {
  const before = process.env['RANGER21_DATA'];
  try {
    process.env['RANGER21_DATA'] = join('some', 'where');
    expect(preparedFolder('mnist')).toBe(join('some', 'where', 'mnist', 'prepared'));
    expect(preparedFolder('mnist', 'here')).toBe(join('here', 'mnist', 'prepared'));
    delete process.env['RANGER21_DATA'];
    expect(preparedFolder('mnist')).toBe(join(import.meta.dirname, '../../datasets/mnist/prepared'));
  } finally {
    if (before !== undefined) process.env['RANGER21_DATA'] = before;
  }
});

describe('where data are prepared unless somebody says otherwise', () => {
  const cache = join('the', 'cache');
  beforeEach(() => void vi.stubEnv('XDG_CACHE_HOME', cache));
  afterEach(() => void vi.unstubAllEnvs());

  test('in a clone its own folder; installed, or without the right to write there, the cache of the user', () => {
    const clone = temporaryFolder();
    const installed = join(clone, 'node_modules', 'ranger21', 'datasets');
    mkdirSync(installed, { recursive: true });
    expect(defaultRoot('toy', clone)).toBe(clone);
    expect(defaultRoot('toy', installed)).toBe(join(cache, 'ranger21', 'datasets'));
    expect(defaultRoot('toy', join(clone, 'none'))).toBe(join(cache, 'ranger21', 'datasets'));
    vi.stubEnv('XDG_CACHE_HOME', '');
    expect(defaultRoot('toy', installed).startsWith(homedir())).toBe(true);
  });

  test('what is prepared in the package already is used', async () => {
    const { from, source } = bench(toyFiles());
    const installed = join(temporaryFolder(), 'node_modules', 'ranger21', 'datasets');
    await prepare(source, { from, root: installed, ...quiet });
    expect(defaultRoot('toy', installed)).toBe(installed);
    expect(defaultRoot('other', installed)).toBe(join(cache, 'ranger21', 'datasets'));
  });
});
