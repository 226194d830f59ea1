/** `data prepare` for image sets: packs them into shards, several threads at once; interrupted at any point, the same call goes on. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCode, UserError } from '../../errors.ts';
import { badFileReport } from './badFiles.ts';
import { openPool } from './decodePool.ts';
import type { ImageSource } from './imageDataset.ts';
import type { BadFilePolicy, ImageSplit } from './imageSplit.ts';
import type { PackTask } from './packTask.ts';
import { prepareFlags } from './optionNames.ts';
import type { Reading } from '../reading.ts';
import { fileSha256 } from '../sha256.ts';
import {
  footerBytes,
  manifestName,
  readShardIndex,
  readShardManifest,
  type Shard,
  type ShardManifest,
} from './shards.ts';
import { writeDurably, writeFailure } from '../writeDurably.ts';

export interface PackOptions {
  /** Folder of the shards. */
  readonly root: string;
  readonly format: 'jpeg' | 'raw';
  /** Length that longer short sides are reduced to; null: none is. */
  readonly size: number | null;
  readonly policy: BadFilePolicy;
  readonly workers: number;
  readonly force: boolean;
  readonly reading: Reading;
}

const shardImages = 1_024;
/** What the work was begun with: a folder is only gone on with by the same. */
const beginningName = 'packing.json';
/** Images that are packed beforehand to estimate the space. */
const probes = 16;

/** Packs a source into `root`; returns the manifest, which is written last. */
export async function packImages(source: ImageSource, options: PackOptions): Promise<ShardManifest> {
  const { root, format, size, policy, workers, reading } = options;
  const { say } = reading;
  const done = options.force ? undefined : readShardManifest(root);
  if (done !== undefined) refuseOtherShards(done, options);
  const identity = await source.identity(source, { workers, reading });
  if (done !== undefined) {
    refuseOtherSource(done, identity, root);
    say(`${root} is already packed; --force packs it again`);
    return done;
  }
  await begin(identity, options).catch((cause: unknown) => {
    throw writeFailure(root, cause);
  });
  await refuseSmallDisk(source, options);

  const splits = { train: source.train, test: source.test };
  const total = source.train.count + source.test.count;
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const onDone = reading.onStart('packing', total, 'image');
  const timer = setInterval(() => onDone(Atomics.load(progress, 0)), 500);
  const report = badFileReport(splits, { policy, names: prepareFlags, say });
  const pool = openPool(splits, { workers, say, names: prepareFlags });
  const pack = async (part: 'train' | 'test', name: string, first: number, count: number): Promise<Shard> => {
    const path = join(root, name);
    const before = await finishedShard(path, name);
    if (before !== undefined) {
      Atomics.add(progress, 0, count);
      return before;
    }
    const task: PackTask = { kind: 'pack', split: part, first, count, format, size, policy, path, progress };
    const { bad, ...shard } = await pool.run(task);
    report(part, bad);
    return { name, ...shard };
  };
  const packSplit = (part: 'train' | 'test', prefix: string) => {
    const { count } = splits[part];
    return Array.from({ length: Math.ceil(count / shardImages) }, (_, i) => {
      const first = i * shardImages;
      return pack(part, `${prefix}-${String(i).padStart(5, '0')}.shard`, first, Math.min(shardImages, count - first));
    });
  };
  try {
    const jobs = { train: packSplit('train', 'train'), val: packSplit('test', 'val') };
    const manifest: ShardManifest = {
      schema: 1,
      format,
      size,
      classNames: [...source.classNames],
      ...(await inOrder(jobs)),
      source: {
        identity,
        policy,
        heldOut: source.heldOut,
        ...(source.split !== undefined && { split: source.split }),
      },
    };
    await writeDurably(join(root, manifestName), `${JSON.stringify(manifest, undefined, 2)}\n`);
    await rm(join(root, beginningName), { force: true });
    return manifest;
  } finally {
    clearInterval(timer);
    onDone(Atomics.load(progress, 0));
    await pool.close();
  }
}

const otherShards = 'pack them again with --force, or choose another --root';

/** What is packed already must be what this call would pack. */
function refuseOtherShards({ source, ...done }: ShardManifest, { root, format, size, policy }: PackOptions): void {
  if (source === undefined) {
    throw new UserError(`${root} was packed by a version that did not write down from what`, { remedy: otherShards });
  }
  const [was, is] = [
    { format: done.format, size: done.size, policy: source.policy },
    { format, size, policy },
  ].map((options) => JSON.stringify(options));
  if (was !== is) throw new UserError(`${root} was packed with ${was}, asked is ${is}`, { remedy: otherShards });
}

