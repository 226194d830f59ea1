/** Changing a study's plan, one process at a time. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCode, UserError } from '../errors.ts';
import { fileError } from './atomic.ts';
import { disk } from './disk.ts';
import { hasPlan, readPlan, writePlan, type StudyPlan } from './study.ts';

/** A change takes milliseconds: whoever holds the lock so long was killed. */
const STALE_MS = 10_000;
const RETRY_MS = 50;

/** Writes what `change` makes of the plan that is there, undefined for none, and returns it. */
export async function changePlan(
  dir: string,
  change: (frozen: StudyPlan | undefined) => StudyPlan,
): Promise<StudyPlan> {
  const lock = join(dir, '.plan-lock');
  await takeLock(dir, lock);
  try {
    const plan = change(hasPlan(dir) ? await readPlan(dir) : undefined);
    await writePlan(dir, plan);
    return plan;
  } finally {
    await disk.remove(lock);
  }
}

/** A folder is made by one process only, whatever the file system. */
async function takeLock(dir: string, lock: string): Promise<void> {
  for (const since = Date.now(); ; await sleep(RETRY_MS)) {
    try {
      disk.mkdir(dir, { recursive: true });
      return disk.mkdir(lock);
    } catch (cause) {
      const isLocked = (cause as NodeJS.ErrnoException).code === 'EEXIST' && statSync(dir).isDirectory();
      if (!isLocked) throw fileError(dir, cause);
      const lockedAt = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - lockedAt > STALE_MS) await disk.remove(lock);
      else if (Date.now() - since > 2 * STALE_MS) throw lockedError(dir, lock);
    }
  }
}

const lockedError = (dir: string, lock: string): UserError =>
  new UserError(`another process is planning the study ${dir}`, {
    remedy: `wait until it has; if there is none, delete ${lock}`,
    code: exitCode.locked,
  });
