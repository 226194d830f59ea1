/** Where a split's images lie, as plain values and shared buffers that go to every thread without a copy, and how one is read. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { maskedCrc32c } from '../../crc32c.ts';
import type { Stored } from './decode.ts';
import { pathOf, type FileTable } from './fileTable.ts';

/** One file an image. */
export interface FileStore extends FileTable {
  readonly kind: 'files';
  /** CRC-32 of each file as far as known, 0 where not: what is read later is held against it. */
  readonly sums: Uint32Array;
}

/** Records in larger files. */
export interface RecordStore {
  readonly kind: 'records';
  readonly files: readonly string[];
  readonly fileOf: Uint16Array;
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
  /** Checksum of each record: CRC-32, or for TFRecord the masked CRC-32C. */
  readonly sums: Uint32Array;
  readonly check: 'crc32' | 'masked crc32c';
  /** The image within the record, where it is a part of it. */
  readonly part?: { readonly at: Uint32Array; readonly size: Uint32Array };
  /** Sizes of images that are stored as pixels. */
  readonly pixels?: { readonly width: Uint16Array; readonly height: Uint16Array };
}

export type ImageStore = FileStore | RecordStore;

/**
 * What the policy for bad files never passes over: a file that is not what it was when it was listed, or that the system does not
 * give any more. Passed over, a lost mount or an edited file would shrink or change the data without a word.
 */
export class FileFault extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** How an image is called in messages. */
export const nameOf = (store: ImageStore, i: number): string =>
  store.kind === 'files'
    ? pathOf(store, i).toString()
    : `${store.files[store.fileOf[i] as number]}, record at byte ${store.offsets[i]}`;

/** Reads one image; throws an Error that says what is wrong with it, a FileFault where that must stop the work. */
export function readStored(store: ImageStore, i: number): Stored {
  return store.kind === 'files' ? { encoded: readFile(store, i) } : readRecord(store, i);
}

const restore =
  'restore it; where the change is wanted, `touch` it and run the same command again: it then trains on other data, as another run';
const damaged = 'it is damaged or was altered: fetch or pack it again';

/** A file that could not be opened when it was listed, a dead link say, has size 0: it is bad as an empty one is. */
function readFile(store: FileStore, i: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(pathOf(store, i));
  } catch (error) {
    if (store.sizes[i] === 0 && isUnreachable(error)) throw error;
    throw systemFault(error);
  }
  if (bytes.length !== store.sizes[i]) {
    throw new FileFault(`has ${bytes.length} bytes, ${store.sizes[i]} when the folder was listed`, restore);
  }
  const sum = crc32(bytes) || 1;
  const before = Atomics.compareExchange(store.sums, i, 0, sum);
  if (before !== 0 && before !== sum) throw new FileFault('has other content than when it was first read', restore);
  return bytes;
}

/** Whether an error says that this one file cannot be reached, rather than that the system failed. */
export const isUnreachable = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

function systemFault(error: unknown): FileFault {
  const { code, message } = error as NodeJS.ErrnoException;
  const remedy =
    code === 'EMFILE' || code === 'ENFILE'
      ? 'raise the limit of open files (ulimit -n), then run the same command again'
      : 'check that the folder is still there and may be read, then run the same command again';
  return new FileFault(`cannot be read: ${message}`, remedy);
}

function readRecord(store: RecordStore, i: number): Stored {
  const path = store.files[store.fileOf[i] as number] as string;
  const bytes = Buffer.allocUnsafe(store.sizes[i] as number);
  let read: number;
  try {
    read = readSync(descriptor(path), bytes, 0, bytes.length, store.offsets[i] as number);
  } catch (error) {
    throw systemFault(error);
  }
  if (read !== bytes.length) throw new FileFault(`ends after ${read} of ${bytes.length} bytes`, damaged);
  const sum = store.check === 'crc32' ? crc32(bytes) : maskedCrc32c(bytes);
  if (sum !== store.sums[i]) throw new FileFault('has a wrong checksum', damaged);
  if (store.pixels) {
    return { data: bytes, width: store.pixels.width[i] as number, height: store.pixels.height[i] as number };
  }
  const at = store.part?.at[i] ?? 0;
  return { encoded: bytes.subarray(at, at + (store.part?.size[i] ?? bytes.length)) };
}

/** Files this thread has open, the one unused for longest first. */
const opened = new Map<string, number>();
const mostOpened = 32;

function descriptor(path: string): number {
  const known = opened.get(path);
  opened.delete(path);
  const fd = known ?? openSync(path, 'r');
  opened.set(path, fd);
  const [oldest] = opened;
  if (opened.size > mostOpened && oldest) {
    closeSync(oldest[1]);
    opened.delete(oldest[0]);
  }
  return fd;
}
