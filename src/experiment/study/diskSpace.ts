/** How much room the runs of a study take on the disk. */
import { sizeOf } from '../../tensor/compile.ts';
import type { Plan } from '../train.ts';

/** Of a line of metrics.jsonl, timing.jsonl and an event file together, and of an evaluation; measured on digits runs. */
const STEP_BYTES = 650;
const EVALUATION_BYTES = 450;

export interface DiskSpace {
  /** What a finished run keeps: logs and the final state. */
  readonly run: number;
  /** What a run takes beside that while it trains: its older checkpoints. */
  readonly training: number;
}

/** Weights, statistics and optimizer state are float32; a checkpoint holds them all. */
export function diskSpace({ experiment, model, optimizer, totalSteps, evalEvery }: Plan): DiskSpace {
  const elements = (specs: Readonly<Record<string, { readonly shape: readonly number[] }>>) =>
    Object.values(specs).reduce((total, { shape }) => total + sizeOf(shape), 0);
  const checkpoint = 4 * (elements(model.params) * (1 + optimizer.slots.length) + elements(model.stats));
  const { last, final } = experiment.checkpoint.keep;
  const logs = totalSteps * STEP_BYTES + Math.ceil(totalSteps / evalEvery) * EVALUATION_BYTES;
  return { run: logs + (final ? checkpoint : 0), training: (last + 1 - (final ? 1 : 0)) * checkpoint };
}
