import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { MemoryDataset } from '../../src/data/dataset.ts';
import { readMnist } from '../../src/data/mnist.ts';
import type { Source } from '../../src/data/source.ts';

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ranger21-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** An IDX file of unsigned bytes, written by hand: magic, sizes, data. */
export function idxFile(sizes: readonly number[], data: readonly number[]): Buffer {
  const words = sizes.flatMap((size) => [size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255]);
  return Buffer.from([0, 0, 8, sizes.length, ...words, ...data]);
}

/** The four files of a data set in MNIST's layout: 6 training and 4 test images of 2×3 pixels, 3 classes. */
export function toyFiles(): Record<string, Buffer> {
  const ramp = (from: number, length: number) => Array.from({ length }, (_, i) => (from + i) % 256);
  return {
    'train-images-idx3-ubyte': idxFile([6, 2, 3], ramp(10, 36)),
    'train-labels-idx1-ubyte': idxFile([6], [0, 1, 2, 2, 1, 0]),
    't10k-images-idx3-ubyte': idxFile([4, 2, 3], ramp(100, 24)),
    't10k-labels-idx1-ubyte': idxFile([4], [2, 0, 1, 2]),
  };
}

/** The source that describes files like `toyFiles`. */
export function toySource(files: Record<string, Uint8Array>, downloads: Source['downloads'] = []): Source {
  return {
    name: 'toy',
    summary: 'ten images',
    licence: 'none',
    shape: [2, 3, 1],
    classNames: ['a', 'b', 'c'],
    mean: [0.5],
    std: [0.25],
    counts: { train: 6, test: 4 },
    files: Object.entries(files).map(([name, bytes]) => ({ name, sizeBytes: bytes.length, sha256: sha256(bytes) })),
    downloads,
    read: (file) => readMnist(file, [2, 3]),
  };
}

export function writeFiles(folder: string, files: Record<string, Uint8Array>): void {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
}

/** A data set of `count` training and test images whose pixel (y, x) of channel c in image i is a hash of all four. */
export function imageSet(count: number, shape: readonly [number, number, number], classes = 10): MemoryDataset {
  const size = shape[0] * shape[1] * shape[2];
  const split = () => ({
    count,
    images: Uint8Array.from({ length: count * size }, (_, i) => (i * 2654435761) >>> 24),
    labels: Uint8Array.from({ length: count }, (_, i) => i % classes),
  });
  const classNames = Array.from({ length: classes }, (_, i) => `${i}`);
  const [mean, std] = [new Array<number>(shape[2]).fill(0.5), new Array<number>(shape[2]).fill(0.25)];
  return {
    name: 'images',
    shape,
    classes,
    classNames,
    mean,
    std,
    scale: 255,
    train: split(),
    test: split(),
    fingerprint: '',
  };
}
