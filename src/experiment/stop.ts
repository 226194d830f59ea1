/** When a run ends before its last step. */
import type { StepMetrics } from '../runs/metrics.ts';
import type { Ending, Progress } from './progress.ts';
import { median } from './statistics/describe.ts';
import type { Plan } from './train.ts';

/** Runs shorter than this are never called stuck: nothing leaves chance in a few steps. */
const SHORTEST_STUCK = 20;

/** When the stuck rule looks, and at how many losses. Step 0: never. */
export function stuckRule({ experiment, totalSteps, stepsPerEpoch }: Plan): {
  readonly at: number;
  readonly window: number;
} {
  if (totalSteps < SHORTEST_STUCK) return { at: 0, window: 0 };
  const at = Math.max(1, Math.ceil(experiment.stop.stuckAfter * totalSteps));
  return { at, window: Math.max(1, Math.min(stepsPerEpoch, Math.floor(at / 2))) };
}

/** The first of loss, gradient and update that is not finite. */
export const brokenMetric = (metrics: StepMetrics) =>
  (['loss', 'gradNorm', 'updateNorm'] as const).find((name) => !Number.isFinite(metrics[name]));

/** What a step that is counted already ends the run as. */
export function endingOfStep(plan: Plan, progress: Progress): Ending | undefined {
  const { stop } = plan.experiment;
  const { step, recentLosses, seconds } = progress;
  const chance = Math.log(plan.facts.classes);
  const loss = median(recentLosses); // a mean is carried to chance by the spikes of a run that learns
  if (step === stuckRule(plan).at && Math.abs(loss - chance) < stop.stuckWithin) {
    const reason = `median loss ${loss.toFixed(4)} is still chance (ln C = ${chance.toFixed(4)}) at step ${step}`;
    return { status: 'stuck', reason };
  }
  if (stop.maxMinutes !== undefined && seconds.train >= 60 * stop.maxMinutes && step < plan.totalSteps) {
    return { status: 'timeout', reason: `${stop.maxMinutes} minutes of training were over at step ${step}` };
  }
  return undefined;
}

/** What an evaluation that is counted already ends the run as. */
export function endingOfEvaluation({ experiment }: Plan, { last, step }: Progress): Ending | undefined {
  const { target } = experiment.stop;
  if (target === undefined || last === undefined || !(last[target.metric] >= target.value)) return undefined;
  return { status: 'target_reached', reason: `${target.metric} is ${last[target.metric].toFixed(4)} at step ${step}` };
}
