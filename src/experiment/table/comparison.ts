/** An arm against its reference: paired differences of the final top-1 and what they come to. */
import { nameIndex, stream } from '../../random.ts';
import type { Family, Protocol } from '../../runs/study.ts';
import { failuresOf, finalTop1, isCompleted, isFailure, type ArmRuns } from './outcomes.ts';
import { pairingProblem } from './pairing.ts';
import { judged, measures, type Judgement, type Measures } from './measures.ts';
import { correlation } from '../statistics/describe.ts';
import { bcaInterval, type Interval } from '../statistics/intervals.ts';
import { pairedDifferences } from '../statistics/paired.ts';
import { mcnemarExact } from '../statistics/tests.ts';

/** What counts: the completed runs alone, or with them the failed ones, at chance. */
export type Basis = 'completed' | 'intention to treat';

/** Shares of the held-out set, arm − reference. What cannot be computed is null. */
export interface Comparison extends Measures, Judgement {
  readonly reference: string;
  readonly family: Family;
  readonly basis: Basis;
  /** Why no difference is taken at all; then everything else is empty or null. */
  readonly refused: string | null;
  /** Of the plan, that both arms finished. */
  readonly seeds: readonly number[];
  readonly differences: readonly number[];
  /** Bias-corrected and accelerated bootstrap, at 1 − α. */
  readonly bootstrap: Interval | null;
  /** Between the arms over the seeds: how much pairing saves. */
  readonly correlation: number | null;
  /** Seeds at which one of the two failed and the other did not, with McNemar's exact p; null where none failed. */
  readonly mcnemar: { readonly armOnly: number; readonly referenceOnly: number; readonly p: number } | null;
}

/** A comparison before its family is known. */
export type Uncorrected = Omit<Comparison, keyof Judgement> & { readonly objection: string | null };

/**
 * `chance` is the accuracy of guessing, which failed runs count for as soon as either arm has one.
 * `objection` is a reason, from outside the numbers, why they decide nothing; `refused` why they are not even taken.
 */
export function compare(
  arm: ArmRuns,
  reference: ArmRuns,
  family: Family,
  protocol: Protocol,
  {
    chance,
    objection,
    refused = null,
  }: { readonly chance: number | undefined; readonly objection: string | null; readonly refused?: string | null },
): Uncorrected {
  const failed = failuresOf([...arm.entries, ...reference.entries]).length > 0;
  const basis: Basis = failed && chance !== undefined ? 'intention to treat' : 'completed';
  const problem = refused ?? unpaired(arm, reference);
  const values = (runs: ArmRuns) => finalTop1(runs, failed ? chance : undefined);
  const [mine, theirs] = [values(arm), values(reference)];
  const { seeds, differences } = problem === null ? pairedDifferences(mine, theirs) : { seeds: [], differences: [] };
  const draws = (purpose: number) =>
    stream(0, 'statistics', purpose, nameIndex(`${arm.arm.name} ${reference.arm.name}`));
  return {
    reference: reference.arm.name,
    family,
    basis,
    refused: problem,
    seeds,
    differences,
    ...measures(differences, protocol, draws(2)),
    bootstrap: differences.length >= 3 ? bcaInterval(differences, draws(1), 1 - protocol.alpha) : null,
    correlation:
      correlation(
        seeds.map((s) => mine.get(s)!),
        seeds.map((s) => theirs.get(s)!),
      ) ?? null,
    mcnemar: problem === null ? failureTest(arm, reference) : null,
    objection: problem ?? (seeds.length === 0 ? 'no seed in common' : (allFailed(arm, reference, seeds) ?? objection)),
  };
}

/** Differences of runs that all count at chance are 0, and say nothing about the arms. */
function allFailed(arm: ArmRuns, reference: ArmRuns, seeds: readonly number[]): string | null {
  const runs = seeds.flatMap((seed) => [arm.bySeed.get(seed)!, reference.bySeed.get(seed)!]);
  return runs.every(isFailure) ? 'every run of both failed' : null;
}

/** Runs that share no seed by design, as the A/A arm's, are compared by their place in the list and paired by nothing. */
function unpaired(arm: ArmRuns, reference: ArmRuns): string | null {
  if ((arm.arm.seedOffset ?? 0) !== (reference.arm.seedOffset ?? 0)) return null;
  const problem = pairingProblem(arm, reference);
  return problem === undefined ? null : `not paired: ${problem}`;
}

function failureTest(arm: ArmRuns, reference: ArmRuns): Comparison['mcnemar'] {
  const count = { armOnly: 0, referenceOnly: 0 };
  let failures = 0;
  for (const [seed, run] of arm.bySeed) {
    const other = reference.bySeed.get(seed);
    if (!other || ![run, other].every((entry) => isCompleted(entry) || isFailure(entry))) continue;
    failures += Number(isFailure(run)) + Number(isFailure(other));
    if (isFailure(run) && !isFailure(other)) count.armOnly++;
    if (isFailure(other) && !isFailure(run)) count.referenceOnly++;
  }
  return failures === 0 ? null : { ...count, p: mcnemarExact(count.armOnly, count.referenceOnly) };
}

/** Adds Holm's correction within each family, and the verdicts. */
export function corrected(comparisons: readonly Uncorrected[], protocol: Protocol): Comparison[] {
  const judgements = judged(
    comparisons.map((one) => ({ ...one, measures: one })),
    protocol,
  );
  return comparisons.map(({ objection: _, ...comparison }, i) => ({ ...comparison, ...judgements[i]! }));
}
