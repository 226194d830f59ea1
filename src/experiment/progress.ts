/** What a run accumulates beside its weights, as one plain value: saved in a checkpoint and loaded from it. */
import { createHash } from 'node:crypto';
import type { Batch } from '../data/dataset.ts';
import type { EvalMetrics, Pairing, RunResult, StepMetrics } from '../runs/metrics.ts';

/** Why a run ended before its last step, or did not. */
export interface Ending {
  readonly status: RunResult['status'];
  readonly reason?: string;
}

export interface Progress {
  /** The last step taken, 0 before the first. */
  step: number;
  last?: EvalMetrics;
  /** The evaluation with the highest top-1; the earlier of two alike. */
  best?: EvalMetrics;
  ending?: Ending;
  activity: Record<string, { sum: number; count: number }>;
  /** Of the last steps, as many as `stop.ts` looks at. */
  recent: RecentSteps;
  /** The highest loss so far, and its step. */
  peak: { loss: number; step: number };
  /** How many steps took a time in each bucket; see `bucketOf`. */
  stepTimes: Record<string, number>;
  dataWaitMs: number;
  seconds: Record<Phase, number>;
  batches: BatchHashes;
  /** What had changed where the run went on all the same. */
  drift: string[];
}

export interface RecentSteps {
  loss: number[];
  /** Less what the labels' shares alone score on the same batch. */
  lossBeyondPrior: number[];
  top1BeyondPrior: number[];
}

/** What a run's time goes into. */
export type Phase = 'compile' | 'train' | 'eval' | 'checkpoint';

export const newProgress = (): Progress => ({
  step: 0,
  activity: {},
  recent: { loss: [], lossBeyondPrior: [], top1BeyondPrior: [] },
  peak: { loss: -Infinity, step: 0 },
  stepTimes: {},
  dataWaitMs: 0,
  seconds: { compile: 0, train: 0, eval: 0, checkpoint: 0 },
  batches: { count: 0, order: '', augment: '' },
  drift: [],
});

/** Adds one step, beside what the prior scores on its batch; `window`: how many steps are remembered. */
export function countStep(
  progress: Progress,
  metrics: StepMetrics,
  prior: { readonly loss: number; readonly top1: number },
  window: number,
): void {
  progress.step = metrics.step;
  if (metrics.loss > progress.peak.loss) progress.peak = { loss: metrics.loss, step: metrics.step };
  progress.dataWaitMs += metrics.dataWaitMs;
  const bucket = bucketOf(metrics.ms);
  progress.stepTimes[bucket] = (progress.stepTimes[bucket] ?? 0) + 1;
  for (const [name, value] of Object.entries(metrics.meters ?? {})) {
    const seen = progress.activity[name] ?? { sum: 0, count: 0 };
    progress.activity[name] = { sum: seen.sum + value, count: seen.count + 1 };
  }
  const { loss, lossBeyondPrior, top1BeyondPrior } = progress.recent;
  remember(loss, metrics.loss, window);
  remember(lossBeyondPrior, metrics.loss - prior.loss, window);
  remember(top1BeyondPrior, metrics.trainTop1 - prior.top1, window);
}

function remember(last: number[], value: number, window: number): void {
  if (last.push(value) > window) last.shift();
}

export function countEvaluation(progress: Progress, evaluation: EvalMetrics): void {
  progress.last = evaluation;
  if (progress.best === undefined || evaluation.top1 > progress.best.top1) progress.best = evaluation;
}

/** Adds the time since the call before to a phase. */
export function stopwatch(seconds: Record<Phase, number>): (spentOn: Phase) => void {
  let since = performance.now();
  return (spentOn) => {
    const now = performance.now();
    seconds[spentOn] += (now - since) / 1000;
    since = now;
  };
}

/** Buckets are half a percent wide, so a run of any length keeps a few hundred at most. */
const WIDTH = Math.log(1.005);
const bucketOf = (ms: number): number => Math.round(Math.log(Math.max(ms, 1e-3)) / WIDTH);

/** To a quarter of a percent; NaN before the first step. */
export function medianMs({ stepTimes }: Progress): number {
  const buckets = Object.entries(stepTimes)
    .map(([bucket, count]) => [Number(bucket), count] as const)
    .sort(([a], [b]) => a - b);
  let left = Math.floor(buckets.reduce((total, [, count]) => total + count, 0) / 2);
  for (const [bucket, count] of buckets) {
    if (left < count) return Math.exp(bucket * WIDTH);
    left -= count;
  }
  return NaN;
}

/** Of as many batches the pairing hashes speak. */
export const PAIRED_BATCHES = 100;

/** The first batches, hashed one after the other: h ← SHA-256(h ‖ bytes), so that the state is the last hash itself. */
export interface BatchHashes {
  readonly count: number;
  readonly order: string;
  readonly augment: string;
}

export function hashBatch({ count, order, augment }: BatchHashes, batch: Batch): BatchHashes {
  return {
    count: count + 1,
    order: chained(order, batch.indices),
    augment: chained(augment, batch.images, batch.labels),
  };
}

function chained(before: string, ...arrays: readonly ArrayBufferView[]): string {
  const hash = createHash('sha256').update(before);
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

export const pairingOf = (init: string, { order, augment }: BatchHashes): Pairing => ({ init, order, augment });
