/** One run from experiment to result: skips what is finished, opens the folder, trains. */
import type { Experiment } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import { UserError } from '../errors.ts';
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
  if (before) {
    refuseOtherPrecision(before, engine, dir);
    return { kind: 'finished before', result: before };
  }
  const { shape, classes } = dataset;
  const plan = planRun(experiment, { shape, classes, train: dataset.train.count, test: dataset.test.count });
  const run = await openRun(dir, { experiment, env: await captureEnv(engine.record) });
  const result = await train(plan, dataset, { ...engine, ...around, run });
  return result ? { kind: 'trained', result } : { kind: 'interrupted' };
}

/** Precision changes the result but not the run's id: a float32 result is no answer to a bf16 request. */
function refuseOtherPrecision(before: RunResult, { session }: Engine, dir: string): void {
  const [had, asked] = [before.backend.precision ?? 'float32', session.precision ?? 'float32'];
  if (had === asked) return;
  throw new UserError(`${dir} was trained with precision ${had}, not ${asked}`, {
    remedy: `ask for --precision ${had}, or keep the other runs elsewhere with --runs DIR`,
  });
}
