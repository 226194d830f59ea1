import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { Split } from './dataset.ts';
import { checkLabels } from './labels.ts';
import { sha256 } from './localFiles.ts';
import type { Source, Splits } from './source.ts';

const fileSchema = z.object({
  name: z.string(),
  count: z.int().positive(),
  sizeBytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What `manifest.json` holds. It is written last: data are prepared if and only if it exists. */
const manifestSchema = z.object({
  schema: z.literal(1),
  name: z.string(),
  shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
  classes: z.int().positive(),
  train: fileSchema,
  test: fileSchema,
  source: z.object({ kind: z.enum(['local', 'download', 'npm']), detail: z.string(), note: z.string().optional() }),
});
export type Manifest = z.output<typeof manifestSchema>;

/** The folder `datasets/` of this package, from `src/data` as from `dist/data`. */
export const packagedData = fileURLToPath(new URL('../../datasets/', import.meta.url));

/** Where the prepared form of a data set lies: under `root`, else RANGER21_DATA, else the package's `datasets/`. */
export function preparedFolder(name: string, root?: string): string {
  return join(root ?? (process.env['RANGER21_DATA'] || packagedData), name, 'prepared');
}

/** The command that prepares a data set in the place where it is looked for. */
export function prepareCommand(name: string, root?: string, options = ''): string {
  return `ranger21 data prepare ${name}${root === undefined ? '' : ` --root ${root}`}${options}`;
}

/** Reads the manifest; undefined where there is none. */
export async function readManifest(source: Source, root?: string): Promise<Manifest | undefined> {
  const path = join(preparedFolder(source.name, root), 'manifest.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new UserError(`${path} cannot be read: ${message}`, {
      remedy: 'make it readable, or choose another folder with --root DIR, dataset.root or RANGER21_DATA',
      cause: error,
    });
  }
  const expected = { name: source.name, shape: source.shape, classes: source.classNames.length };
  const parsed = manifestSchema.safeParse(parseJson(text));
  const found = parsed.data && { name: parsed.data.name, shape: parsed.data.shape, classes: parsed.data.classes };
  if (parsed.data === undefined || JSON.stringify(found) !== JSON.stringify(expected)) {
    const problem = parsed.error ? z.prettifyError(parsed.error) : `found ${JSON.stringify(found)}`;
    throw new UserError(`${path} is not the manifest of ${JSON.stringify(expected)}: ${problem}`, {
      remedy: prepareCommand(source.name, root, ' --force'),
    });
  }
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema refuses it
  }
}

/** Loads prepared data, every byte checked against the manifest. */
export async function loadPrepared(source: Source, root?: string): Promise<Splits & { manifest: Manifest }> {
  const manifest = await readManifest(source, root);
  if (manifest === undefined) {
    throw new UserError(`the data set ${source.name} is not prepared in ${preparedFolder(source.name, root)}`, {
      remedy: prepareCommand(source.name, root),
    });
  }
  const [train, test] = [await loadSplit(source, manifest.train, root), await loadSplit(source, manifest.test, root)];
  return { manifest, train, test };
}

async function loadSplit(source: Source, file: Manifest['train'], root?: string): Promise<Split> {
  const path = join(preparedFolder(source.name, root), file.name);
  const remedy = prepareCommand(source.name, root, ' --force');
  const { count, sizeBytes } = file;
  const [height, width, channels] = source.shape;
  const found = await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
  if (found !== sizeBytes || sizeBytes !== count * (1 + height * width * channels)) {
    const size = found === undefined ? 'is missing' : `has ${found} bytes`;
    throw new UserError(`${path} ${size}, expected ${sizeBytes} bytes for ${count} samples`, { remedy });
  }
  const bytes = await readFile(path);
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
    await writeAtomically(join(folder, name), bytes);
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
  await writeAtomically(join(folder, 'manifest.json'), Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`));
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

async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
