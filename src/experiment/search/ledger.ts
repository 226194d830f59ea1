/** The runs of a search → what each trial scored, which is the best of each arm, and whether it lies at an edge. */
import type { RunEntry } from '../../runs/list.ts';
import { endedShort } from '../../runs/statuses.ts';
import type { StudyPlan } from '../../runs/study.ts';
import type { ArmRecord, TrialRecord, TrialRun } from '../../runs/tuning.ts';
import { isCompleted } from '../table/outcomes.ts';
import { mean } from '../statistics/describe.ts';
import { lrKey, type Trial } from './trials.ts';

/** Half a point of top-1: learning rates whose score is that close to the best count as good as it. */
const AS_GOOD = 0.005;
/** Of a range, at either end: what lies there may have its best beyond. */
const EDGE = 0.05;

/**
 * Each trial with its runs, in the order of the trials; none is the best yet. `chance`: the accuracy of guessing. A run that ended
 * short is the trial's doing; any other state without a result is the machine's, and leaves the trial unfinished.
 */
export function scoredTrials(
  trials: readonly Trial[],
  plan: StudyPlan,
  entries: readonly RunEntry[],
  { chance, folder }: { readonly chance: number; readonly folder: string },
): TrialRecord[] {
  return trials.map(({ arm, name, by, values, places }) => {
    const runs = plan.runs
      .filter((run) => run.arm === name)
      .map((run): TrialRun => {
        const entry = entries.find(({ id, arm: of }) => id === run.id && of === run.arm);
        const completed = entry !== undefined && isCompleted(entry) ? entry.result : undefined;
        return {
          seed: run.seed,
          id: run.id,
          path: folder === '' ? run.path : `${folder}/${run.path}`,
          state: entry?.state ?? 'planned',
          top1: completed?.last.top1 ?? null,
          loss: completed?.last.loss ?? null,
          steps: entry?.result?.steps ?? 0,
        };
      });
    const isFinished = runs.every(({ top1, state }) => top1 !== null || endedShort(state));
    const losses = runs.flatMap(({ loss }) => loss ?? []);
    const status = !isFinished ? 'unfinished' : losses.length === 0 ? 'failed' : 'scored';
    return {
      arm,
      trial: name,
      by,
      values,
      places,
      status,
      score: isFinished ? mean(runs.map(({ top1 }) => top1 ?? chance)) : null,
      loss: isFinished && losses.length === runs.length ? mean(losses) : null,
      isBest: false,
      runs,
    };
  });
}

/** Highest score first; of equal ones the lower loss, then the earlier trial. What is unfinished comes last. */
export const byScore = (a: TrialRecord, b: TrialRecord): number =>
  (b.score ?? -1) - (a.score ?? -1) || Math.sign((a.loss ?? Infinity) - (b.loss ?? Infinity)) || 0;

/** What the search of each arm came to, and its trials with the best one marked. */
export function ledgerArms(records: readonly TrialRecord[]): { arms: ArmRecord[]; trials: TrialRecord[] } {
  const names = [...new Set(records.map(({ arm }) => arm))];
  const arms = names.map((name) => armRecord(records.filter(({ arm }) => arm === name)));
  const best = new Set(arms.map((arm) => arm.best));
  return { arms, trials: records.map((record) => ({ ...record, isBest: best.has(record.trial) })) };
}

function armRecord(trials: readonly TrialRecord[]): ArmRecord {
  const { arm, by } = trials[0]!;
  const finished = trials.filter(({ status }) => status !== 'unfinished');
  const best = finished.length === trials.length ? [...trials].sort(byScore)[0] : undefined;
  const runs = trials.flatMap((trial) => trial.runs).filter(({ top1, state }) => top1 !== null || endedShort(state));
  return {
    arm,
    by,
    budget: trials.length,
    finished: finished.length,
    failed: trials.filter(({ status }) => status === 'failed').length,
    runs: runs.length,
    steps: runs.reduce((sum, run) => sum + run.steps, 0),
    best: best?.trial ?? null,
    values: best?.values ?? {},
    score: best?.score ?? null,
    edges: best ? edgesOf(best, trials.length) : [],
    lrRange: best && by === 'line' ? lrRange(trials, best) : null,
  };
}

/** Closer to an end than trials lie apart on average, or than the twentieth part of the range. */
function edgesOf({ places }: TrialRecord, trials: number): ArmRecord['edges'] {
  const margin = Math.max(EDGE, 1 / trials);
  return Object.entries(places).flatMap(([key, place]): { key: string; end: 'low' | 'high' }[] => {
    if (place >= margin && place <= 1 - margin) return [];
    return [{ key, end: place < margin ? 'low' : 'high' }];
  });
}

/** From the best learning rate down and up, as far as every rate on the way is as good. */
function lrRange(trials: readonly TrialRecord[], best: TrialRecord): [number, number] {
  const rate = ({ values }: TrialRecord) => values[lrKey] as number;
  const line = [...trials].sort((a, b) => rate(a) - rate(b));
  const isGood = ({ score }: TrialRecord) => best.score! - score! <= AS_GOOD + 1e-12;
  let low = line.indexOf(best);
  let high = low;
  while (low > 0 && isGood(line[low - 1]!)) low -= 1;
  while (high < line.length - 1 && isGood(line[high + 1]!)) high += 1;
  return [rate(line[low]!), rate(line[high]!)];
}
