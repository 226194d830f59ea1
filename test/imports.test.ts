import { readdirSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Each folder of src/, with the folders it may import from beside itself. What lies in src/ itself (`errors`, `random`, `crc32c` …) may be imported anywhere. */
const mayImport: Record<string, readonly string[]> = {
  tensor: [],
  optim: ['tensor'],
  models: ['tensor'],
  data: ['tensor'],
  config: ['optim', 'models', 'data', 'tensor'],
  runs: ['config', 'optim', 'models', 'data', 'tensor'],
  report: ['experiment', 'runs', 'config', 'optim', 'models', 'data', 'tensor'],
  experiment: ['report', 'runs', 'config', 'optim', 'models', 'data', 'tensor'],
  cli: ['experiment', 'report', 'runs', 'config', 'optim', 'models', 'data', 'tensor'],
};

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ts|js)$/.test(file));
const nested = files.filter((file) => file.includes('/'));

/** The paths a file imports, statically, as types or lazily. */
const importsOf = (file: string) =>
  [...readFileSync(`src/${file}`, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, path]) => path!);

describe('imports point downwards', () => {
  test.each(nested)('%s', (file) => {
    const folder = file.split('/')[0]!;
    for (const path of importsOf(file).filter((p) => p.startsWith('.'))) {
      const target = relative('src', resolve('src', dirname(file), path)).split('/');
      if (target.length === 1 || target[0] === folder) continue;
      expect(mayImport[folder], `${file} → ${target.join('/')}`).toContain(target[0]);
    }
  });
});

describe('layer 4', () => {
  test('experiment and report never form a cycle: report reads results, experiment may write reports', () => {
    const towards = (from: string, to: string) =>
      nested.filter((f) => f.startsWith(`${from}/`) && importsOf(f).some((p) => p.includes(`../${to}/`)));
    const [fromReport, fromExperiment] = [towards('report', 'experiment'), towards('experiment', 'report')];
    expect(
      fromReport.length === 0 || fromExperiment.length === 0,
      `${fromReport.join()} | ${fromExperiment.join()}`,
    ).toBe(true);
  });
});

test('only src/tensor and the library entry import a tensor library; besides, only the JPEG decoder calls C', () => {
  const outside = files.filter((file) => !file.startsWith('tensor/') && file !== 'index.ts');
  const importing = (library: RegExp) => outside.filter((file) => importsOf(file).some((path) => library.test(path)));
  expect(importing(/^(@tensorflow\/|onnxruntime)/)).toEqual([]);
  expect(importing(/^koffi/)).toEqual(['data/images/turboJpeg.ts']);
});

test('no folder has a barrel, and no file is named for being a leftover', () => {
  expect(nested.filter((file) => /(^|\/)(index|utils?|helpers?|common|misc)\.(ts|js)$/.test(file))).toEqual([]);
});
