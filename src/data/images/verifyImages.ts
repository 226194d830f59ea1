/** `data verify` for image sets: reads every byte, whatever is known of it, and holds it against that. */
import { join } from 'node:path';
import { exitCode, UserError } from '../../errors.ts';
import type { Reading } from '../reading.ts';
import { rereadContents } from './contents.ts';
import { pathOf, tableOf } from './fileTable.ts';
import { hexOf, identityOf, refuseOtherHash, type ImageSource } from './imageDataset.ts';
import type { ImageFolder } from './imageFolder.ts';
import { readStored } from './imageStore.ts';
import { sampleName, type ImageSplit } from './imageSplit.ts';
import { readShardManifest } from './shards.ts';

interface Options {
  readonly workers: number;
  readonly reading: Reading;
}

const checking = (unit: 'image' | 'file') => ({ doing: 'checking', unit });

/** Hashes every shard and holds it against the manifest; returns how many there are. */
export async function verifyShards(root: string, options: Options): Promise<number> {
  const manifest = readShardManifest(root);
  const shards = [...(manifest?.train ?? []), ...(manifest?.val ?? [])];
  const table = tableOf(
    root,
    shards.map(({ name }) => name),
  );
  const found = await rereadContents(table, { ...checking('file'), ...options });
  shards.forEach(({ name, sha256 }, i) => refuseOtherHash(join(root, name), hexOf(found, i), sha256));
  return shards.length;
}

/**
 * Reads every file of a folder, and holds it against what it was when it was first read, by a run, a study, or here. `isNew` counts
 * those that were not read before.
 */
export async function verifyFolder(
  { classNames, store, train, test }: ImageFolder,
  options: Options,
): Promise<{ identity: string; isNew: number }> {
  const found = await rereadContents(store, { ...checking('image'), ...options });
  refuseChanged(found.changed.map((file) => pathOf(store, file).toString()));
  const isNew = Array.from(store.sizes, (_, file) => file).filter(found.isNew).length;
  return { identity: identityOf({ train, test }, classNames.length, found.hashes), isNew };
}

function refuseChanged(paths: readonly string[]): void {
  if (paths.length === 0) return;
  const some = `${paths.slice(0, 10).join(', ')}${paths.length > 10 ? ', …' : ''}`;
  const what = paths.length === 1 ? '1 image is not what it was' : `${paths.length} images are not what they were`;
  throw new UserError(`${what} when first read: ${some}`, {
    remedy: 'restore what was not meant to change; `touch` what was: the next run reads it anew, as other data',
    code: exitCode.checkFailed,
  });
}

/** Reads every record of a TFRecord set and checks its checksum; throws with the number of those that are wrong and the first of them. */
export async function verifyRecords(
  { train, test }: Pick<ImageSource, 'train' | 'test'>,
  { onStart }: Reading,
): Promise<void> {
  const onDone = onStart('checking', train.count + test.count, 'image');
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
  const what = wrong.length === 1 ? '1 image is damaged' : `${wrong.length} images are damaged`;
  throw new UserError(`${what}: ${wrong.slice(0, 10).join('; ')}`, {
    remedy: 'fetch the files again',
    code: exitCode.checkFailed,
  });
}
