/** The progress that a checkpoint holds, also where an older version wrote it. */
import type { Dataset } from '../data/dataset.ts';
import { UserError } from '../errors.ts';
import { readLogs } from '../runs/read.ts';
import { labelCounts, priorOf } from './guessing.ts';
import { countStep, newProgress, type Progress } from './progress.ts';
import { stuckRule } from './stop.ts';
import type { Plan } from './train.ts';

/** What the log of the steps tells again. */
const recountable: readonly string[] = ['recent', 'peak'] satisfies (keyof Progress)[];

/**
 * Version 0.1 remembered no peak and forgot the last losses once the stuck rule had looked. Both are counted again from
 * `metrics.jsonl`, whose every step is there; only what the prior would have scored on each batch is taken as what it scores on all
 * of them, which is the same where classes are equal. Anything else that is missing would silently start from nothing: an error.
 * `told` says what was done, for the user.
 */
export async function savedProgress(
  saved: unknown,
  dir: string,
  plan: Plan,
  dataset: Dataset,
): Promise<{ readonly progress: Progress; readonly told?: string }> {
  const missing = Object.keys(newProgress()).filter((key) => !(key in (saved as object)));
  if (missing.length === 0) return { progress: saved as Progress };
  const lost = missing.find((key) => !recountable.includes(key));
  if (lost !== undefined) {
    throw new UserError(`the checkpoint in ${dir} does not say ${lost}: another version of ranger21 wrote it`, {
      remedy: 'go on with that version, or start again from step 1 with --no-resume',
    });
  }
  const { recentLosses: _, ...known } = saved as Progress & { recentLosses?: unknown };
  const counts = labelCounts(dataset).train;
  const { entropy, commonest } = priorOf(counts, plan.experiment.train.labelSmoothing);
  const prior = { loss: entropy, top1: counts[commonest]! / dataset.train.count };
  const counted = newProgress();
  for (const row of (await readLogs(dir)).steps) {
    if (row.step <= known.step)
      countStep(counted, { ms: 0, imagesPerSecond: 0, dataWaitMs: 0, ...row }, prior, stuckRule(plan).window);
  }
  const told =
    'an older version wrote the checkpoint: the peak and the last losses are counted again from metrics.jsonl';
  return { progress: { ...known, recent: counted.recent, peak: counted.peak }, told };
}
