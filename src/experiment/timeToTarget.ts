/** How long an arm trains until its held-out top-1 first reaches a target. */
import { nameIndex, stream } from '../random.ts';
import type { EvalMetrics } from '../runs/metrics.ts';
import type { StudyPlan } from '../runs/study.ts';
import { completedOf, isCompleted, isFailure, type ArmRuns } from './outcomes.ts';
import { protocolOf } from './protocol.ts';
import { median, quantile, sortedQuantile } from './statistics/describe.ts';
import { resampled, type Interval } from './statistics/intervals.ts';
import { exceedsTest } from './statistics/tests.ts';

/** The held-out top-1 to reach, a share, and where it comes from. */
export interface Target {
  readonly value: number;
  /** `the plan`, or the arm whose median over seeds it is. */
  readonly source: string;
}

/** Over the runs that finished or failed; a run that never got there is infinite. */
export interface TimeToTarget {
  /** By seed of the plan: the step of the first evaluation at or above the target. */
  readonly steps: readonly { readonly seed: number; readonly step: number }[];
  readonly reached: number;
  readonly of: number;
  readonly median: number;
  readonly quartiles: Interval;
  /** Images seen by then, and training time at the arm's own ms/step, evaluation, checkpoints and compilation aside. */
  readonly medianSamples: number;
  readonly medianSeconds: number | null;
  /** One-sided t test that the mean final top-1 exceeds the target: at most α says it does. */
  readonly exceedsP: number | null;
  readonly speedUp: SpeedUp | null;
}

/** Median steps of the reference over those of the arm, on the seeds both have: above 1 is faster. */
export interface SpeedUp {
  readonly reference: string;
  readonly ratio: number;
  /** Percentile bootstrap over seeds, from three on; null where a resample has no ratio, neither arm reaching the target. */
  readonly interval: Interval | null;
}

/** The declared target, or the median final top-1 of the headline arm; undefined where there is neither. */
export function targetOf(plan: StudyPlan, headline: ArmRuns | undefined): Target | undefined {
  const { target } = protocolOf(plan);
  if (target !== undefined) return { value: target, source: 'the plan' };
  const finals = completedOf(headline?.entries ?? []).map(({ result }) => result.last.top1);
  return finals.length === 0 ? undefined : { value: median(finals), source: headline!.arm.name };
}

/** By seed of the plan, the first step at or above the target; runs without evaluations to read are left out. */
export function stepsToTarget(
  { bySeed }: ArmRuns,
  target: Target,
  evaluations: ReadonlyMap<string, readonly EvalMetrics[]>,
): Map<number, number> {
  const steps = new Map<number, number>();
  for (const [seed, run] of bySeed) {
    const own = evaluations.get(run.path);
    if (!own || !(isCompleted(run) || isFailure(run))) continue;
    steps.set(seed, own.find(({ top1 }) => top1 >= target.value)?.step ?? Infinity);
  }
  return steps;
}

export function timeToTarget(
  arm: ArmRuns,
  target: Target,
  steps: ReadonlyMap<number, number>,
  msPerStep: number | null,
  speedUp: SpeedUp | null,
): TimeToTarget | null {
  const values = [...steps.values()];
  if (values.length === 0) return null;
  const middle = median(values);
  const finals = completedOf(arm.entries).map(({ result }) => result.last.top1);
  return {
    steps: [...steps].map(([seed, step]) => ({ seed, step })),
    reached: values.filter(Number.isFinite).length,
    of: values.length,
    median: middle,
    quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
    medianSamples: middle * arm.arm.experiment.train.batch,
    medianSeconds: msPerStep === null ? null : (middle * msPerStep) / 1000,
    exceedsP: exceedsTest(finals, target.value),
    speedUp,
  };
}

/** Null where the two have no seed in common, or neither median is finite. */
export function speedUp(
  name: string,
  arm: ReadonlyMap<number, number>,
  reference: { readonly name: string; readonly steps: ReadonlyMap<number, number> },
  alpha: number,
): SpeedUp | null {
  const seeds = [...arm.keys()].filter((seed) => reference.steps.has(seed));
  const [mine, theirs] = [arm, reference.steps].map((steps) => seeds.map((seed) => steps.get(seed)!));
  const ratio = median(theirs!) / median(mine!);
  if (Number.isNaN(ratio)) return null;
  const draws = stream(0, 'statistics', 3, nameIndex(`${name} ${reference.name}`));
  const of = (xs: readonly number[], picks: Uint32Array) => median(Array.from(picks, (i) => xs[i]!));
  const ratios =
    seeds.length < 3
      ? undefined
      : resampled(seeds.length, draws, 10_000, (picks) => of(theirs!, picks) / of(mine!, picks));
  const interval: Interval | null =
    !ratios || ratios.some(Number.isNaN)
      ? null
      : [sortedQuantile(ratios, alpha / 2), sortedQuantile(ratios, 1 - alpha / 2)];
  return { reference: reference.name, ratio, interval };
}
