/** When a run ends before its last step, and what it comes to where it does not. */
import type { Chance, StepMetrics } from '../runs/metrics.ts';
import type { Ending, Progress } from './progress.ts';
import { mean, median, sampleSd } from './statistics/describe.ts';
import { wilsonInterval } from './statistics/intervals.ts';
import type { Plan } from './train.ts';

/** Runs shorter than this are never called stuck: nothing leaves chance in a few steps. */
const SHORTEST_STUCK = 20;
/** A loss of so many times that of equal probabilities has exploded. */
const EXPLOSION = 10;
/** How far below chance a loss counts as at chance still, after an explosion: what the stuck rule allows by default. */
const AT_CHANCE = 0.02;

/** When the stuck rule looks (step 0: never), and how many of the last steps it and the rule on explosions look at. */
export function stuckRule({ experiment, totalSteps, stepsPerEpoch }: Plan): {
  readonly at: number;
  readonly window: number;
} {
  const at = Math.max(1, Math.ceil(experiment.stop.stuckAfter * totalSteps));
  const window = Math.max(1, Math.min(stepsPerEpoch, Math.floor(at / 2)));
  return { at: totalSteps < SHORTEST_STUCK ? 0 : at, window };
}

/** The first of loss, gradient and update that is not finite. */
export const brokenMetric = (metrics: StepMetrics) =>
  (['loss', 'gradNorm', 'updateNorm'] as const).find((name) => !Number.isFinite(metrics[name]));

/** What a step that is counted already ends the run as. */
export function endingOfStep(plan: Plan, progress: Progress, chance: Chance): Ending | undefined {
  const { stop } = plan.experiment;
  const { step, recent, seconds } = progress;
  if (step === stuckRule(plan).at) {
    const loss = median(recent.loss);
    const ln = chance.uniformLoss;
    if (Math.abs(loss - ln) < stop.stuckWithin) {
      const reason = `median loss ${loss.toFixed(4)} is still chance (ln C = ${ln.toFixed(4)}) at step ${step}`;
      return { status: 'stuck', reason };
    }
    const atPrior = stuckAtPrior(progress, chance, stop.stuckWithin);
    if (atPrior) return atPrior;
  }
  if (stop.maxMinutes !== undefined && seconds.train >= 60 * stop.maxMinutes && step < plan.totalSteps) {
    return { status: 'timeout', reason: `${stop.maxMinutes} minutes of training were over at step ${step}` };
  }
  return undefined;
}

/**
 * The ending of a run that has learnt the shares of the classes, and nothing about images: its losses are those of the prior on the
 * same batches, and its top-1 is not above the prior's.
 *
 *     −δ · H / ln C < median (loss − loss of the prior) < δ        mean (top-1 − top-1 of the prior) ≤ 2 standard errors
 *
 * Batch by batch, because the loss of a net that answers with the prior swings with the labels it meets, and its median is not H.
 * Below H the band shrinks with it: there is no more to learn than H, and 0.02 is 3 % of ln 2, but a third of the entropy of 99:1,
 * which a run that learns passes through. Where top-1 is above the prior's, the run has learnt more than the shares, though
 * overconfidence may cost it in loss what it gained.
 */
function stuckAtPrior({ step, recent }: Progress, chance: Chance, within: number): Ending | undefined {
  const beyond = median(recent.lossBeyondPrior);
  const isAtPrior = beyond < within && beyond > (-within * chance.priorLoss) / chance.uniformLoss;
  if (!isAtPrior || isAboveZero(recent.top1BeyondPrior)) return undefined;
  const reason =
    `median loss ${median(recent.loss).toFixed(4)} is what the shares of the classes alone give, to ${beyond.toFixed(4)} ` +
    `batch by batch (their entropy is ${chance.priorLoss.toFixed(4)}), at step ${step}`;
  return { status: 'stuck', reason };
}

/** Whether the mean is above 0 by more than two standard errors. */
function isAboveZero(xs: readonly number[]): boolean {
  const error = xs.length < 2 ? 0 : sampleSd(xs) / Math.sqrt(xs.length);
  return mean(xs) > 2 * error;
}

/** What an evaluation that is counted already ends the run as. */
export function endingOfEvaluation({ experiment }: Plan, { last, step }: Progress): Ending | undefined {
  const { target } = experiment.stop;
  if (target === undefined || last === undefined || !(last[target.metric] >= target.value)) return undefined;
  return { status: 'target_reached', reason: `${target.metric} is ${last[target.metric].toFixed(4)} at step ${step}` };
}

/**
 * What a run comes to that took its last step and was evaluated: exploded, stuck, or complete, the latter with its peak where that
 * was high; undefined where there is nothing to say.
 *
 * Exploded: a loss rose above ten times ln C, and at the end the median loss is no better than the prior's. Stuck: as above, where
 * classes are so unequal that a run comes to the prior only after it has left its start, maybe after the stuck rule looked. Either
 * only where held-out top-1 is not clearly above chance: loss and accuracy part after an explosion, a loss of 7 beside a top-1 of
 * 36 % in ten classes has been seen, and that accuracy is real; beside a loss of a million, 14.7 % has, and that is as good as none.
 */
export function endingOfRun(plan: Plan, progress: Progress, chance: Chance): Ending | undefined {
  const { peak, recent, last } = progress;
  const { uniformLoss, priorLoss } = chance;
  const { stuckWithin } = plan.experiment.stop;
  const top1 = last?.top1 ?? NaN;
  const isAccurate = isClearlyAbove(top1, chance.top1, plan.facts.test);
  if (peak.loss > EXPLOSION * uniformLoss) {
    const loss = median(recent.loss);
    const isBack = median(recent.lossBeyondPrior) < (-AT_CHANCE * priorLoss) / uniformLoss;
    const reason =
      `loss rose to ${peak.loss.toPrecision(3)} at step ${peak.step} (ln C = ${uniformLoss.toFixed(4)}) and ended at ` +
      `${loss.toPrecision(4)}, top-1 at ${percent(top1)} (guessing: ${percent(chance.top1)})`;
    return { status: isBack || isAccurate ? 'completed' : 'exploded', reason };
  }
  const isPriorApart = priorLoss < uniformLoss - stuckWithin;
  const mayBeStuck = stuckRule(plan).at > 0 && isPriorApart && !isAccurate;
  return mayBeStuck ? stuckAtPrior(progress, chance, stuckWithin) : undefined;
}

/** Whether even the lower end of Wilson's 95 % interval has twice the odds of guessing: 18.2 % where that is right once in ten. */
function isClearlyAbove(top1: number, chance: number, images: number): boolean {
  const [low] = wilsonInterval(Math.round(top1 * images), images);
  return low * (1 - chance) > 2 * chance * (1 - low);
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
