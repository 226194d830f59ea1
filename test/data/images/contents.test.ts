/** What identifies images is what they hold: not their names, sizes or times, nor what is kept of an earlier reading. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareImages, verifyImages } from '../../../src/cli/dataImages.ts';
import { trainBatches } from '../../../src/data/batches.ts';
import { cachePath, readContents, writeContents } from '../../../src/data/images/contentCache.ts';
import { packImages, type PackOptions } from '../../../src/data/images/packImages.ts';
import { datasets } from '../../../src/data/registry.ts';
import { UserError } from '../../../src/errors.ts';
import { cacheHome, openTree, openTreeFolder, ppm, ppmTree, silent } from './imageTree.ts';
import '../threads.ts';

const parts = { train: 6, val: 3 };
const plain = { crop: 0, flip: false };
const fingerprint = async (root: string, options: Parameters<typeof openTree>[1] = {}) =>
  (await openTree(root, options)).dataset.fingerprint;
/** Until the clock of the file system has ticked: what changed just now is not taken for known. */
const settled = () => after(120);
const kept = () => join(cacheHome, 'ranger21', 'contents');
beforeEach(() => rmSync(kept(), { recursive: true, force: true }));
afterEach(() => void (process.env['XDG_CACHE_HOME'] = cacheHome));

describe('the fingerprint of a folder', () => {
  test('is another for other pixels under the same names, in files of the same sizes', async () => {
    const [a, b] = [ppmTree(parts, { seed: 1 }), ppmTree(parts, { seed: 2 })];
    expect(await fingerprint(a)).not.toBe(await fingerprint(b));
  });

  test('is another once a single image is replaced, of training or evaluation, whatever is kept', async () => {
    const root = ppmTree(parts);
    await settled();
    const seen = [await fingerprint(root)];
    for (const file of ['train/class0001/4.ppm', 'val/class0002/0.ppm']) {
      writeFileSync(join(root, file), ppm(99, 1));
      seen.push(await fingerprint(root));
    }
    expect(new Set(seen).size).toBe(3);
  });

  test('is the same for the same images under other names, elsewhere, and in valid instead of val', async () => {
    const [a, b] = [ppmTree(parts), ppmTree(parts)];
    renameSync(join(b, 'val'), join(b, 'valid'));
    renameSync(join(b, 'train/class0001'), join(b, 'train/class0001b'));
    renameSync(join(b, 'valid/class0001'), join(b, 'valid/class0001b'));
    renameSync(join(b, 'train/class0000/3.ppm'), join(b, 'train/class0000/3x.PPM'));
    expect(await fingerprint(b)).toBe(await fingerprint(a));
  });

  test('is another where an image is of another class', async () => {
    const [a, b] = [ppmTree(parts), ppmTree(parts)];
    renameSync(join(b, 'train/class0000/5.ppm'), join(b, 'train/class0001/-.ppm')); // still the sixth of all
    expect(await fingerprint(b)).not.toBe(await fingerprint(a));
  });

  test('is the same whether or not anything is kept: before and after, verified, damaged, made by another process', async () => {
    const root = ppmTree(parts);
    await settled();
    const first = await fingerprint(root);
    const path = cachePath(root);
    expect(existsSync(path)).toBe(true);
    expect(await fingerprint(root)).toBe(first);
    await verifyImages('imagefolder', { root });
    expect(await fingerprint(root)).toBe(first);
    for (const damage of [Buffer.alloc(0), Buffer.from('something else'), readFileSync(path).subarray(0, -9)]) {
      writeFileSync(path, damage);
      expect(await fingerprint(root)).toBe(first);
    }
    expect(readContents(path)).toBeDefined(); // made anew
    rmSync(path);
    expect(await fingerprint(root, { workers: 2 })).toBe(first);
  });

  test('is another where there is one class more, though it has no image: a network has an output for it', async () => {
    const [a, b] = [ppmTree(parts), ppmTree(parts)];
    for (const part of ['train', 'val']) mkdirSync(join(b, part, 'class9'));
    expect(await fingerprint(b, { badFiles: 'skip' })).not.toBe(await fingerprint(a, { badFiles: 'skip' }));
  });

  test('follows the images of a subset, and no others', async () => {
    const root = ppmTree(parts);
    const { dataset } = await openTree(root, { train: 3, test: 3 });
    const used = new Set(dataset.train.places);
    const before = dataset.fingerprint;
    const path = (i: number) => join(root, `train/class000${Math.floor(i / 6)}/${i % 6}.ppm`);
    const others = Array.from({ length: 18 }, (_, i) => i).filter((i) => !used.has(i));
    for (const i of others) writeFileSync(path(i), ppm(77, i));
    expect(await fingerprint(root, { train: 3, test: 3 })).toBe(before);
    writeFileSync(path([...used][0]!), ppm(77, 1));
    expect(await fingerprint(root, { train: 3, test: 3 })).not.toBe(before);
  });

  test('notices what is replaced again and again, faster than the clock of the file system ticks', async () => {
    const root = ppmTree({ train: 1, val: 1 }, { classes: 2 });
    const seen = new Set<string>();
    for (let i = 0; i < 20; i++) {
      writeFileSync(join(root, 'train/class0000/0.ppm'), ppm(5, i));
      seen.add(await fingerprint(root));
    }
    expect(seen.size).toBe(20);
  });
});

