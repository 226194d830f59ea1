/** One run from experiment to result: skips what is finished, goes on where it stopped, trains. */
import { join } from 'node:path';
import type { Experiment } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import { UserError } from '../errors.ts';
import { writeAtomic } from '../runs/atomic.ts';
import { readCheckpoint, setAsideCheckpoints, type CheckpointRecord } from '../runs/checkpoint.ts';
import { captureEnv } from '../runs/env.ts';
import { checkLogs } from '../runs/folder.ts';
import { attemptFiles } from '../runs/layout.ts';
import { takeLease, type Lease } from '../runs/lease.ts';
import { toJson, type BackendRecord, type RunResult } from '../runs/metrics.ts';
import { openRun, readResult } from '../runs/store.ts';
import type { Backend, HostTensors, Precision, SessionOptions } from '../tensor/compile.ts';
import { belongings, driftLines, refuseDrift, type Belongings } from './drift.ts';
import type { Progress } from './progress.ts';
import { savedProgress } from './savedProgress.ts';
import { planFor, train, type Plan, type Surroundings } from './train.ts';

/** The backend a run got, and what it was asked for. */
export interface Engine {
  readonly backend: Backend;
  readonly record: BackendRecord;
  readonly session: SessionOptions;
  /** The backend asked for by name, where one was. */
  readonly asked?: string | undefined;
}

export type Outcome =
  | { readonly kind: 'finished before'; readonly result: RunResult }
  | { readonly kind: 'trained'; readonly result: RunResult }
  | { readonly kind: 'interrupted' };

export interface ExecuteOptions extends Pick<Surroundings, 'study' | 'onStep' | 'onEval' | 'signal' | 'tell'> {
  /** false: start again from step 1 whatever is there. */
  readonly resume?: boolean | undefined;
  /** Go on from a checkpoint though config, code, data or engine changed since. */
  readonly acceptDrift?: boolean | undefined;
}

export async function execute(
  experiment: Experiment,
  dataset: Dataset,
  dir: string,
  engine: Engine,
  { resume = true, acceptDrift = false, ...around }: ExecuteOptions,
): Promise<Outcome> {
  const finished = async (): Promise<Outcome | undefined> => {
    const before = await readResult(dir);
    if (before) refuseOtherEngine(before, { precision: engine.session.precision, asked: engine.asked }, dir);
    return before && { kind: 'finished before', result: before };
  };
  const before = await finished();
  if (before) return before;

  const plan = planFor(experiment, dataset);
  const belongs = await belongings(experiment, dataset.fingerprint, engine);
  const env = { ...(await captureEnv(engine.record)), ...('heldOut' in dataset && { heldOut: dataset.heldOut }) };
  const lease = await takeLease(dir, env);
  let from: StartingPoint | undefined;
  try {
    const meanwhile = await finished(); // by the process that had it until now
    if (!meanwhile)
      from = resume ? await startingPoint({ dir, plan, dataset, lease, is: belongs, acceptDrift }) : undefined;
    else await lease.withdraw();
    if (meanwhile) return meanwhile;
  } catch (error) {
    await lease.withdraw();
    throw error;
  }
  if (from) around.tell?.(from.text);
  else if (lease.previous) around.tell?.(`${whatHappened(lease)}: starting from step 1`);
  const { study } = around;
  const run = await openRun(dir, { experiment, lease, from: from?.record, study }).catch(async (error: unknown) => {
    await lease
      .end({ status: 'failed', reason: (error as Error).message, step: 0, stepsHere: 0 })
      .catch(() => undefined);
    throw error;
  });
  const result = await train(plan, dataset, { ...engine, ...around, run, belongings: belongs, from });
  return result ? { kind: 'trained', result } : { kind: 'interrupted' };
}

interface StartingPoint {
  readonly record: CheckpointRecord;
  readonly progress: Progress;
  readonly state: HostTensors;
  /** Where the run goes on, for the user. */
  readonly text: string;
}

/** The newest sound checkpoint, if it belongs to this run; undefined where there is none. */
async function startingPoint({
  dir,
  plan,
  dataset,
  lease,
  is,
  acceptDrift,
}: {
  readonly dir: string;
  readonly plan: Plan;
  readonly dataset: Dataset;
  readonly lease: Lease;
  readonly is: Belongings;
  readonly acceptDrift: boolean;
}): Promise<StartingPoint | undefined> {
  const checkpoint = await readCheckpoint(dir);
  if (!checkpoint) return undefined;
  const { record, state, skipped } = checkpoint;
  const lines = driftLines(record.drift, is);
  if (!acceptDrift) refuseDrift(lines, dir, record.step);
  await checkLogs(dir, record);
  const { progress, told } = await savedProgress(record.progress, dir, plan, dataset);
  if (lines.length > 0)
    await writeAtomic(join(lease.dir, attemptFiles.drift), `${toJson({ schema: 1, was: record.drift, is }, 2)}\n`);
  setAsideCheckpoints(dir, skipped);
  progress.drift.push(...lines.map((line) => `from step ${record.step} on, ${line}`));
  const text = [
    ...skipped.map(({ name, reason }) => `checkpoint ${name} is damaged and left aside: ${reason}`),
    ...lines.map((line) => `changed since the checkpoint, and accepted: ${line}`),
    ...(record.sums ? [] : ['the checkpoint is of an older version: whether the logs are as they were is not known']),
    ...(told === undefined ? [] : [told]),
    `${whatHappened(lease)}: going on from step ${record.step}`,
  ].join('\n');
  return { record, progress, state, text };
}

function whatHappened({ previous }: Lease): string {
  if (previous?.ended) return `${previous.ended.status} at step ${previous.ended.step}`;
  if (previous?.lease) return `process ${previous.lease.pid} is gone and left the run unfinished`;
  return 'unfinished';
}

/**
 * Precision changes the result but not the run's id: a float32 result is no answer to a bf16 request. Likewise the backend, where
 * one was asked for by name.
 */
export function refuseOtherEngine(
  before: RunResult,
  { precision, asked }: { readonly precision: Precision | undefined; readonly asked: string | undefined },
  dir: string,
): void {
  const [had, wanted] = [before.backend.precision ?? 'float32', precision ?? 'float32'];
  const elsewhere = 'or keep the other runs elsewhere with --runs DIR';
  if (had !== wanted) {
    throw new UserError(`${dir} was trained with precision ${had}, not ${wanted}`, {
      remedy: `ask for --precision ${had}, ${elsewhere}`,
    });
  }
  if (asked !== undefined && before.backend.name !== asked) {
    throw new UserError(`${dir} was trained on backend ${before.backend.name}, not ${asked}`, {
      remedy: `ask for --backend ${before.backend.name}, ${elsewhere}`,
    });
  }
}
