/** Whether two runs of a seed are a pair: the same initial weights, order of samples and augmented batches. */
import type { Pairing } from '../../runs/metrics.ts';
import { isCompleted, isFailure, type ArmRuns } from './outcomes.ts';

const names: Readonly<Record<keyof Pairing, string>> = {
  init: 'initial weights',
  order: 'order of samples',
  augment: 'augmented batches',
};

/** What keeps two arms from being paired, in words; undefined where the hashes of every common seed agree, or are unknown. */
export function pairingProblem(arm: ArmRuns, reference: ArmRuns): string | undefined {
  for (const [seed, run] of arm.bySeed) {
    const other = reference.bySeed.get(seed);
    const [mine, theirs] = [run.result?.pairing, other?.result?.pairing];
    if (!other || !counts(run) || !counts(other) || (!mine && !theirs)) continue;
    if (!mine || !theirs) return `seed ${seed}: the pairing of one run is not known`;
    const key = (Object.keys(names) as (keyof Pairing)[]).find((name) => mine[name] !== theirs[name]);
    if (key) return `${names[key]} differ at seed ${seed}`;
  }
  return undefined;
}

const counts = (run: Parameters<typeof isCompleted>[0]): boolean => isCompleted(run) || isFailure(run);
