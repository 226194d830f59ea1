/** Training one run in this process, as `run` and `verify expect` do: watched, stopped by signals, and told where it stopped. */
import type { Experiment } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import { execute, type Engine, type Outcome } from '../experiment/execute.ts';
import { runDir } from '../runs/store.ts';
import { followParent } from './parent.ts';
import { stopOnSignals } from './signals.ts';
import { watchRun } from './watchRun.ts';

interface Choice {
  /** Folder of all runs. */
  readonly runs: string;
  /** What the progress line starts with. */
  readonly title: string;
  readonly resume?: boolean | undefined;
  readonly acceptDrift?: boolean | undefined;
  /** Milliseconds. */
  readonly timeLimit?: number | undefined;
}

export type Trained = Exclude<Outcome, { kind: 'interrupted' }> & { readonly dir: string };

/** Undefined where it was stopped: its state is saved, the user is told, and the exit code is set. */
export async function trainHere(
  experiment: Experiment,
  dataset: Dataset,
  engine: Engine,
  { runs, title, resume, acceptDrift, timeLimit }: Choice,
): Promise<Trained | undefined> {
  const dir = runDir(runs, experiment, dataset.fingerprint);
  const stop = stopOnSignals(timeLimit);
  const watch = watchRun(title, followParent(stop, false));
  const around = { ...watch.hooks, resume, acceptDrift, signal: stop.signal };
  const outcome = await execute(experiment, dataset, dir, engine, around).finally(() => {
    watch.end();
    stop.release();
  });
  if (outcome.kind !== 'interrupted') return { ...outcome, dir };
  console.error(`stopped; its state is saved, and the same command goes on → ${dir}`);
  process.exitCode = stop.exitCode() ?? 130;
  return undefined;
}
