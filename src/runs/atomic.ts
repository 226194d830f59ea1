/** Writing a file so that a reader sees the old one, or the whole new one, whenever the machine stops. */
import { dirname } from 'node:path';
import { exitCode, UserError } from '../errors.ts';
import { disk } from './disk.ts';

/**
 * Writes a temporary file beside `path`, flushes it to the disk, renames it over `path` and flushes the folder. Two processes
 * may do so at once: the later rename wins.
 */
export async function writeAtomic(path: string, content: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeDurable(temporary, content);
    disk.rename(temporary, path);
    await disk.syncFolder(dirname(path));
  } catch (cause) {
    await disk.remove(temporary).catch(() => undefined); // the first failure is the one to tell
    throw fileError(path, cause);
  }
}

/** Writes a file and flushes it to the disk; its name is the folder's to flush. */
export async function writeDurable(path: string, content: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
  const file = disk.open(path, 'w');
  try {
    for (const piece of pieces(content)) await disk.write(file, piece);
    await disk.sync(file);
  } finally {
    disk.close(file);
  }
}

function pieces(content: string | Uint8Array | Iterable<Uint8Array>): Iterable<Uint8Array> {
  if (typeof content === 'string') return [Buffer.from(content)];
  return content instanceof Uint8Array ? [content] : content;
}

/** Codes of a path that was chosen badly; the others are of a machine that does not do what is asked. */
const ofPath = ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EEXIST', 'ENAMETOOLONG'];

const writable = 'make the folder writable for you, or choose another with --runs DIR or RANGER21_RUNS_DIR';
const networked =
  'the file system refused it, as network file systems do at times: run again, or choose a local folder with --runs DIR or RANGER21_RUNS_DIR';

const remedies: Readonly<Record<string, string>> = {
  EACCES: writable,
  EPERM: writable,
  EROFS: 'this file system is read-only: choose another with --runs DIR or RANGER21_RUNS_DIR',
  ENOSPC: 'free some space on this disk, or choose another with --runs DIR or RANGER21_RUNS_DIR; then run again',
  EDQUOT:
    'free some of your quota on this disk, or choose another with --runs DIR or RANGER21_RUNS_DIR; then run again',
  EFBIG:
    'this file system, or a limit of this shell (ulimit -f), allows no file as large: raise it, or choose another with --runs DIR or RANGER21_RUNS_DIR',
  EIO: 'the disk failed: see the system log, and choose another with --runs DIR or RANGER21_RUNS_DIR',
  ENOENT: 'the folder was moved or deleted meanwhile: put it back, then run again',
  ENOTDIR: 'a part of this path is a file: rename it, or choose another folder with --runs DIR or RANGER21_RUNS_DIR',
  EEXIST:
    'a file is where a folder should be: rename it, or choose another folder with --runs DIR or RANGER21_RUNS_DIR',
  ENAMETOOLONG: 'shorten the name of the experiment or the study',
  EMFILE: 'too many files are open: raise the limit (ulimit -n), then run again',
  EBUSY: networked,
  ESTALE: networked,
  ENOTEMPTY: networked,
  EXDEV: networked,
};

/** The error to throw after a failed write: the user's to fix where we know how, else the cause itself. */
export function fileError(path: string, cause: unknown): unknown {
  const { code, message, syscall } = cause as NodeJS.ErrnoException;
  const remedy = code === 'EEXIST' && syscall === 'rename' ? networked : remedies[code ?? ''];
  if (remedy === undefined) return cause;
  const exit = ofPath.includes(code ?? '') && remedy !== networked ? exitCode.usage : exitCode.environment;
  return new UserError(`cannot write ${path}: ${message}`, { remedy, code: exit, cause });
}
