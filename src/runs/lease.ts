/** Having a run: one process at a time writes its folder, and what a dead one left is taken over. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exitCode, UserError } from '../errors.ts';
import { fileError, writeAtomic, writeDurable } from './atomic.ts';
import { attemptCount, attemptDir, HEARTBEAT_LIMIT_MS, lastAttempt } from './attempts.ts';
import type { Attempt, Ended, LeaseRecord } from './attempts.ts';
import { disk } from './disk.ts';
import type { Environment } from './env.ts';
import { attemptFiles, runFiles } from './layout.ts';
import { toJson } from './metrics.ts';
import { hostHash, processStart } from './process.ts';

export interface Lease {
  readonly attempt: number;
  /** `attempts/<attempt>/` */
  readonly dir: string;
  /** The attempt before this one, which had ended or died. */
  readonly previous: Attempt | undefined;
  /** Throws where another process has taken the run over: nothing may be written then. */
  check(): void;
  /** Writes `ended.json`, unless another process has the run. */
  end(how: Omit<Ended, 'schema' | 'endedAt'>): Promise<void>;
  /** Gives the run back as if it had never been asked for. */
  withdraw(): Promise<void>;
}

const heartbeatMs = 10_000;

/** Takes the run in `dir`, making the folder where there is none. A run that a live process has is an error. */
export async function takeLease(dir: string, env: Environment): Promise<Lease> {
  const record: LeaseRecord = {
    schema: 1,
    pid: process.pid,
    processStart: processStart(process.pid) ?? 'unknown',
    host: hostHash(),
    startedAt: new Date().toISOString(),
  };
  try {
    disk.mkdir(join(dir, runFiles.attempts), { recursive: true });
    for (;;) {
      const previous = lastAttempt(dir);
      if (previous?.isAlive) throw takenError(dir, previous);
      const attempt = (previous?.number ?? 0) + 1;
      if (!(await claimed(dir, attempt, record, env))) continue;
      await clearClaims(dir);
      return held(dir, attempt, previous);
    }
  } catch (cause) {
    throw fileError(dir, cause);
  }
}

let claims = 0;
const unclaimed = '.new-';

/** Whether this process made `attempts/<attempt>/`: of several that try at once, one. */
async function claimed(dir: string, attempt: number, record: LeaseRecord, env: Environment): Promise<boolean> {
  const prepared = join(dir, runFiles.attempts, `${unclaimed}${record.pid}-${record.host}-${claims++}`);
  disk.mkdir(prepared, { recursive: true });
  try {
    await writeDurable(join(prepared, attemptFiles.lease), `${toJson(record)}\n`);
    await writeDurable(join(prepared, attemptFiles.env), `${toJson(env, 2)}\n`);
    disk.rename(prepared, attemptDir(dir, attempt));
  } catch (cause) {
    await disk.remove(prepared).catch(() => undefined); // the first failure is the one to tell
    if (attemptCount(dir) >= attempt) return false; // somebody else was first
    throw cause;
  }
  await disk.syncFolder(join(dir, runFiles.attempts));
  return true;
}

function held(dir: string, attempt: number, previous: Attempt | undefined): Lease {
  const folder = attemptDir(dir, attempt);
  const isOurs = () => existsSync(join(folder, attemptFiles.lease)) && attemptCount(dir) === attempt;
  const beat = () => {
    try {
      disk.touch(join(folder, attemptFiles.lease));
    } catch {
      // the next write to the folder says what is wrong with it
    }
  };
  const timer = setInterval(beat, heartbeatMs).unref();
  return {
    attempt,
    dir: folder,
    previous,
    check() {
      if (!isOurs()) throw lostError(dir);
    },
    async end(how) {
      clearInterval(timer);
      if (!isOurs()) return;
      const ended: Ended = { schema: 1, ...how, endedAt: new Date().toISOString() };
      try {
        await writeAtomic(join(folder, attemptFiles.ended), `${toJson(ended, 2)}\n`);
      } catch (cause) {
        await disk.remove(join(folder, attemptFiles.lease)).catch(() => undefined); // nobody's, although this process lives on
        throw cause;
      }
    },
    async withdraw() {
      clearInterval(timer);
      const prepared = join(dirname(folder), `${unclaimed}${process.pid}-withdrawn-${attempt}`);
      disk.rename(folder, prepared);
      await disk.remove(prepared);
    },
  };
}

/** Removes what claims that died on the way left behind. One under way finds its folder gone, and looks again. */
async function clearClaims(dir: string): Promise<void> {
  const folder = join(dir, runFiles.attempts);
  for (const name of readdirSync(folder).filter((name) => name.startsWith(unclaimed))) {
    await disk.remove(join(folder, name)).catch(() => undefined); // in nobody's way
  }
}

function takenError(dir: string, { number, lease, heartbeatAt }: Attempt): UserError {
  const isHere = lease?.host === hostHash();
  const age = Math.max(0, Math.round((Date.now() - heartbeatAt) / 1000));
  const who = isHere ? `process ${lease.pid}` : `process ${lease?.pid} of another machine, last seen ${age} s ago,`;
  const otherwise = isHere
    ? `if it is no ranger21, delete ${attemptDir(dir, number)}`
    : `if it is gone, it counts as dead ${HEARTBEAT_LIMIT_MS / 1000} s after it was last seen`;
  return new UserError(`${who} is training ${dir}`, {
    remedy: `wait until it ends, or stop it; ${otherwise}`,
    code: exitCode.locked,
  });
}

const lostError = (dir: string): UserError =>
  new UserError(`another process has taken over ${dir}, or the folder was moved`, {
    remedy: 'the other one goes on; this one stopped without writing more',
    code: exitCode.locked,
  });
