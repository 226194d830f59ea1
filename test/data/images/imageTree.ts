/** A small image folder for tests. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ImageDataset } from '../../../src/data/dataset.ts';
import { imageDataset, openFolder, type ImageOptions } from '../../../src/data/images/imageDataset.ts';
import { makeImageTree } from '../../bench/makeImageTree.js';

export const treeSizes = { classes: 3, train: 8, val: 5, width: 60, height: 44 };
const original = mkdtempSync(join(tmpdir(), 'ranger21-tree-'));
await makeImageTree(original, treeSizes);
process.on('exit', () => rmSync(original, { recursive: true, force: true }));

/** A copy of the tree: 3 classes of 8 training and 5 validation images, 60×44. It is gone after the test. */
export function imageTree(): string {
  const root = mkdtempSync(join(tmpdir(), 'ranger21-test-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  cpSync(original, root, { recursive: true });
  return root;
}

/** Opens a folder as the data set imagefolder does; `told` gathers what would go to stderr. */
export function openTree(root: string, options: Partial<ImageOptions> = {}): { dataset: ImageDataset; told: string[] } {
  const told: string[] = [];
  const say = (line: string) => void told.push(line);
  const all: ImageOptions = { root, image: 28, workers: 0, badFiles: 'error', ...options };
  const dataset = imageDataset(openFolder(root, all.badFiles, say), { name: 'imagefolder', classes: 3 }, all, say);
  return { dataset, told };
}
