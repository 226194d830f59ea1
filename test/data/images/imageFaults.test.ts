import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ImageDataset } from '../../../src/data/dataset.ts';
import { decodedEvaluation, decodedTraining } from '../../../src/data/images/imageBatches.ts';
import { packImages, type PackOptions } from '../../../src/data/images/packImages.ts';
import { writeFailure } from '../../../src/data/writeDurably.ts';
import { UserError } from '../../../src/errors.ts';
import { className } from '../../bench/makeImageTree.js';
import { imageTree, openTree, openTreeFolder, silent } from './imageTree.ts';
import { sources } from '../threads.ts';

const packing = (root: string): PackOptions => ({
  ...{ root, format: 'jpeg', size: null, policy: 'error', workers: 0, force: false },
  ...{ reading: silent },
});
const first = className(0);
const plain = { crop: 0, flip: false };

/** The tree with `bad` empty files before the eight images of the first class. */
function treeWithBadFiles(bad: number): string {
  const root = imageTree();
  for (let i = 0; i < bad; i++) writeFileSync(join(root, 'train', first, `bad${String(i).padStart(3, '0')}.JPEG`), '');
  return root;
}

/** All training samples as one batch. */
async function epoch(dataset: ImageDataset) {
  const train = decodedTraining(dataset, { batch: dataset.train.count, seed: 0, augment: plain });
  try {
    return await train.batch(1);
  } finally {
    await train.close();
  }
}

describe.each([0, 2])('bad files in a row, %i threads', (workers) => {
  test('99: the next sound one stands in for all of them', async () => {
    const { dataset } = await openTree(treeWithBadFiles(99), { badFiles: 'skip', workers });
    const { indices } = await epoch(dataset);
    expect(Math.min(...indices)).toBe(99);
    expect(indices.filter((sample) => sample === 99).length).toBe(100);
  });

  test('100: the run stops, and gives no batch', async () => {
    const root = treeWithBadFiles(100);
    const { dataset } = await openTree(root, { badFiles: 'skip', workers });
    const failure = await epoch(dataset).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as UserError).message).toBe(
      `100 images in a row cannot be decoded; the last is ${root}/train/${first}/bad099.JPEG: is empty`,
    );
  });

  test('every image of a smaller set: the same', async () => {
    const root = imageTree();
    for (const label of [0, 1, 2]) {
      const folder = join(root, 'train', className(label));
      for (let i = 0; i < 8; i++) writeFileSync(join(folder, `${className(label)}_${i}.JPEG`), 'no image');
    }
    const { dataset } = await openTree(root, { badFiles: 'warn', workers });
    await expect(epoch(dataset)).rejects.toThrow('24 images in a row cannot be decoded');
  });
});

describe('evaluation', () => {
  const evaluate = async (evaluation: ReturnType<typeof decodedEvaluation>) => {
    let weights = 0;
    for await (const batch of evaluation.batches()) weights += batch.weights.reduce((a, b) => a + b, 0);
    return [weights, evaluation.count];
  };

  test('counts the bad files of each pass on its own', async () => {
    const root = imageTree();
    writeFileSync(join(root, 'val', first, `${first}_0.JPEG`), 'no image');
    const evaluation = decodedEvaluation((await openTree(root, { badFiles: 'skip' })).dataset, { batch: 4 });
    expect(await evaluate(evaluation)).toEqual([14, 14]);
    expect(await evaluate(evaluation)).toEqual([14, 14]);
    await evaluation.close();
  });

  test('of nothing but bad files is refused', async () => {
    const root = imageTree();
    for (const label of [0, 1, 2]) {
      for (let i = 0; i < 5; i++)
        writeFileSync(join(root, 'val', className(label), `${className(label)}_${i}.JPEG`), '');
    }
    const evaluation = decodedEvaluation((await openTree(root, { badFiles: 'skip' })).dataset, { batch: 4 });
    const failure = await evaluate(evaluation).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as UserError).message).toBe('none of the 15 test images of imagefolder can be decoded');
    await evaluation.close();
  });
});

describe('what the system fails at stops the run, whatever the policy', () => {
  test.each([0, 2])('the folder is gone after it was listed, %i threads', async (workers) => {
    const root = imageTree();
    const { dataset, told } = await openTree(root, { badFiles: 'skip', workers });
    renameSync(join(root, 'train'), join(root, 'elsewhere'));
    const failure = await epoch(dataset).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as UserError).message).toMatch(/\.JPEG cannot be read: ENOENT/);
    expect((failure as UserError).remedy).toContain('check that the folder is still there');
    expect(told).toEqual([]);
  });

  test('a file became a folder', async () => {
    const root = imageTree();
    const { dataset } = await openTree(root, { badFiles: 'warn' });
    const path = join(root, 'train', first, `${first}_2.JPEG`);
    rmSync(path);
    mkdirSync(path);
    await expect(epoch(dataset)).rejects.toThrow(`${path} cannot be read: EISDIR`);
  });

  test('shards are gone', async () => {
    const root = imageTree();
    const packed = join(root, 'packed');
    await packImages(openTreeFolder(root), packing(packed));
    const { dataset } = await openTree(packed, { badFiles: 'skip', workers: 1 });
    rmSync(packed, { recursive: true });
    await expect(epoch(dataset)).rejects.toThrow(/shard, record at byte \d+ cannot be read: ENOENT/);
  });

  test('no more files may be opened', () => {
    const script = `
      import { openSync } from 'node:fs';
      import { openFolder } from '${sources}/data/images/imageDataset.js';
      import { readStored } from '${sources}/data/images/imageStore.js';
      const names = {};
      const { train } = openFolder(process.argv[1], { policy: 'skip', names, say: () => undefined });
      try { for (;;) openSync('/dev/null'); } catch {}
      try { readStored(train.store, 0); } catch (error) { console.log(error.constructor.name, error.message, '|', error.remedy); }`;
    const command = 'ulimit -n 300; exec "$0" --input-type=module --eval "$1" "$2"';
    const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, script, imageTree()], { encoding: 'utf8' }); // prettier-ignore
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^FileFault cannot be read: EMFILE.* \| raise the limit of open files/);
  });
});

