/** Runs as lines for a terminal. */
import type { RunEntry } from '../runs/list.ts';
import { valueOf, type ConfiguredRun } from '../runs/select.ts';
import { columns } from './columns.ts';
import { decimals, percent, threeFigures } from './numbers.ts';

/** One line a run with the values of these keys. */
export function chosenColumns(runs: readonly ConfiguredRun[], keys: readonly string[]): string {
  const values = runs.map((run) => keys.map((key) => valueOf(run, key)));
  const isNumeric = (i: number) => values.some((row) => typeof row[i] === 'number');
  const rows = values.map((row) => row.map((value, i) => valueText(keys[i]!, value)));
  return columns(
    [keys, ...rows],
    keys.flatMap((_, i) => (isNumeric(i) ? [i] : [])),
  );
}

/** A field as it is selected by: shares as shares, to four decimals. */
export function valueText(key: string, value: string | number | boolean | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number' && ['top1', 'bestTop1', 'loss'].includes(key)) return decimals(value, 4);
  if (typeof value === 'number' && ['epochs', 'trainSeconds', 'msPerStep', 'imagesPerSecond'].includes(key))
    return threeFigures(value);
  return String(value).split('\n')[0]!;
}

/** One line a run; those without a result show why where the numbers would be. */
export function runsText(entries: readonly RunEntry[]): string {
  const head = ['run', 'status', 'seed', 'top-1 %', 'loss', 'epochs', 'ms/step', 'backend', 'changed', 'reason'];
  const rows = entries.map(({ path, state, seed, result, updatedAt, reason, attempts }) => [
    path,
    attempts > 0 ? `${state} (attempt ${attempts + 1})` : state,
    seed === undefined ? '' : String(seed),
    result ? percent(result.last.top1) : '',
    result ? decimals(result.last.loss, 4) : '',
    result ? threeFigures(result.epochs) : '',
    result ? threeFigures(result.msPerStep) : '',
    result?.backend.name ?? '',
    updatedAt === undefined ? '' : updatedAt.slice(0, 16).replace('T', ' '),
    (reason ?? '').split('\n')[0] ?? '',
  ]);
  const used = head.map((_, i) => i < 2 || rows.some((row) => row[i] !== ''));
  const shown = [head, ...rows].map((row) => row.filter((_, i) => used[i]));
  const numeric = ['seed', 'top-1 %', 'loss', 'epochs', 'ms/step'];
  return columns(
    shown,
    (shown[0] ?? []).flatMap((name, i) => (numeric.includes(name) ? [i] : [])),
  );
}
