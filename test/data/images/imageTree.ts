/** A small image folder for tests. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ImageDataset } from '../../../src/data/dataset.ts';
import {
  imageDataset,
  openFolder,
  type ImageOptions,
  type ImageSource,
} from '../../../src/data/images/imageDataset.ts';
import type { FolderOptions } from '../../../src/data/images/imageFolder.ts';
import { configKeys } from '../../../src/data/images/optionNames.ts';
import type { Reading } from '../../../src/data/reading.ts';
import { makeImageTree } from '../../bench/makeImageTree.js';

export const treeSizes = { classes: 3, train: 8, val: 5, width: 60, height: 44 };
const original = mkdtempSync(join(tmpdir(), 'ranger21-tree-'));
await makeImageTree(original, treeSizes);
process.on('exit', () => [original, cacheHome].forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** What was read is kept here for the time of a test file, and not in the user's own cache. */
export const cacheHome = mkdtempSync(join(tmpdir(), 'ranger21-cache-'));
// libtensorflow stays where it is
const library = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ranger21', 'libtensorflow');
mkdirSync(join(cacheHome, 'ranger21'));
if (existsSync(library)) symlinkSync(library, join(cacheHome, 'ranger21', 'libtensorflow'));
process.env['XDG_CACHE_HOME'] = cacheHome;

/** A copy of the tree: 3 classes of 8 training and 5 validation images, 60×44. It is gone after the test. */
export function imageTree(): string {
  const root = mkdtempSync(join(tmpdir(), 'ranger21-test-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  cpSync(original, root, { recursive: true });
  return root;
}

/**
 * A folder of uncompressed images of 12×9 pixels, all files of one size: `images` for each class of each part, `''` for class folders
 * alone. `seed` makes the pixels. It is gone after the test.
 */
export function ppmTree(parts: Readonly<Record<string, number>>, { classes = 3, seed = 0, root = '' } = {}): string {
  const base = root || mkdtempSync(join(tmpdir(), 'ranger21-test-'));
  if (root === '') onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  let made = 0;
  for (const [part, images] of Object.entries(parts)) {
    for (let label = 0; label < classes; label++) {
      const folder = join(base, part, `class${String(label).padStart(4, '0')}`);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < images; i++) writeFileSync(join(folder, `${i}.ppm`), ppm(seed, (made += 1)));
    }
  }
  return base;
}

/** An image of its own for each pair of numbers. */
export const ppm = (seed: number, number: number): Buffer =>
  Buffer.concat([
    Buffer.from('P6 12 9 255\n'),
    Buffer.from(Uint8Array.from({ length: 12 * 9 * 3 }, (_, i) => (i * 7 + seed * 31 + number * (1 + (i % 5))) % 256)),
  ]);

/** Opens a folder of images or shards. */
export const openTreeFolder = (
  root: string,
  { policy = 'error', say = () => undefined, ...more }: Partial<FolderOptions> = {},
): ImageSource => openFolder(root, { policy, say, names: configKeys, ...more });

/** Nothing is told. */
export const silent: Reading = { say: () => undefined, onStart: () => () => undefined };

/** Opens a folder as the data set imagefolder does; `told` gathers what would go to stderr. */
export async function openTree(
  root: string,
  { split, ...options }: Partial<ImageOptions> & { split?: number } = {},
): Promise<{ dataset: ImageDataset; told: string[] }> {
  const told: string[] = [];
  const say = (line: string) => void told.push(line);
  const all: ImageOptions = { root, image: 28, workers: 0, badFiles: 'error', ...options };
  const source = openTreeFolder(root, { policy: all.badFiles, split, say });
  const dataset = await imageDataset(source, { name: 'imagefolder' }, all, { ...silent, say });
  return { dataset, told };
}