describe('a file without permission to read', () => {
  // the superuser may read everything: the reader becomes somebody else
  const isRoot = process.getuid?.() === 0;
  const drop = isRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
  const cannot = isRoot && spawnSync('setpriv', ['--version']).error !== undefined;
  if (cannot && process.env['RANGER21_REQUIRE']?.split(',').includes('setpriv')) throw new Error('setpriv is missing');
  if (cannot)
    console.log('skipped: files without permission, because the superuser cannot become somebody else (setpriv)');

  test.skipIf(cannot).each([
    ['error', /^stopped: .*_2\.JPEG cannot be read: EACCES/],
    ['skip', /^bad image 1: .*_2\.JPEG: EACCES.* \(left out\)\n24 images, stand-ins 1$/],
  ] as const)('policy %s', (policy, expected) => {
    const root = imageTree();
    chmodSync(join(root, 'train', first, `${first}_2.JPEG`), 0);
    for (const folder of [root, sources]) chmodSync(folder, 0o755);
    const cache = join(root, 'cache');
    mkdirSync(cache);
    chmodSync(cache, 0o777);
    const script = `
      import { imageDataset, openFolder } from '${sources}/data/images/imageDataset.js';
      import { decodedTraining } from '${sources}/data/images/imageBatches.js';
      const [root, badFiles] = process.argv.slice(1);
      const options = { root, image: 28, workers: 0, badFiles };
      const say = console.log;
      try {
        const source = openFolder(root, { policy: badFiles, names: {}, say });
        const dataset = await imageDataset(source, { name: 'imagefolder', classes: 3 }, options, { say, onStart: () => say });
        const { indices } = await decodedTraining(dataset, { batch: 24, seed: 0, augment: { crop: 0, flip: false } }).batch(1);
        console.log(indices.length + ' images, stand-ins ' + (24 - new Set(indices).size));
      } catch (error) { console.log('stopped: ' + error.message); }`;
    const command = [...drop, process.execPath, '--input-type=module', '--eval', script, root, policy];
    const { stdout } = spawnSync(command[0]!, command.slice(1), {
      encoding: 'utf8',
      env: { ...process.env, XDG_CACHE_HOME: cache },
    });
    expect(stdout.trimEnd()).toMatch(expected);
  });
});

describe('what is written does not fit', () => {
  test('a file larger than may be written: what there is of it is removed, and the fix is told', async () => {
    const root = imageTree();
    const packed = join(root, 'packed');
    const script = `
      import { openFolder } from '${sources}/data/images/imageDataset.js';
      import { packImages } from '${sources}/data/images/packImages.js';
      const say = () => undefined;
      const [from, root] = process.argv.slice(1);
      const options = { root, format: 'raw', size: null, policy: 'error', workers: 1, force: false, reading: { say, onStart: () => say } };
      await packImages(openFolder(from, { policy: 'error', names: {}, say }), options).catch((error) => console.log(error.constructor.name, error.code, error.message, '|', error.remedy));
      process.exit();`;
    const command = 'ulimit -f 20; exec "$0" --input-type=module --eval "$1" "$2" "$3"'; // 10 KB, or 20 where a block has 1,024 bytes
    const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, script, root, packed], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^UserError 6 .*\.shard cannot be written: EFBIG.* \| the file system or a limit \(ulimit -f\)/,
    );
    expect(readdirSync(packed).filter((name) => name.startsWith('train'))).toEqual([]);
    const { train } = await packImages(openTreeFolder(root), { ...packing(packed), format: 'raw' });
    expect(train[0]?.count).toBe(24); // once there is room, the same call goes on
  });

  test.each([
    ['ENOSPC', 'free some space there'],
    ['EDQUOT', 'free some space there'],
    ['EROFS', 'the file system is read-only'],
    ['EACCES', 'make the folder writable'],
  ])('%s', (code, remedy) => {
    const told = writeFailure('/data/train.shard', Object.assign(new Error(`${code}: no`), { code }));
    expect(told).toBeInstanceOf(UserError);
    expect(told).toMatchObject({ message: `/data/train.shard cannot be written: ${code}: no`, code: 6 });
    expect((told as UserError).remedy).toContain(remedy);
  });

  test('an error of another kind stays as it is', () => {
    const bug = new TypeError('x is not a function');
    expect(writeFailure('/data/train.shard', bug)).toBe(bug);
  });
});