test('reading tells how far it has come, over all threads, and nothing where all is known', async () => {
  const root = ppmTree(parts);
  for (let i = 0; i < 18; i++) {
    const path = join(root, `train/class000${Math.floor(i / 6)}/${i % 6}.ppm`);
    writeFileSync(path, Buffer.alloc(1 << 20, i + 1));
  }
  await settled();
  const told: string[] = [];
  const identify = async (workers: number) => {
    const source = openTreeFolder(root);
    const onStart = (doing: string, total: number, unit: string) => {
      told.push(`${doing} ${total} ${unit}s`);
      let last = 0;
      return (done: number) => {
        expect(done).toBeGreaterThanOrEqual(last);
        last = done;
        if (done === total) told.push('all');
      };
    };
    return source.identity(source, { workers, reading: { ...silent, onStart } });
  };
  const [first, again] = [await identify(2), await identify(2)];
  expect(again).toBe(first);
  expect([...new Set(told)]).toEqual(['reading 27 images', 'all']);
  rmSync(cachePath(root));
  expect(await identify(0)).toBe(first);
});

describe('what is kept of an earlier reading', () => {
  test('is used: an image that is known is not read again', async () => {
    const root = ppmTree(parts);
    await settled();
    const first = await fingerprint(root);
    const found = readContents(cachePath(root))!;
    found.hashes[5] = found.hashes[5]! ^ 1; // as if another content had been found
    await writeContents(cachePath(root), found);
    expect(await fingerprint(root)).not.toBe(first);
  });

  test('a file that is added or removed leaves the others known', async () => {
    const root = ppmTree(parts);
    await settled();
    await fingerprint(root);
    const found = readContents(cachePath(root))!;
    found.hashes[5] = found.hashes[5]! ^ 1;
    await writeContents(cachePath(root), found);
    const before = await fingerprint(root);
    writeFileSync(join(root, 'train/class0002/9.ppm'), ppm(3, 3));
    expect(await fingerprint(root)).not.toBe(before);
    rmSync(join(root, 'train/class0002/9.ppm'));
    expect(await fingerprint(root)).toBe(before); // with the hash that was kept
  });

  test('where it cannot be written, that is told, and the fingerprint is the same', async () => {
    const root = ppmTree(parts);
    const first = await fingerprint(root);
    const file = join(root, 'a file');
    writeFileSync(file, '');
    process.env['XDG_CACHE_HOME'] = file;
    const { dataset, told } = await openTree(root);
    expect(dataset.fingerprint).toBe(first);
    expect(told).toEqual([
      expect.stringContaining(`what was read of ${root} cannot be kept, so that every command reads it again: `),
    ]);
  });
});

