/** The runs of a study, one after the other or several at once; what is finished is not done again. */
import { join } from 'node:path';
import type { PlannedRun, StudyPlan } from '../runs/study.ts';
import { isFinished } from '../runs/store.ts';

/** How one planned run ended. `failed` is an error of the program or the machine; a diverged run has a result. */
export type RunEnd =
  | { readonly kind: 'done'; readonly text: string }
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'interrupted' };

export interface StudyEnd {
  readonly trained: number;
  readonly failed: number;
  readonly interrupted: boolean;
}

/** The planned runs without a result. */
export const missingRuns = (dir: string, plan: StudyPlan): PlannedRun[] =>
  plan.runs.filter(({ path }) => !isFinished(join(dir, path)));

/** Trains what is missing, `jobs` at a time; a failure is told at once and the others go on. */
export async function trainMissing(
  missing: readonly PlannedRun[],
  jobs: number,
  trainOne: (run: PlannedRun) => Promise<RunEnd>,
  onEnd: (run: PlannedRun, end: RunEnd, ended: number) => void,
  signal: AbortSignal,
): Promise<StudyEnd> {
  const queue = [...missing];
  const count = { trained: 0, failed: 0, interrupted: 0 };
  const worker = async () => {
    for (let run = queue.shift(); run && !signal.aborted; run = queue.shift()) {
      const end = await trainOne(run);
      count[end.kind === 'done' ? 'trained' : end.kind] += 1;
      onEnd(run, end, count.trained + count.failed);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, missing.length)) }, worker));
  return { trained: count.trained, failed: count.failed, interrupted: signal.aborted };
}
