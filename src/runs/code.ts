/** Which code a run is trained by. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../', import.meta.url));

/** What a step's numbers come from, below the folder of the sources; installing libtensorflow is not among it. */
export const sourceFolders = ['tensor', 'optim', 'models', 'data'];
export const sourceFiles = [
  'random',
  ...['train', 'onPixels', 'step', 'programs', 'progress', 'evaluate', 'guessing', 'stop', 'rhythm'].map(
    (name) => `experiment/${name}`,
  ),
];
const apart = /^tensor\/backends\/tensorflow\/install\//;

let known: string | undefined;

/**
 * SHA-256 of the training path's sources in the running build: TypeScript where it runs from those, else JavaScript. As they were
 * when first asked, since that is what runs.
 */
export const codeHash = (): string => (known ??= hashOfSources());

function hashOfSources(): string {
  const isCode = (name: string) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts');
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const names = [
    ...sourceFolders.flatMap((folder) =>
      readdirSync(source + folder, { recursive: true, encoding: 'utf8' })
        .filter(isCode)
        .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
    ),
    ...sourceFiles.map((name) => `${name}.${extension}`),
  ].filter((name) => !apart.test(name));
  const hash = createHash('sha256');
  for (const name of names.sort())
    hash
      .update(`${name}\0`)
      .update(readFileSync(source + name))
      .update('\0');
  return hash.digest('hex');
}
