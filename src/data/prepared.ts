import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { variable } from '../environment.ts';
import { UserError } from '../errors.ts';
import { readWithin } from './boundedFile.ts';
import type { Split } from './dataset.ts';
import { checkLabels } from './labels.ts';
import { parseJson } from './parseJson.ts';
import { sha256 } from './sha256.ts';
import type { Source, Splits } from './source.ts';
import { userCache } from './userCache.ts';
import { writeDurably } from './writeDurably.ts';

const fileSchema = (name: string) =>
  z.strictObject({
    name: z.literal(name),
    count: z.int().positive(),
    sizeBytes: z.int().positive(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  });

/** Shown by `data ls`; nothing that could steer a terminal. */
const label = z.string().regex(/^[^\p{Cc}]{1,500}$/u, 'expected at most 500 characters on one line');

/** What `manifest.json` holds. It is written last: data are prepared if and only if it exists. */
const manifestSchema = z.strictObject({
  schema: z.literal(1),
  name: z.string(),
  shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
  classes: z.int().positive(),
  train: fileSchema('train.bin'),
  test: fileSchema('test.bin'),
  source: z.strictObject({ kind: z.enum(['local', 'download', 'npm']), detail: label, note: label.optional() }),
});
export type Manifest = z.output<typeof manifestSchema>;
const mostManifestBytes = 2 ** 16;

/** The folder `datasets/` of this package, from `src/data` as from `dist/data`. */
export const packagedData = fileURLToPath(new URL('../../datasets/', import.meta.url));

/** Where the prepared form of a data set lies: under `root`, else RANGER21_DATA, else where `defaultRoot` says. */
export function preparedFolder(name: string, root?: string): string {
  return join(root ?? variable('RANGER21_DATA') ?? defaultRoot(name), name, 'prepared');
}

/**
 * The package's `datasets/` in a clone. The per-user cache where the package is installed, since an update empties its
 * folder, or where that cannot be written; what is prepared there already is used all the same.
 */
export function defaultRoot(name: string, packaged = packagedData): string {
  const isInstalled = packaged.split(sep).includes('node_modules');
  const isThere = existsSync(join(packaged, name, 'prepared', 'manifest.json'));
  return isThere || (!isInstalled && isWritable(packaged)) ? packaged : join(userCache(), 'ranger21', 'datasets');
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The command that prepares a data set in the place where it is looked for. */
export function prepareCommand(name: string, root?: string, options = ''): string {
  return `ranger21 data prepare ${name}${root === undefined ? '' : ` --root ${root}`}${options}`;
}

/** Reads the manifest; undefined where there is none. */
export async function readManifest(source: Source, root?: string): Promise<Manifest | undefined> {
  const path = join(preparedFolder(source.name, root), 'manifest.json');
  const content = await readWithin(path, mostManifestBytes);
  if (content.bytes === undefined) {
    if (content.code === 'ENOENT') return undefined;
    throw new UserError(`${path} ${content.reason}`, {
      remedy: 'make it readable, or choose another folder with --root DIR, dataset.root or RANGER21_DATA',
    });
  }
  const { name, shape, classNames, counts } = source;
  const size = (count: number) => [count, count * (1 + shape[0] * shape[1] * shape[2])];
  const expected = { name, shape, classes: classNames.length, train: size(counts.train), test: size(counts.test) };
  const parsed = manifestSchema.safeParse(parseJson(content.bytes.toString()));
  const found = parsed.data && summary(parsed.data);
  if (parsed.data === undefined || JSON.stringify(found) !== JSON.stringify(expected)) {
    const problem = parsed.error ? z.prettifyError(parsed.error) : `found ${JSON.stringify(found)}`;
    throw new UserError(`${path} is not the manifest of ${JSON.stringify(expected)}: ${problem}`, {
      remedy: prepareCommand(source.name, root, ' --force'),
    });
  }
  return parsed.data;
}

/** What a manifest must agree in with its data set. */
const summary = ({ name, shape, classes, train, test }: Manifest) => ({
  name,
  shape,
  classes,
  train: [train.count, train.sizeBytes],
  test: [test.count, test.sizeBytes],
});

/** Loads prepared data, every byte checked against the manifest. */
export async function loadPrepared(source: Source, root?: string): Promise<Splits & { manifest: Manifest }> {
  const manifest = await readManifest(source, root);
  if (manifest === undefined) {
    throw new UserError(`the data set ${source.name} is not prepared in ${preparedFolder(source.name, root)}`, {
      remedy: prepareCommand(source.name, root),
    });
  }
  const train = await loadSplit(source, manifest.train, root);
  return { manifest, train, test: await loadSplit(source, manifest.test, root) };
}

async function loadSplit(source: Source, file: Manifest['train'], root?: string): Promise<Split> {
  const path = join(preparedFolder(source.name, root), file.name);
  const remedy = prepareCommand(source.name, root, ' --force');
  const { count, sizeBytes } = file;
  const expected = `expected ${sizeBytes} bytes for ${count} samples`;
  const content = await readWithin(path, sizeBytes);
  if (content.bytes === undefined) throw new UserError(`${path} ${content.reason}; ${expected}`, { remedy });
  const { bytes } = content;
  if (bytes.length !== sizeBytes) throw new UserError(`${path} has ${bytes.length} bytes, ${expected}`, { remedy });
  const digest = sha256(bytes);
  if (digest !== file.sha256) {
    throw new UserError(`${path} has SHA-256 ${digest}, expected ${file.sha256}`, { remedy });
  }
  const labels = bytes.subarray(0, count);
  checkLabels(labels, source.classNames.length, path);
  return { count, labels, images: bytes.subarray(count) };
}

/**
 * Writes `train.bin` and `test.bin` (the labels, then the images, [N, H, W, C], unsigned bytes), each under another name
 * and renamed when complete, and the manifest after both. Killed at any point, the folder counts as not prepared.
 */
export async function writePrepared(
  source: Source,
  { train, test }: Splits,
  origin: Manifest['source'],
  options: { root: string | undefined; say: (line: string) => void },
): Promise<Manifest> {
  const folder = preparedFolder(source.name, options.root);
  checkSplit(source, train, 'train');
  checkSplit(source, test, 'test');
  await mkdir(folder, { recursive: true });
  await rm(join(folder, 'manifest.json'), { force: true });

  const write = async (name: string, split: Split) => {
    const bytes = Buffer.concat([split.labels, split.images]);
    await writeDurably(join(folder, name), bytes);
    options.say(`wrote ${join(folder, name)}: ${split.count} samples, ${bytes.length} bytes`);
    return { name, count: split.count, sizeBytes: bytes.length, sha256: sha256(bytes) };
  };
  const manifest: Manifest = {
    schema: 1,
    name: source.name,
    shape: [...source.shape],
    classes: source.classNames.length,
    train: await write('train.bin', train),
    test: await write('test.bin', test),
    source: origin,
  };
  await writeDurably(join(folder, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

function checkSplit(source: Source, split: Split, part: 'train' | 'test'): void {
  const [height, width, channels] = source.shape;
  const name = `${source.name} ${part}`;
  if (split.count !== source.counts[part] || split.images.length !== split.count * height * width * channels) {
    throw new UserError(
      `${name} has ${split.count} samples in ${split.images.length} bytes, expected ${source.counts[part]} of ${source.shape.join('×')}`,
      { remedy: 'check that the files belong to this data set' },
    );
  }
  checkLabels(split.labels, source.classNames.length, name);
}
