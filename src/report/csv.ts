/** A study's table as CSV (RFC 4180): every number in full, shares 0 … 1, absent values empty. */
import type { Row } from '../experiment/table/rows.ts';
import type { StudyTable } from '../experiment/table/table.ts';
import { isWhole, otherStates, runStatuses } from '../runs/statuses.ts';
import { cells } from './cells.ts';

type Value = string | number | boolean | null | undefined;

export function csvTable({ study, rows, target }: StudyTable): string {
  const lines = rows.map((row) => ({ study, ...line(row, target?.value) }));
  const head = Object.keys(lines[0] ?? {});
  return [head, ...lines.map((line) => Object.values(line))]
    .map((line) => `${line.map(quoted).join(',')}\r\n`)
    .join('');
}

const line = (row: Row, target: number | undefined): Record<string, Value> => {
  const { comparison, timeToTarget, synergy, hyper } = row;
  return {
    arm: row.arm,
    group: row.group,
    kind: row.kind,
    same_runs_as: row.sameAs,
    components: row.components.join(' '),
    hyperparameters: hyper.source,
    lr: cells.hyper(row).value,
    weight_decay: hyper.weightDecay,
    search_edge: hyper.edge,
    lr_range_low: hyper.lrRange?.[0],
    lr_range_high: hyper.lrRange?.[1],
    planned: row.planned,
    completed: row.completed,
    ...failures(row),
    failed_share: cells.failed(row).value,
    failed_low: row.failureShare?.interval[0],
    failed_high: row.failureShare?.interval[1],
    top1_mean: cells.top1(row).value,
    top1_sd: row.top1?.sd,
    top1_basis: row.top1?.basis,
    top1_survivors: cells.survivors(row).value,
    top1_intention_to_treat: cells.intentionToTreat(row).value,
    top1_best: cells.best(row).value,
    loss_mean: cells.loss(row).value,
    loss_sd: row.loss?.sd,
    reference: cells.reference(row).value,
    family: comparison?.family,
    refused: comparison?.refused,
    paired_seeds: comparison?.seeds.join(' '),
    difference: cells.difference(row).value,
    difference_median: cells.median(row).value,
    difference_sd: cells.sd(row).value,
    difference_low: comparison?.interval?.[0],
    difference_high: comparison?.interval?.[1],
    bca_low: comparison?.bootstrap?.[0],
    bca_high: comparison?.bootstrap?.[1],
    p: cells.plainP(row).value,
    p_holm: cells.p(row).value,
    dz: cells.dz(row).value,
    win_share: cells.wins(row).value,
    equivalence_p: cells.equivalenceP(row).value,
    mde: cells.mde(row).value,
    correlation: cells.correlation(row).value,
    failure_p: cells.mcnemar(row).value,
    verdict: comparison && cells.verdict(row).text,
    target,
    reached: timeToTarget?.reached,
    steps_to_target: cells.target(row).value,
    steps_to_target_q1: timeToTarget?.quartiles[0],
    steps_to_target_q3: timeToTarget?.quartiles[1],
    samples_to_target: timeToTarget?.medianSamples,
    seconds_to_target: timeToTarget?.medianSeconds,
    exceeds_target_p: cells.exceedsP(row).value,
    speed_up: timeToTarget?.speedUp?.ratio,
    reached_only_by: timeToTarget?.speedUp?.onlyBy,
    speed_up_low: timeToTarget?.speedUp?.interval?.[0],
    speed_up_high: timeToTarget?.speedUp?.interval?.[1],
    ms_per_step: cells.step(row).value,
    optimizer_ms_per_step: row.optimizerMs,
    state_ratio: cells.state(row).value,
    inactive: row.inactive.join(' '),
    activity: Object.entries(row.activity)
      .map(([meter, value]) => `${meter}=${value}`)
      .join(' '),
    synergy: cells.synergy(row).value,
    synergy_low: synergy?.interval?.[0],
    synergy_high: synergy?.interval?.[1],
    runs: row.runs.map(({ id }) => id).join(' '),
  };
};

/** A column for everything a run can do instead of completing. */
const failures = ({ failures }: Row): Record<string, number> => ({
  ...Object.fromEntries(
    [...runStatuses, ...otherStates]
      .filter((state) => !isWhole(state) && state !== 'planned')
      .map((state) => [state, failures[state] ?? 0]),
  ),
  not_started: failures.planned ?? 0,
});

function quoted(cell: Value): string {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
