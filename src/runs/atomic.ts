/** Writing a file so that a reader sees the old one, or the whole new one, whenever the machine stops. */
import { writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../errors.ts';

/** Writes `path.tmp`, flushes it to the disk, renames it over `path` and flushes the folder. */
export async function writeAtomic(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await flushFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the one to tell
    throw fileError(path, cause);
  }
}

/** Makes a rename inside the folder survive a power cut. Windows cannot open folders and needs none of it. */
async function flushFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** writeSync may write less than it was given (a nearly full disk). */
export function writeAll(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written);
}

const remedies: Readonly<Record<string, string>> = {
  EACCES: 'make the folder writable for you, or choose another with --runs DIR or RANGER21_RUNS_DIR',
  EPERM: 'make the folder writable for you, or choose another with --runs DIR or RANGER21_RUNS_DIR',
  EROFS: 'this file system is read-only: choose another with --runs DIR or RANGER21_RUNS_DIR',
  ENOSPC: 'free some space on this disk, or choose another with --runs DIR or RANGER21_RUNS_DIR; then run again',
  EDQUOT: 'free some of your quota on this disk, or choose another with --runs DIR or RANGER21_RUNS_DIR; then run again',
  ENOTDIR: 'a part of this path is a file: rename it, or choose another folder with --runs DIR or RANGER21_RUNS_DIR',
  EEXIST: 'a file is where a folder should be: rename it, or choose another folder with --runs DIR or RANGER21_RUNS_DIR',
  ENAMETOOLONG: 'shorten the name of the experiment or the study',
};

/** The error to throw after a failed write: the user's to fix where we know how, else the cause itself. */
export function fileError(path: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  const remedy = code === undefined ? undefined : remedies[code];
  return remedy === undefined ? cause : new UserError(`cannot write ${path}: ${message}`, { remedy, cause });
}