describe('a file that changes after it was hashed', () => {
  test.each([0, 1])('before it is decoded for the first time: the run stops, %i threads', async (workers) => {
    const root = ppmTree(parts);
    const { dataset } = await openTree(root, { badFiles: 'skip', workers });
    writeFileSync(join(root, 'train/class0001/2.ppm'), ppm(55, 5));
    const train = trainBatches(dataset, { batch: 18, seed: 0, augment: plain });
    const failure = await train.batch(1).catch((error: unknown) => error);
    await train.close?.();
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as UserError).message).toBe(
      `${root}/train/class0001/2.ppm has other content than when it was first read`,
    );
    expect((failure as UserError).remedy).toContain('`touch` it and run the same command again');
  });

  test('also where it was not hashed now but earlier', async () => {
    const root = ppmTree(parts);
    await settled();
    await fingerprint(root);
    const { dataset } = await openTree(root);
    expect([...(dataset.train.store.kind === 'files' ? dataset.train.store.sums : [])]).not.toContain(0);
  });

  test('while it is listed and hashed: it is refused by name', async () => {
    const root = ppmTree(parts);
    const source = openTreeFolder(root);
    writeFileSync(join(root, 'val/class0000/1.ppm'), 'shorter');
    await expect(source.identity(source, { workers: 0, reading: silent })).rejects.toMatchObject({
      message: `${root}/val/class0000/1.ppm has 7 bytes, 336 when the folder was listed`,
      remedy: 'wait until nobody writes to the folder any more, then run the same command again',
    });
  });

  test('`data verify` names it, and takes nothing over', async () => {
    const root = ppmTree(parts);
    await settled();
    await verifyImages('imagefolder', { root });
    const before = readFileSync(join(root, 'val/class0000/1.ppm'));
    writeFileSync(join(root, 'val/class0000/1.ppm'), ppm(44, 4));
    for (const _ of [1, 2]) {
      await expect(verifyImages('imagefolder', { root })).rejects.toMatchObject({
        message: `1 image is not what it was when first read: ${root}/val/class0000/1.ppm`,
        code: 5,
      });
    }
    writeFileSync(join(root, 'val/class0000/1.ppm'), before);
    await verifyImages('imagefolder', { root });
  });

  test('`data verify` of an image that cannot be read names it', async () => {
    const root = ppmTree(parts);
    rmSync(join(root, 'val/class0000/1.ppm'));
    mkdirSync(join(root, 'elsewhere'));
    symlinkSync('nowhere', join(root, 'val/class0000/1.ppm'));
    await expect(verifyImages('imagefolder', { root })).rejects.toThrow(
      `${root}/val/class0000/1.ppm cannot be read: ENOENT`,
    );
  });
});

