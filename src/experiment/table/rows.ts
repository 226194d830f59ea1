/** One arm of a study as a row of its table. */
import type { RunEntry } from '../../runs/list.ts';
import { id8 } from '../../runs/id.ts';
import type { BackendRecord } from '../../runs/metrics.ts';
import { isWhole, type RunState } from '../../runs/statuses.ts';
import type { Arm, ArmKind, StudyPlan } from '../../runs/study.ts';
import { activityCell, armActivity, inactiveComponents } from './activity.ts';
import type { Basis, Comparison } from './comparison.ts';
import { completedOf, failuresOf, finalTop1, type ArmRuns, type FinishedRun } from './outcomes.ts';
import { groupOf, protocolOf, type Group } from '../study/protocol.ts';
import { mean, median, sampleSd } from '../statistics/describe.ts';
import { wilsonInterval, type Interval } from '../statistics/intervals.ts';
import type { Synergy } from './synergy.ts';
import type { TimeToTarget } from './timeToTarget.ts';

/** Over seeds; no deviation below two of them. */
export interface Spread {
  readonly mean: number;
  readonly sd: number | null;
  readonly n: number;
}

/** Failed runs, of those that came to an end, with Wilson's interval of the share. */
export interface FailureShare {
  readonly failed: number;
  readonly of: number;
  readonly interval: Interval;
}

/** Where an arm's hyperparameters come from, and those that every arm has. */
export interface Hyper {
  /** `inherited` from the study's experiment, `set` where the arm has values of its own, `tuned(n)` in n trials, or `lr-line(n)`. */
  readonly source: string;
  readonly lr: number;
  readonly weightDecay: number;
  /** The best learning rate lay at the edge of the range searched. */
  readonly edge: boolean;
  /** Lowest and highest learning rate of a line that score within half a point of the best; null without a line. */
  readonly lrRange: readonly [number, number] | null;
}

export interface RunCell {
  readonly seed: number;
  readonly id: string;
  readonly path: string;
  readonly state: RunState;
  readonly reason?: string;
}

/** The cells whose runs `provenance` lists. */
export type Cell = 'top1' | 'loss' | 'comparison' | 'timeToTarget' | 'speedUp' | 'times' | 'activity' | 'synergy';

/** Shares are 0 … 1. What cannot be said is null. */
export interface Row {
  readonly arm: string;
  readonly kind: ArmKind;
  /** The arm whose runs these are, where it has none of its own. */
  readonly sameAs?: string;
  /** Heading of the group it stands in. */
  readonly group: Group;
  readonly components: readonly string[];
  readonly hyper: Hyper;
  readonly planned: number;
  readonly completed: number;
  /** Every run that did not complete, counted by what it did instead. */
  readonly failures: Readonly<Partial<Record<RunState, number>>>;
  readonly failureShare: FailureShare | null;
  /** Held-out top-1 at the last step: by intention to treat where a run failed. */
  readonly top1: (Spread & { readonly basis: Basis }) | null;
  /** Over the completed runs. */
  readonly survivors: Spread | null;
  /** With the failed runs at the accuracy of guessing; null where that is not known. */
  readonly intentionToTreat: Spread | null;
  /** Best evaluation of each completed run: secondary, since it was chosen on the images it is measured on. */
  readonly bestTop1: Spread | null;
  /** Held-out loss at the last step of the completed runs. */
  readonly loss: Spread | null;
  readonly comparison: Comparison | null;
  readonly timeToTarget: TimeToTarget | null;
  /** Median over the runs of their medians; null where the study's hardware differs, since times do not compare. */
  readonly msPerStep: number | null;
  /** What of it is neither forward nor backward pass; null where those were not timed on the same hardware, or took longer. */
  readonly optimizerMs: number | null;
  /** Optimizer state over parameters. */
  readonly stateRatio: number | null;
  /** Mean of each meter over the completed runs. */
  readonly activity: Readonly<Record<string, number>>;
  /** Of the components the row is about, as they acted here or in the reference that this arm leaves them out of. */
  readonly activityText: string | null;
  /** Components that were on and did nothing. */
  readonly inactive: readonly string[];
  readonly synergy: Synergy | null;
  /** First eight digits of the ids of the runs behind each cell. */
  readonly provenance: Readonly<Partial<Record<Cell, readonly string[]>>>;
  readonly runs: readonly RunCell[];
}

/** What is known of an arm beside its own runs. */
export interface Beside {
  readonly plan: StudyPlan;
  readonly reference: ArmRuns | undefined;
  readonly chance: number | undefined;
  readonly timesCompare: boolean;
  /** Of forward and backward pass, on the hardware of the runs. */
  readonly gradientMs: number | undefined;
  readonly comparison: Comparison | null;
  readonly timeToTarget: TimeToTarget | null;
  readonly synergy: Synergy | null;
}

