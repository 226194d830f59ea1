/** Packs a stretch of a split's images into one shard. Runs in a worker thread. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { badSample, type BadSample } from './badFiles.ts';
import { decodeWhole, encodeJpeg, type Care } from './decode.ts';
import { FileFault, readStored } from './imageStore.ts';
import type { BadFilePolicy, ImageSplit } from './imageSplit.ts';
import { resample, type Pixels } from './resample.ts';
import { shortSideTo } from './resizedCrop.ts';
import { shardEnd, type PackedRecord } from './shards.ts';
import { writeFailure } from '../writeDurably.ts';

export interface PackTask {
  readonly kind: 'pack';
  readonly split: 'train' | 'test';
  readonly first: number;
  readonly count: number;
  readonly format: 'jpeg' | 'raw';
  /** Length that longer short sides are reduced to. */
  readonly size: number | null;
  readonly policy: BadFilePolicy;
  /** The shard's path; it has that name once it is complete. */
  readonly path: string;
  /** Counts samples as they are done; shared. */
  readonly progress: Int32Array;
}

export interface PackDone {
  readonly bad: readonly BadSample[];
  readonly count: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Where the shard cannot be written, what there is of it is removed: the space may be what is missing. */
export async function packTask(task: PackTask, split: ImageSplit): Promise<PackDone> {
  const temporary = `${task.path}.part`;
  try {
    return await writeShard(task, split, temporary);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw writeFailure(task.path, cause);
  }
}

async function writeShard(task: PackTask, split: ImageSplit, temporary: string): Promise<PackDone> {
  const file = openSync(temporary, 'w');
  const hash = createHash('sha256');
  const bad: BadSample[] = [];
  const records: PackedRecord[] = [];
  let offset = 0;
  const append = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
    hash.update(bytes);
    offset += bytes.length;
  };
  try {
    for (let sample = task.first; sample < task.first + task.count; sample++) {
      const packed = await packSample(task, split, sample, bad);
      Atomics.add(task.progress, 0, 1);
      if (packed === undefined) {
        if (task.policy === 'error' || bad.at(-1)?.remedy !== undefined)
          return { bad, count: 0, sizeBytes: 0, sha256: '' };
        continue;
      }
      const { bytes, width, height } = packed;
      const label = split.labels[sample] as number;
      records.push({ offset, size: bytes.length, sum: crc32(bytes), label, width, height });
      append(bytes);
    }
    append(shardEnd(records));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, task.path);
  return { bad, count: records.length, sizeBytes: offset, sha256: hash.digest('hex') };
}

interface Packed {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The bytes of one sample's record; undefined where its file is bad. */
async function packSample(
  task: PackTask,
  split: ImageSplit,
  sample: number,
  bad: BadSample[],
): Promise<Packed | undefined> {
  try {
    return await packImage(task, split, sample, 'strict');
  } catch (error) {
    const isTried = task.policy === 'warn' && !(error instanceof FileFault);
    const packed = isTried ? await packImage(task, split, sample, 'lenient').catch(() => undefined) : undefined;
    bad.push(badSample(sample, error, packed !== undefined));
    return packed;
  }
}

/** What one image becomes: the file as it is where it needs no change, a JPEG, or pixels. */
export async function packImage(
  { format, size }: Pick<PackTask, 'format' | 'size'>,
  split: ImageSplit,
  sample: number,
  care: Care,
): Promise<Packed> {
  const stored = readStored(split.store, split.places?.[sample] ?? sample);
  if ('encoded' in stored && stored.encoded.length === 0) throw new Error('is empty');
  const whole = await decodeWhole(stored, care);
  const pixels = size === null ? whole : reduced(whole, size);
  if (format === 'raw' && Math.max(pixels.width, pixels.height) > 65_535) {
    throw new Error(`is ${pixels.width}×${pixels.height}, too long for a shard of pixels`);
  }
  if (format === 'raw') return { bytes: pixels.data, width: pixels.width, height: pixels.height };
  const bytes = pixels === whole && 'encoded' in stored ? stored.encoded : await encodeJpeg(pixels);
  return { bytes, width: 0, height: 0 };
}

function reduced(whole: Pixels, short: number): Pixels {
  if (Math.min(whole.width, whole.height) <= short) return whole;
  const target = shortSideTo(short, whole.width, whole.height);
  const data = new Uint8Array(target.width * target.height * 3);
  resample(whole, { left: 0, top: 0, width: whole.width, height: whole.height }, target, data, 0);
  return { data, ...target };
}