describe('shards', () => {
  const options = (root: string): PackOptions => ({
    ...{ root, format: 'raw', size: null, policy: 'error', workers: 0, force: false },
    reading: silent,
  });
  const packed = async (seed: number) => {
    const tree = ppmTree(parts, { seed });
    await packImages(openTreeFolder(tree), options(join(tree, 'packed')));
    return { tree, shards: join(tree, 'packed') };
  };

  test('one that is replaced by another of the same size is refused, and a sound one is not', async () => {
    const [a, b] = [await packed(1), await packed(2)];
    const sound = await fingerprint(a.shards);
    expect(await fingerprint(b.shards)).not.toBe(sound);
    cpSync(join(b.shards, 'val-00000.shard'), join(a.shards, 'val-00000.shard'));
    await expect(openTree(a.shards)).rejects.toThrow(
      new RegExp(`${a.shards}/val-00000.shard has SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}`),
    );
  });

  test('the fingerprint of those that were packed before shards.json said from what is still the same', async () => {
    const { shards } = await packed(1);
    const before = await fingerprint(shards);
    const manifest = JSON.parse(readFileSync(join(shards, 'shards.json'), 'utf8')) as Record<string, unknown>;
    expect(Object.keys(manifest)).toContain('source');
    delete manifest['source'];
    writeFileSync(join(shards, 'shards.json'), JSON.stringify(manifest));
    expect(await fingerprint(shards)).toBe(before);
  });

  test('are packed already only from the same images with the same options', async () => {
    const { tree, shards } = await packed(1);
    const before = readdirSync(shards).map((name) => readFileSync(join(shards, name)));
    await packImages(openTreeFolder(tree), options(shards)); // the same: nothing to do
    await expect(packImages(openTreeFolder(tree), { ...options(shards), size: 16 })).rejects.toThrow(
      `${shards} was packed with {"format":"raw","size":null,"policy":"error"}, asked is {"format":"raw","size":16,"policy":"error"}`,
    );
    ppmTree(parts, { seed: 2, root: tree });
    await expect(packImages(openTreeFolder(tree), options(shards))).rejects.toThrow(
      `${shards} holds shards of other images`,
    );
    expect(readdirSync(shards).map((name) => readFileSync(join(shards, name)))).toEqual(before);
    await packImages(openTreeFolder(tree), { ...options(shards), force: true });
    expect(await fingerprint(shards)).toBe(await fingerprint((await packed(2)).shards));
  });

  test('what was begun from other images is not gone on with', async () => {
    const { tree, shards } = await packed(1);
    const manifest = readFileSync(join(shards, 'shards.json'));
    rmSync(join(shards, 'shards.json'));
    const { source } = JSON.parse(String(manifest)) as { source: { identity: string } };
    const beginning = { source: source.identity, format: 'raw', size: null, policy: 'error', shardImages: 1024 };
    writeFileSync(join(shards, 'packing.json'), `${JSON.stringify(beginning)}\n`);
    ppmTree(parts, { seed: 2, root: tree });
    await expect(packImages(openTreeFolder(tree), options(shards))).rejects.toThrow('the beginning of another packing');
    ppmTree(parts, { seed: 1, root: tree });
    await packImages(openTreeFolder(tree), options(shards));
    expect(readFileSync(join(shards, 'shards.json'))).toEqual(manifest);
  });
});

test('messages call the options as the user gives them: keys of a config, or flags of the command', async () => {
  const root = ppmTree(parts);
  writeFileSync(join(root, 'train/class0000/0.ppm'), 'no image');
  const { dataset } = await openTree(root);
  const train = trainBatches(dataset, { batch: 18, seed: 0, augment: plain });
  await expect(train.batch(1)).rejects.toMatchObject({
    remedy: 'replace or remove the file, or set dataset.badFiles to skip or warn',
  });
  await train.close?.();
  const prepare = (from: string, more: object = {}) =>
    prepareImages('imagefolder', { from, root: join(root, 'packed'), format: 'jpeg', badFiles: 'error', ...more });
  await expect(prepare(root)).rejects.toMatchObject({
    remedy: 'replace or remove the file, or set --bad-files to skip or warn',
  });

  rmSync(join(root, 'train/class0002'), { recursive: true });
  mkdirSync(join(root, 'train/class0002'));
  const remedyOf = (work: Promise<unknown>) => work.then(() => '', (error: UserError) => error.remedy); // prettier-ignore
  expect(await remedyOf(datasets.imagefolder.load({ root }))).toContain('or set dataset.badFiles to warn');
  expect(await remedyOf(prepare(root))).toContain('or set --bad-files to warn');
  const missing = join(root, 'missing');
  expect(await remedyOf(datasets.imagefolder.load({ root: missing }))).toContain('set dataset.root to a folder');
  expect(await remedyOf(prepare(missing))).toContain('set --from to a folder');
  expect(await remedyOf(verifyImages('imagefolder', { root: missing }))).toContain('set --root to a folder');
  const tree = ppmTree(parts);
  expect(await remedyOf(datasets.imagefolder.load({ root: tree, classes: 4 }))).toContain('set dataset.classes to 3');
  expect(await remedyOf(prepare(tree, { classes: 4 }))).toContain('set --classes to 3');
  const flat = ppmTree({ '': 4 });
  expect(await remedyOf(datasets.imagefolder.load({ root: flat }))).toContain('set dataset.split, to 0.2 say');
  expect(await remedyOf(prepare(flat))).toContain('set --split, to 0.2 say');
});
