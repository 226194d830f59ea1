/** A study's table as CSV (RFC 4180): every number in full, shares 0 … 1, absent values empty. */
import type { Row } from '../experiment/rows.ts';
import type { StudyTable } from '../experiment/table.ts';

type Cell = string | number | null | undefined;

export function csvTable({ study, reference, rows }: StudyTable): string {
  const lines = rows.map((row) => ({ study, reference, ...cells(row) }));
  const head = Object.keys(lines[0] ?? {});
  return [head, ...lines.map((line) => Object.values(line))]
    .map((line) => `${line.map(quoted).join(',')}\r\n`)
    .join('');
}

const cells = (row: Row): Record<string, Cell> => ({
  arm: row.arm,
  kind: row.kind,
  components: row.components.join(' '),
  planned: row.planned,
  completed: row.completed,
  diverged: row.failures.diverged ?? 0,
  stuck: row.failures.stuck ?? 0,
  interrupted: row.failures.interrupted ?? 0,
  failed: row.failures.failed ?? 0,
  unfinished: row.failures.unfinished ?? 0,
  unreadable: row.failures.unreadable ?? 0,
  not_started: row.failures.planned ?? 0,
  top1_mean: row.top1?.mean,
  top1_sd: row.top1?.sd,
  loss_mean: row.loss?.mean,
  loss_sd: row.loss?.sd,
  top1_difference: row.difference?.mean,
  top1_difference_low: row.difference?.interval?.[0],
  top1_difference_high: row.difference?.interval?.[1],
  paired_seeds: row.difference?.seeds.join(' '),
  ms_per_step: row.msPerStep,
  state_ratio: row.stateRatio,
  inactive: row.inactive.join(' '),
  activity: Object.entries(row.activity)
    .map(([meter, value]) => `${meter}=${value}`)
    .join(' '),
  runs: row.runs.map(({ id }) => id).join(' '),
});

function quoted(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
