/** Writing the files of prepared data. Below `runs`, whose own writing has remedies and fault tests for run folders. */
import { randomInt } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { exitCode, UserError } from '../errors.ts';

/** Writes a file under another name, flushes it to the disk and renames it. */
export async function writeDurably(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomInt(2 ** 40)}.tmp`; // of its own: two may write the same file at once
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to tell
    throw writeFailure(path, cause);
  }
}

const elsewhere = 'choose another folder with --root DIR';
const full = 'free some space there, then run the same command again to go on; or choose another disk with --root DIR';
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: `the file system or a limit (ulimit -f) holds no file as large: raise it, or ${elsewhere}`,
  EACCES: `make the folder writable for you, or ${elsewhere}`,
  EPERM: `make the folder writable for you, or ${elsewhere}`,
  EROFS: `the file system is read-only: ${elsewhere}`,
  EIO: `the disk failed: see the system log, and ${elsewhere}`,
  ENOENT: 'the folder was moved or deleted meanwhile: put it back, then run the same command again to go on',
  ENOTDIR: `a part of the path is a file: ${elsewhere}`,
  EISDIR: `a folder is where the file should be: remove it, or ${elsewhere}`,
  EMFILE: 'too many files are open: raise the limit (ulimit -n), or use fewer --workers',
  ESTALE: 'the network file system lost the file: run the same command again to go on',
};

/** The error to throw after a failed write: the user's to fix where it is known how, else the cause itself. */
export function writeFailure(path: string, cause: unknown): unknown {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const remedy = remedies[code];
  if (remedy === undefined) return cause;
  return new UserError(`${path} cannot be written: ${message}`, { remedy, code: exitCode.environment, cause });
}
