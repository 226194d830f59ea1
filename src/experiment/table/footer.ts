/** What stands under a table: what the controls showed, and what would change its conclusions. */
import type { RunEntry } from '../../runs/list.ts';
import type { OffAllGate, StudyChecks } from '../../runs/checks.ts';
import type { StudyPlan } from '../../runs/study.ts';
import type { Comparison } from './comparison.ts';
import { isCompleted, isFailure, type ArmRuns, type FinishedRun } from './outcomes.ts';
import { otherSeeds, sameAgain } from '../study/protocol.ts';
import { powerlessFamilies } from './powerless.ts';
import type { Row } from './rows.ts';
import { median } from '../statistics/describe.ts';

/** The same arm trained twice with the same seed. */
export interface Twice {
  readonly seed: number;
  /** Second less first, a share. */
  readonly difference: number;
  /** Whether the final weights are the same to the bit; null where they were not hashed. */
  readonly sameWeights: boolean | null;
}

export interface Footer {
  /** The full optimizer on other seeds against itself: nothing differs but chance. Null where the study has no such arm. */
  readonly aa: Comparison | null;
  readonly twice: Twice | null;
  readonly offAll: OffAllGate | null;
  /** Median share of the training time spent waiting for data. */
  readonly dataWaitShare: number | null;
  /** What would change a conclusion: edges of a search, failed gates, components that did nothing, too few seeds. */
  readonly wouldChange: readonly string[];
}

export function tableFooter(
  plan: StudyPlan,
  entries: readonly RunEntry[],
  runsOf: ReadonlyMap<string, ArmRuns>,
  rows: readonly Row[],
  checks: StudyChecks | undefined,
): Footer {
  const waits = entries.filter(isCompleted).map(({ result }) => result.dataWaitShare);
  return {
    aa: rows.find(({ arm }) => arm === otherSeeds)?.comparison ?? null,
    twice: twiceOf(runsOf.get(plan.reference), runsOf.get(sameAgain)),
    offAll: checks?.offAll ?? null,
    dataWaitShare: waits.length === 0 ? null : median(waits),
    wouldChange: [...gates(rows, checks), ...edges(rows), ...powerlessFamilies(plan)],
  };
}

const hasEnded = (run: RunEntry): run is FinishedRun => isCompleted(run) || isFailure(run);

function twiceOf(first: ArmRuns | undefined, second: ArmRuns | undefined): Twice | null {
  for (const [seed, again] of second?.bySeed ?? []) {
    const once = first?.bySeed.get(seed);
    if (!once || !hasEnded(once) || !hasEnded(again)) continue;
    const [a, b] = [once.result.weights, again.result.weights];
    return {
      seed,
      difference: again.result.last.top1 - once.result.last.top1,
      sameWeights: a === undefined || b === undefined ? null : a === b,
    };
  }
  return null;
}

/** A failed gate in one line, which also stands above the table. */
export function gates(rows: readonly Row[], checks: StudyChecks | undefined): string[] {
  const aa = rows.find(({ arm }) => arm === otherSeeds)?.comparison;
  const [offAll, word] = [checks?.offAll, aa?.verdict.word];
  return [
    ...(offAll && !offAll.passed
      ? [
          `with every component off the optimizer is not AdamW: weights differ by ${offAll.largestDifference} after ${offAll.steps} steps`,
        ]
      : []),
    ...(word === 'helps' || word === 'hurts' ? ['the full optimizer differs from itself on other seeds (A/A)'] : []),
  ];
}

const edges = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ arm, hyper }) =>
    hyper.edge ? [`the best learning rate of ${arm} lies at the edge of its search`] : [],
  );