function refuseOtherSource({ source }: ShardManifest, identity: string, root: string): void {
  if (source?.identity === identity) return;
  throw new UserError(`${root} holds shards of other images: the source has changed, or is another one`, {
    remedy: otherShards,
  });
}

/** Waits for every shard; where one fails, its error counts and the others end by themselves. */
async function inOrder(jobs: { train: Promise<Shard>[]; val: Promise<Shard>[] }) {
  for (const job of [...jobs.train, ...jobs.val]) job.catch(() => undefined);
  return { train: await Promise.all(jobs.train), val: await Promise.all(jobs.val) };
}

/** Makes the folder ready: empty, or with what the same call left behind. */
async function begin(identity: string, { root, format, size, policy, force }: PackOptions): Promise<void> {
  const beginning = `${JSON.stringify({ source: identity, format, size, policy, shardImages })}\n`;
  const path = join(root, beginningName);
  await mkdir(root, { recursive: true }).catch((cause: unknown) => {
    throw new UserError(`${root} cannot be created: ${(cause as Error).message}`, {
      remedy: 'choose a writable folder with --root DIR',
      cause,
    });
  });
  const old = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  const ours = (name: string) => /^((train|val)-\d{5}\.shard|shards\.json|packing\.json)$/.test(name);
  const isTorn = (name: string) => /^((train|val)-\d{5}\.shard\.part|(shards|packing)\.json\.\d+\.tmp)$/.test(name);
  const all = await readdir(root);
  const names = all.filter((name) => !isTorn(name));
  if (!force && old === undefined && names.length > 0) {
    throw new UserError(`${root} is not empty`, { remedy: 'choose an empty folder with --root DIR' });
  }
  if (!force && old !== undefined && old !== beginning) {
    throw new UserError(`${root} holds the beginning of another packing: ${old.trim()}`, {
      remedy: 'use the same source and options to go on, --force to start again, or another --root',
    });
  }
  const stale = all.filter((name) => isTorn(name) || (force && ours(name)));
  await rm(join(root, manifestName), { force: true });
  for (const name of stale) await rm(join(root, name), { force: true });
  await writeDurably(path, beginning);
}

/** A shard that an earlier call completed. */
async function finishedShard(path: string, name: string): Promise<Shard | undefined> {
  const sizeBytes = await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
  if (sizeBytes === undefined) return undefined;
  const end = Buffer.alloc(footerBytes);
  const file = await open(path, 'r');
  await file.read(end, 0, footerBytes, Math.max(0, sizeBytes - footerBytes));
  await file.close();
  const count = end.readUInt32LE(8);
  readShardIndex(path, { count, sizeBytes });
  return { name, count, sizeBytes, sha256: await fileSha256(path) };
}

/** Packs a few images in memory and compares what all will take with what the disk has. */
async function refuseSmallDisk(
  source: ImageSource,
  { root, format, size, reading: { say } }: PackOptions,
): Promise<void> {
  const { packImage } = await import('./packTask.ts');
  const meanOf = async (split: ImageSplit) => {
    let [bytes, images] = [0, 0];
    for (let k = 0; k < Math.min(probes, split.count); k++) {
      const sample = Math.floor((k * split.count) / Math.min(probes, split.count));
      const packed = await packImage({ format, size }, split, sample, 'lenient').catch(() => undefined); // a bad file is told later
      if (packed === undefined) continue;
      bytes += packed.bytes.length;
      images += 1;
    }
    return images === 0 ? 0 : bytes / images;
  };
  const need = (await meanOf(source.train)) * source.train.count + (await meanOf(source.test)) * source.test.count;
  const { bavail, bsize } = await statfs(root);
  const have = bavail * bsize;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1)} GB`;
  const there = await bytesThere(root);
  say(`about ${gigabytes(need)} will be written to ${root}; ${gigabytes(have)} are free`);
  if (need * 1.05 <= have + there) return;
  throw new UserError(`${root} has ${gigabytes(have)} free, the shards take about ${gigabytes(need)}`, {
    remedy: 'choose another disk with --root DIR, a smaller --size, or --format jpeg',
    code: exitCode.environment,
  });
}

/** What an earlier call has written already. */
async function bytesThere(root: string): Promise<number> {
  const shards = (await readdir(root)).filter((name) => name.endsWith('.shard'));
  const sizes = await Promise.all(shards.map((name) => stat(join(root, name)).then(({ size }) => size)));
  return sizes.reduce((sum, size) => sum + size, 0);
}
