/** What became of the runs of an arm, by seed of the plan. */
import type { RunEntry } from '../../runs/list.ts';
import * as statuses from '../../runs/statuses.ts';
import type { Arm, StudyPlan } from '../../runs/study.ts';

/** A run with a result, in a study. */
export type FinishedRun = RunEntry & Required<Pick<RunEntry, 'result' | 'seed'>>;

/** An arm's planned runs and what was found of them. */
export interface ArmRuns {
  readonly arm: Arm;
  readonly entries: readonly RunEntry[];
  /** By seed of the plan: a run that trains with a seed of its own stands under the seed it answers. */
  readonly bySeed: ReadonlyMap<number, RunEntry>;
}

export function armRuns(plan: StudyPlan, arm: Arm, entries: readonly RunEntry[]): ArmRuns {
  const trainedAs = arm.sameAs ?? arm.name;
  const own = plan.runs.flatMap((run) => {
    const entry = run.arm === trainedAs && entries.find(({ id, arm }) => id === run.id && arm === run.arm);
    return entry ? [entry] : [];
  });
  const bySeed = new Map(own.map((entry) => [entry.seed! - (arm.seedOffset ?? 0), entry]));
  return { arm, entries: own, bySeed };
}

const hasResult = (entry: RunEntry): entry is FinishedRun => entry.result !== undefined && entry.seed !== undefined;

/** Trained as far as the plan or a target asks. */
export const isCompleted = (entry: RunEntry): entry is FinishedRun => hasResult(entry) && statuses.isWhole(entry.state);

/** An outcome of the arm itself, not of the machine. */
export const isFailure = (entry: RunEntry): entry is FinishedRun => hasResult(entry) && statuses.isFailure(entry.state);

export const completedOf = (entries: readonly RunEntry[]): FinishedRun[] => entries.filter(isCompleted);
export const failuresOf = (entries: readonly RunEntry[]): FinishedRun[] => entries.filter(isFailure);

/**
 * Final held-out top-1 by seed, of the completed runs and, where `chance` is given, of the failed ones at that value (intention
 * to treat: an arm is judged by all it was asked to train).
 */
export function finalTop1({ bySeed }: ArmRuns, chance?: number): Map<number, number> {
  const values = new Map<number, number>();
  for (const [seed, entry] of bySeed) {
    if (isCompleted(entry)) values.set(seed, entry.result.last.top1);
    else if (chance !== undefined && isFailure(entry)) values.set(seed, chance);
  }
  return values;
}

/**
 * Accuracy of guessing: the share of the commonest held-out class, or 1/C in an older plan, which does not record it; undefined
 * where the plan does not even say how many classes there are.
 */
export const chanceOf = ({ facts }: StudyPlan): number | undefined =>
  facts && (facts.chance?.top1 ?? 1 / facts.classes);
