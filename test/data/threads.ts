/** Decoding threads that run the sources, for tests: a thread cannot load TypeScript before Node 22.18. */
import { rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { thread } from '../../src/data/images/decodePool.ts';
import { compiled } from '../runs/compiled.ts';

/** Every thread started so far. */
export const started: Worker[] = [];

const folder = compiled(
  'data/images/decodeWorker.ts',
  'data/images/imageBatches.ts',
  'data/images/imageDataset.ts',
  'data/images/packImages.ts',
  'data/images/packTask.ts',
);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));

/** The sources as JavaScript, for other processes. */
export const sources = folder;

thread.start = (setup) => {
  const worker = new Worker(join(folder, 'data/images/decodeWorker.js'), { workerData: setup });
  started.push(worker);
  return worker;
};
