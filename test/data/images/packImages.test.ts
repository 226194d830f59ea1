import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { decodeWhole } from '../../../src/data/images/decode.ts';
import { readStored } from '../../../src/data/images/imageStore.ts';
import { packImages, type PackOptions } from '../../../src/data/images/packImages.ts';
import { verifyShards } from '../../../src/data/images/verifyImages.ts';
import { UserError } from '../../../src/errors.ts';
import { className, makeImageTree } from '../../bench/makeImageTree.js';
import { imageTree, openTree, openTreeFolder, silent } from './imageTree.ts';
import '../threads.ts';
import { sha256, temporaryFolder } from '../toy.ts';

const folderOf = (root: string) => openTreeFolder(root);
const checking = { workers: 0, reading: silent };
const options = (root: string, more: Partial<PackOptions> = {}): PackOptions => ({
  root,
  format: 'jpeg',
  size: null,
  policy: 'error',
  workers: 0,
  force: false,
  reading: silent,
  ...more,
});
const filesIn = (root: string) =>
  Object.fromEntries(readdirSync(root).map((name) => [name, sha256(readFileSync(join(root, name)))]));

describe('packing', () => {
  test('files go in as they are, in the order of the folder', async () => {
    const root = imageTree();
    const manifest = await packImages(folderOf(root), options(join(root, 'packed')));
    expect(manifest.train.map(({ count }) => count)).toEqual([24]);
    const packed = folderOf(join(root, 'packed'));
    const name = `${className(1)}_2.JPEG`;
    const stored = readStored(packed.train.store, 10);
    expect('encoded' in stored && Buffer.from(stored.encoded)).toEqual(
      readFileSync(join(root, 'train', className(1), name)),
    );
    expect([...packed.train.labels]).toEqual([0, 1, 2].flatMap((label) => Array<number>(8).fill(label)));
    expect(packed.classNames).toEqual([0, 1, 2].map(className));
  });

  test('--size reduces the short side, as pixels and as JPEG, and leaves smaller images alone', async () => {
    const root = imageTree();
    const sizeOf = async (size: number, format: 'jpeg' | 'raw') => {
      const packed = join(root, `${format}-${size}`);
      await packImages(folderOf(root), options(packed, { size, format }));
      const { width, height } = await decodeWhole(readStored(folderOf(packed).train.store, 0), 'strict');
      return [width, height];
    };
    expect(await sizeOf(22, 'raw')).toEqual([30, 22]); // of 60 × 44
    expect(await sizeOf(22, 'jpeg')).toEqual([30, 22]);
    expect(await sizeOf(300, 'jpeg')).toEqual([60, 44]);
  });

  test('any number of threads writes the same shards, and the fingerprint follows the content', async () => {
    const root = imageTree();
    for (const workers of [0, 2])
      await packImages(folderOf(root), options(join(root, `by${workers}`), { workers, size: 22 }));
    expect(filesIn(join(root, 'by0'))).toEqual(filesIn(join(root, 'by2')));
    const fingerprint = async (name: string) => (await openTree(join(root, name))).dataset.fingerprint;
    expect(await fingerprint('by0')).toBe(await fingerprint('by2'));
    await packImages(folderOf(root), options(join(root, 'other'), { size: 23 }));
    expect(await fingerprint('other')).not.toBe(await fingerprint('by0'));
  });

  test('bad files: stop and name, or leave out and tell', async () => {
    const root = imageTree();
    truncateSync(join(root, 'train', className(0), `${className(0)}_0.JPEG`), 700);
    await expect(packImages(folderOf(root), options(join(root, 'a')))).rejects.toThrow(
      `${className(0)}_0.JPEG cannot be decoded`,
    );
    expect(existsSync(join(root, 'a/shards.json'))).toBe(false);
    const told: string[] = [];
    const say = (line: string) => void told.push(line);
    const manifest = await packImages(
      folderOf(root),
      options(join(root, 'b'), { policy: 'skip', reading: { ...silent, say } }),
    );
    expect(manifest.train[0]?.count).toBe(23);
    expect(told.at(-1)).toMatch(/^bad image 1: .*_0\.JPEG: .*\(left out\)$/);
  });

  test('what is packed stays, unless forced; another folder’s files are not touched', async () => {
    const root = imageTree();
    const packed = join(root, 'packed');
    const first = await packImages(folderOf(root), options(packed));
    expect(await packImages(folderOf(root), options(packed))).toEqual(first);
    expect(await packImages(folderOf(root), options(packed, { size: 22, force: true }))).not.toEqual(first);
    await expect(packImages(folderOf(root), options(root))).rejects.toThrow(`${root} is not empty`);
  });

  test('a disk that is too small is told before anything is written', async () => {
    const root = imageTree();
    const source = folderOf(root);
    const identity = () => Promise.resolve('0'.repeat(64));
    const vast = { ...source, identity, train: { ...source.train, count: 1e13 } };
    await expect(packImages(vast, options(join(root, 'packed')))).rejects.toMatchObject({
      message: expect.stringMatching(/has .* GB free, the shards take about .* GB/) as string,
      code: 6,
    });
    expect(readdirSync(join(root, 'packed')).filter((name) => name.includes('shard'))).toEqual([]);
  });
});

