/** A study's table as CSV (RFC 4180): every number in full, shares 0 … 1, absent values empty. */
import type { Row } from '../experiment/rows.ts';
import type { StudyTable } from '../experiment/table.ts';
import { runStatuses } from '../runs/metrics.ts';

type Value = string | number | boolean | null | undefined;

export function csvTable({ study, rows, target }: StudyTable): string {
  const lines = rows.map((row) => ({ study, ...cells(row, target?.value) }));
  const head = Object.keys(lines[0] ?? {});
  return [head, ...lines.map((line) => Object.values(line))]
    .map((line) => `${line.map(quoted).join(',')}\r\n`)
    .join('');
}

const cells = (row: Row, target: number | undefined): Record<string, Value> => {
  const { comparison, timeToTarget, synergy, hyper } = row;
  return {
    arm: row.arm,
    group: row.group,
    kind: row.kind,
    components: row.components.join(' '),
    hyperparameters: hyper.source,
    lr: hyper.lr,
    weight_decay: hyper.weightDecay,
    search_edge: hyper.edge,
    planned: row.planned,
    completed: row.completed,
    ...failures(row),
    failed_share: row.failureShare && row.failureShare.failed / row.failureShare.of,
    failed_low: row.failureShare?.interval[0],
    failed_high: row.failureShare?.interval[1],
    top1_mean: row.top1?.mean,
    top1_sd: row.top1?.sd,
    top1_basis: row.top1?.basis,
    top1_survivors: row.survivors?.mean,
    top1_intention_to_treat: row.intentionToTreat?.mean,
    top1_best: row.bestTop1?.mean,
    loss_mean: row.loss?.mean,
    loss_sd: row.loss?.sd,
    reference: comparison?.reference,
    family: comparison?.family,
    refused: comparison?.refused,
    paired_seeds: comparison?.seeds.join(' '),
    difference: comparison?.mean,
    difference_median: comparison?.median,
    difference_sd: comparison?.sd,
    difference_low: comparison?.interval?.[0],
    difference_high: comparison?.interval?.[1],
    bca_low: comparison?.bootstrap?.[0],
    bca_high: comparison?.bootstrap?.[1],
    p: comparison?.p,
    p_holm: comparison?.pHolm,
    dz: comparison?.dz,
    win_share: comparison?.winShare,
    equivalence_p: comparison?.equivalenceP,
    mde: comparison?.mde,
    correlation: comparison?.correlation,
    failure_p: comparison?.mcnemar?.p,
    verdict: comparison?.verdict.text,
    target,
    reached: timeToTarget?.reached,
    steps_to_target: timeToTarget?.median,
    steps_to_target_q1: timeToTarget?.quartiles[0],
    steps_to_target_q3: timeToTarget?.quartiles[1],
    samples_to_target: timeToTarget?.medianSamples,
    seconds_to_target: timeToTarget?.medianSeconds,
    exceeds_target_p: timeToTarget?.exceedsP,
    speed_up: timeToTarget?.speedUp?.ratio,
    speed_up_low: timeToTarget?.speedUp?.interval?.[0],
    speed_up_high: timeToTarget?.speedUp?.interval?.[1],
    ms_per_step: row.msPerStep,
    optimizer_ms_per_step: row.optimizerMs,
    state_ratio: row.stateRatio,
    inactive: row.inactive.join(' '),
    activity: Object.entries(row.activity)
      .map(([meter, value]) => `${meter}=${value}`)
      .join(' '),
    synergy: synergy?.mean,
    synergy_low: synergy?.interval?.[0],
    synergy_high: synergy?.interval?.[1],
    runs: row.runs.map(({ id }) => id).join(' '),
  };
};

/** A column for everything a run can do instead of completing. */
const failures = ({ failures }: Row): Record<string, number> => ({
  ...Object.fromEntries(
    [
      ...runStatuses.filter((status) => status !== 'completed' && status !== 'target_reached'),
      'running',
      'lost',
      'unreadable',
    ].map((state) => [state, (failures as Record<string, number>)[state] ?? 0]),
  ),
  not_started: failures.planned ?? 0,
});

function quoted(cell: Value): string {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
