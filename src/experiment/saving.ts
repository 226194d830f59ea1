/** When a run saves its state, and doing so while it trains on. */
import { type CheckpointRecord } from '../runs/checkpoint.ts';
import type { RunWriter } from '../runs/store.ts';
import type { Session } from '../tensor/compile.ts';
import type { Progress } from './progress.ts';
import { millisecondsOf, stepsOf } from './rhythm.ts';
import type { Plan } from './train.ts';

export interface Saving {
  /** Whether to save now, after the step `progress` ends in. */
  isDue(progress: Progress): boolean;
  /**
   * Flushes the logs and reads the state; the writing goes on in the background. Skipped while the last is still being written,
   * unless this very one is to be kept. A write that fails is told and done again at the next due time; the second in a row
   * is an error.
   */
  start(progress: Progress): Promise<void>;
  /** Saves and waits until it is on the disk. Nothing to do where this step's is there already. */
  now(progress: Progress): Promise<void>;
  /** Waits for a write under way. */
  settle(): Promise<void>;
  /** Removes what is not to stay after the end. */
  tidy(progress: Progress): Promise<void>;
}

export interface SavingOptions {
  readonly plan: Plan;
  readonly run: RunWriter;
  readonly session: Session;
  readonly record: Pick<CheckpointRecord, 'id' | 'drift'>;
  /** Step of the checkpoint the run went on from. */
  readonly from: number;
  readonly tell: (line: string) => void;
}

export function newSaving({ plan, run, session, record, from, tell }: SavingOptions): Saving {
  const { every, keep } = plan.experiment.checkpoint;
  const steps = stepsOf(every, plan.stepsPerEpoch);
  const interval = millisecondsOf(every);
  const keepEvery = keep.every === undefined ? undefined : stepsOf(keep.every, plan.stepsPerEpoch);

  let lastAt = performance.now();
  let lastStep = from;
  let writing: Promise<void> | undefined;
  let failures = 0;
  let failure: unknown;

  const isKept = ({ step, best }: Pick<Progress, 'step' | 'best'>) =>
    (keepEvery !== undefined && step % keepEvery === 0) || (keep.best && best?.step === step);

  const write = async (progress: Progress): Promise<void> => {
    const { step } = progress;
    const files = run.flush();
    const saved = structuredClone(progress);
    const state = await session.read();
    [lastAt, lastStep] = [performance.now(), step];
    writing = run
      .checkpoint({ schema: 1, step, ...record, files, progress: saved, writtenAt: new Date().toISOString() }, state)
      .then(
        () => {
          failures = 0;
          return run
            .prune({ last: keep.last, every: keepEvery, best: keep.best ? saved.best?.step : undefined })
            .catch((error: unknown) => tell(`old checkpoints were not removed: ${(error as Error).message}`));
        },
        (error: unknown) => {
          failures += 1;
          failure = error;
          lastStep = -1;
          if (failures < 2)
            tell(
              `the checkpoint of step ${step} was not written: ${(error as Error).message}; trying again when the next is due`,
            );
        },
      )
      .finally(() => (writing = undefined));
  };
  const check = () => {
    if (failures >= 2) throw failure;
  };

  return {
    isDue: (progress) =>
      progress.step !== lastStep &&
      (isKept(progress) ||
        (steps !== undefined && progress.step % steps === 0) ||
        (interval !== undefined && performance.now() - lastAt >= interval)),

    async start(progress) {
      check();
      if (writing && !isKept(progress)) return;
      await writing;
      check();
      await write(progress);
    },
    async now(progress) {
      await writing;
      if (progress.step === lastStep) return;
      failures = 1; // nobody comes back to try again: the first failure counts
      await write(progress);
      await writing;
      check();
    },
    async settle() {
      await writing;
    },
    tidy: (progress) =>
      run.removeCheckpoints((step) => !isKept({ ...progress, step }) && !(keep.final && step === progress.step)),
  };
}
