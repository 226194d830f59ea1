/** One arm of a study as numbers: its spread over seeds, its difference from the reference, and its failures. */
import type { RunEntry, RunState } from '../runs/list.ts';
import type { BackendRecord } from '../runs/metrics.ts';
import type { Arm, ArmKind } from '../runs/study.ts';
import { armActivity, inactiveComponents } from './activity.ts';
import { mean, median, pairedDifferences, sampleSd, studentTInterval } from './statistics.ts';

/** Over the completed seeds; no deviation below two of them. */
export interface Spread {
  readonly mean: number;
  readonly sd: number | null;
  readonly n: number;
}

/** arm − reference, paired by seed, with its 95 % Student-t interval from two seeds on. */
export interface Difference {
  readonly mean: number;
  readonly interval: readonly [number, number] | null;
  /** Those that both completed on the same data, in as many steps. */
  readonly seeds: readonly number[];
}

export interface RunCell {
  readonly seed: number;
  readonly id: string;
  readonly path: string;
  readonly state: RunState;
  readonly reason?: string;
}

export interface Row {
  readonly arm: string;
  readonly kind: ArmKind;
  readonly components: readonly string[];
  readonly planned: number;
  readonly completed: number;
  /** Every run that did not complete, counted by what it did instead. */
  readonly failures: Readonly<Partial<Record<RunState, number>>>;
  /** Share of the held-out set at the last step, 0 … 1. */
  readonly top1: Spread | null;
  /** Held-out loss at the last step. */
  readonly loss: Spread | null;
  /** Of top-1; null for the reference itself and where no seed pairs. */
  readonly difference: Difference | null;
  /** Median over the runs of their medians; null where the study's backends differ, since times do not compare. */
  readonly msPerStep: number | null;
  /** Optimizer state over parameters. */
  readonly stateRatio: number | null;
  /** Mean of each meter over the runs. */
  readonly activity: Readonly<Record<string, number>>;
  /** Components that were on and did nothing. */
  readonly inactive: readonly string[];
  readonly runs: readonly RunCell[];
}

/** The row of an arm from its planned runs. Without a reference it is the reference. */
export function armRow(
  arm: Arm,
  entries: readonly RunEntry[],
  reference: readonly RunEntry[] | undefined,
  timesCompare: boolean,
): Row {
  const completed = completedOf(entries);
  const results = completed.map((entry) => entry.result);
  const failures: Partial<Record<RunState, number>> = {};
  for (const { state } of entries) if (state !== 'completed') failures[state] = (failures[state] ?? 0) + 1;
  const activity = armActivity(results);
  return {
    arm: arm.name,
    kind: arm.kind,
    components: arm.components,
    planned: entries.length,
    completed: completed.length,
    failures,
    top1: spread(results.map(({ last }) => last.top1)),
    loss: spread(results.map(({ last }) => last.loss)),
    difference: reference ? difference(completed, completedOf(reference)) : null,
    msPerStep: timesCompare && results.length > 0 ? median(results.map(({ msPerStep }) => msPerStep)) : null,
    stateRatio: results[0]?.stateRatio ?? null,
    activity,
    inactive: inactiveComponents(arm.experiment, activity),
    runs: entries.map(({ seed, id, path, state, reason }) => ({
      seed: seed as number,
      id,
      path,
      state,
      ...(reason !== undefined && { reason }),
    })),
  };
}

/** A run that completed has a result, and one in a study its seed. */
export type CompletedRun = RunEntry & Required<Pick<RunEntry, 'result' | 'seed'>>;

export const completedOf = (entries: readonly RunEntry[]): CompletedRun[] =>
  entries.filter((entry): entry is CompletedRun => entry.state === 'completed' && entry.result !== undefined);

function spread(xs: readonly number[]): Spread | null {
  if (xs.length === 0) return null;
  return { mean: mean(xs), sd: xs.length > 1 ? sampleSd(xs) : null, n: xs.length };
}

function difference(arm: readonly CompletedRun[], reference: readonly CompletedRun[]): Difference | null {
  const bySeed = (runs: readonly CompletedRun[]) => new Map(runs.map(({ seed, result }) => [seed, result.last.top1]));
  const comparable = arm.filter((run) => {
    const other = reference.find(({ seed }) => seed === run.seed)?.result;
    return other?.fingerprint === run.result.fingerprint && other.steps === run.result.steps;
  });
  const { seeds, differences } = pairedDifferences(bySeed(comparable), bySeed(reference));
  if (seeds.length === 0) return null;
  return { mean: mean(differences), interval: seeds.length > 1 ? studentTInterval(differences) : null, seeds };
}

/** What executed the runs, one text for each different one. */
export const backendsOf = (entries: readonly RunEntry[]): string[] => [
  ...new Set(entries.flatMap(({ result }) => (result ? [backendText(result.backend)] : []))),
];

/** `onnx, CPU, 2 threads`; the name only once where the detail begins with it. */
export const backendText = ({ name, detail, device, threads, precision, determinism, xla }: BackendRecord): string =>
  [
    detail.startsWith(name) ? undefined : name,
    detail,
    device,
    threads === undefined ? undefined : `${threads} threads`,
    precision,
    determinism && `${determinism} order of sums`,
    xla && `XLA ${xla}`,
  ]
    .filter(Boolean)
    .join(', ');
