/** Where things lie in the folder of a run and of a study. */
import { id8 } from './id.ts';

/** A study run's folder, inside the study's. */
export const studyRunPath = (arm: string, seed: number, id: string): string => `${arm}/${seed}-${id8(id)}`;

export const runFiles = {
  config: 'config.yaml',
  steps: 'metrics.jsonl',
  timing: 'timing.jsonl',
  evaluations: 'evals.jsonl',
  /** Written last: a run is finished if and only if it is there. */
  result: 'result.json',
  /** Folder of the processes that had the run: 1, 2, … */
  attempts: 'attempts',
  checkpoints: 'checkpoints',
  /** Where and on what a run diverged. */
  divergence: 'divergence',
} as const;

/** Step and copy of a folder in `checkpoints/` (a second one of a step ends in .2); undefined where the name is no checkpoint's. */
export function checkpointPlace(name: string): { readonly step: number; readonly copy: number } | undefined {
  const [, step, copy = '1'] = /^step-(\d{9,15})(?:\.(\d{1,9}))?$/.exec(name) ?? [];
  return step === undefined ? undefined : { step: Number(step), copy: Number(copy) };
}

/** In `attempts/<n>/`. */
export const attemptFiles = {
  lease: 'lease.json',
  env: 'env.json',
  /** How the attempt ended; missing while it goes on, and where it was killed. */
  ended: 'ended.json',
  /** What had changed since the checkpoint it went on from all the same. */
  drift: 'drift.json',
  /** What the folder held when this attempt started afresh. */
  before: 'before',
  /** What this attempt cut off the logs to go on from a checkpoint. */
  tail: 'tail',
} as const;

/** At the top of a folder written before attempts had leases. */
export const olderFiles = { env: 'env.json', attempt: 'attempt.json', writer: 'writer.pid' } as const;

export const studyFiles = { plan: 'plan.json', checks: 'checks.json', table: 'table' } as const;
