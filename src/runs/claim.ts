/** Making a run's folder ours: new, or left by an attempt that did not finish. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exitCode, UserError } from '../errors.ts';
import { fileError } from './atomic.ts';
import { runFiles } from './layout.ts';

/** Creates the folder, or moves what an earlier attempt left in it to `attempts/<n>/`. */
export function claimFolder(dir: string): void {
  try {
    mkdirSync(dirname(dir), { recursive: true });
    if (!created(dir)) {
      refuseFinished(dir);
      refuseLocked(dir);
      setAside(dir);
    }
    lock(dir);
  } catch (cause) {
    throw fileError(dir, cause);
  }
}

/** Whether this process made the folder: of two that try at once, one. */
function created(dir: string): boolean {
  try {
    mkdirSync(dir);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

function refuseFinished(dir: string): void {
  if (!existsSync(join(dir, runFiles.result))) return;
  throw new UserError(`${dir} holds a finished run`, {
    remedy: 'its result stands, since the same id means the same training; to train it again, move the folder away',
  });
}

function refuseLocked(dir: string): void {
  const path = join(dir, runFiles.writer);
  if (!existsSync(path)) return;
  const pid = Number(readFileSync(path, 'utf8'));
  if (pid !== process.pid && isAlive(pid)) throw lockedError(dir, `process ${pid}`);
}

function lock(dir: string): void {
  try {
    writeFileSync(join(dir, runFiles.writer), `${process.pid}\n`, { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw lockedError(dir, 'another process'); // it came first
    throw cause;
  }
}

const lockedError = (dir: string, who: string): UserError =>
  new UserError(`${who} is writing ${dir}`, {
    remedy: `wait until it ends, or stop it; if it is no ranger21, delete ${join(dir, runFiles.writer)}`,
    code: exitCode.locked,
  });

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'; // it lives, and is somebody else's
  }
}

function setAside(dir: string): void {
  const names = readdirSync(dir).filter((name) => name !== runFiles.attempts);
  if (names.length === 0) return;
  const earlier = join(dir, runFiles.attempts);
  mkdirSync(earlier, { recursive: true });
  const target = join(earlier, String(attemptCount(dir) + 1));
  mkdirSync(target);
  for (const name of names) renameSync(join(dir, name), join(target, name));
}

/** How many attempts were set aside. */
export function attemptCount(dir: string): number {
  const earlier = join(dir, runFiles.attempts);
  if (!existsSync(earlier)) return 0;
  return Math.max(0, ...readdirSync(earlier).map(Number).filter(Number.isInteger));
}
