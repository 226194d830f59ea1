import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { sourceFolders, sourceFiles } from '../../src/runs/code.ts';

/** What a step's numbers cannot come from: they read, write, time or tell. */
const apart = new Set(
  [
    ...['divergence', 'drift', 'result', 'saving', 'savedProgress', 'tensorsHash', 'execute'],
    ...['describe', 'distributions', 'intervals'].map((name) => `statistics/${name}`),
  ].map((name) => `experiment/${name}`),
);

test('the hash of the code covers everything the training loop is made of', () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(`src/${file}.ts`, 'utf8');
    for (const [, path] of text.matchAll(/^(?:import|export) (?!type\b)[^;]*? from '(\.[^']+)\.ts';/gms)) {
      visit(relative('src', resolve('src', dirname(file), path!)));
    }
  };
  visit('experiment/train');
  const isCovered = (file: string) =>
    sourceFiles.includes(file) || sourceFolders.some((folder) => file.startsWith(`${folder}/`));
  const bare = [...seen].filter((file) => file.startsWith('experiment/') && !apart.has(file) && !isCovered(file));
  expect(seen.size).toBeGreaterThan(40);
  expect(bare).toEqual([]);
  for (const file of sourceFiles) expect(seen).toContain(file);
});
