/**
 * What files were found to hold, kept in the user's cache folder so that a folder's images are read once and not by every command:
 * one file a folder, `ranger21/contents/<hash of the folder's path>.bin`. A file counts as known as long as its path, size, times of
 * change and number in the file system are the same. Whether there is such a file, and what is in it, decides how long a command
 * takes and never what comes out: what is missing or damaged is read again.
 *
 * 24 bytes: "r21cont1", u32 files, u32 bytes of names, u32 CRC-32 of what follows, 4 unused. Then the columns: f64 size, f64 × 3
 * stamps, u32 start of each name and end of the last, u32 CRC-32 and 32 bytes SHA-256 of the content, the names. In the byte order of
 * the machine, which is the only one that reads it.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { sha256 } from '../sha256.ts';
import { userCache } from '../userCache.ts';
import { writeDurably } from '../writeDurably.ts';
import { countOf, type FileTable } from './fileTable.ts';
import { hashBytes } from './hashTask.ts';

/** Columns of the files whose content is known; each has as many rows. */
export interface Contents extends Omit<FileTable, 'folder'> {
  readonly sums: Uint32Array;
  readonly hashes: Uint8Array;
}

const magic = 'r21cont1';
const headerBytes = 24;
const rowBytes = 8 + 24 + 4 + 4 + hashBytes;

export const cachePath = (folder: string): string =>
  join(userCache(), 'ranger21', 'contents', `${sha256(realpathSync(folder)).slice(0, 32)}.bin`);

/** What is kept for a folder; nothing where there is no such file or it is damaged. */
export function readContents(path: string): Contents | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined; // absent, unreadable or too large: all the same, the images are read again
  }
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, 8) !== magic) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [count, nameBytes, sum] = [8, 12, 16].map((at) => view.getUint32(at, true)) as [number, number, number];
  if (bytes.length !== headerBytes + count * rowBytes + 4 + nameBytes) return undefined;
  const body = Uint8Array.prototype.slice.call(bytes, headerBytes); // aligned
  if (crc32(body) !== sum) return undefined;
  let at = 0;
  const take = <T>(
    make: (buffer: ArrayBufferLike, at: number, length: number) => T,
    size: number,
    length: number,
  ): T => {
    const column = make(body.buffer, at, length);
    at += size * length;
    return column;
  };
  const sizes = take((...place) => new Float64Array(...place), 8, count);
  const stamps = take((...place) => new Float64Array(...place), 8, 3 * count);
  const starts = take((...place) => new Uint32Array(...place), 4, count + 1);
  const sums = take((...place) => new Uint32Array(...place), 4, count);
  const hashes = take((...place) => new Uint8Array(...place), 1, hashBytes * count);
  const names = take((...place) => new Uint8Array(...place), 1, nameBytes);
  const isSound = starts.every((start, i) => start >= (starts[i - 1] ?? 0)) && starts[count] === nameBytes;
  return isSound ? { sizes, stamps, starts, sums, hashes, names } : undefined;
}

/** Replaces what is kept for a folder. */
export async function writeContents(path: string, contents: Contents): Promise<void> {
  const { sizes, stamps, starts, sums, hashes, names } = contents;
  const columns = [sizes, stamps, starts, sums, hashes, names].map((column) =>
    Buffer.from(column.buffer, column.byteOffset, column.byteLength),
  );
  const header = Buffer.alloc(headerBytes);
  header.write(magic, 'latin1');
  header.writeUInt32LE(sizes.length, 8);
  header.writeUInt32LE(names.length, 12);
  header.writeUInt32LE(
    columns.reduce((sum, column) => crc32(column, sum), 0),
    16,
  );
  await mkdir(dirname(path), { recursive: true });
  await writeDurably(path, Buffer.concat([header, ...columns]));
}

/** Where each file of a table is among the kept ones, by its path; −1 where it is not. */
export function placesIn(kept: Contents, table: FileTable): Int32Array {
  const count = countOf(table);
  const isSame = countOf(kept) === count && equal(kept.starts, table.starts) && equal(kept.names, table.names);
  if (isSame) return Int32Array.from({ length: count }, (_, i) => i);
  const nameIn = ({ names, starts }: Contents | FileTable, i: number) =>
    Buffer.from(names.subarray(starts[i], starts[i + 1])).toString('latin1');
  const places = new Map<string, number>();
  for (let i = 0; i < countOf(kept); i++) places.set(nameIn(kept, i), i);
  return Int32Array.from({ length: count }, (_, i) => places.get(nameIn(table, i)) ?? -1);
}

const equal = (a: Uint8Array | Uint32Array, b: Uint8Array | Uint32Array): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

/** Whether a file is the one it was when it was hashed, as far as the system tells without reading it. */
export const isSameFile = (kept: Contents, place: number, table: FileTable, file: number): boolean =>
  kept.sizes[place] === table.sizes[file] &&
  [0, 1, 2].every((k) => kept.stamps[3 * place + k] === table.stamps[3 * file + k]);

/** The rows of these files. */
export function rowsOf(table: FileTable, found: Pick<Contents, 'sums' | 'hashes'>, files: readonly number[]): Contents {
  if (files.length === countOf(table)) return { ...table, ...found };
  const pick = <T extends Float64Array | Uint32Array | Uint8Array>(column: T, width: number): T => {
    const Kind = column.constructor as new (length: number) => T;
    const some = new Kind(files.length * width);
    files.forEach((file, i) => some.set(column.subarray(file * width, (file + 1) * width), i * width));
    return some;
  };
  const names = files.map((file) => table.names.subarray(table.starts[file], table.starts[file + 1]));
  const starts = new Uint32Array(files.length + 1);
  names.forEach((name, i) => (starts[i + 1] = starts[i]! + name.length));
  return {
    ...{ starts, names: Buffer.concat(names) },
    ...{ sizes: pick(table.sizes, 1), stamps: pick(table.stamps, 3) },
    ...{ sums: pick(found.sums, 1), hashes: pick(found.hashes, hashBytes) },
  };
}