describe('damage', () => {
  const packed = async () => {
    const root = imageTree();
    await packImages(folderOf(root), options(join(root, 'packed')));
    return join(root, 'packed');
  };
  const flip = (path: string, at: number) => {
    const bytes = readFileSync(path);
    bytes.writeUInt8((bytes.at(at) as number) ^ 1, at < 0 ? bytes.length + at : at);
    writeFileSync(path, bytes);
  };

  test('one bit of a record: `data verify` and training find it', async () => {
    const root = await packed();
    expect(await verifyShards(root, checking)).toBe(2);
    flip(join(root, 'train-00000.shard'), 50);
    await expect(verifyShards(root, checking)).rejects.toMatchObject({ code: 5 });
    expect(() => readStored(folderOf(root).train.store, 0)).toThrow('has a wrong checksum');
  });

  test.each([
    ['a bit of the index', (root: string) => flip(join(root, 'train-00000.shard'), -30), 'its index is damaged'],
    ['a shard cut off', (root: string) => truncateSync(join(root, 'val-00000.shard'), 500), 'has 500 bytes, expected'],
    [
      'a manifest that is none',
      (root: string) => writeFileSync(join(root, 'shards.json'), '{"schema":1}'),
      'is not the manifest',
    ],
    ['a manifest that leads elsewhere', (root: string) => {
      const path = join(root, 'shards.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('train-00000.shard', '../../../etc/passwd'));
    }, 'is not the manifest'], // prettier-ignore
  ])('%s', async (_, damage, message) => {
    const root = await packed();
    damage(root);
    expect(() => folderOf(root)).toThrow(UserError);
    expect(() => folderOf(root)).toThrow(message);
  });
});

test('killed with -9 again and again, the same command goes on, and the shards are those of an uninterrupted one', async () => {
  const root = temporaryFolder();
  await makeImageTree(join(root, 'tree'), { classes: 2, train: 20, val: 1, width: 24, height: 18 });
  const tree = join(root, 'tree');
  // 2,200 images in three shards, as links
  for (const label of [0, 1]) {
    const [many, few] = [join(root, 'many/train', className(label)), join(root, 'many/val', className(label))];
    mkdirSync(many, { recursive: true });
    mkdirSync(few, { recursive: true });
    for (let i = 0; i < 1_100; i++) {
      symlinkSync(
        join(tree, 'train', className(label), `${className(label)}_${i % 20}.JPEG`),
        join(many, `${String(i).padStart(5, '0')}.JPEG`),
      );
    }
    symlinkSync(join(tree, 'val', className(label), `${className(label)}_0.JPEG`), join(few, 'a.JPEG'));
  }
  const pack = (to: string) =>
    spawn(process.execPath, ['dist/cli/main.js', 'data', 'prepare', 'imagefolder', '--from', join(root, 'many'), '--root', to, '--size', '16', '--workers', '1'], { stdio: 'ignore' }); // prettier-ignore
  const whole = pack(join(root, 'whole'));
  await once(whole, 'exit');
  expect(whole.exitCode).toBe(0);

  const torn = join(root, 'torn');
  const shards = () => (existsSync(torn) ? readdirSync(torn).filter((name) => name.endsWith('.shard')).length : 0);
  for (const enough of [1, 2]) {
    const child = pack(torn);
    const exit = once(child, 'exit');
    while (shards() < enough && child.exitCode === null) await after(5);
    child.kill('SIGKILL');
    await exit;
    expect(existsSync(join(torn, 'shards.json'))).toBe(false);
  }
  const last = pack(torn);
  await once(last, 'exit');
  expect(last.exitCode).toBe(0);
  expect(filesIn(torn)).toEqual(filesIn(join(root, 'whole')));
});
