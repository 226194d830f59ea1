/** One run from experiment to result: skips what is finished, opens the folder, trains. */
import type { Experiment } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import { captureEnv } from '../runs/env.ts';
import type { BackendRecord, RunResult } from '../runs/metrics.ts';
import { openRun, readResult } from '../runs/store.ts';
import type { Backend, SessionOptions } from '../tensor/compile.ts';
import { planRun, train, type Surroundings } from './train.ts';

/** The backend a run got, and what it was asked for. */
export interface Engine {
  readonly backend: Backend;
  readonly record: BackendRecord;
  readonly session: SessionOptions;
}

export type Outcome =
  | { readonly kind: 'finished before'; readonly result: RunResult }
  | { readonly kind: 'trained'; readonly result: RunResult }
  | { readonly kind: 'interrupted' };

export async function execute(
  experiment: Experiment,
  dataset: Dataset,
  dir: string,
  engine: Engine,
  around: Pick<Surroundings, 'study' | 'onStep' | 'onEval' | 'signal'>,
): Promise<Outcome> {
  const before = await readResult(dir);
  if (before) return { kind: 'finished before', result: before };
  const { shape, classes } = dataset;
  const plan = planRun(experiment, { shape, classes, train: dataset.train.count, test: dataset.test.count });
  const run = await openRun(dir, { experiment, env: await captureEnv(engine.record) });
  const result = await train(plan, dataset, { ...engine, ...around, run });
  return result ? { kind: 'trained', result } : { kind: 'interrupted' };
}
