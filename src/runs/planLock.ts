/** Changing a study's plan, one process at a time. */
import { existsSync, readdirSync, statSync } from 'node:fs';
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
  const locks = join(dir, '.plan-locks');
  const turn = await takeTurn(dir, locks);
  try {
    const plan = change(hasPlan(dir) ? await readPlan(dir) : undefined);
    if (lastTurn(locks) !== turn) throw lockedError(dir, locks); // asleep for so long that another has gone on
    await writePlan(dir, plan);
    return plan;
  } finally {
    disk.mkdir(join(locks, String(turn), done), { recursive: true });
    for (let n = turn - 1; existsSync(join(locks, String(n))); n--) await disk.remove(join(locks, String(n)));
  }
}

const done = 'done';

/** Turns are folders 1, 2, …; the highest has the plan until it is done or stale, and the next is made by one process only. */
async function takeTurn(dir: string, locks: string): Promise<number> {
  for (const since = Date.now(); ; await sleep(RETRY_MS)) {
    try {
      disk.mkdir(locks, { recursive: true });
      const last = lastTurn(locks);
      const holder = join(locks, String(last));
      const takenAt = statSync(holder, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (last === 0 || existsSync(join(holder, done)) || Date.now() - takenAt > STALE_MS) {
        disk.mkdir(join(locks, String(last + 1)));
        return last + 1;
      }
    } catch (cause) {
      const isTaken = (cause as NodeJS.ErrnoException).code === 'EEXIST' && statSync(dir).isDirectory();
      if (!isTaken) throw fileError(dir, cause);
    }
    if (Date.now() - since > 2 * STALE_MS) throw lockedError(dir, locks);
  }
}

const lastTurn = (locks: string): number => Math.max(0, ...readdirSync(locks).map(Number).filter(Number.isInteger));

const lockedError = (dir: string, lock: string): UserError =>
  new UserError(`another process is planning the study ${dir}`, {
    remedy: `wait until it has; if there is none, delete ${lock}`,
    code: exitCode.locked,
  });
