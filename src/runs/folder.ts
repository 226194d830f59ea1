/** What earlier attempts left in a run's folder, moved out of the way of the next one. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckpointRecord } from './checkpoint.ts';
import { disk } from './disk.ts';
import { attemptFiles, checkpointPlace, runFiles } from './layout.ts';
import { cutLog, type Continuation } from './log.ts';
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
