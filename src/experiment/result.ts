/** What is left to say about a run once its last step is taken. */
import type { Batches, Dataset } from '../data/dataset.ts';
import { runId } from '../runs/id.ts';
import type { BackendRecord, Chance, Pairing, RunResult } from '../runs/metrics.ts';
import { sizeOf } from '../tensor/compile.ts';
import { hashBatch, medianMs, PAIRED_BATCHES, pairingOf, type Progress } from './progress.ts';
import type { Plan } from './train.ts';

export interface RunFacts {
  readonly chance: Chance;
  readonly study: { readonly name: string; readonly arm: string } | undefined;
  readonly backend: BackendRecord;
  readonly code: string;
  readonly weights: string;
  readonly pairing: Pairing;
  readonly attempts: number;
}

export function runResult(plan: Plan, dataset: Dataset, progress: Progress, facts: RunFacts): RunResult {
  const { experiment, model, optimizer, stepsPerEpoch } = plan;
  const { step, seconds, activity, peak } = progress;
  const last = progress.last ?? { step, epoch: step / stepsPerEpoch, loss: NaN, top1: NaN };
  const msPerStep = medianMs(progress);
  return {
    schema: 1,
    id: runId(experiment, experiment.seed, dataset.fingerprint),
    ...(facts.study ? { study: facts.study.name, arm: facts.study.arm } : {}),
    seed: experiment.seed,
    ...(progress.ending ?? { status: 'completed' }),
    steps: step,
    epochs: step / stepsPerEpoch,
    last,
    best: progress.best ?? last,
    ...(Number.isFinite(peak.loss) && { peak }),
    chance: facts.chance,
    trainSeconds: seconds.train,
    evalSeconds: seconds.eval,
    compileSeconds: seconds.compile,
    checkpointSeconds: seconds.checkpoint,
    dataWaitShare: progress.dataWaitMs / 1000 / Math.max(seconds.train, 1e-9),
    msPerStep,
    imagesPerSecond: (experiment.train.batch / msPerStep) * 1000,
    parameters: Object.values(model.params).reduce((total, { shape }) => total + sizeOf(shape), 0),
    stateRatio: optimizer.slots.length,
    backend: facts.backend,
    fingerprint: dataset.fingerprint,
    code: facts.code,
    weights: facts.weights,
    pairing: facts.pairing,
    attempts: facts.attempts,
    ...(progress.drift.length > 0 && { drift: progress.drift }),
    activity: Object.fromEntries(Object.entries(activity).map(([name, { sum, count }]) => [name, sum / count])),
    finishedAt: new Date().toISOString(),
  };
}

/** The pairing hashes of a run, also where it ended before it had seen as many batches as they speak of. */
export async function completePairing(
  init: string,
  data: Batches,
  totalSteps: number,
  progress: Progress,
): Promise<Pairing> {
  let { batches } = progress;
  while (batches.count < Math.min(PAIRED_BATCHES, totalSteps)) {
    const batch = await data.batch(batches.count + 1);
    batches = hashBatch(batches, batch);
    batch.release();
  }
  return pairingOf(init, batches);
}
