/** When a run saves its state, and doing so while it trains on. */
import type { CheckpointRecord } from '../runs/checkpoint.ts';
import type { RunWriter } from '../runs/store.ts';
import type { HostTensors, Session } from '../tensor/compile.ts';
import type { Progress } from './progress.ts';
import { millisecondsOf, stepsOf } from './rhythm.ts';
import type { Plan } from './train.ts';

export interface Saving {
  /** Whether to save now, after the step `progress` ends in. */
  isDue(progress: Progress): boolean;
  /**
   * Flushes the logs and reads the state; the writing goes on in the background. Skipped while the last is still being written,
   * unless this very one is to be kept. A write that fails is told; the second in a row is an error. What is to be kept is
   * written again at the next due time, before anything later: whenever the run breaks off, it goes on from before that step.
   */
  start(progress: Progress): Promise<void>;
  /** Saves and waits until it is on the disk. Nothing to do where this step's is there already. */
  now(progress: Progress): Promise<void>;
  /** Makes sure that all that is to stay after the end is on the disk: the final state too. Throws where it is not. */
  complete(progress: Progress): Promise<void>;
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

/** A checkpoint to write: the state as it was at its step. */
interface Snapshot {
  readonly record: CheckpointRecord;
  readonly progress: Progress;
  readonly state: HostTensors;
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
  /** Is to be kept, and could not be written yet. */
  let owed: Snapshot | undefined;

  const isKept = ({ step, best }: Pick<Progress, 'step' | 'best'>) =>
    (keepEvery !== undefined && step % keepEvery === 0) || (keep.best && best?.step === step);

  const snapshot = async (progress: Progress): Promise<Snapshot> => {
    const { step } = progress;
    const logs = run.flush();
    const saved = structuredClone(progress);
    const state = await session.read();
    [lastAt, lastStep] = [performance.now(), step];
    const writtenAt = new Date().toISOString();
    return { record: { schema: 1, step, ...record, ...logs, progress: saved, writtenAt }, progress: saved, state };
  };

  /** In order, up to the first that fails. */
  const write = async (snapshots: readonly Snapshot[]): Promise<void> => {
    for (const one of snapshots) {
      const { record, progress, state } = one;
      try {
        await run.checkpoint(record, state);
      } catch (error) {
        failures += 1;
        failure = error;
        lastStep = -1;
        if (isKept(progress)) owed = one;
        if (failures < 2) {
          const text = `the checkpoint of step ${record.step} was not written: ${(error as Error).message}`;
          tell(`${text}; trying again when the next is due`);
        }
        return;
      }
      failures = 0;
      if (owed && owed.record.step <= record.step) owed = undefined;
      await run
        .prune({ last: keep.last, every: keepEvery, best: keep.best ? progress.best?.step : undefined })
        .catch((error: unknown) => tell(`old checkpoints were not removed: ${(error as Error).message}`));
    }
  };
  /** What is owed still: not where a later evaluation was the best, or its very step is to be written again. */
  const owedBefore = (step: number, { best }: Progress): Snapshot[] =>
    owed && owed.record.step < step && isKept({ step: owed.record.step, ...(best && { best }) }) ? [owed] : [];
  const begin = async (progress: Progress): Promise<void> => {
    const next = await snapshot(progress);
    writing = write([...owedBefore(progress.step, progress), next]).finally(() => (writing = undefined));
  };
  const check = () => {
    if (failures >= 2) throw failure;
  };
  const now = async (progress: Progress): Promise<void> => {
    await writing;
    if (progress.step === lastStep) return;
    failures = 1; // nobody comes back to try again: the first failure counts
    await begin(progress);
    await writing;
    check();
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
      await begin(progress);
    },
    now,
    async complete(progress) {
      await writing;
      const isSound = progress.ending?.status !== 'diverged';
      if (isSound && (keep.final || isKept(progress))) return now(progress);
      failures = 1;
      await write(owedBefore(Infinity, progress));
      check();
    },
    async settle() {
      await writing;
    },
    tidy: (progress) =>
      run.removeCheckpoints((step) => !isKept({ ...progress, step }) && !(keep.final && step === progress.step)),
  };
}
