/** How long an arm trains until its held-out top-1 first reaches a target. */
import { nameIndex, stream } from '../../random.ts';
import type { EvalMetrics } from '../../runs/metrics.ts';
import type { StudyPlan } from '../../runs/study.ts';
import { completedOf, failuresOf, finalTop1, isCompleted, isFailure, type ArmRuns } from './outcomes.ts';
import { protocolOf } from '../study/protocol.ts';
import { median, quantile, sortedQuantile } from '../statistics/describe.ts';
import { resampled, type Interval } from '../statistics/intervals.ts';
import { exceedsTest } from '../statistics/tests.ts';

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
  /**
   * One-sided t test that the mean final top-1 exceeds the target: at most α says it does. By intention to treat: failed
   * runs count at chance; null where that is not known.
   */
  readonly exceedsP: number | null;
  readonly speedUp: SpeedUp | null;
}

/**
 * Median steps of the reference over those of the arm, on the seeds both have: above 1 is faster. Where half of the seeds of one
 * of the two did not reach the target there is no ratio, and `onlyBy` names the one that did.
 */
export interface SpeedUp {
  readonly reference: string;
  readonly ratio: number | null;
  readonly onlyBy: 'arm' | 'reference' | null;
  /**
   * Percentile bootstrap over seeds, from three on, of which an end may be 0 or infinite; null where there is no ratio, or a
   * resample has none because neither arm reaches the target in it.
   */
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
  { msPerStep, speedUp, chance }: { msPerStep: number | null; speedUp: SpeedUp | null; chance: number | undefined },
): TimeToTarget | null {
  const values = [...steps.values()];
  if (values.length === 0) return null;
  const middle = median(values);
  const unknown = chance === undefined && failuresOf(arm.entries).length > 0;
  return {
    steps: [...steps].map(([seed, step]) => ({ seed, step })),
    reached: values.filter(Number.isFinite).length,
    of: values.length,
    median: middle,
    quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
    medianSamples: middle * arm.arm.experiment.train.batch,
    medianSeconds: msPerStep === null ? null : (middle * msPerStep) / 1000,
    exceedsP: unknown ? null : exceedsTest([...finalTop1(arm, chance).values()], target.value),
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
  const [mine, theirs] = [arm, reference.steps].map((steps) =>
    Float64Array.from(seeds, (seed) => steps.get(seed)!),
  ) as [Float64Array, Float64Array];
  const [own, others] = [median(mine), median(theirs)];
  if (!Number.isFinite(Math.min(own, others))) return null; // neither got there, or there is no seed
  if (!Number.isFinite(own) || !Number.isFinite(others)) {
    const onlyBy = Number.isFinite(own) ? 'arm' : 'reference';
    return { reference: reference.name, ratio: null, onlyBy, interval: null };
  }
  const draws = stream(0, 'statistics', 3, nameIndex(`${name} ${reference.name}`));
  const sample = new Float64Array(seeds.length);
  const medianOf = (xs: Float64Array, picks: Uint32Array) => {
    picks.forEach((from, to) => (sample[to] = xs[from]!));
    return sortedQuantile(sample.sort(), 0.5);
  };
  const ratios =
    seeds.length < 3
      ? undefined
      : resampled(seeds.length, draws, 10_000, (picks) => medianOf(theirs, picks) / medianOf(mine, picks));
  const interval: Interval | null =
    !ratios || ratios.some(Number.isNaN)
      ? null
      : [sortedQuantile(ratios, alpha / 2), sortedQuantile(ratios, 1 - alpha / 2)];
  return { reference: reference.name, ratio: others / own, onlyBy: null, interval };
}
