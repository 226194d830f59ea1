/**
 * What files hold, by SHA-256. It is what tells two data sets of equal names and sizes apart, on purpose or not: nobody can make
 * another image with the hash of one, and processors have instructions for it (1.8 GB/s a core where this was measured, more than most
 * disks give). CRC-32 is taken along, which each read while training is held against.
 */
import { availableParallelism } from 'node:os';
import { UserError } from '../../errors.ts';
import type { Reading } from '../reading.ts';
import { cachePath, isSameFile, placesIn, readContents, rowsOf, writeContents, type Contents } from './contentCache.ts';
import { openPool } from './decodePool.ts';
import { countOf, pathOf, shared, type FileTable } from './fileTable.ts';
import { hashBytes, hashTask, type HashFault, type HashTask } from './hashTask.ts';
import { isUnreachable } from './imageStore.ts';

export interface HashOptions {
  readonly reading: Reading;
  readonly doing: string;
  readonly unit: 'image' | 'file';
  /** Threads at the least; 0: the main thread. */
  readonly workers: number;
  /** Whether a file that could not be reached when it was listed is left without a hash; otherwise it is an error. */
  readonly mayMiss?: boolean;
}

export interface Hashes {
  /** 32 bytes a file of the table; zeros for files that were not asked for or cannot be reached. */
  readonly hashes: Uint8Array;
  /** CRC-32 of each, 0 where there is no hash. */
  readonly sums: Uint32Array;
}

/** The hashes of some files of a table: those that are kept, the others read now and kept for the next time. */
export async function contentsOf(table: FileTable, files: Uint32Array, options: HashOptions): Promise<Hashes> {
  const found = noHashes(table);
  const path = cachePath(table.folder);
  const kept = readContents(path);
  if (kept) takeKept(kept, table, found);
  const missing = files.filter((file) => found.sums[file] === 0);
  await hash(table, missing, found, options, path);
  return found;
}

/** Reads all files whatever is kept; `changed` are those that hold something else than when they were read before. */
export async function rereadContents(
  table: FileTable,
  options: HashOptions,
): Promise<Hashes & { readonly changed: readonly number[]; readonly isNew: (file: number) => boolean }> {
  const found = noHashes(table);
  const startedAt = Date.now();
  const path = cachePath(table.folder);
  const kept = readContents(path);
  const places = kept && placesIn(kept, table);
  const all = Uint32Array.from({ length: countOf(table) }, (_, i) => i);
  const placeOf = (file: number) => places?.[file] ?? -1;
  const differs = (file: number) => {
    const place = placeOf(file);
    return kept !== undefined && place >= 0 && !sameHash(kept.hashes, place, found.hashes, file);
  };
  await hash(table, all, found, options, undefined);
  const changed = [...all].filter(differs);
  if (changed.length === 0) await keep(path, table, found, startedAt, options.reading);
  return { ...found, changed, isNew: (file) => placeOf(file) < 0 };
}

const noHashes = (table: FileTable): Hashes => ({
  hashes: shared(new Uint8Array(countOf(table) * hashBytes)),
  sums: shared(new Uint32Array(countOf(table))),
});

const sameHash = (a: Uint8Array, i: number, b: Uint8Array, j: number) =>
  Buffer.from(a.buffer, a.byteOffset + i * hashBytes, hashBytes).equals(
    Buffer.from(b.buffer, b.byteOffset + j * hashBytes, hashBytes),
  );

function takeKept(kept: Contents, table: FileTable, found: Hashes): void {
  placesIn(kept, table).forEach((place, file) => {
    if (place < 0 || !isSameFile(kept, place, table, file)) return;
    found.hashes.set(kept.hashes.subarray(place * hashBytes, (place + 1) * hashBytes), file * hashBytes);
    found.sums[file] = kept.sums[place]!;
  });
}

/** A task is done in tens of milliseconds. */
const most = { files: 256, bytes: 32 << 20 };
/** Less than this is hashed before a thread has started. */
const fewBytes = 16 << 20;
const saveEveryMs = 60_000;

