/** Hashes files. Runs in a worker thread, or on the main one. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { pathOf, type FileTable } from './fileTable.ts';

export interface HashTask {
  readonly kind: 'hash';
  readonly table: FileTable;
  /** Which files. */
  readonly files: Uint32Array;
  /** SHA-256 of each file of the table, shared. */
  readonly hashes: Uint8Array;
  /** CRC-32 of each, never 0, shared. */
  readonly sums: Uint32Array;
  /** Counts files as they are done; shared. */
  readonly progress: Int32Array;
}

/** A file that was not hashed, and why. */
export interface HashFault {
  readonly file: number;
  /** The system's code, where it gave the file not. */
  readonly code?: string | undefined;
  readonly reason: string;
}

export const hashBytes = 32;
const buffer = Buffer.allocUnsafeSlow(1 << 20);

export async function hashTask({ table, files, hashes, sums, progress }: HashTask): Promise<HashFault[]> {
  const faults: HashFault[] = [];
  for (const file of files) {
    try {
      const { size, sum, hash } = hashFile(pathOf(table, file), table.sizes[file]!);
      if (size === table.sizes[file]) {
        hashes.set(hash, file * hashBytes);
        sums[file] = sum;
      } else {
        faults.push({ file, reason: `has ${size} bytes, ${table.sizes[file]} when the folder was listed` });
      }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      faults.push({ file, code, reason: `cannot be read: ${message}` });
    }
    Atomics.add(progress, 0, 1);
  }
  await nextTurn(); // on the main thread progress and signals have their turn
  return faults;
}

/** Reads no further than one stretch beyond the `expected` bytes. */
function hashFile(path: Buffer, expected: number): { size: number; sum: number; hash: Buffer } {
  const hash = createHash('sha256');
  let [size, sum] = [0, 0];
  const fd = openSync(path, 'r');
  try {
    for (let read = -1; read !== 0 && size <= expected; size += read) {
      read = readSync(fd, buffer, 0, buffer.length, null);
      const part = buffer.subarray(0, read);
      hash.update(part);
      sum = crc32(part, sum);
    }
  } finally {
    closeSync(fd);
  }
  return { size, sum: sum || 1, hash: hash.digest() };
}