export function armRow(runs: ArmRuns, beside: Beside): Row {
  const { arm, entries } = runs;
  const { reference, chance, timesCompare, gradientMs, comparison, timeToTarget, synergy } = beside;
  const [completed, failed] = [completedOf(entries), failuresOf(entries)];
  const survivors = spread([...finalTop1(runs).values()]);
  const intentionToTreat = chance === undefined ? null : spread([...finalTop1(runs, chance).values()]);
  const asTreated = failed.length > 0 && intentionToTreat !== null;
  const headline = asTreated ? intentionToTreat : survivors;
  const activity = armActivity(completed.map(({ result }) => result));
  const times = timesCompare ? completed.map(({ result }) => result.msPerStep) : [];
  const msPerStep = times.length > 0 ? median(times) : null;
  return {
    arm: arm.name,
    kind: arm.kind,
    ...(arm.sameAs !== undefined && { sameAs: arm.sameAs }),
    group: groupOf(beside.plan, arm),
    components: arm.components,
    hyper: hyperOf(arm, beside.plan),
    planned: entries.length,
    completed: completed.length,
    failures: failuresByState(entries),
    failureShare: failureShare(completed.length, failed.length, 1 - protocolOf(beside.plan).alpha),
    top1: headline && { ...headline, basis: asTreated ? 'intention to treat' : 'completed' },
    survivors,
    intentionToTreat,
    bestTop1: spread(completed.map(({ result }) => result.best.top1)),
    loss: spread(completed.map(({ result }) => result.last.loss)),
    comparison,
    timeToTarget,
    msPerStep,
    optimizerMs: isSlower(msPerStep, gradientMs) ? msPerStep! - gradientMs! : null,
    stateRatio: completed[0]?.result.stateRatio ?? null,
    activity,
    activityText: activityCell(arm, activity, reference),
    inactive: inactiveComponents(arm.experiment, activity),
    synergy,
    provenance: provenance(runs, beside, asTreated ? [...completed, ...failed] : completed),
    runs: entries.map(({ seed, id, path, state, reason }) => ({
      seed: seed as number,
      id,
      path,
      state,
      ...(reason !== undefined && { reason }),
    })),
  };
}

/** Whether a step took at least as long as its forward and backward pass did when they were timed alone. */
export const isSlower = (msPerStep: number | null, gradientMs: number | undefined): boolean =>
  msPerStep !== null && gradientMs !== undefined && msPerStep >= gradientMs;

function hyperOf({ experiment, tuning, inherits }: Arm, { arms, reference }: StudyPlan): Hyper {
  const { lr, weightDecay } = experiment.optimizer;
  const full = arms.find(({ name }) => name === reference)?.experiment.optimizer;
  const isOwn = full !== undefined && (full.lr !== lr || full.weightDecay !== weightDecay);
  const found = tuning && `${tuning.by === 'line' ? 'lr-line' : 'tuned'}(${tuning.trials})`;
  const source = found ?? (isOwn && inherits === undefined ? 'set' : 'inherited');
  return { source, lr, weightDecay, edge: tuning?.edge ?? false, lrRange: tuning?.lrRange ?? null };
}

export function spread(xs: readonly number[]): Spread | null {
  if (xs.length === 0) return null;
  return { mean: mean(xs), sd: xs.length > 1 ? sampleSd(xs) : null, n: xs.length };
}

function failuresByState(entries: readonly RunEntry[]): Row['failures'] {
  const counts: Partial<Record<RunState, number>> = {};
  for (const { state } of entries) {
    if (!isWhole(state)) counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

function failureShare(completed: number, failed: number, confidence: number): FailureShare | null {
  const of = completed + failed;
  return of === 0 ? null : { failed, of, interval: wilsonInterval(failed, of, confidence) };
}

function provenance(
  runs: ArmRuns,
  { reference, comparison, timeToTarget, timesCompare, synergy, plan }: Beside,
  counted: readonly FinishedRun[],
): Row['provenance'] {
  const ids = (entries: readonly RunEntry[]) => entries.map(({ id }) => id8(id));
  const at = (arm: ArmRuns | undefined, seeds: readonly number[]) =>
    ids(seeds.flatMap((seed) => arm?.bySeed.get(seed) ?? []));
  const completed = completedOf(runs.entries);
  const pairs = comparison ? [...at(runs, comparison.seeds), ...at(reference, comparison.seeds)] : [];
  const timed = timeToTarget ? timeToTarget.steps.map(({ seed }) => seed) : [];
  const cells: Record<Cell, readonly string[]> = {
    top1: ids(counted),
    loss: ids(completed),
    comparison: pairs,
    timeToTarget: at(runs, timed),
    speedUp: timeToTarget?.speedUp ? [...at(runs, timed), ...at(reference, timed)] : [],
    times: timesCompare ? ids(completed) : [],
    activity: ids(metered(runs, reference)),
    synergy: synergy
      ? plan.runs
          .filter((run) => synergy.arms.includes(run.arm) && synergy.seeds.includes(run.seed))
          .map(({ id }) => id8(id))
      : [],
  };
  return Object.fromEntries(Object.entries(cells).filter(([, list]) => list.length > 0));
}

/** The runs whose meters the activity cell shows. */
const metered = (runs: ArmRuns, reference: ArmRuns | undefined): readonly RunEntry[] =>
  runs.arm.components.length === 0
    ? []
    : completedOf(runs.arm.kind === 'without' ? (reference?.entries ?? []) : runs.entries);

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
