/** What earlier attempts left in a run's folder, moved out of the way of the next one. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import type { CheckpointRecord } from './checkpoint.ts';
import { disk } from './disk.ts';
import { attemptFiles, checkpointPlace, runFiles } from './layout.ts';
import { cutLog, tooShort, type Continuation } from './log.ts';
import { readSum } from './sums.ts';
import { eventFilePrefix } from './tensorboard.ts';

/** Moves all but the attempts to `before/` of this one. Checkpoints go first: without its logs, one is no place to go on from. */
export function setAside(dir: string, attemptDir: string): void {
  const names = readdirSync(dir).filter((name) => name !== runFiles.attempts);
  const isCheckpoints = (name: string) => Number(name === runFiles.checkpoints);
  move(
    dir,
    names.sort((a, b) => isCheckpoints(b) - isCheckpoints(a)),
    join(attemptDir, attemptFiles.before),
  );
}

/**
 * Refuses logs that are not what they were beside the checkpoint, as far as they went then: the run would go on with altered numbers.
 * Where the checkpoint does not say what they were, there is nothing to compare.
 */
export async function checkLogs(dir: string, { step, files, sums = {} }: CheckpointRecord): Promise<void> {
  for (const [file, sum] of Object.entries(sums)) {
    const [path, bytes] = [join(dir, file), files[file] ?? 0];
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    if (size === undefined || size < bytes) throw tooShort(path, size, bytes);
    if ((await readSum(path, bytes)).sha256 === sum) continue;
    throw new UserError(
      `${path} was altered: its first ${bytes} bytes are not what they were when the checkpoint of step ${step} was written`,
      { remedy: 'put back a copy of it as it was, or start again from step 1 with --no-resume' },
    );
  }
}

/**
 * Brings the folder back to what it was at a checkpoint. What came later is in `tail/` then: whole files, the ends of the
 * event files, and later checkpoints; the function returned says where each log goes on.
 */
export function cutBack(
  dir: string,
  attemptDir: string,
  { step, files }: CheckpointRecord,
): (file: string) => Continuation {
  const tail = join(attemptDir, attemptFiles.tail);
  const kept: readonly string[] = [runFiles.config, runFiles.attempts, runFiles.checkpoints, ...Object.keys(files)];
  move(
    dir,
    readdirSync(dir).filter((name) => !kept.includes(name)),
    tail,
  );

  const checkpoints = join(dir, runFiles.checkpoints);
  const later = readdirSync(checkpoints).filter((name) => (checkpointPlace(name)?.step ?? 0) > step);
  move(checkpoints, later, join(tail, runFiles.checkpoints));

  const at = (file: string): Continuation => ({ at: files[file] ?? 0, tail: join(tail, file) });
  for (const file of Object.keys(files).filter((name) => name.startsWith(eventFilePrefix)))
    cutLog(join(dir, file), at(file));
  return at;
}

function move(from: string, names: readonly string[], to: string): void {
  if (names.length === 0) return;
  disk.mkdir(to, { recursive: true });
  for (const name of names) {
    const target = join(to, name);
    disk.rename(join(from, name), existsSync(target) ? `${target}.${process.pid}` : target);
  }
}
