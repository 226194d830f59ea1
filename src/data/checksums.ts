/**
 * Checksums of an image folder: CRC-32 of each file, in `ranger21.crc32` beside train/ and val/, written by `data verify`. With it
 * every file is held against its checksum whenever it is read; without it against what it was when the process first read it.
 *
 * The checksums are part of the data's fingerprint: a file replaced by another of the same size gives another one once it is verified,
 * and so does the first `data verify` of a folder, since only then is its content known. So verify before the first run.
 *
 * The file is 32 bytes SHA-256 of the listing it belongs to, then a u32 a file, little endian, train first.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { ImageSplit } from './images/imageSplit.ts';
import { sha256 } from './sha256.ts';

export const checksumName = 'ranger21.crc32';

export function fileChecksums(root: string, listing: string) {
  const path = join(root, checksumName);
  const id = Buffer.from(listing, 'hex');
  const tables = (splits: readonly ImageSplit[]) =>
    splits.flatMap(({ store }) => (store.kind === 'files' ? [store.sums] : []));

  return {
    path,
    /** Fills the splits' checksums and returns the SHA-256 of their file; undefined where there is none. */
    read(splits: readonly ImageSplit[]): string | undefined {
      let bytes: Buffer;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new UserError(`${path} cannot be read: ${(error as Error).message}`, {
          remedy: 'make it readable, or remove it',
          cause: error,
        });
      }
      const sums = tables(splits);
      const count = sums.reduce((sum, table) => sum + table.length, 0);
      if (bytes.length !== 32 + 4 * count || !bytes.subarray(0, 32).equals(id)) {
        throw new UserError(
          `${path} belongs to another state of the folder: files were added, removed or changed in size`,
          {
            remedy:
              'restore the folder; where the change is wanted, remove that file and run `ranger21 data verify` again',
          },
        );
      }
      let at = 32;
      for (const table of sums) {
        for (let i = 0; i < table.length; i++, at += 4) table[i] = bytes.readUInt32LE(at);
      }
      return sha256(bytes);
    },
    /** Writes what the splits' files were found to be. */
    write(splits: readonly ImageSplit[]): void {
      const temporary = `${path}.part`;
      const parts = tables(splits).map((table) => {
        const bytes = Buffer.alloc(4 * table.length);
        table.forEach((sum, i) => bytes.writeUInt32LE(sum, 4 * i));
        return bytes;
      });
      writeFileSync(temporary, Buffer.concat([id, ...parts]));
      renameSync(temporary, path);
    },
  };
}
