/** A file read in stretches, for parsers that look at a few bytes here and there. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../../errors.ts';

export interface Window {
  readonly size: number;
  /** `length` bytes from `at`, which must lie within the file; valid until the next read. */
  read(at: number, length: number): Buffer;
  close(): void;
}

const stretch = 4096;

export function openWindow(path: string): Window {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw new UserError(`${path} cannot be read: ${(cause as Error).message}`, { remedy: 'make it readable', cause });
  }
  const stats = fstatSync(fd);
  if (!stats.isFile()) {
    closeSync(fd);
    throw new UserError(`${path} is no file`, { remedy: 'remove it, or name another folder' });
  }
  const { size } = stats;
  const bytes = Buffer.alloc(stretch);
  let [start, end] = [0, 0];
  return {
    size,
    read: (at, length) => {
      if (at < start || at + length > end) {
        start = at;
        end = at + readSync(fd, bytes, 0, stretch, at);
        if (at + length > end)
          throw new UserError(`${path} ends at byte ${end}, expected ${at + length}`, { remedy: 'fetch it again' });
      }
      return bytes.subarray(at - start, at - start + length);
    },
    close: () => closeSync(fd),
  };
}
