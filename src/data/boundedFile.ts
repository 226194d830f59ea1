/** Reading a file whose size nobody has vouched for. */
import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** Why a file cannot be read: `reason` completes a sentence that starts with the file's name. */
interface Unreadable {
  readonly bytes?: undefined;
  readonly code: string;
  readonly reason: string;
}
export type FileContent = { readonly bytes: Buffer } | Unreadable;

/**
 * The bytes of a file of at most `most` bytes; its size is compared before anything is allocated. Folders, devices and
 * named pipes, which may have no end, are refused; `pipes` lets them pass, up to the same size.
 */
export async function readWithin(path: string, most: number, { pipes = false } = {}): Promise<FileContent> {
  try {
    const found = await stat(path);
    const refused = refusal(found, most, pipes);
    if (refused) return refused;
    const file = await open(path, 'r');
    try {
      const bytes = Buffer.alloc(room(found, most));
      let end = 0;
      for (let read = -1; read !== 0 && end < bytes.length; end += read) {
        read = (await file.read(bytes, end, bytes.length - end, null)).bytesRead;
      }
      return whole(bytes.subarray(0, end), most);
    } finally {
      await file.close();
    }
  } catch (error) {
    return unreadable(error);
  }
}

/** The same at once, of regular files only. */
export function readWithinSync(path: string, most: number): FileContent {
  try {
    const found = statSync(path);
    const refused = refusal(found, most, false);
    if (refused) return refused;
    const fd = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(room(found, most));
      let end = 0;
      for (let read = -1; read !== 0 && end < bytes.length; end += read) {
        read = readSync(fd, bytes, end, bytes.length - end, null);
      }
      return whole(bytes.subarray(0, end), most);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return unreadable(error);
  }
}

function refusal(found: Stats, most: number, pipes: boolean): Unreadable | undefined {
  if (found.isDirectory()) return { code: 'EISDIR', reason: 'is a folder' };
  if (!found.isFile() && !pipes) return { code: 'EINVAL', reason: 'is not a regular file' };
  return found.size > most ? tooLong(`has ${found.size} bytes`, most) : undefined;
}

/** What to allocate: a pipe does not say how much is coming. */
const room = (found: Stats, most: number) => (found.isFile() ? found.size : most + 1);

const whole = (bytes: Buffer, most: number): FileContent =>
  bytes.length > most ? tooLong('does not end', most) : { bytes };

const tooLong = (found: string, most: number) => ({ code: 'EFBIG', reason: `${found}, expected at most ${most}` });

function unreadable(error: unknown): Unreadable {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return { code, reason: reasons[code] ?? `cannot be read: ${message}` };
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of its path is a file',
  EACCES: 'may not be read',
  EPERM: 'may not be read',
  ELOOP: 'is a circle of links',
  ENAMETOOLONG: 'has a name that is too long',
  ERR_INVALID_ARG_VALUE: 'has a name that no file can have',
};
