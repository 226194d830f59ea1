/** Evaluation on the whole held-out set. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { classesOfTop5 } from '../config/expect.ts';
import type { EvalBatches } from '../data/dataset.ts';
import type { Executable } from '../tensor/compile.ts';

export interface Scores {
  /** Mean cross-entropy, natural logarithm, without smoothing. */
  readonly loss: number;
  /** Share of samples whose label has the largest logit; ties go to the lower class. */
  readonly top1: number;
  /** Share whose label is among the five largest; absent below 100 classes, where it says little. */
  readonly top5?: number;
}

/**
 * Sums over every batch, divided by the number of samples; the padding of the last batch carries weight 0. Undefined where the
 * signal cut it short.
 */
export async function evaluate(
  data: EvalBatches,
  shape: readonly [number, number, number],
  classes: number,
  run: Executable,
  signal?: AbortSignal,
): Promise<Scores | undefined> {
  const total = { loss: 0, top1: 0, top5: 0 };
  for await (const { images, labels, weights } of data.batches()) {
    await nextTurn(); // signals, timers and the disk
    if (signal?.aborted) return undefined;
    const count = labels.length;
    const sums = await run({
      images: { shape: [count, ...shape], data: images },
      labels: { shape: [count], data: labels },
      weights: { shape: [count], data: weights },
    });
    for (const key of ['loss', 'top1', 'top5'] as const) total[key] += sums[key]!.data[0]!;
  }
  return {
    loss: total.loss / data.count,
    top1: total.top1 / data.count,
    ...(classes >= classesOfTop5 ? { top5: total.top5 / data.count } : {}),
  };
}