async function hash(
  table: FileTable,
  files: Uint32Array,
  found: Hashes,
  { reading, doing, unit, workers, mayMiss = false }: HashOptions,
  path: string | undefined,
): Promise<void> {
  if (files.length === 0) return;
  const startedAt = Date.now();
  const bytes = files.reduce((sum, file) => sum + table.sizes[file]!, 0);
  const threads = workers === 0 || bytes < fewBytes ? 0 : Math.max(workers, Math.min(16, availableParallelism()));
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const onDone = bytes < fewBytes ? () => undefined : reading.onStart(doing, files.length, unit);
  const pool = threads === 0 ? undefined : openPool({}, { workers: threads, say: reading.say });
  const run = (task: HashTask) => (pool ? pool.run(task) : hashTask(task));
  const showing = setInterval(() => onDone(Atomics.load(progress, 0)), 500);
  let saved = startedAt;
  try {
    const tasks = slices(table, files).map(
      (some) => () => run({ kind: 'hash', table, files: some, ...found, progress }),
    );
    await inTurn(tasks, Math.max(1, 2 * threads), async (faults) => {
      const fault = faults.find(({ file, code }) => !(mayMiss && table.sizes[file] === 0 && isUnreachable({ code })));
      if (fault) throw faultError(table, fault);
      if (path === undefined || Date.now() - saved < saveEveryMs) return;
      saved = Date.now(); // so that what is stopped goes on from here
      await keep(path, table, found, startedAt, reading);
    });
    if (path !== undefined) await keep(path, table, found, startedAt, reading);
  } finally {
    clearInterval(showing);
    onDone(Atomics.load(progress, 0));
    await pool?.close();
  }
}

/** Runs tasks, `ahead` at a time. */
async function inTurn<T>(
  tasks: readonly (() => Promise<T>)[],
  ahead: number,
  onDone: (done: T) => Promise<void>,
): Promise<void> {
  const rest = tasks.values();
  const one = async () => {
    for (const task of rest) await onDone(await task());
  };
  await Promise.all(Array.from({ length: ahead }, one));
}

function slices(table: FileTable, files: Uint32Array): Uint32Array[] {
  const found: Uint32Array[] = [];
  let [first, bytes] = [0, 0];
  files.forEach((file, i) => {
    bytes += table.sizes[file]!;
    if (i + 1 - first < most.files && bytes < most.bytes && i + 1 < files.length) return;
    found.push(files.slice(first, i + 1));
    [first, bytes] = [i + 1, 0];
  });
  return found;
}

function faultError(table: FileTable, { file, code, reason }: HashFault): UserError {
  const remedy =
    code === 'EMFILE' || code === 'ENFILE'
      ? 'raise the limit of open files (ulimit -n), then run the same command again'
      : code !== undefined
        ? 'make it readable or remove it, and check that the folder is still there; then run the same command again'
        : 'wait until nobody writes to the folder any more, then run the same command again';
  return new UserError(`${pathOf(table, file).toString()} ${reason}`, { remedy });
}

/**
 * Writes down what is known. A file that changed just before it was read is left out: where it changes again at once, its times may be
 * the same, since clocks of file systems tick in milliseconds, and some in two seconds.
 */
async function keep(path: string, table: FileTable, found: Hashes, readAt: number, { say }: Reading): Promise<void> {
  const files: number[] = [];
  found.sums.forEach((sum, file) => {
    const [changed, moved] = [table.stamps[3 * file]!, table.stamps[3 * file + 1]!];
    const tick = changed % 1000 === 0 || moved % 1000 === 0 ? 2_000 : 50;
    const isSettled = [changed, moved].every((at) => at > readAt || readAt - at > tick) && moved <= readAt;
    if (sum !== 0 && isSettled) files.push(file);
  });
  try {
    await writeContents(path, rowsOf(table, found, files));
  } catch (error) {
    say(
      `what was read of ${table.folder} cannot be kept, so that every command reads it again: ${(error as Error).message}`,
    );
  }
}
