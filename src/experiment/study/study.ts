/** The runs of a study, one after the other or several at once; what is finished is not done again. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTaken } from '../../runs/attempts.ts';
import type { PlannedRun, StudyPlan } from '../../runs/study.ts';
import { isFinished } from '../../runs/store.ts';

/** How one planned run ended. `failed` is an error of the program or the machine; a diverged run has a result. */
export type RunEnd =
  | { readonly kind: 'done'; readonly text: string }
  | { readonly kind: 'failed'; readonly text: string; readonly stepsHere: number }
  | { readonly kind: 'interrupted'; readonly isSaved: boolean }
  /** Another process has it. */
  | { readonly kind: 'taken' };

export interface StudyEnd {
  readonly trained: number;
  /** Trained by another process meanwhile. */
  readonly elsewhere: number;
  readonly failed: number;
  readonly interrupted: boolean;
  /** The error that several runs began with, where that ended the study. */
  readonly givenUp?: string;
}

/** The planned runs without a result. */
export const missingRuns = (dir: string, plan: StudyPlan): PlannedRun[] =>
  plan.runs.filter(({ path }) => !isFinished(join(dir, path)));

/** So many runs that fail alike in their first steps end a study: the others would too. */
const SAME_FAILURES = 3;
const FIRST_STEPS = 10;
/** Between two looks at the runs that others train. */
const WAIT_MS = 1000;

export interface StudyHooks {
  readonly trainOne: (run: PlannedRun) => Promise<RunEnd>;
  readonly onEnd: (run: PlannedRun, end: Exclude<RunEnd, { kind: 'taken' }>, ended: number) => void;
  /** Only runs that other processes train are left: so many. */
  readonly onWait: (runs: number) => void;
}

/**
 * Trains what is missing, `jobs` at a time; a failure is told at once and the others go on. A run that another process trains
 * is left to it; at the end these are waited for, and taken over where that process died.
 */
export async function trainMissing(
  dir: string,
  missing: readonly PlannedRun[],
  jobs: number,
  { trainOne, onEnd, onWait }: StudyHooks,
  signal: AbortSignal,
): Promise<StudyEnd> {
  const queue = [...missing];
  const taken: PlannedRun[] = [];
  const count = { trained: 0, elsewhere: 0, failed: 0 };
  const ended = () => count.trained + count.elsewhere + count.failed;
  const beginnings = new Map<string, number>();
  let givenUp: string | undefined;
  let isWaiting = false;

  /** The next run that is nobody's; waits while all that are left are somebody's. */
  async function next(): Promise<PlannedRun | undefined> {
    while (!signal.aborted && givenUp === undefined) {
      const run = queue.shift();
      if (run === undefined && taken.length === 0) return undefined;
      if (run === undefined) {
        if (!isWaiting) onWait(taken.length);
        isWaiting = true;
        await sleep(WAIT_MS, undefined, { signal }).catch(() => undefined);
        queue.push(...taken.splice(0));
      } else if (isFinished(join(dir, run.path))) {
        count.elsewhere += 1;
        onEnd(run, { kind: 'done', text: 'trained by another process' }, ended());
      } else if (isTaken(join(dir, run.path))) {
        taken.push(run);
      } else {
        return run;
      }
    }
    return undefined;
  }

  const worker = async () => {
    for (let run = await next(); run; run = await next()) {
      const end = await trainOne(run);
      if (end.kind === 'taken') {
        taken.push(run);
        continue;
      }
      if (end.kind === 'done') count.trained += 1;
      if (end.kind === 'failed') {
        count.failed += 1;
        const text = end.text.replaceAll(join(dir, run.path), '<run>');
        if (end.stepsHere < FIRST_STEPS) beginnings.set(text, (beginnings.get(text) ?? 0) + 1);
        if ((beginnings.get(text) ?? 0) >= SAME_FAILURES) givenUp = text;
      }
      onEnd(run, end, ended());
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(jobs, missing.length)) }, worker));
  return { ...count, interrupted: signal.aborted, ...(givenUp !== undefined && { givenUp }) };
}
