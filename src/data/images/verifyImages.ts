/** `data verify` for image sets: reads every byte and holds it against what is known of it. */
import { join } from 'node:path';
import { exitCode, UserError } from '../../errors.ts';
import { fileChecksums } from '../checksums.ts';
import { listImageFolder } from './imageFolder.ts';
import type { ImageSource } from './imageDataset.ts';
import { readStored } from './imageStore.ts';
import { sampleName, type ImageSplit } from './imageSplit.ts';
import { fileSha256 } from '../sha256.ts';
import { readShardManifest } from './shards.ts';

type OnStart = (total: number) => (done: number) => void;

/** Hashes every shard; returns how many there are. */
export async function verifyShards(root: string, onStart: OnStart): Promise<number> {
  const manifest = readShardManifest(root);
  const shards = [...(manifest?.train ?? []), ...(manifest?.val ?? [])];
  const onDone = onStart(shards.length);
  for (const [i, { name, sha256 }] of shards.entries()) {
    const path = join(root, name);
    const found = await fileSha256(path).catch((cause: unknown) => {
      throw new UserError(`${path} cannot be read: ${(cause as Error).message}`, {
        remedy: 'check that the folder is still there and may be read',
        code: exitCode.checkFailed,
        cause,
      });
    });
    if (found !== sha256) {
      throw new UserError(`${path} has SHA-256 ${found}, expected ${sha256}`, {
        remedy: 'pack the images again with `ranger21 data prepare … --force`',
        code: exitCode.checkFailed,
      });
    }
    onDone(i + 1);
  }
  return shards.length;
}

const unreadable = {
  found: 'cannot be read',
  remedy: 'make them readable or remove them, then verify again',
};
const changed = {
  found: 'are not as they were',
  remedy: 'restore them; where the change is wanted, remove ranger21.crc32 and verify again',
};

/**
 * Reads every file of a folder. The first time its checksums are written; from then on each file is held against them, here and
 * whenever training reads it.
 */
export async function verifyFolder(
  root: string,
  say: (line: string) => void,
  onStart: OnStart,
): Promise<{ path: string; isNew: boolean }> {
  const { listing, train, test } = listImageFolder(root, 'warn', say);
  const checksums = fileChecksums(root, listing);
  const isNew = checksums.read([train, test]) === undefined;
  await verifyRecords({ train, test }, onStart, isNew ? unreadable : changed);
  if (isNew) {
    try {
      checksums.write([train, test]);
    } catch (cause) {
      throw new UserError(`${checksums.path} cannot be written: ${(cause as Error).message}`, {
        remedy: 'make the folder writable for this one call',
        cause,
      });
    }
  }
  return { path: checksums.path, isNew };
}

/** Reads every image's bytes; throws with the number of those that are not as they were and the names of the first. */
export async function verifyRecords(
  { train, test }: Pick<ImageSource, 'train' | 'test'>,
  onStart: OnStart,
  { found, remedy } = { found: 'are not as they were', remedy: 'fetch or pack the files again' },
): Promise<void> {
  const onDone = onStart(train.count + test.count);
  const wrong: string[] = [];
  let done = 0;
  const check = (split: ImageSplit, i: number) => {
    try {
      readStored(split.store, i);
    } catch (error) {
      wrong.push(`${sampleName(split, i)} ${(error as Error).message}`);
    }
  };
  for (const split of [train, test]) {
    for (let i = 0; i < split.count; i++) {
      check(split, i);
      done += 1;
      if (done % 64 !== 0) continue;
      onDone(done);
      await new Promise((resolve) => setImmediate(resolve)); // the progress bar and signals have their turn
    }
  }
  onDone(done);
  if (wrong.length === 0) return;
  throw new UserError(`${wrong.length} images ${found}: ${wrong.slice(0, 10).join('; ')}`, {
    remedy,
    code: exitCode.checkFailed,
  });
}
