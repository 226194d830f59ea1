import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { pick } from './assemble.ts';
import { readWithin } from './boundedFile.ts';
import type { MemoryDataset, Normalisation, Split } from './dataset.ts';
import { checkFile, inflate } from './localFiles.ts';
import { packagedData } from './prepared.ts';

const pixels = 64;
const csv = {
  name: 'digits.csv',
  sizeBytes: 264_712,
  sha256: '6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8',
};

/** Of the training part, pixels / 16. */
export const digitsNormalisation: Normalisation = { mean: [0.3058], std: [0.3762], scale: 16 };

/**
 * Digits: 1,797 handwritten digits, 8×8, pixels 0 … 16, shipped with the package in `datasets/digits`.
 *
 * The split is fixed: sorted by class, every fifth sample is for the test (360), the others for training (1,437).
 *
 * Reference: Alpaydin, Kaynak, Optical Recognition of Handwritten Digits (test part), 1998. https://doi.org/10.24432/C50P49
 */
export async function readDigits(folder = join(packagedData, 'digits')): Promise<Omit<MemoryDataset, 'fingerprint'>> {
  const path = join(folder, 'digits.csv.gz');
  const packed = await readWithin(path, csv.sizeBytes);
  if (packed.bytes === undefined) {
    throw new UserError(`${path} ${packed.reason}`, { remedy: 'it comes with the package: install it again' });
  }
  const whole = parse(checkFile(inflate(packed.bytes, csv.sizeBytes + 1, path), csv, path), path);

  const byClass = Array.from({ length: whole.count }, (_, i) => i);
  byClass.sort((a, b) => (whole.labels[a] as number) - (whole.labels[b] as number) || a - b);
  const part = (isTest: boolean) => byClass.filter((_, rank) => (rank % 5 === 0) === isTest).sort((a, b) => a - b);

  return {
    name: 'digits',
    shape: [8, 8, 1],
    classes: 10,
    classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    ...digitsNormalisation,
    train: pick(whole, part(false)),
    test: pick(whole, part(true)),
  };
}

/** One sample a line: 64 pixels and the label. */
export function parse(bytes: Uint8Array, path: string): Split {
  const lines = Buffer.from(bytes).toString('latin1').trimEnd().split('\n');
  const images = new Uint8Array(lines.length * pixels);
  const labels = new Uint8Array(lines.length);
  lines.forEach((line, i) => {
    const fields = line.split(',');
    const values = fields.map(Number);
    const isSound =
      fields.length === pixels + 1 &&
      fields.every((field, at) => /^\d{1,2}$/.test(field) && (values[at] as number) <= (at < pixels ? 16 : 9));
    if (!isSound) {
      throw new UserError(`${path}: line ${i + 1} is not 64 pixels of 0 to 16 and a label of 0 to 9`, {
        remedy: 'the file comes with the package: install it again',
      });
    }
    images.set(values.slice(0, pixels), i * pixels);
    labels[i] = values[pixels] as number;
  });
  return { count: lines.length, images, labels };
}
