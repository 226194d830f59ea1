import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parse, readDigits } from '../../src/data/digits.ts';
import type { Split } from '../../src/data/dataset.ts';
import reference from '../fixtures/digits-split.json' with { type: 'json' };
import { sha256, temporaryFolder } from './toy.ts';

const histogram = (labels: Uint8Array) =>
  Array.from({ length: 10 }, (_, c) => labels.filter((label) => label === c).length);

/** As the reference script hashes: each sample's 64 pixels, then its label. */
function rowsSha256({ count, images, labels }: Split): string {
  return sha256(
    Buffer.concat(
      Array.from({ length: count }, (_, i) => [images.subarray(64 * i, 64 * i + 64), labels.subarray(i, i + 1)]).flat(),
    ),
  );
}

describe(`digits matches ${reference.source}`, () => {
  test('1,797 images in the published class counts', async () => {
    const { train, test: held } = await readDigits();
    const whole = Buffer.concat([train.labels, held.labels]);
    expect(histogram(whole)).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]); // UCI's description of the file
    expect(histogram(whole)).toEqual(reference.histogram);
    expect([...train.images, ...held.images].every((pixel) => pixel <= 16)).toBe(true);
  });

  test('the split is the fixed one', async () => {
    const { train, test: held } = await readDigits();
    expect([train.count, held.count]).toEqual([1437, 360]);
    expect(histogram(held.labels)).toEqual(reference.test.histogram);
    expect(rowsSha256(train)).toBe(reference.train.rowsSha256);
    expect(rowsSha256(held)).toBe(reference.test.rowsSha256);
  });

  test('mean and deviation are those of the training part', async () => {
    const { mean, std } = await readDigits();
    expect(mean[0]).toBeCloseTo(reference.mean, 4);
    expect(std[0]).toBeCloseTo(reference.std, 4);
  });
});

describe('a damaged file', () => {
  const original = join(import.meta.dirname, '../../datasets/digits/digits.csv.gz');

  test('cut off', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'digits.csv.gz'), readFileSync(original).subarray(0, 40_000));
    await expect(readDigits(folder)).rejects.toThrow('is not sound gzip');
  });

  test('altered', async () => {
    const folder = temporaryFolder();
    const bytes = gunzipSync(readFileSync(original));
    bytes[0] = '1'.charCodeAt(0);
    writeFileSync(join(folder, 'digits.csv.gz'), gzipSync(bytes));
    await expect(readDigits(folder)).rejects.toThrow(/has SHA-256 [0-9a-f]{64}, expected 6ebb3d2f/);
  });

  test('longer', async () => {
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, 'digits.csv.gz'),
      gzipSync(Buffer.concat([gunzipSync(readFileSync(original)), Buffer.alloc(10)])),
    );
    await expect(readDigits(folder)).rejects.toThrow('uncompresses to more than');
  });

  test('absent, and whole', async () => {
    const folder = temporaryFolder();
    await expect(readDigits(folder)).rejects.toThrow('digits.csv.gz does not exist');
    copyFileSync(original, join(folder, 'digits.csv.gz'));
    expect((await readDigits(folder)).train.count).toBe(1437);
  });

  test.each([['1,2,3'], [`${'0,'.repeat(64)}10`], [`17,${'0,'.repeat(63)}1`], [`x,${'0,'.repeat(63)}1`]])(
    'a line like %s',
    (line) => {
      const sound = `${'0,'.repeat(64)}1`;
      expect(() => parse(Buffer.from(`${sound}\n${line}\n`), 'digits.csv')).toThrow(
        'digits.csv: line 2 is not 64 pixels',
      );
    },
  );
});
