/** Decoding threads that run the sources, for tests: a thread cannot load TypeScript before Node 22.18. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import typescript from 'typescript';
import { thread } from '../../src/data/decodePool.ts';

/** Every thread started so far. */
export const started: Worker[] = [];

const folder = mkdtempSync(join(tmpdir(), 'ranger21-threads-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
const compilerOptions = {
  target: typescript.ScriptTarget.ES2023,
  module: typescript.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};
for (const file of [
  'crc32c.ts',
  'errors.ts',
  'random.ts',
  'spans.ts',
  ...readdirSync('src/data').map((name) => `data/${name}`),
]) {
  if (!file.endsWith('.ts')) continue;
  const path = join(folder, file.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    typescript.transpileModule(readFileSync(join('src', file), 'utf8'), { compilerOptions }).outputText,
  );
}

/** The sources as JavaScript, for other processes. */
export const sources = folder;

thread.start = (setup) => {
  const worker = new Worker(join(folder, 'data/decodeWorker.js'), { workerData: setup });
  started.push(worker);
  return worker;
};
